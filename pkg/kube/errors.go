package kube

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Part turns the outcome of a read into a part of a snapshot.
func Part[T any](value T, err error, needs Permission) snapshot.Part[T] {
	switch {
	case err == nil:
		return snapshot.Found(value)
	case apierrors.IsNotFound(err):
		return snapshot.Missing[T]()
	case apierrors.IsForbidden(err):
		return snapshot.Part[T]{State: snapshot.Denied, Reason: "the API server denies it", Needs: "the permission to " + needs.String()}
	case apierrors.IsUnauthorized(err):
		return snapshot.Part[T]{State: snapshot.Denied, Reason: "the API server does not accept the credentials", Needs: "valid credentials for the cluster"}
	case isTimeout(err):
		return snapshot.Part[T]{State: snapshot.TimedOut, Reason: "the API server did not answer in time"}
	}
	if failed := (*url.Error)(nil); errors.As(err, &failed) || isUnreachable(err) {
		return snapshot.Part[T]{State: snapshot.Unreachable, Reason: shortReason(err)}
	}
	return snapshot.Part[T]{State: snapshot.Failed, Reason: err.Error()}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

// shortReason leaves out the URL that a failed request names: its query is long
// and says nothing to a person.
func shortReason(err error) string {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err.Error()
	}
	return err.Error()
}

// Explain wraps an error of the API server with what was attempted and, where
// there is one, the way out.
func Explain(attempt string, err error, needs Permission) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err):
		return &fail.Error{Attempt: attempt, Cause: err, Remedy: "ask for the permission to " + needs.String()}
	case apierrors.IsUnauthorized(err):
		return &fail.Error{Attempt: attempt, Cause: errors.New("the API server does not accept the credentials"), Remedy: "sign in to the cluster again, for instance with `az aks get-credentials`"}
	case isUnreachable(err):
		return &fail.Error{Attempt: attempt, Cause: fmt.Errorf("the API server cannot be reached: %s", shortReason(err)), Remedy: "check the kube context (`kubectl config current-context`) and the network"}
	}
	return fail.To(attempt, err)
}

func isUnreachable(err error) bool {
	var dns *net.DNSError
	return utilnet.IsConnectionRefused(err) || errors.As(err, &dns) || utilnet.IsConnectionReset(err)
}
