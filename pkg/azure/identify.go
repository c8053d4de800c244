package azure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Trace is what a kube context shows of the Azure resource behind it.
type Trace struct {
	// ProviderIDs of the cluster's nodes.
	ProviderIDs []string
	// ServerNames are the names of the API server that the context vouches for:
	// the host of its URL and the name that its certificate is checked against.
	ServerNames []string
}

// NodeGroup is the resource group of a cluster's machines.
type NodeGroup struct{ SubscriptionID, Name string }

// NodeGroup finds the resource group of the cluster's machines from the first
// node that tells. ok is false if none does: no node was readable, or they are
// not machines in Azure.
func (t Trace) NodeGroup() (group NodeGroup, ok bool) {
	for _, id := range t.ProviderIDs {
		path, ok := strings.CutPrefix(id, "azure://")
		if !ok {
			continue
		}
		if parsed, err := arm.ParseResourceID(path); err == nil && parsed.ResourceGroupName != "" {
			return NodeGroup{parsed.SubscriptionID, parsed.ResourceGroupName}, true
		}
	}
	return NodeGroup{}, false
}

// nameIt is the way out wherever the cluster cannot be found.
const nameIt = "name the cluster with --cluster-id, or with --subscription, --resource-group and --cluster"

// Identify finds the managed cluster that a trace leads to: by the group of its
// machines, which names the cluster that manages it, or else by the name of its
// API server.
func (c *Client) Identify(ctx context.Context, trace Trace) (snapshot.Identity, error) {
	group, ok := trace.NodeGroup()
	if !ok {
		return c.identifyByServer(ctx, trace.ServerNames)
	}
	attempt := fmt.Sprintf("find the cluster that manages resource group %s (subscription %s)", group.Name, group.SubscriptionID)
	var answer struct {
		ManagedBy string `json:"managedBy"`
	}
	path := "/subscriptions/" + group.SubscriptionID + "/resourceGroups/" + group.Name
	if err := c.get(ctx, path, resourcesAPIVersion, &answer); err != nil {
		return snapshot.Identity{}, explain(attempt, err)
	}
	if answer.ManagedBy == "" {
		return snapshot.Identity{}, &fail.Error{Attempt: attempt, Cause: errors.New("the group is not managed by any resource"), Remedy: nameIt}
	}
	identity, err := ParseClusterID(answer.ManagedBy)
	if err != nil {
		return snapshot.Identity{}, &fail.Error{Attempt: attempt, Cause: err, Remedy: nameIt}
	}
	return identity, nil
}

// Prove says by what it is known that the cluster is the one the trace comes
// from. An empty proof means that nothing speaks for it; an error, that the
// trace leads to another cluster.
func (t Trace) Prove(identity snapshot.Identity, cluster snapshot.Cluster) (string, error) {
	if group, ok := t.NodeGroup(); ok {
		if !strings.EqualFold(group.SubscriptionID, identity.SubscriptionID) || !strings.EqualFold(group.Name, cluster.NodeResourceGroup) {
			return "", &fail.Error{
				Attempt: "use cluster " + identity.Name,
				Cause: fmt.Errorf("the nodes of the kube context are in resource group %s (subscription %s), but those of the cluster are in %s (subscription %s)",
					group.Name, group.SubscriptionID, cluster.NodeResourceGroup, identity.SubscriptionID),
				Remedy: "switch to the cluster's kube context with --context, or name the context's own cluster",
			}
		}
		return "its nodes are in " + cluster.NodeResourceGroup, nil
	}
	names := slices.DeleteFunc([]string{cluster.FQDN, cluster.PrivateFQDN, cluster.PortalFQDN}, func(name string) bool { return name == "" })
	for _, name := range names {
		if slices.ContainsFunc(t.ServerNames, func(server string) bool { return strings.EqualFold(server, name) }) {
			return "its API server is " + name, nil
		}
	}
	for _, server := range t.ServerNames {
		if cloudOfHost(server) != "" && len(names) > 0 {
			return "", &fail.Error{
				Attempt: "use cluster " + identity.Name,
				Cause:   fmt.Errorf("the API server of the kube context is %s, but that of the cluster is %s", server, strings.Join(names, " or ")),
				Remedy:  "switch to the cluster's kube context with --context, or name the context's own cluster",
			}
		}
	}
	return "", nil
}
