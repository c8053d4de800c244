package azure

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
)

// ServiceError is an error that Azure answered with. The resource provider
// answers a flat object, the gateway before it a wrapped one.
type ServiceError struct {
	Status    int
	Code      string
	Message   string
	RequestID string
}

// Error is one line. Where it is Azure's fault it has the request id, which
// Azure's support asks for.
func (e *ServiceError) Error() string {
	text := fmt.Sprintf("Azure answered %d", e.Status)
	if e.Code != "" {
		text += " " + e.Code
	}
	if e.Message != "" {
		text += ": " + strings.Join(strings.Fields(e.Message), " ")
	}
	if e.Status >= 500 && e.RequestID != "" {
		text += " (request id " + e.RequestID + ")"
	}
	return text
}

type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func newServiceError(resp *http.Response, body []byte) *ServiceError {
	e := &ServiceError{Status: resp.StatusCode, RequestID: resp.Header.Get("x-ms-request-id")}
	var parsed struct {
		errorBody
		Error *errorBody `json:"error"`
	}
	if err := json.Unmarshal(body, &parsed); err != nil {
		e.Message = http.StatusText(resp.StatusCode)
		return e
	}
	inner := parsed.errorBody
	if parsed.Error != nil {
		inner = *parsed.Error
	}
	e.Code, e.Message = inner.Code, inner.Message
	if e.Message == "" {
		e.Message = http.StatusText(resp.StatusCode)
	}
	return e
}

// withoutQuery keeps the query of a URL out of an error: an operation's URL is
// signed, and whoever has the signature can read the operation.
func withoutQuery(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) && !isSignIn(err) {
		if u, parseErr := url.Parse(failed.URL); parseErr == nil && u.RawQuery != "" {
			u.RawQuery = ""
			return fmt.Errorf("%s %s: %w", failed.Op, u.Redacted(), failed.Err)
		}
	}
	return err
}

// Brief is the cause of an error in a few words, for a line that is not about it.
func Brief(err error) string {
	if e, ok := serviceError(err); ok {
		return strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, e.Code))
	}
	return rootCause(err)
}

func serviceError(err error) (*ServiceError, bool) {
	var e *ServiceError
	ok := errors.As(err, &e)
	return e, ok
}

// IsNotFound reports whether Azure says that the thing does not exist.
func IsNotFound(err error) bool {
	e, ok := serviceError(err)
	return ok && e.Status == http.StatusNotFound
}

// IsDenied reports whether the identity may not do what was asked, or whether
// there is no valid identity at all.
func IsDenied(err error) bool {
	if e, ok := serviceError(err); ok {
		return e.Status == http.StatusForbidden || e.Status == http.StatusUnauthorized
	}
	return isSignIn(err)
}

func isSignIn(err error) bool {
	var failed *SignInError
	return errors.As(err, &failed)
}

// isConflict reports whether the cluster is not as it was when it was read:
// another operation runs on it (409), or its eTag changed (412).
func isConflict(err error) bool {
	e, ok := serviceError(err)
	if !ok {
		return false
	}
	conflict := e.Status == http.StatusConflict && (e.Code == "OperationNotAllowed" || e.Code == "EtagMismatch")
	return conflict || e.Status == http.StatusPreconditionFailed
}

// isUncertain reports whether a write that failed with err may have taken
// effect all the same.
func isUncertain(err error) bool {
	if err == nil || isSignIn(err) {
		return false
	}
	e, ok := serviceError(err)
	return !ok || e.Status >= 500
}

// explain wraps an error with what was attempted and, where there is one, the
// way out.
func explain(attempt string, err error) error {
	if err == nil {
		return nil
	}
	return &fail.Error{Attempt: attempt, Cause: err, Remedy: remedy(err)}
}

// remedy knows the way out of what users meet most.
func remedy(err error) string {
	e, ok := serviceError(err)
	switch {
	case !ok && isSignIn(err):
		return signInRemedy
	case !ok:
		return ""
	case e.Status == http.StatusUnauthorized:
		return "the sign-in is no longer accepted: sign in again, for instance with `az login`, then run the same command"
	case e.Code == "AuthorizationFailed" || e.Status == http.StatusForbidden:
		return "ask for a role with that action, for instance Azure Kubernetes Service Contributor Role on the cluster"
	case e.Code == "SubscriptionNotFound":
		return "sign in to the tenant that the subscription belongs to: `az login --tenant TENANT`"
	case e.Code == "ResourceNotFound" || e.Code == "ResourceGroupNotFound":
		return "check the name, and whether the cluster still exists: `az aks list --output table`"
	case e.Code == "MissingSubscriptionRegistration":
		return "register the resource provider: `az provider register --namespace Microsoft.ContainerService`"
	case e.Code == "UnmarshalError":
		return "the api-version does not know a field of the request; choose another one with --api-version, or leave that flag out"
	case e.Code == "BadRequest" && strings.Contains(e.Message, "is not enabled"):
		return "register the preview feature: `kubectl istio-cni feature register`"
	case e.Status == http.StatusTooManyRequests:
		return "Azure limits the number of requests; wait a few minutes and run the same command again"
	case e.Status >= 500:
		return "this is a fault in Azure; run the same command again in a while"
	}
	return ""
}
