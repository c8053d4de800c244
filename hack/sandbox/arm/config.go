// Package arm simulates the part of Azure Resource Manager that a switch of the
// mesh's redirection mechanism touches, down to its behaviour on the wire. It
// is the sandbox's Azure: one HTTP handler, to be served on loopback only.
//
// What it does is taken from Azure's documentation and recordings, not from the
// client that is tested against it; the typed Azure SDK reads and writes
// against it in this package's tests.
package arm

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Mechanism values of serviceMeshProfile.istio.components.proxyRedirectionMechanism.
const (
	InitContainers = "InitContainers"
	CNIChaining    = "CNIChaining"
)

// Config says what the simulated Azure holds when it starts. New panics if it
// does not pass Validate.
type Config struct {
	// Subscription and Tenant are GUIDs.
	Subscription, Tenant string
	Cluster              Cluster
	// Clusters are further clusters, known to the Resource Graph and readable,
	// that nothing runs for.
	Clusters []Cluster
	// Timing of what takes Azure a while; zero values mean short times that suit
	// tests (a few hundred milliseconds).
	Timing Timing
	// Scenarios name situations that last: see [Scenarios].
	Scenarios []string
	// Faults are one-line fault specifications that apply from the start: see
	// [CheckFault].
	Faults []string
	// IdentityHeader is the secret that the managed-identity endpoint expects in
	// X-IDENTITY-HEADER; empty means that any will do.
	IdentityHeader string
	// BaseURL is the URL this server is reached at, without a final slash; empty
	// means whatever host a request names. It is an audience for tokens, beside
	// those of the public cloud, and begins the URLs that the server hands out.
	// Managed identities are at BaseURL/msi/token.
	BaseURL string
}

// Cluster is one managed cluster.
type Cluster struct {
	// Subscription is a GUID; empty means Config.Subscription.
	Subscription                  string
	ResourceGroup, Name, Location string
	// NodeResourceGroup is the group of the cluster's machines, whose managedBy
	// names the cluster.
	NodeResourceGroup string
	// FQDN is the API server's public host name.
	FQDN string
	// KubernetesVersion such as 1.35.4.
	KubernetesVersion string
	// Revisions of the mesh; none means that serviceMeshProfile is absent.
	Revisions []string
	// Mechanism is the redirection mechanism; empty means that the field is absent.
	Mechanism string
	Pools     []Pool
	// Kubeconfig is what listClusterUserCredential answers, in the clear.
	Kubeconfig func() []byte
	// Reconcile makes the real cluster follow an accepted change of the
	// redirection mechanism. It is called once per operation, in the operation's
	// own time, and only if the cluster does not follow the mechanism yet: an
	// operation that changes something else does not call it, one that comes after
	// a failed or aborted one does. An error makes the operation end Failed. Its
	// context ends when the operation is aborted, and with Reset and Close, which
	// wait for it to return.
	Reconcile func(ctx context.Context, mechanism string) error
}

// Pool is an agent pool.
type Pool struct {
	Name, OSType, OSSKU, NodeImageVersion string
	// Mode is System or User.
	Mode  string
	Count int
}

// Timing says how long Azure takes for what.
type Timing struct {
	// Operation is the time from a PUT to the operation's end, not counting Reconcile.
	Operation time.Duration
	// Feature is the time a feature's registration spends in Registering.
	Feature time.Duration
	// Provider is the time that the provider's registration takes.
	Provider time.Duration
	// TokenLifetime of a managed-identity token.
	TokenLifetime time.Duration
}

// Validate reports what is wrong with a configuration.
func (c Config) Validate() error {
	if !isGUID(c.Subscription) {
		return fmt.Errorf("the subscription %q is no GUID", c.Subscription)
	}
	if !isGUID(c.Tenant) {
		return fmt.Errorf("the tenant %q is no GUID", c.Tenant)
	}
	for _, cluster := range append([]Cluster{c.Cluster}, c.Clusters...) {
		if err := cluster.validate(); err != nil {
			return err
		}
	}
	if _, err := parseFaults(c.Faults); err != nil {
		return err
	}
	return checkScenarios(c.Scenarios)
}

func (c Cluster) validate() error {
	for name, content := range map[string]string{
		"name": c.Name, "resource group": c.ResourceGroup, "location": c.Location, "node resource group": c.NodeResourceGroup,
	} {
		if content == "" {
			return fmt.Errorf("cluster %q has no %s", c.Name, name)
		}
	}
	if c.Subscription != "" && !isGUID(c.Subscription) {
		return fmt.Errorf("cluster %q: the subscription %q is no GUID", c.Name, c.Subscription)
	}
	if !slices.Contains([]string{"", InitContainers, CNIChaining}, c.Mechanism) {
		return fmt.Errorf("cluster %q: the mechanism %q is not known", c.Name, c.Mechanism)
	}
	return nil
}

// withDefaults fills in what may be left out.
func (c Config) withDefaults() Config {
	c.Clusters = slices.Clone(c.Clusters)
	for _, cluster := range append([]*Cluster{&c.Cluster}, pointers(c.Clusters)...) {
		cluster.Subscription = cmp.Or(cluster.Subscription, c.Subscription)
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	c.Timing.Operation = cmp.Or(c.Timing.Operation, 400*time.Millisecond)
	c.Timing.Feature = cmp.Or(c.Timing.Feature, 300*time.Millisecond)
	c.Timing.Provider = cmp.Or(c.Timing.Provider, 300*time.Millisecond)
	c.Timing.TokenLifetime = cmp.Or(c.Timing.TokenLifetime, time.Hour)
	return c
}

func pointers(clusters []Cluster) []*Cluster {
	var all []*Cluster
	for i := range clusters {
		all = append(all, &clusters[i])
	}
	return all
}
