package arm

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	testSubscription = "11111111-2222-4333-8444-555555555555"
	testTenant       = "99999999-8888-4777-8666-555555555555"
	clusterPath      = "/subscriptions/" + testSubscription + "/resourceGroups/rg-contoso/providers/Microsoft.ContainerService/managedClusters/aks-contoso"
	servicePath      = "/subscriptions/" + testSubscription + "/providers/Microsoft.ContainerService"
	featurePath      = "/subscriptions/" + testSubscription + "/providers/Microsoft.Features/providers/Microsoft.ContainerService/features"
	stable           = "2026-04-01"
	older            = "2025-10-01"
	preview          = "2025-10-02-preview"
)

// azure is a running simulator, and a client of it that speaks plain HTTP.
type azure struct {
	*Server
	t     *testing.T
	url   string
	token string
	// ahead is how far the simulator's clock is ahead.
	ahead atomic.Int64
}

// pass lets time pass for all but running operations.
func (a *azure) pass(d time.Duration) { a.ahead.Add(int64(d)) }

// start runs a simulator that changes make different from the usual one.
func start(t *testing.T, changes ...func(*Config)) *azure {
	t.Helper()
	listener := httptest.NewUnstartedServer(nil)
	url := "http://" + listener.Listener.Addr().String()
	cfg := Config{
		Subscription: testSubscription, Tenant: testTenant, BaseURL: url, IdentityHeader: "contoso-secret",
		Cluster: Cluster{
			ResourceGroup: "rg-contoso", Name: "aks-contoso", Location: "westeurope",
			NodeResourceGroup: "MC_rg-contoso_aks-contoso_westeurope",
			FQDN:              "contoso-dns-0a1b2c3d.hcp.westeurope.azmk8s.io", KubernetesVersion: "1.35.4",
			Revisions: []string{"asm-1-27"}, Mechanism: InitContainers,
			Pools: []Pool{
				{"system", "Linux", "AzureLinux", "AKSAzureLinux-V3gen2-202604.13.0", "System", 3},
				{"apps", "Linux", "Ubuntu", "AKSUbuntu-2204gen2containerd-202604.13.0", "User", 2},
			},
			Kubeconfig: func() []byte {
				return []byte("apiVersion: v1\nkind: Config\nusers:\n- name: clusterUser\n  user:\n    token: contoso\n")
			},
		},
		Timing: Timing{Operation: 50 * time.Millisecond, Feature: 5 * time.Minute, Provider: 5 * time.Minute},
	}
	for _, change := range changes {
		change(&cfg)
	}
	a := &azure{Server: New(cfg), t: t, url: url}
	a.now = func() time.Time { return time.Now().Add(time.Duration(a.ahead.Load())) }
	listener.Config.Handler = a.Server
	listener.Start()
	t.Cleanup(func() {
		listener.Close()
		a.Close()
	})
	a.token, _ = a.issue(url, time.Now())
	return a
}

func withScenario(names ...string) func(*Config) {
	return func(c *Config) { c.Scenarios = names }
}

func withFaults(lines ...string) func(*Config) {
	return func(c *Config) { c.Faults = lines }
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// text is the text at a path of the body.
func (a answer) text(path ...string) string {
	v, err := parseJSON(a.body)
	if err != nil {
		return fmt.Sprintf("not JSON: %q", a.body)
	}
	return plain(v.get(path...))
}

// code is the error code, from a flat or a wrapped body.
func (a answer) code() string {
	if code := a.text("error", "code"); code != "" {
		return code
	}
	return a.text("code")
}

func (a *azure) send(method, path, body string, header http.Header) answer {
	a.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	for name, content := range header {
		request.Header[name] = content
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{err: err}
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, got, err}
}

func (a *azure) get(path, version string) answer {
	a.t.Helper()
	return a.send("GET", path+"?api-version="+version, "", nil)
}

func (a *azure) put(body, version string, header http.Header) answer {
	a.t.Helper()
	return a.send("PUT", clusterPath+"?api-version="+version, body, header)
}

// edited is the document as it was read, without what must not be echoed, and
// changed.
func (a *azure) edited(version string, change func(*value)) string {
	a.t.Helper()
	got := a.get(clusterPath, version)
	if got.status != 200 {
		a.t.Fatalf("read the cluster: %d %s", got.status, got.body)
	}
	document := parsed(a.t, got.body)
	withoutETags(document)
	if change != nil {
		change(document)
	}
	return string(document.bytes())
}

func withoutETags(document *value) {
	document.remove("eTag")
	for _, pool := range document.items("properties", "agentPoolProfiles") {
		pool.remove("eTag")
	}
}

func to(mechanism string) func(*value) {
	return func(document *value) { document.set(newText(mechanism), mechanismPath()...) }
}

// stored is the text at a path of the stored document.
func (a *azure) stored(path ...string) string {
	a.t.Helper()
	return plain(parsed(a.t, a.Document("")).get(path...))
}

// follow polls an operation until it ends, and lists the statuses it saw.
func (a *azure) follow(put answer) (statuses []string, last answer) {
	a.t.Helper()
	url, isOwn := strings.CutPrefix(put.header.Get("Azure-AsyncOperation"), a.url)
	if !isOwn {
		a.t.Fatalf("no operation to follow: %d %s %v", put.status, put.body, put.err)
	}
	for range 2000 {
		last = a.send("GET", url, "", nil)
		status := last.text("status")
		if len(statuses) == 0 || statuses[len(statuses)-1] != status {
			statuses = append(statuses, status)
		}
		if status == "Succeeded" || status == "Failed" || status == "Canceled" || last.status != 200 {
			return statuses, last
		}
		time.Sleep(2 * time.Millisecond)
	}
	a.t.Fatal("the operation did not end")
	return nil, last
}

// eventually waits for something that takes the simulated Azure a moment.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 2000 {
		if is() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatalf("it never came to this: %s", what)
}

func parsed(t *testing.T, data []byte) *value {
	t.Helper()
	v, err := parseJSON(data)
	if err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return v
}

// compact is JSON without white space.
func compact(t *testing.T, data []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return b.String()
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// kubeconfigOf is the first kubeconfig of an answer, in the clear.
func kubeconfigOf(t *testing.T, got answer) string {
	t.Helper()
	configs := parsed(t, got.body).items("kubeconfigs")
	if got.status != 200 || len(configs) != 1 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	config, err := base64.StdEncoding.DecodeString(configs[0].str("value"))
	if err != nil {
		t.Fatal(err)
	}
	return string(config)
}
