package arm

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestControlOfFaults(t *testing.T) {
	a := start(t)
	control := func(method, path, body string) answer { return a.send(method, "/_sandbox/"+path, body, nil) }
	equal(t, "add", control("POST", "faults", "get-cluster:status=503\n\n poll:reset \n").status, 204)
	equal(t, "struck", a.get(clusterPath, stable).status, 503)
	equal(t, "list", compact(t, control("GET", "faults", "").body), `[{"fault":"get-cluster:status=503","seen":1,"struck":1},{"fault":"poll:reset","seen":0,"struck":0}]`)
	wrong := control("POST", "faults", "nonsense")
	equal(t, "wrong", fmt.Sprint(wrong.status, strings.Contains(string(wrong.body), "no operation")), "400 true")
	equal(t, "remove", control("DELETE", "faults", "").status, 204)
	equal(t, "list", compact(t, control("GET", "faults", "").body), `[]`)
}

func TestControlOfScenarios(t *testing.T) {
	a := start(t)
	control := func(method, body string) answer { return a.send(method, "/_sandbox/scenarios", body, nil) }
	equal(t, "set", control("PUT", "stopped\nwindows").status, 204)
	var shown struct {
		Active []string
		Known  []Scenario
	}
	if err := json.Unmarshal(control("GET", "").body, &shown); err != nil {
		t.Fatal(err)
	}
	equal(t, "active", fmt.Sprint(shown.Active), "[stopped windows]")
	equal(t, "known", len(shown.Known), len(Scenarios()))
	equal(t, "power", a.stored("properties", "powerState", "code"), "Stopped")
	equal(t, "wrong", control("PUT", "nonsense").status, 400)
	equal(t, "none", control("PUT", "").status, 204)
	equal(t, "power", a.stored("properties", "powerState", "code"), "Running")
}

func TestRequestLog(t *testing.T) {
	a := start(t, withFaults("get-cluster:status=500:after=1"))
	put := a.put(a.edited(stable, to(CNIChaining)), stable, map[string][]string{"If-Match": {a.stored("eTag")}})
	a.follow(put)
	a.get(clusterPath, stable)
	text := string(a.send("GET", "/_sandbox/requests", "", nil).body)
	var log []Request
	if err := json.Unmarshal([]byte(text), &log); err != nil {
		t.Fatal(err)
	}
	equal(t, "first", strings.Join([]string{log[0].Operation, log[0].Method, log[0].Path, log[0].APIVersion}, " "), "get-cluster GET "+clusterPath+" "+stable)
	equal(t, "status", log[0].Status, 200)
	written := log[1]
	equal(t, "second", written.Operation, opPutCluster)
	equal(t, "if-match", isGUID(written.IfMatch), true)
	equal(t, "body", parsed(t, []byte(written.Body)).str(mechanismPath()...), CNIChaining)
	last := log[len(log)-1]
	equal(t, "struck", fmt.Sprint(last.Status, " ", last.Fault), "500 get-cluster:status=500:after=1")
	for _, secret := range []string{a.token, "contoso-secret", "&s="} {
		if strings.Contains(text, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
	equal(t, "forget", a.send("DELETE", "/_sandbox/requests", "", nil).status, 204)
	equal(t, "forgotten", len(a.Requests()), 0)
}

func TestRequestLogIsBounded(t *testing.T) {
	var log requestLog
	for i := range 3 * maxRequests {
		log.add(Request{Status: i, Body: "x"})
	}
	if n := len(log.requests); n > maxRequests || n < maxRequests/2 {
		t.Errorf("%d requests are kept", n)
	}
	bodies := 0
	for _, r := range log.requests {
		bodies += len(r.Body)
	}
	equal(t, "bodies", bodies, maxBodies)
	last := log.requests[len(log.requests)-1]
	equal(t, "last", fmt.Sprint(last.Status, last.Body), fmt.Sprint(3*maxRequests-1, "x"))
}

func TestDocumentOfACluster(t *testing.T) {
	a := start(t, withFleet)
	equal(t, "main", a.send("GET", "/_sandbox/cluster", "", nil).text("name"), "aks-contoso")
	equal(t, "other", a.send("GET", "/_sandbox/cluster?name=AKS-fleet-2", "", nil).text("name"), "aks-fleet-2")
	equal(t, "none", a.send("GET", "/_sandbox/cluster?name=x", "", nil).status, 404)
}

func TestReset(t *testing.T) {
	followed := &recorder{hold: true}
	a := start(t, followed.follows, withScenario(ScenarioTwoRevisions), withFaults("list-groups:status=500"))
	if err := a.SetScenarios(); err != nil {
		t.Fatal(err)
	}
	a.ClearFaults()
	a.register(istioFeature, "2021-07-01")
	a.put(a.edited(stable, to(CNIChaining)), stable, nil)
	eventually(t, "the change is carried out", func() bool { return len(followed.seen()) == 1 })
	equal(t, "reset", a.send("POST", "/_sandbox/reset", "", nil).status, 204)

	equal(t, "mechanism", a.stored(mechanismPath()...), InitContainers)
	equal(t, "state", a.stored("properties", "provisioningState"), "Succeeded")
	equal(t, "log", len(a.Requests()), 0)
	equal(t, "scenarios", fmt.Sprint(a.ActiveScenarios()), "[two-revisions]")
	equal(t, "faults", fmt.Sprint(a.Faults()), "[{list-groups:status=500 0 0}]")
	equal(t, "feature", a.featureState(), "NotRegistered")
}

func TestConfigsThatAreWrong(t *testing.T) {
	good := start(t).cfg
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Config){
		"subscription":           func(c *Config) { c.Subscription = "x" },
		"tenant":                 func(c *Config) { c.Tenant = "" },
		"no name":                func(c *Config) { c.Cluster.Name = "" },
		"no node resource group": func(c *Config) { c.Cluster.NodeResourceGroup = "" },
		"mechanism \"x\"":        func(c *Config) { c.Cluster.Mechanism = "x" },
		"no location":            func(c *Config) { c.Clusters = []Cluster{{Name: "x", ResourceGroup: "x", NodeResourceGroup: "x"}} },
		"the subscription \"y\"": func(c *Config) { c.Clusters = []Cluster{c.Cluster}; c.Clusters[0].Subscription = "y" },
		"no operation":           func(c *Config) { c.Faults = []string{"x:reset"} },
		"there is no scenario":   func(c *Config) { c.Scenarios = []string{"x"} },
	} {
		cfg := good
		spoil(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

// Many clients at once: the race detector looks on.
func TestManyAtOnce(t *testing.T) {
	a := start(t, withFleet)
	done := make(chan struct{})
	work := []func(){
		func() { a.put(a.edited(stable, to(CNIChaining)), stable, nil) },
		func() { a.get(clusterPath, older) },
		func() { a.query("Resources | extend x = name | count", "") },
		func() { a.register(istioFeature, "2021-07-01") },
		func() { _ = a.AddFaults("poll:reset") },
		func() { _ = a.SetScenarios(ScenarioBusy) },
		func() { a.Requests(); a.Faults(); a.Document("") },
	}
	for _, w := range work {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 10 {
				w()
			}
		}()
	}
	for range work {
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Fatal("it hangs")
		}
	}
}
