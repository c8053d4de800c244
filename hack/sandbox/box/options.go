package box

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/aks"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/arm"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/parts"
)

// Options say what a sandbox looks like. Their zero value is a cluster with
// three Linux nodes and a mesh of one revision that redirects by init
// containers.
type Options struct {
	// Name of the cluster; empty means contoso-aks.
	Name string
	// Dir keeps the sandbox's files; empty means a temporary folder that Close
	// removes. It must be empty.
	Dir string
	// Log receives a line for each step that is done; nil means nobody listens.
	Log io.Writer
	// Parts builds the programs; its zero value finds the sources by itself.
	Parts parts.Builder

	// Revisions of the mesh; none means asm-1-27.
	Revisions []string
	// Tags are revision tags and the revisions that they stand for.
	Tags map[string]string
	// WithoutMesh leaves out the add-on.
	WithoutMesh bool
	// Mechanism of redirection; empty means that Azure does not have the field
	// set, which is InitContainers.
	Mechanism string
	// ClassicSidecars has istio-proxy run beside a pod's other containers, as it
	// does before asm-1-27, rather than as an init container that goes on.
	ClassicSidecars bool
	// Nodes of the system pool; 0 means 3.
	Nodes int
	// Pools besides the system pool, such as aks.Ubuntu2004Pool().
	Pools []aks.Pool

	// Scenarios in force, by the names in package arm. Those that change what a
	// cluster is made of change the real one as well.
	Scenarios []string
	// Faults that apply from the start, as specified in package arm.
	Faults []string
	Timing Timing
}

// Timing says what takes how long. Zero values suit tests.
type Timing struct {
	arm.Timing
	// Agent is the time between two node agents' getting ready; 0 means 150 ms.
	Agent time.Duration
}

// The made-up Azure that the cluster is in.
const (
	Subscription  = "5d8f3c1a-2b47-4e96-8a0d-7c61e4b9f203"
	Tenant        = "c27b04e8-91d5-4f3a-b6c2-08a5de7f1394"
	ResourceGroup = "contoso-rg"
	Region        = "westeurope"
	defaultName   = "contoso-aks"
	defaultNodes  = 3
	defaultAgent  = 150 * time.Millisecond
)

// complete fills in what was left out and lets the scenarios change the cluster.
func (o Options) complete() (Options, error) {
	o.Name = cmp.Or(o.Name, defaultName)
	o.Nodes = cmp.Or(o.Nodes, defaultNodes)
	o.Timing.Agent = cmp.Or(o.Timing.Agent, defaultAgent)
	if o.Log == nil {
		o.Log = io.Discard
	}
	if len(o.Revisions) == 0 {
		o.Revisions = []string{"asm-1-27"}
	}
	o.Revisions, o.Pools = slices.Clone(o.Revisions), slices.Clone(o.Pools)
	for _, scenario := range o.Scenarios {
		o.play(scenario)
	}
	if o.WithoutMesh {
		o.Revisions, o.Mechanism = nil, ""
	}
	if o.Parts.Log == nil {
		o.Parts.Log = o.Log
	}
	return o, o.azure("http://127.0.0.1").Validate()
}

// play has a scenario change the real cluster.
func (o *Options) play(scenario string) {
	switch scenario {
	case arm.ScenarioRevision24:
		o.Revisions = []string{"asm-1-24"}
	case arm.ScenarioTwoRevisions:
		if len(o.Revisions) == 1 {
			o.Revisions = append(o.Revisions, next(o.Revisions[0]))
		}
	case arm.ScenarioUbuntu2004:
		o.Pools = append(o.Pools, aks.Ubuntu2004Pool())
	case arm.ScenarioWindows:
		o.Pools = append(o.Pools, aks.WindowsPool())
	case arm.ScenarioMeshDisabled:
		o.WithoutMesh = true
	}
}

// ChangesCluster reports whether a scenario changes the real cluster, and so
// must be in force from the start.
func ChangesCluster(scenario string) bool {
	return slices.Contains([]string{
		arm.ScenarioRevision24, arm.ScenarioTwoRevisions, arm.ScenarioUbuntu2004, arm.ScenarioWindows, arm.ScenarioMeshDisabled,
	}, scenario)
}

// next is the revision after one such as asm-1-27.
func next(revision string) string {
	var minor int
	if _, err := fmt.Sscanf(revision, "asm-1-%d", &minor); err != nil {
		return revision
	}
	return fmt.Sprintf("asm-1-%d", minor+1)
}

// pools are all of the cluster's.
func (o Options) pools() []aks.Pool { return append([]aks.Pool{aks.SystemPool(o.Nodes)}, o.Pools...) }

// nodeResourceGroup as AKS names it.
func (o Options) nodeResourceGroup() string {
	return "MC_" + ResourceGroup + "_" + o.Name + "_" + Region
}

// fqdn is the public host name of the API server.
func (o Options) fqdn() string { return o.Name + "-dns-1a2b3c4d.hcp." + Region + ".azmk8s.io" }
