package observe

import (
	"context"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/azure"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// AzureSource is the way to Azure, and what was said about the cluster there.
type AzureSource struct {
	// Connect signs in, for a subscription if that is known, and names the cloud.
	Connect func(ctx context.Context, subscription string) (*azure.Client, azure.Cloud, error)
	// Named is the cluster if a person named it outright, else nil.
	Named *snapshot.Identity
	// APIVersion overrides the choice of the api-version.
	APIVersion string
}

// AzureCluster is the cluster's resource as it was read, with the means to read
// it again and to change it.
type AzureCluster struct {
	Client   *azure.Client
	Identity snapshot.Identity
	Version  azure.APIVersion
	Document *azure.Document
}

// Refresh reads the resource again.
func (a *AzureCluster) Refresh(ctx context.Context) (snapshot.Cluster, error) {
	document, err := a.Client.Cluster(ctx, a.Identity, a.Version)
	if err != nil {
		return snapshot.Cluster{}, err
	}
	a.Document = document
	return document.Cluster(a.Version), nil
}

func (o *Observer) readAzure(ctx context.Context, result *Observation) {
	ctx, cancel := context.WithTimeout(ctx, azureTimeout)
	defer cancel()
	trace := o.trace(result.Snapshot)
	client, cloud, identity, err := o.identify(ctx, trace)
	if err != nil {
		result.AzureErr = err
		result.Identity = azure.Part(snapshot.Identity{}, err, azure.ActionReadGroup)
		result.Cluster = azure.Part(snapshot.Cluster{}, err, azure.ActionReadCluster)
		return
	}
	identity.Cloud = cloud.Name
	cluster := &AzureCluster{Client: client, Identity: identity}
	view, err := o.readCluster(ctx, cluster)
	if err == nil {
		cluster.Identity.Proof, err = trace.Prove(identity, view)
	}
	result.Identity = snapshot.Found(cluster.Identity)
	result.Cluster = azure.Part(view, err, azure.ActionReadCluster)
	if err != nil {
		result.AzureErr = err
		return
	}
	result.Azure = cluster
	if cluster.Version.Preview() {
		state, err := client.Feature(ctx, identity.SubscriptionID)
		result.Feature = azure.Part(state, err, azure.ActionReadFeature)
	}
}

func (o *Observer) trace(s *snapshot.Snapshot) azure.Trace {
	trace := azure.Trace{ServerNames: o.Kube.Context().ServerNames}
	for _, node := range s.Nodes.Value {
		trace.ProviderIDs = append(trace.ProviderIDs, node.ProviderID)
	}
	return trace
}

// identify signs in and finds the cluster.
func (o *Observer) identify(ctx context.Context, trace azure.Trace) (*azure.Client, azure.Cloud, snapshot.Identity, error) {
	subscription := ""
	if group, ok := trace.NodeGroup(); ok {
		subscription = group.SubscriptionID
	}
	if o.Azure.Named != nil {
		subscription = o.Azure.Named.SubscriptionID
	}
	client, cloud, err := o.Azure.Connect(ctx, subscription)
	if err != nil {
		return nil, cloud, snapshot.Identity{}, err
	}
	if o.Azure.Named != nil {
		identity := *o.Azure.Named
		identity.Named = true
		return client, cloud, identity, nil
	}
	identity, err := client.Identify(ctx, trace)
	return client, cloud, identity, err
}

// readCluster chooses the api-version and reads the cluster with it.
func (o *Observer) readCluster(ctx context.Context, cluster *AzureCluster) (snapshot.Cluster, error) {
	var err error
	cluster.Version, err = o.apiVersion(ctx, cluster)
	if err != nil {
		return snapshot.Cluster{}, err
	}
	return cluster.Refresh(ctx)
}

func (o *Observer) apiVersion(ctx context.Context, cluster *AzureCluster) (azure.APIVersion, error) {
	if o.Azure.APIVersion != "" {
		return azure.ParseAPIVersion(o.Azure.APIVersion), nil
	}
	offered, err := cluster.Client.OfferedAPIVersions(ctx, cluster.Identity.SubscriptionID)
	if err != nil {
		return azure.APIVersion{}, err
	}
	version, err := azure.ChooseAPIVersion(offered)
	return version, fail.To("choose an api-version for cluster "+cluster.Identity.Name, err)
}

// ObserveAzure reads only what leads to the cluster's Azure resource, and the
// resource.
func (o *Observer) ObserveAzure(ctx context.Context) *Observation {
	result := &Observation{Snapshot: o.empty()}
	if o.Azure.Named == nil {
		result.Nodes = bounded(ctx, o.Kube.Nodes)
	}
	o.readAzure(ctx, result)
	return result
}
