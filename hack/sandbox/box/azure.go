package box

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/arm"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/parts"
)

// azure is what the simulated Azure holds.
func (o Options) azure(url string) arm.Config {
	cluster := arm.Cluster{
		ResourceGroup: ResourceGroup, Name: o.Name, Location: Region,
		NodeResourceGroup: o.nodeResourceGroup(),
		FQDN:              o.fqdn(),
		KubernetesVersion: parts.KubernetesVersion(),
		Revisions:         o.Revisions,
		Mechanism:         o.Mechanism,
	}
	for _, p := range o.pools() {
		cluster.Pools = append(cluster.Pools, arm.Pool{
			Name: p.Name, OSType: p.OS, OSSKU: p.OSSKU, NodeImageVersion: p.NodeImageVersion, Mode: p.Mode, Count: p.Count,
		})
	}
	return arm.Config{
		Subscription: Subscription, Tenant: Tenant,
		Cluster: cluster, Clusters: []arm.Cluster{neighbour()},
		Timing: o.Timing.Timing, Scenarios: o.Scenarios, Faults: o.Faults,
		BaseURL: url,
	}
}

// neighbour is another cluster of the same company, so that the right one has
// to be found.
func neighbour() arm.Cluster {
	return arm.Cluster{
		ResourceGroup: "fabrikam-rg", Name: "fabrikam-aks", Location: Region,
		NodeResourceGroup: "MC_fabrikam-rg_fabrikam-aks_" + Region,
		FQDN:              "fabrikam-aks-dns-9f8e7d6c.hcp." + Region + ".azmk8s.io",
		KubernetesVersion: parts.KubernetesVersion(),
		Revisions:         []string{"asm-1-28"},
		Pools: []arm.Pool{{
			Name: "nodepool1", OSType: "Linux", OSSKU: "AzureLinux",
			NodeImageVersion: "AKSAzureLinux-V3gen2-202604.13.0", Mode: "System", Count: 3,
		}},
	}
}

// startAzure serves the simulated Azure on the loopback interface.
func (b *Box) startAzure(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("open a port for the simulated Azure: %w", err)
	}
	b.AzureURL = "http://" + listener.Addr().String()
	cfg := b.options.azure(b.AzureURL)
	cfg.IdentityHeader = b.identityHeader
	cfg.Cluster.Kubeconfig = b.readKubeconfig
	cfg.Cluster.Reconcile = b.reconcile
	b.ARM = arm.New(cfg)
	b.http = &http.Server{Handler: b.ARM, ReadHeaderTimeout: 10 * time.Second}
	b.served = make(chan error, 1)
	go func() { b.served <- b.http.Serve(listener) }()
	return b.writeEnvironment()
}

// reconcile is called by the simulated Azure, whose cluster is not there before
// the box has started.
func (b *Box) reconcile(ctx context.Context, mechanism string) error {
	return b.Cluster.Reconcile(ctx, cmp.Or(mechanism, arm.InitContainers))
}

func (b *Box) readKubeconfig() []byte {
	// Without the file there is nothing to hand out.
	content, _ := os.ReadFile(b.Kubeconfig)
	return content
}

// writeEnvironment writes the definition of the simulated cloud in the form that
// Azure's tools read from the file that AZURE_ENVIRONMENT_FILEPATH names.
func (b *Box) writeEnvironment() error {
	content, err := json.MarshalIndent(map[string]string{
		"name":                      "Sandbox",
		"resourceManagerEndpoint":   b.AzureURL + "/",
		"serviceManagementEndpoint": b.AzureURL + "/",
		"activeDirectoryEndpoint":   b.AzureURL + "/",
		"tokenAudience":             b.AzureURL + "/",
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the cloud definition: %w", err)
	}
	b.environmentFile = filepath.Join(b.Dir, "azure.json")
	if err := os.WriteFile(b.environmentFile, append(content, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the cloud definition: %w", err)
	}
	return nil
}

func (b *Box) stopAzure() error {
	if b.http == nil {
		return nil
	}
	b.ARM.Close()
	err := b.http.Close()
	if served := <-b.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
