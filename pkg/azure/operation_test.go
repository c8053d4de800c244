package azure

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
)

const operationURL = armEndpoint + "/subscriptions/" + subscription + "/providers/Microsoft.ContainerService/locations/westeurope/operations/11111111-2222-3333-4444-555555555555?api-version=2026-01-01&t=1&c=" + theSignature

func TestOperationsOfTheResourceManagerOnlyAreFollowed(t *testing.T) {
	for location, want := range map[string]bool{
		operationURL:                          true,
		armEndpoint + "/x":                    true,
		"":                                    false,
		"/subscriptions/s/operations/1":       false,
		"http://management.azure.com/x":       false,
		"https://management.azure.com:8443/x": false,
		"https://management.azure.com.contoso.example/x":   false,
		"https://contoso.example/management.azure.com":     false,
		"https://management.azure.com@contoso.example/x":   false,
		"https://contoso.example#@management.azure.com/x":  false,
		`https://contoso.example\@management.azure.com/x`:  false,
		"https://management.azure.com%2econtoso.example/x": false,
		"https://management.chinacloudapi.cn/x":            false,
		"::not a url::":                                    false,
	} {
		header := http.Header{}
		header.Set("Azure-AsyncOperation", location)
		got := inMemory(&service{}).operation(header)
		if want && got.url != location || !want && got.url != "" {
			t.Errorf("%s: got %q", location, got.url)
		}
	}
}

func TestTheWriteNamesItsOperation(t *testing.T) {
	s := &service{answers: []answer{{status: 200, header: map[string]string{"Azure-AsyncOperation": operationURL}, body: `{}`}}}
	document, err := ParseDocument([]byte(`{"id":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	operation, err := inMemory(s).PutCluster(t.Context(), contoso(), stable(), document, &Change{Body: []byte(`{}`)})
	if err != nil || operation.url != operationURL {
		t.Errorf("got %+v, %v", operation, err)
	}
}

// follow follows an operation in fake time, and tells what was said and how long
// it took.
func follow(t *testing.T, s *service, operation *Operation) (said []string, took time.Duration, err error) {
	t.Helper()
	start := time.Now()
	err = inMemory(s).Follow(t.Context(), contoso(), stable(), operation, func(status string) { said = append(said, status) })
	took = time.Since(start)
	checkNoSecrets(t, said...)
	if err != nil {
		checkNoSecrets(t, err.Error())
	}
	return said, took, err
}

func status(text string) answer {
	return answer{status: 200, body: `{"name":"1","status":"` + text + `","startTime":"2026-11-02T08:00:00Z"}`}
}

func TestFollow(t *testing.T) {
	for _, test := range []struct {
		name    string
		answers []answer
		said    []string
		took    time.Duration
		err     string
	}{
		{"ends at once", []answer{status("Succeeded")}, []string{"Succeeded"}, 0, ""},
		{"statuses that are not final go on, known or not", []answer{status("InProgress"), status("ProvisioningControlPlane"), status("ReconcilingAddons"), status("Something New"), status(""), status("Succeeded")},
			[]string{"InProgress", "ProvisioningControlPlane", "ReconcilingAddons", "Something New", "", "Succeeded"}, 6 * time.Second, ""},
		{"in another spelling", []answer{status("succeeded")}, []string{"succeeded"}, 0, ""},
		{"fails", []answer{status("InProgress"), {status: 200, body: `{"status":"Failed","error":{"code":"ReconcileFailed","message":"the add-on\n could not be reconciled"}}`}},
			[]string{"InProgress", "Failed"}, time.Second, "the operation ended Failed: ReconcileFailed: the add-on could not be reconciled"},
		{"fails without saying why", []answer{status("Failed")}, []string{"Failed"}, 0, "the operation ended Failed"},
		{"canceled", []answer{status("Canceled")}, []string{"Canceled"}, 0, "the operation ended Canceled"},
		{"asks for more patience than we have by ourselves", []answer{
			{status: 200, header: map[string]string{"Retry-After": "30"}, body: `{"status":"InProgress"}`}, status("Succeeded")}, []string{"InProgress", "Succeeded"}, 30 * time.Second, ""},
		{"asks for less", []answer{{status: 200, header: map[string]string{"Retry-After": "0"}, body: `{"status":"InProgress"}`}, status("Succeeded")}, []string{"InProgress", "Succeeded"}, time.Second, ""},
		{"asks for an hour", []answer{{status: 200, header: map[string]string{"Retry-After": "3600"}, body: `{"status":"InProgress"}`}, status("Succeeded")}, []string{"InProgress", "Succeeded"}, time.Minute, ""},
		{"asks in words", []answer{{status: 200, header: map[string]string{"Retry-After": "soon"}, body: `{"status":"InProgress"}`}, status("Succeeded")}, []string{"InProgress", "Succeeded"}, time.Second, ""},
		{"a fault in between", []answer{status("InProgress"), {status: 503, body: wrapped("ServiceUnavailable", "boom")}, {broken: true}, {status: 429}, status("Succeeded")},
			[]string{"InProgress", "?", "?", "?", "Succeeded"}, 4500 * time.Millisecond, ""},
		{"an answer that is no JSON, once", []answer{{status: 200, body: "<html>"}, status("Succeeded")}, []string{"?", "Succeeded"}, time.Second, ""},
		{"gone", []answer{status("InProgress"), {status: 404, body: wrapped("ResourceNotFound", "no")}}, []string{"InProgress"}, time.Second, "cannot follow the operation on cluster contoso-aks"},
		{"denied", []answer{{status: 403, body: wrapped("AuthorizationFailed", "no")}}, nil, 0, "403 AuthorizationFailed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{answers: test.answers}
				said, took, err := follow(t, s, &Operation{operationURL})
				for i := range said {
					if i < len(test.said) && test.said[i] == "?" && strings.Contains(said[i], "trying again") {
						said[i] = "?"
					}
				}
				if diff := cmp.Diff(test.said, said); diff != "" {
					t.Errorf("said (-want +got):\n%s", diff)
				}
				if took != test.took {
					t.Errorf("took %s, want %s", took, test.took)
				}
				if (test.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), test.err) {
					t.Errorf("got error %v, want %q", err, test.err)
				}
				for _, r := range s.received() {
					if r.method != http.MethodGet || r.query != "api-version=2026-01-01&t=1&c="+theSignature {
						t.Errorf("asked %+v; the URL is opaque", r)
					}
				}
			})
		})
	}
}

// An operation that failed is told from one that was only lost sight of.
func TestHowFollowingEnds(t *testing.T) {
	for name, test := range map[string]struct {
		answer answer
		failed bool
	}{
		"the operation failed": {status("Failed"), true},
		"it was lost":          {answer{status: 404}, false},
		"it was denied":        {answer{status: 401}, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := follow(t, &service{answers: []answer{test.answer}}, &Operation{operationURL})
			var failed *OperationError
			if err == nil || errors.As(err, &failed) != test.failed || fail.ExitCode(err) != fail.ExitError {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A lost network is put up with for a while, counted from the last answer.
func TestPatienceRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said, took, err := follow(t, &service{answers: []answer{status("InProgress"), {broken: true}}}, &Operation{operationURL})
		if !errors.Is(err, errBroken) {
			t.Errorf("got %v", err)
		}
		if took < patience || took > patience+2*pollPace {
			t.Errorf("took %s", took)
		}
		if len(said) < 10 || !strings.Contains(said[1], "connection reset by peer") || !strings.Contains(said[1], "trying again") {
			t.Errorf("said %q", said)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		// Each answer in between starts the patience anew.
		var answers []answer
		for range 4 {
			for range 60 {
				answers = append(answers, answer{broken: true})
			}
			answers = append(answers, status("InProgress"))
		}
		_, took, err := follow(t, &service{answers: append(answers, status("Succeeded"))}, &Operation{operationURL})
		if err != nil || took < 2*patience {
			t.Errorf("got %v after %s", err, took)
		}
	})
}

func TestFollowingCanBeInterrupted(t *testing.T) {
	for name, test := range map[string]struct {
		during bool
		limit  time.Duration
		want   error
		code   int
	}{
		"while it waits":                {false, 0, context.Canceled, fail.ExitInterrupted},
		"while it asks":                 {true, 0, context.Canceled, fail.ExitInterrupted},
		"by a deadline, while it waits": {false, 90 * time.Second, context.DeadlineExceeded, fail.ExitTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.limit > 0 {
					ctx, cancel = context.WithTimeout(ctx, test.limit)
					defer cancel()
				}
				asked := 0
				err := inMemory(&service{}).poll(ctx, func(string) {}, func(ctx context.Context) (bool, string, time.Duration, error) {
					asked++
					if test.during && asked == 5 {
						cancel()
						return false, "", 0, ctx.Err()
					}
					if !test.during && test.limit == 0 && asked == 5 {
						time.AfterFunc(100*time.Millisecond, cancel)
					}
					return false, "InProgress", 0, nil
				})
				if !errors.Is(err, test.want) || fail.ExitCode(err) != test.code {
					t.Errorf("got %v after asking %d times", err, asked)
				}
				if test.limit == 0 && asked != 5 {
					t.Errorf("asked %d times, interrupted at the fifth", asked)
				}
			})
		})
	}
}

// Polling starts quickly and settles to a pace that the service allows, at which
// the end of an operation is seen within two seconds.
func TestPace(t *testing.T) {
	if got := pace(0); got != time.Second {
		t.Errorf("first: %s", got)
	}
	for n := range 2000 {
		if pace(n+1) < pace(n) || pace(n) < time.Second || pace(n) >= 2*time.Second {
			t.Errorf("poll %d: %s, then %s", n, pace(n), pace(n+1))
		}
	}
}

func cluster(state string) answer {
	return answer{status: 200, body: `{"id":"x","properties":{"provisioningState":"` + state + `"}}`}
}

// Where Azure names no operation that may be followed, the cluster itself tells.
func TestFollowByTheCluster(t *testing.T) {
	for name, operation := range map[string]*Operation{"none named": {}, "none at all": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{answers: []answer{cluster("Updating"), {status: 503}, cluster("ReconcilingAddons"), cluster("Succeeded")}}
				said, took, err := follow(t, s, operation)
				if err != nil || took != 3*time.Second {
					t.Errorf("got %v after %s", err, took)
				}
				if len(said) != 4 || said[0] != "Updating" || !strings.Contains(said[1], "trying again") || said[2] != "ReconcilingAddons" || said[3] != "Succeeded" {
					t.Errorf("said %q", said)
				}
				if r := s.received()[0]; r.path != contoso().ID || r.query != "api-version=2026-01-01" {
					t.Errorf("asked %+v", r)
				}
			})
		})
	}
	t.Run("an operation that failed ends the waiting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			said, _, err := follow(t, &service{answers: []answer{cluster("Updating"), cluster("Failed")}}, nil)
			if err != nil || said[len(said)-1] != "Failed" {
				t.Errorf("got %v, said %q", err, said)
			}
		})
	})
}

func feature(state string) answer {
	return answer{status: 200, body: `{"id":"x","name":"Microsoft.ContainerService/IstioCNIPreview","properties":{"state":"` + state + `"},"type":"Microsoft.Features/providers/features"}`}
}

func provider(state string) answer {
	return answer{status: 200, body: `{"namespace":"Microsoft.ContainerService","registrationState":"` + state + `"}`}
}

func TestSetFeature(t *testing.T) {
	const flag = "/subscriptions/" + subscription + "/providers/Microsoft.Features/providers/Microsoft.ContainerService/features/IstioCNIPreview"
	const own = "/subscriptions/" + subscription + "/providers/Microsoft.ContainerService"
	for _, test := range []struct {
		name     string
		register bool
		answers  []answer
		asked    []string
		said     []string
		err      string
	}{
		{"register", true, []answer{feature("Registering"), feature("Pending"), feature("Registering"), feature("Registered"), provider("Registering"), provider("Registering"), provider("Registered")},
			[]string{"POST " + flag + "/register", "GET " + flag, "GET " + flag, "GET " + flag, "POST " + own + "/register", "GET " + own, "GET " + own},
			[]string{"Pending", "Registering", "Registered", "provider Registering", "provider Registered"}, ""},
		{"unregister", false, []answer{feature("Unregistering"), feature("Unregistering"), feature("Unregistered"), provider("Registered"), provider("Registered")},
			[]string{"POST " + flag + "/unregister", "GET " + flag, "GET " + flag, "POST " + own + "/register", "GET " + own},
			[]string{"Unregistering", "Unregistered", "provider Registered"}, ""},
		{"unregister what never was", false, []answer{feature("NotRegistered"), feature("NotRegistered"), provider("Registered"), provider("Registered")},
			[]string{"POST " + flag + "/unregister", "GET " + flag, "POST " + own + "/register", "GET " + own},
			[]string{"NotRegistered", "provider Registered"}, ""},
		{"denied", true, []answer{{status: 403, body: wrapped("AuthorizationFailed", "no")}},
			[]string{"POST " + flag + "/register"}, nil, "cannot register feature IstioCNIPreview in subscription " + subscription + ": Azure answered 403"},
		{"denied to read", false, []answer{feature("Unregistering"), {status: 403, body: wrapped("AuthorizationFailed", "no")}},
			[]string{"POST " + flag + "/unregister", "GET " + flag}, nil, "cannot unregister feature IstioCNIPreview in subscription " + subscription},
		{"denied to register the provider", true, []answer{feature("Registered"), feature("Registered"), {status: 403, body: wrapped("AuthorizationFailed", "no")}},
			[]string{"POST " + flag + "/register", "GET " + flag, "POST " + own + "/register"}, []string{"Registered"}, "cannot register the provider Microsoft.ContainerService in subscription " + subscription},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &service{answers: test.answers}
				var said, asked []string
				err := inMemory(s).SetFeature(t.Context(), subscription, test.register, func(status string) { said = append(said, status) })
				for _, r := range s.received() {
					asked = append(asked, r.method+" "+r.path)
				}
				if diff := cmp.Diff(test.asked, asked); diff != "" {
					t.Errorf("asked (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(test.said, said); diff != "" {
					t.Errorf("said (-want +got):\n%s", diff)
				}
				if (test.err == "") != (err == nil) || err != nil && !strings.HasPrefix(err.Error(), test.err) {
					t.Errorf("got error %v, want %q", err, test.err)
				}
			})
		})
	}
}

func TestFeature(t *testing.T) {
	got, err := inMemory(&service{answers: []answer{feature("NotRegistered")}}).Feature(t.Context(), subscription)
	if err != nil || got != "NotRegistered" {
		t.Errorf("got %q, %v", got, err)
	}
	_, err = inMemory(&service{answers: []answer{{status: 404, body: wrapped("FeatureNotFound", "no")}}}).Feature(t.Context(), subscription)
	if !IsNotFound(err) || !strings.HasPrefix(err.Error(), "cannot read feature IstioCNIPreview of subscription "+subscription+": ") {
		t.Errorf("got %v", err)
	}
}
