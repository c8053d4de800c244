package azure

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func TestErrorsThatAzureAnswers(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int
		body   string
		code   string
		text   string
	}{
		{"flat, from the resource provider", 409, `{"code":"OperationNotAllowed","message":"Operation is not allowed because there's an in progress managed cluster operation.","subcode":"","details":null}`,
			"OperationNotAllowed", "Azure answered 409 OperationNotAllowed: Operation is not allowed because there's an in progress managed cluster operation."},
		{"wrapped, from the gateway", 403, `{"error":{"code":"AuthorizationFailed","message":"The client does not have authorization."}}`,
			"AuthorizationFailed", "Azure answered 403 AuthorizationFailed: The client does not have authorization."},
		{"wrapped, beside other members", 404, `{"code":"outer","error":{"code":"ResourceNotFound","message":"not found"}}`, "ResourceNotFound", "Azure answered 404 ResourceNotFound: not found"},
		{"several lines", 400, `{"code":"UnmarshalError","message":"unknown field\n  \"x\"\r\n\tsee aka.ms/aks/apiversions"}`,
			"UnmarshalError", `Azure answered 400 UnmarshalError: unknown field "x" see aka.ms/aks/apiversions`},
		{"a code without a message", 412, `{"code":"PreConditionFailed"}`, "PreConditionFailed", "Azure answered 412 PreConditionFailed: Precondition Failed"},
		{"a message without a code", 500, `{"message":"boom"}`, "", "Azure answered 500: boom (request id request-1)"},
		{"not JSON", 502, "<html><body>Bad Gateway</body></html>", "", "Azure answered 502: Bad Gateway (request id request-1)"},
		{"half an answer", 503, `{"error":{"code":`, "", "Azure answered 503: Service Unavailable (request id request-1)"},
		{"empty", 429, "", "", "Azure answered 429: Too Many Requests"},
		{"JSON, but no object", 500, `"boom"`, "", "Azure answered 500: Internal Server Error (request id request-1)"},
		{"an error of another type", 400, `{"error":"invalid_request"}`, "", "Azure answered 400: Bad Request"},
		{"null", 500, `null`, "", "Azure answered 500: Internal Server Error (request id request-1)"},
		{"a status that nobody knows", 599, ``, "", "Azure answered 599 (request id request-1)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			resp := &http.Response{StatusCode: test.status, Header: http.Header{"X-Ms-Request-Id": {"request-1"}}}
			got := newServiceError(resp, []byte(test.body))
			if got.Status != test.status || got.Code != test.code || got.RequestID != "request-1" {
				t.Errorf("got %+v", got)
			}
			if diff := cmp.Diff(test.text, got.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

var errSignIn = &SignInError{errors.New("DefaultAzureCredential: nothing worked")}

func TestWaysOut(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"sign-in", errSignIn, "az login"},
		{"expired", &ServiceError{Status: 401, Code: "ExpiredAuthenticationToken"}, "sign in again"},
		{"denied", &ServiceError{Status: 403, Code: "AuthorizationFailed"}, "role"},
		{"denied by something else", &ServiceError{Status: 403, Code: "RequestDisallowedByPolicy"}, "role"},
		{"subscription", &ServiceError{Status: 404, Code: "SubscriptionNotFound"}, "az login --tenant"},
		{"provider", &ServiceError{Status: 409, Code: "MissingSubscriptionRegistration"}, "az provider register --namespace Microsoft.ContainerService"},
		{"unknown field", &ServiceError{Status: 400, Code: "UnmarshalError"}, "--api-version"},
		{"feature", &ServiceError{Status: 400, Code: "BadRequest", Message: "Feature Microsoft.ContainerService/IstioCNIPreview is not enabled."}, "kubectl istio-cni feature register"},
		{"another bad request", &ServiceError{Status: 400, Code: "BadRequest", Message: "Requested change in revisions is not allowed"}, ""},
		{"throttled", &ServiceError{Status: 429, Code: "TooManyRequests"}, "wait a few minutes"},
		{"fault", &ServiceError{Status: 503}, "run the same command again"},
		{"conflict", &ServiceError{Status: 409, Code: "OperationNotAllowed"}, ""},
		{"network", errBroken, ""},
		{"wrapped", fmt.Errorf("read: %w", &ServiceError{Status: 429}), "wait a few minutes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := explain("read cluster contoso-aks", test.err)
			if !strings.HasPrefix(err.Error(), "cannot read cluster contoso-aks: ") || !errors.Is(err, test.err) {
				t.Errorf("got %v", err)
			}
			if got := fail.Remedy(err); !strings.Contains(got, test.want) || (test.want == "") != (got == "") {
				t.Errorf("remedy %q, want %q", got, test.want)
			}
		})
	}
	if err := explain("read cluster contoso-aks", nil); err != nil {
		t.Errorf("no error, and yet %v", err)
	}
}

func TestKindsOfErrors(t *testing.T) {
	type kinds struct{ notFound, denied, conflict, uncertain, transient bool }
	for _, test := range []struct {
		name string
		err  error
		want kinds
	}{
		{"400", &ServiceError{Status: 400, Code: "BadRequest"}, kinds{}},
		{"401", &ServiceError{Status: 401}, kinds{denied: true}},
		{"403", &ServiceError{Status: 403}, kinds{denied: true}},
		{"404", &ServiceError{Status: 404}, kinds{notFound: true}},
		{"409 OperationNotAllowed", &ServiceError{Status: 409, Code: "OperationNotAllowed"}, kinds{conflict: true}},
		{"409 EtagMismatch", &ServiceError{Status: 409, Code: "EtagMismatch"}, kinds{conflict: true}},
		{"409 of another kind", &ServiceError{Status: 409, Code: "MissingSubscriptionRegistration"}, kinds{}},
		{"412", &ServiceError{Status: 412, Code: "PreConditionFailed"}, kinds{conflict: true}},
		{"412 without a code", &ServiceError{Status: 412}, kinds{conflict: true}},
		{"429", &ServiceError{Status: 429}, kinds{transient: true}},
		{"500", &ServiceError{Status: 500}, kinds{uncertain: true, transient: true}},
		{"503", &ServiceError{Status: 503}, kinds{uncertain: true, transient: true}},
		{"connection broken", errBroken, kinds{uncertain: true, transient: true}},
		{"sign-in", errSignIn, kinds{denied: true}},
	} {
		for how, err := range map[string]error{"bare": test.err, "explained": explain("change cluster contoso-aks", test.err)} {
			t.Run(test.name+", "+how, func(t *testing.T) {
				got := kinds{IsNotFound(err), IsDenied(err), isConflict(err), isUncertain(err), isTransient(err)}
				if got != test.want {
					t.Errorf("got %+v, want %+v", got, test.want)
				}
			})
		}
	}
	if IsNotFound(nil) || IsDenied(nil) || isConflict(nil) || isUncertain(nil) {
		t.Error("no error is none of these")
	}
	if err := context.Canceled; IsNotFound(err) || IsDenied(err) || isConflict(err) {
		t.Error("an interruption is no answer of Azure's")
	}
	if !isUncertain(context.DeadlineExceeded) {
		t.Error("a write that was not answered in time may have taken effect")
	}
}

func TestQueriesAreKeptOutOfErrors(t *testing.T) {
	const signed = armEndpoint + "/subscriptions/s/operations/1?api-version=x&c=" + theSignature
	for name, err := range map[string]error{
		"bare":    &url.Error{Op: "Get", URL: signed, Err: errBroken},
		"wrapped": fmt.Errorf("send: %w", &url.Error{Op: "Get", URL: signed, Err: errBroken}),
	} {
		got := withoutQuery(err)
		checkNoSecrets(t, got.Error())
		if !errors.Is(got, errBroken) || !strings.Contains(got.Error(), armEndpoint+"/subscriptions/s/operations/1") {
			t.Errorf("%s: got %v", name, got)
		}
	}
	if got := withoutQuery(errBroken); got != errBroken { //nolint:errorlint // The very same.
		t.Errorf("got %v", got)
	}
}

func TestParts(t *testing.T) {
	const action = "Microsoft.ContainerService/managedClusters/read"
	for _, test := range []struct {
		name string
		err  error
		want snapshot.Part[int]
	}{
		{"read", nil, snapshot.Part[int]{State: snapshot.Read, Value: 7}},
		{"not signed in", explain("find the cluster", errSignIn), snapshot.Part[int]{State: snapshot.Denied,
			Reason: "the sign-in failed: DefaultAzureCredential: nothing worked", Needs: "an Azure sign-in, for instance `az login`"}},
		{"denied", explain("read the cluster", &ServiceError{Status: 403, Code: "AuthorizationFailed", Message: "no"}), snapshot.Part[int]{State: snapshot.Denied,
			Reason: "Azure answered 403 AuthorizationFailed: no", Needs: "the Azure role action " + action}},
		{"not in time", explain("read the cluster", context.DeadlineExceeded), snapshot.Part[int]{State: snapshot.TimedOut, Reason: "Azure did not answer in time"}},
		{"not found is not the certainty that there is none", explain("read the cluster", &ServiceError{Status: 404, Code: "ResourceNotFound", Message: "gone"}),
			snapshot.Part[int]{State: snapshot.Failed, Reason: "Azure answered 404 ResourceNotFound: gone; check the name, and whether the cluster still exists: `az aks list --output table`"}},
		{"network", explain("read the cluster", errBroken), snapshot.Part[int]{State: snapshot.Failed, Reason: "cannot read the cluster: connection reset by peer"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Part(7, test.err, action), cmp.Comparer(func(a, b snapshot.Part[int]) bool {
				return a.State == b.State && a.Reason == b.Reason && a.Needs == b.Needs && (a.State != snapshot.Read || a.Value == b.Value)
			})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
