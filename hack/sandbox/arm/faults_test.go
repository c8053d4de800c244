package arm

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestFaultAnswers(t *testing.T) {
	for _, test := range []struct {
		fault      string
		status     int
		code       string
		wrapped    bool
		retryAfter string
	}{
		{"any:status=429", 429, "TooManyRequests", true, "1"},
		{"any:status=429:retry-after=17", 429, "TooManyRequests", true, "17"},
		{"get-cluster:status=500", 500, "InternalOperationError", false, ""},
		{"get-cluster:status=502", 502, "BadGatewayConnection", true, ""},
		{"get-cluster:status=503:retry-after=0", 503, "ServerTimeout", true, "0"},
		{"get-cluster:status=504", 504, "GatewayTimeout", true, ""},
		{"get-cluster:status=418", 418, "I'mateapot", false, ""},
		{"get-cluster:expired-token", 401, "ExpiredAuthenticationToken", true, ""},
		{"get-cluster:forbidden", 403, "AuthorizationFailed", true, ""},
		{"get-cluster:operation-not-allowed", 409, "OperationNotAllowed", false, ""},
		{"get-cluster:etag-mismatch", 409, "EtagMismatch", false, ""},
		{"get-cluster:precondition-failed", 412, "PreConditionFailed", false, ""},
		{"get-cluster:precondition-failed:shape=wrapped:code=ConditionNotMet", 412, "ConditionNotMet", true, ""},
		{"get-cluster:status=503:shape=flat", 503, "ServerTimeout", false, ""},
	} {
		t.Run(test.fault, func(t *testing.T) {
			a := start(t, withFaults(test.fault))
			got := a.get(clusterPath, stable)
			equal(t, "status", got.status, test.status)
			equal(t, "code", got.code(), test.code)
			equal(t, "wrapped", got.text("error", "code") != "", test.wrapped)
			equal(t, "failure cause", got.header.Get("x-ms-failure-cause") == "gateway", test.wrapped)
			equal(t, "retry-after", got.header.Get("Retry-After"), test.retryAfter)
			equal(t, "challenge", got.header.Get("WWW-Authenticate") != "", test.status == 401)
			// Once, unless told otherwise.
			equal(t, "afterwards", a.get(clusterPath, stable).status, 200)
		})
	}
}

func TestEtagMismatchIsWordedAsRecorded(t *testing.T) {
	a := start(t, withFaults("put-cluster:etag-mismatch"))
	got := a.put("{}", stable, nil)
	equal(t, "body", compact(t, got.body), `{"code":"EtagMismatch","details":[{"code":"Unspecified","message":"rpc error: code = FailedPrecondition desc = Etag mismatched"}],"message":"Operation is not allowed: Another operation is in progress","subcode":"PutManagedClusterAndComponents_FailedPrecondition"}`)
}

func TestForbiddenNamesTheAction(t *testing.T) {
	a := start(t, withFaults("put-cluster:forbidden", "get-group:forbidden", "register-feature:forbidden"))
	group := "/subscriptions/" + testSubscription + "/resourceGroups/rg-contoso"
	for want, got := range map[string]answer{
		"'Microsoft.ContainerService/managedClusters/write' over scope '" + clusterPath + "'": a.put("{}", stable, nil),
		"'Microsoft.Resources/subscriptions/resourceGroups/read'":                             a.get(group, "2021-04-01"),
		"'Microsoft.Features/providers/features/register/action'":                             a.register(istioFeature, "2021-07-01"),
	} {
		if message := got.text("error", "message"); !strings.Contains(message, want) || !strings.Contains(message, a.objectID()) {
			t.Errorf("%q does not name %s and who", message, want)
		}
	}
}

func TestFaultsStrikeWhatTheyAreFor(t *testing.T) {
	a := start(t, withFaults("get-cluster:status=503:after=1:times=2", "get-cluster:status=500", "list-clusters:status=502:times=always"))
	var statuses []int
	for range 5 {
		statuses = append(statuses, a.get(clusterPath, stable).status)
	}
	// The second fault strikes while the first leaves a request alone.
	equal(t, "statuses", fmt.Sprint(statuses), "[500 503 503 200 200]")
	for range 3 {
		equal(t, "another operation", a.get(servicePath+"/managedClusters", stable).status, 502)
	}
	equal(t, "a third", a.get(istioFeature, "2021-07-01").status, 200)
	equal(t, "states", fmt.Sprint(a.Faults()), "[{get-cluster:status=503:after=1:times=2 5 2} {get-cluster:status=500 3 1} {list-clusters:status=502:times=always 3 3}]")
	a.ClearFaults()
	equal(t, "cleared", a.get(servicePath+"/managedClusters", stable).status, 200)
}

func TestAnyLeavesTokensAndOperationsAlone(t *testing.T) {
	a := start(t, withFaults("any:status=500:after=2:times=always"))
	a.edited(stable, nil)
	put := a.put(a.edited(stable, nil), stable, nil)
	equal(t, "struck", put.status, 500)
	got := a.send("GET", "/msi/token?api-version=2019-08-01&resource=x", "", map[string][]string{"X-Identity-Header": {"contoso-secret"}})
	equal(t, "token", got.status, 200)
	if err := a.AddFaults("token:status=500"); err != nil {
		t.Fatal(err)
	}
	equal(t, "token", a.send("GET", "/msi/token", "", nil).status, 500)
}

func TestResetBreaksOffTheAnswer(t *testing.T) {
	a := start(t, withFaults("get-cluster:reset"))
	got := a.get(clusterPath, stable)
	whole := a.get(clusterPath, stable)
	if got.err == nil || !strings.Contains(got.err.Error(), "connection reset") {
		t.Errorf("the answer ended with %v", got.err)
	}
	equal(t, "status", got.status, 200)
	if n := len(got.body); n == 0 || n >= len(whole.body) || !strings.HasPrefix(string(whole.body), string(got.body)) {
		t.Errorf("%d of %d bytes came", n, len(whole.body))
	}
}

// Whether a lost answer was to a PUT that took effect is what a client cannot
// know.
func TestLostAnswers(t *testing.T) {
	for fault, want := range map[string]string{
		"put-cluster:reset":                         InitContainers,
		"put-cluster:reset:applied":                 CNIChaining,
		"put-cluster:status=503":                    InitContainers,
		"put-cluster:status=503:applied":            CNIChaining,
		"put-cluster:reset:applied=false:delay=5ms": InitContainers,
	} {
		t.Run(fault, func(t *testing.T) {
			a := start(t, withFaults(fault))
			got := a.put(a.edited(stable, to(CNIChaining)), stable, nil)
			if got.err == nil && got.status != 503 {
				t.Errorf("the answer came: %d", got.status)
			}
			equal(t, "mechanism", a.stored(mechanismPath()...), want)
			eventually(t, "nothing runs any more", func() bool { return a.stored("properties", "provisioningState") == "Succeeded" })
		})
	}
}

func TestDelay(t *testing.T) {
	a := start(t, withFaults("get-cluster:delay=60ms", "get-cluster:delay=60ms:status=503"))
	for _, want := range []int{200, 503} {
		begin := time.Now()
		equal(t, "status", a.get(clusterPath, stable).status, want)
		if took := time.Since(begin); took < 60*time.Millisecond {
			t.Errorf("the answer took only %v", took)
		}
	}
}

func TestEveryOperationCanBeStruck(t *testing.T) {
	a := start(t)
	known := map[string]bool{}
	for _, r := range a.routes {
		known[r.operation] = true
	}
	for _, name := range Operations() {
		if err := CheckFault(strings.Replace(name+":status=500", "operation:status=500", "operation:failed", 1)); err != nil {
			t.Error(err)
		}
		if !known[name] && name != opAny && name != opOperation {
			t.Errorf("there is no operation %s", name)
		}
		delete(known, name)
	}
	if len(known) > 0 {
		t.Errorf("faults cannot strike %v", known)
	}
}

func TestFaultsThatAreWrong(t *testing.T) {
	for line, want := range map[string]string{
		"":                                "no operation",
		"put":                             `"put" is no operation`,
		"put-cluster":                     "has no kind",
		"put-cluster:times=3":             "has no kind",
		"put-cluster:status=200":          "from 400 to 599",
		"put-cluster:status=x":            "from 400 to 599",
		"put-cluster:status=500:reset":    "the kind is status already",
		"put-cluster:status=500:times=0":  "from 1",
		"put-cluster:status=500:after=-1": "from 0",
		"put-cluster:reset:applied=maybe": "applied=maybe",
		"put-cluster:delay=soon":          "delay=soon",
		"put-cluster:reset:colour=red":    "neither a kind nor an option",
		"put-cluster:reset:shape=round":   "flat or wrapped",
		"put-cluster:failed":              "kinds of operation",
		"operation:reset":                 "kinds of operation",
		"operation:delay=1s":              "kinds of operation",
	} {
		if err := CheckFault(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v does not say %q", line, err, want)
		}
	}
	a := start(t)
	if err := a.AddFaults("poll:reset", "nonsense"); err == nil || len(a.Faults()) != 0 {
		t.Errorf("err %v, and %v were added", err, a.Faults())
	}
}
