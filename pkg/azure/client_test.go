package azure

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

// soon asks to be asked again at once.
var soon = map[string]string{"Retry-After-Ms": "1"}

// sentAgain lists the faults of a service, and whether a request may be sent
// again after each: a write may not, once it may have taken effect.
func sentAgain() []struct {
	name       string
	fault      answer
	get, write bool
} {
	return []struct {
		name       string
		fault      answer
		get, write bool
	}{
		{"throttled", answer{status: 429, header: soon, body: wrapped("TooManyRequests", "slow down")}, true, true},
		{"internal error", answer{status: 500, header: soon, body: flat("InternalServerError", "boom")}, true, false},
		{"bad gateway", answer{status: 502, header: soon, body: "<html>"}, true, false},
		{"unavailable", answer{status: 503, header: soon, body: wrapped("ServiceUnavailable", "boom")}, true, false},
		{"gateway timeout", answer{status: 504, header: soon}, true, false},
		{"connection broken before the answer", answer{broken: true}, true, false},
		{"connection broken in the middle of the answer", answer{status: 200, broken: true, body: `{"id":`}, true, false},
		{"bad request", answer{status: 400, body: flat("UnmarshalError", "unknown field")}, false, false},
		{"denied", answer{status: 403, body: wrapped("AuthorizationFailed", "no")}, false, false},
		{"not found", answer{status: 404, body: wrapped("ResourceNotFound", "no")}, false, false},
		{"conflict", answer{status: 409, body: flat("OperationNotAllowed", "busy")}, false, false},
		{"precondition", answer{status: 412, body: flat("PreConditionFailed", "changed")}, false, false},
	}
}

func TestReadsAreSentAgainAfterFaults(t *testing.T) {
	for _, test := range sentAgain() {
		t.Run(test.name, func(t *testing.T) {
			s := &service{answers: []answer{test.fault, test.fault, {status: 200, body: `{"state":"here"}`}}}
			var got struct {
				State string `json:"state"`
			}
			err := listen(t, s, ClientOptions{}).get(t.Context(), "/x", "2021-04-01", &got)
			if test.get && (err != nil || got.State != "here" || len(s.received()) != 3) {
				t.Errorf("got %+v, %v after %d requests", got, err, len(s.received()))
			}
			if !test.get && (err == nil || len(s.received()) != 1) {
				t.Errorf("got %v after %d requests", err, len(s.received()))
			}
			if err != nil {
				checkNoSecrets(t, err.Error())
			}
		})
	}
}

func TestWritesAreSentOnceIfTheyMayHaveTakenEffect(t *testing.T) {
	document, err := ParseDocument([]byte(`{"id":"x","eTag":"e-1","properties":{"serviceMeshProfile":{"mode":"Istio","istio":{"revisions":["asm-1-27"]}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	change, err := document.WithMechanism(mesh.CNIChaining)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range sentAgain() {
		t.Run(test.name, func(t *testing.T) {
			s := &service{answers: []answer{{status: 200, body: `{}`}, test.fault, {status: 200, body: `{}`}}}
			client := listen(t, s, ClientOptions{})
			// A connection that was used before is one that Go itself might try again on.
			if _, err := client.do(t.Context(), request{method: http.MethodGet, path: "/warm-up"}); err != nil {
				t.Fatal(err)
			}
			_, err := client.PutCluster(t.Context(), contoso(), stable(), document, change)
			writes := s.received()[1:]
			want := 1
			if test.write {
				want = 2
			}
			if len(writes) != want || test.write != (err == nil) {
				t.Errorf("%v after %d writes, want %d", err, len(writes), want)
			}
			for _, w := range writes {
				if w.method != http.MethodPut || w.path != contoso().ID || w.query != "api-version=2026-01-01" || w.header.Get("If-Match") != "e-1" ||
					w.header.Get("Content-Type") != "application/json" || w.body != string(change.Body) {
					t.Errorf("wrote %+v", w)
				}
			}
			if err == nil {
				return
			}
			checkNoSecrets(t, err.Error())
			var conflict *ConflictError
			var uncertain *UncertainError
			isConflict, isUncertain := errors.As(err, &conflict), errors.As(err, &uncertain)
			if want := test.fault.status == 409 || test.fault.status == 412; isConflict != want {
				t.Errorf("conflict %v, want %v: %v", isConflict, want, err)
			}
			if want := test.fault.status >= 500 || test.fault.broken; isUncertain != want {
				t.Errorf("uncertain %v, want %v: %v", isUncertain, want, err)
			}
			if !strings.Contains(err.Error(), "cannot change cluster contoso-aks (resource group contoso-rg, subscription "+subscription+"): ") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestThrottlingWithoutRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answers: []answer{{status: 429}, {status: 429}, {status: 200, body: `{}`}}}
		start := time.Now()
		if _, err := inMemory(s).do(t.Context(), request{method: http.MethodPut, path: "/x", body: []byte(`{}`), once: true}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 2*time.Second || took > 10*time.Second {
			t.Errorf("waited %s in all", took)
		}
	})
}

func TestPatienceThatAzureAsksForInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{answers: []answer{{status: 429, header: map[string]string{"Retry-After": "3600"}, body: wrapped("TooManyRequests", "one hour")}}}
		start := time.Now()
		_, err := inMemory(s).do(t.Context(), request{method: http.MethodPut, path: "/x", once: true})
		if e, ok := serviceError(err); !ok || e.Status != 429 || time.Since(start) > time.Second || len(s.received()) != 1 {
			t.Errorf("got %v after %s and %d requests", err, time.Since(start), len(s.received()))
		}
	})
}

func TestReadsGiveUpInTheEnd(t *testing.T) {
	s := &service{answers: []answer{{status: 503, header: soon, body: wrapped("ServiceUnavailable", "boom")}}}
	err := listen(t, s, ClientOptions{}).get(t.Context(), "/x", "", nil)
	if e, ok := serviceError(err); !ok || e.Code != "ServiceUnavailable" || len(s.received()) != 1+maxRetries {
		t.Errorf("got %v after %d requests", err, len(s.received()))
	}
}

func TestWhoeverWaitsIsTold(t *testing.T) {
	var mu sync.Mutex
	var told []string
	s := &service{answers: []answer{
		{status: 429, header: map[string]string{"Retry-After-Ms": "1", "Retry-After": "7"}}, {status: 429, header: soon}, {status: 503, header: soon}, {status: 404}, {status: 200, body: `{}`},
	}}
	client := listen(t, s, ClientOptions{Retrying: func(message string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, message)
	}})
	if err := client.get(t.Context(), "/x", "", nil); err == nil {
		t.Fatal("no error")
	}
	want := []string{"Azure is throttling requests (429), it asks to wait 7 s", "Azure is throttling requests (429)", "Azure answered 503 Service Unavailable"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRequestsSayWhoAsks(t *testing.T) {
	s := &service{answers: []answer{{status: 200, body: `{}`}}}
	var v any
	if err := listen(t, s, ClientOptions{Version: "v1.2.3"}).get(t.Context(), "/subscriptions", "2021-04-01", &v); err != nil {
		t.Fatal(err)
	}
	r := s.received()[0]
	if r.header.Get("Authorization") != "Bearer "+theToken || r.header.Get("Accept") != "application/json" || !strings.Contains(r.header.Get("User-Agent"), "kubectl-istio-cni/v1.2.3") || r.query != "api-version=2021-04-01" {
		t.Errorf("asked %+v", r)
	}
	if r.header.Get("If-Match") != "" || r.body != "" {
		t.Errorf("a read has neither a condition nor a body: %+v", r)
	}
}

func TestASignInThatFails(t *testing.T) {
	s := &service{answers: []answer{{status: 200, body: `{}`}}}
	server := httptest.NewServer(s)
	defer server.Close()
	refused := errors.New("AADSTS700082: the refresh token has expired")
	client, err := NewClient(cloudAt(server.URL), signedIn{credential{refused}}, ClientOptions{RetryDelay: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Cluster(t.Context(), contoso(), stable())
	if !IsDenied(err) || !errors.Is(err, refused) || !strings.Contains(fail.Remedy(err), "az login") || len(s.received()) != 0 {
		t.Errorf("got %v (%q) after %d requests", err, fail.Remedy(err), len(s.received()))
	}
	document, err := ParseDocument([]byte(`{"id":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.PutCluster(t.Context(), contoso(), stable(), document, &Change{Body: []byte(`{}`)})
	var uncertain *UncertainError
	if err == nil || errors.As(err, &uncertain) || len(s.received()) != 0 {
		t.Errorf("nothing was sent, and yet %v", err)
	}
}

func TestInterruptedRequests(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	client, err := NewClient(cloudAt(server.URL), credential{}, ClientOptions{RetryDelay: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Cluster(ctx, contoso(), stable()); !errors.Is(err, context.Canceled) || fail.ExitCode(err) != fail.ExitInterrupted {
		t.Errorf("got %v", err)
	}
}

func TestASecretIsNeverShown(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	signed := "/subscriptions/s/operations/1?api-version=x&c=" + url.QueryEscape(theSignature)
	elsewhere := map[string]string{"Location": closed.URL + signed}
	for name, s := range map[string]*service{
		"answer":            {answers: []answer{{status: 404, body: wrapped("ResourceNotFound", "no")}}},
		"not JSON":          {answers: []answer{{status: 400, body: "<html>"}}},
		"fault":             {answers: []answer{{status: 503, header: soon}}},
		"broken":            {answers: []answer{{broken: true}}},
		"broken in between": {answers: []answer{{status: 200, broken: true, body: `{`}}},
		"sent elsewhere":    {answers: []answer{{status: 307, header: elsewhere}}},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			client := listen(t, s, ClientOptions{Retrying: func(message string) { told = append(told, message) }})
			_, err := client.do(t.Context(), request{method: http.MethodGet, path: client.cloud.ResourceManager() + signed})
			if err == nil {
				t.Fatal("no error")
			}
			checkNoSecrets(t, append(slices.Clone(told), err.Error())...)
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		client, err := NewClient(cloudAt(closed.URL), credential{}, ClientOptions{RetryDelay: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.do(t.Context(), request{method: http.MethodGet, path: closed.URL + signed})
		if err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Fatalf("got %v", err)
		}
		checkNoSecrets(t, err.Error())
	})
}

// A token is not sent in the clear but to the loopback interface.
func TestTokensAreNotSentInTheClear(t *testing.T) {
	cloud := cloudAt("https://arm.contoso.example")
	client, err := NewClient(cloud, credential{}, ClientOptions{RetryDelay: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{answers: []answer{{status: 200, body: `{}`}}}
	server := httptest.NewServer(s)
	defer server.Close()
	if _, err := client.do(t.Context(), request{method: http.MethodGet, path: server.URL + "/x"}); err == nil || len(s.received()) != 0 {
		t.Errorf("got %v after %d requests", err, len(s.received()))
	}
}

func TestCluster(t *testing.T) {
	s := &service{answers: []answer{{status: 200, body: `{"id":"x","location":"westeurope","eTag":"e-1","properties":{"provisioningState":"Succeeded"}}`}}}
	document, err := inMemory(s).Cluster(t.Context(), contoso(), stable())
	if err != nil {
		t.Fatal(err)
	}
	if got := document.Cluster(stable()); got.Location != "westeurope" || got.ProvisioningState != "Succeeded" || document.ETag() != "e-1" {
		t.Errorf("got %+v, eTag %q", got, document.ETag())
	}
	for name, a := range map[string]answer{
		"gone": {status: 404, body: wrapped("ResourceNotFound", "no")}, "not JSON": {status: 200, body: "<html>"}, "no id": {status: 200, body: `{}`},
	} {
		_, err := inMemory(&service{answers: []answer{a}}).Cluster(t.Context(), contoso(), stable())
		if err == nil || !strings.HasPrefix(err.Error(), "cannot read cluster contoso-aks (resource group contoso-rg, subscription "+subscription+"): ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestMeshRevisions(t *testing.T) {
	s := &service{answers: []answer{
		{status: 200, body: `{"value":[{"name":"istio","properties":{"meshRevisions":[{"revision":"asm-1-27","upgrades":["asm-1-28"],"compatibleWith":[{"name":"kubernetes","versions":["1.34","1.35"]}]},{"revision":"asm-1-28","compatibleWith":[]}]}}]}`},
		{status: 200, body: `{"value":[{"properties":{"revision":"asm-1-27","upgrades":["asm-1-28"]}}]}`},
	}}
	client := inMemory(s)
	revisions, err := client.MeshRevisions(t.Context(), subscription, "westeurope", stable())
	if err != nil || len(revisions) != 2 || revisions[0].Revision != "asm-1-27" || !slices.Equal(revisions[0].Upgrades, []string{"asm-1-28"}) || revisions[0].CompatibleWith[0].Versions[1] != "1.35" {
		t.Errorf("got %+v, %v", revisions, err)
	}
	upgrades, err := client.MeshUpgrades(t.Context(), contoso(), stable())
	if err != nil || !slices.Equal(upgrades, []string{"asm-1-28"}) {
		t.Errorf("got %v, %v", upgrades, err)
	}
	var paths []string
	for _, r := range s.received() {
		paths = append(paths, r.path+"?"+r.query)
	}
	want := []string{
		"/subscriptions/" + subscription + "/providers/Microsoft.ContainerService/locations/westeurope/meshRevisionProfiles?api-version=2026-01-01",
		contoso().ID + "/meshUpgradeProfiles?api-version=2026-01-01",
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	denied := inMemory(&service{answers: []answer{{status: 403, body: wrapped("AuthorizationFailed", "no")}}})
	if _, err := denied.MeshRevisions(t.Context(), subscription, "westeurope", stable()); err == nil || !strings.HasPrefix(err.Error(), "cannot list the mesh revisions of westeurope: ") {
		t.Errorf("denied: got %v", err)
	}
	if _, err := denied.MeshUpgrades(t.Context(), contoso(), stable()); err == nil || !strings.HasPrefix(err.Error(), "cannot list the mesh upgrades of cluster contoso-aks") {
		t.Errorf("denied: got %v", err)
	}
}
