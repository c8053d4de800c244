package azure

import (
	"context"
	"errors"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Actions of Azure roles that the program's reads and writes need.
const (
	ActionReadCluster  = "Microsoft.ContainerService/managedClusters/read"
	ActionWriteCluster = "Microsoft.ContainerService/managedClusters/write"
	ActionReadGroup    = "Microsoft.Resources/subscriptions/resourceGroups/read"
	ActionReadFeature  = "Microsoft.Features/providers/features/read"
)

// Part turns the outcome of a read into a part of a snapshot. action is the
// role action that the read needs.
func Part[T any](value T, err error, action string) snapshot.Part[T] {
	switch {
	case err == nil:
		return snapshot.Found(value)
	case isSignIn(err):
		return snapshot.Part[T]{State: snapshot.Denied, Reason: rootMessage(err), Needs: "an Azure sign-in, for instance `az login`"}
	case IsDenied(err):
		return snapshot.Part[T]{State: snapshot.Denied, Reason: rootMessage(err), Needs: "the Azure role action " + action}
	case errors.Is(err, context.DeadlineExceeded):
		return snapshot.Part[T]{State: snapshot.TimedOut, Reason: "Azure did not answer in time"}
	}
	part := snapshot.Part[T]{State: snapshot.Failed, Reason: rootMessage(err)}
	if remedy := fail.Remedy(err); remedy != "" {
		part.Reason += "; " + remedy
	}
	return part
}

// rootMessage is what Azure or the sign-in said, without what was attempted.
func rootMessage(err error) string {
	var failed *SignInError
	if errors.As(err, &failed) {
		return failed.Error()
	}
	if e, ok := serviceError(err); ok {
		return e.Error()
	}
	return err.Error()
}
