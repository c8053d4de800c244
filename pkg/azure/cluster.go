package azure

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

const clusterType = "Microsoft.ContainerService/managedClusters"

// ParseClusterID reads the ARM id of a managed cluster. Azure does not keep to
// one spelling of ids; case does not matter.
func ParseClusterID(id string) (snapshot.Identity, error) {
	parsed, err := arm.ParseResourceID(id)
	if err != nil {
		return snapshot.Identity{}, fmt.Errorf("%q is not an Azure resource id: %w", id, err)
	}
	if parsed.SubscriptionID == "" || parsed.ResourceGroupName == "" || strings.ContainsAny(id, "?#%") {
		return snapshot.Identity{}, fmt.Errorf("%q is not the id of an AKS cluster, which looks like /subscriptions/ID/resourceGroups/NAME/providers/%s/NAME", id, clusterType)
	}
	if !strings.EqualFold(parsed.ResourceType.String(), clusterType) {
		return snapshot.Identity{}, fmt.Errorf("%q is a %s, not an AKS cluster", id, parsed.ResourceType)
	}
	return ClusterID(parsed.SubscriptionID, parsed.ResourceGroupName, parsed.Name), nil
}

// ClusterID builds the identity of a cluster from its parts.
func ClusterID(subscription, resourceGroup, name string) snapshot.Identity {
	return snapshot.Identity{
		ID: fmt.Sprintf("/subscriptions/%s/resourceGroups/%s/providers/%s/%s",
			subscription, resourceGroup, clusterType, name),
		SubscriptionID: subscription, ResourceGroup: resourceGroup, Name: name,
	}
}

// Cluster reads a managed cluster.
func (c *Client) Cluster(ctx context.Context, id snapshot.Identity, version APIVersion) (*Document, error) {
	attempt := describe("read", id)
	resp, err := c.do(ctx, request{method: http.MethodGet, path: id.ID, apiVersion: version.Name})
	if err != nil {
		return nil, explain(attempt, err)
	}
	document, err := ParseDocument(resp.body)
	return document, fail.To(attempt, err)
}

// ConflictError is a write that Azure refused because the cluster is not as it was
// when it was read. Nothing was written: read again and decide again.
type ConflictError struct{ Cause error }

// Error tells what Azure said.
func (e *ConflictError) Error() string { return e.Cause.Error() }

// Unwrap gives Azure's error.
func (e *ConflictError) Unwrap() error { return e.Cause }

// UncertainError is a write of which nobody knows whether Azure accepted it. Read
// again to find out.
type UncertainError struct{ Cause error }

// Error tells what went wrong.
func (e *UncertainError) Error() string { return e.Cause.Error() }

// Unwrap gives the fault.
func (e *UncertainError) Unwrap() error { return e.Cause }

// PutCluster sends a change, provided that the cluster is still as document
// shows it. The error is a *ConflictError or an *UncertainError where those apply.
func (c *Client) PutCluster(ctx context.Context, id snapshot.Identity, version APIVersion, document *Document, change *Change) (*Operation, error) {
	resp, err := c.do(ctx, request{
		method: http.MethodPut, path: id.ID, apiVersion: version.Name,
		body: change.Body, ifMatch: document.ETag(), once: true,
	})
	if err != nil {
		err = explain(describe("change", id), err)
	}
	switch {
	case isConflict(err):
		return nil, &ConflictError{err}
	case isUncertain(err):
		return nil, &UncertainError{err}
	case err != nil:
		return nil, err
	}
	return c.operation(resp.header), nil
}

// describe is an attempt on a cluster, in words.
func describe(verb string, id snapshot.Identity) string {
	return fmt.Sprintf("%s cluster %s (resource group %s, subscription %s)", verb, id.Name, id.ResourceGroup, id.SubscriptionID)
}
