package status

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Next is the one thing to do next.
type Next struct {
	Why string `json:"why"`
	// Command to run; empty if there is nothing to do.
	Command string `json:"command,omitempty"`
}

// next looks for the first obstacle on the way to a mesh without privileged
// pods, in the order in which they have to be cleared.
func next(s *snapshot.Snapshot, status *Status) Next {
	for _, look := range []func(*snapshot.Snapshot, *Status) (Next, bool){
		nextForCluster, nextForMechanism, nextForAgent, nextForNamespaces, nextForWorkloads,
	} {
		if step, found := look(s, status); found {
			return step
		}
	}
	undecided := status.Workloads.StaleUnknown + status.Workloads.ByState[mesh.Undecided]
	switch {
	case len(status.Unknown) > 0:
		return Next{Why: "nothing to do as far as could be read; some things could not"}
	case undecided > 0:
		return Next{"nothing to do as far as could be decided; " + workloads(undecided) + " could not be judged", "kubectl istio-cni pods -A -o wide"}
	}
	return Next{Why: "nothing to do: no workload of the mesh is privileged or stale"}
}

func nextForCluster(s *snapshot.Snapshot, _ *Status) (Next, bool) {
	if s.Cluster.State != snapshot.Read {
		return Next{}, false
	}
	c, place := s.Cluster.Value, fmt.Sprintf("--resource-group %s --name %s", s.Identity.Value.ResourceGroup, s.Identity.Value.Name)
	switch {
	case strings.EqualFold(c.PowerState, "Stopped"):
		return Next{"the cluster is stopped", "az aks start " + place}, true
	case c.MeshMode != "Istio":
		return Next{"the Istio add-on is not enabled", "az aks mesh enable " + place}, true
	case c.InTransition():
		return Next{"an operation is running on the cluster (" + c.ProvisioningState + ")", "kubectl istio-cni status --watch"}, true
	}
	for _, name := range c.Revisions {
		if revision, err := mesh.ParseRevision(name); err == nil && !revision.SupportsCNI() {
			return Next{"revision " + name + " does not support CNIChaining", "kubectl istio-cni revisions"}, true
		}
	}
	return Next{}, false
}

func nextForMechanism(s *snapshot.Snapshot, _ *Status) (Next, bool) {
	if azure := s.Cluster.Value.Mechanism; azure != mesh.Unknown {
		if behind := injectorBehind(s, azure); behind != "" {
			return Next{"the injector of " + behind + " does not follow Azure's " + azure.String(), followCommand(s.Cluster.Value)}, true
		}
	}
	switch mechanism := Mechanism(s); mechanism {
	case mesh.InitContainers:
		return Next{"pods get a privileged init container", "kubectl istio-cni enable"}, true
	case mesh.CNIChaining:
		return Next{}, false
	case mesh.Unknown:
		if s.InjectorMechanisms.Known() && s.Cluster.Known() {
			return Next{}, false
		}
		return Next{Why: "the redirection mechanism is unknown: it takes an Azure sign-in, or the permission to list configmaps in namespace " + mesh.SystemNamespace}, true
	default:
		return Next{Why: "the redirection mechanism " + mechanism.String() + " is not known to this version of the plugin"}, true
	}
}

// injectorBehind names the first injector that gives new pods something else
// than Azure says.
func injectorBehind(s *snapshot.Snapshot, azure mesh.Mechanism) string {
	for _, revision := range slices.Sorted(maps.Keys(s.InjectorMechanisms.Value)) {
		if s.InjectorMechanisms.Value[revision] != azure {
			return revision
		}
	}
	return ""
}

// followCommand makes the cluster follow what Azure has noted as wanted.
func followCommand(c snapshot.Cluster) string {
	command := "kubectl istio-cni enable"
	if c.Mechanism == mesh.InitContainers {
		command = "kubectl istio-cni disable"
	}
	if c.ProvisioningState == "Succeeded" || c.ProvisioningState == "" {
		command += " --reconcile"
	}
	return command
}

func workloads(n int) string {
	if n == 1 {
		return "1 workload"
	}
	return fmt.Sprintf("%d workloads", n)
}

func nextForAgent(s *snapshot.Snapshot, status *Status) (Next, bool) {
	agent := status.Agent
	switch {
	case agent.State == snapshot.Absent:
		return Next{"the mechanism is CNIChaining, but there is no node agent", followCommand(s.Cluster.Value)}, true
	case agent.State == snapshot.Read && agent.Ready < agent.Wanted:
		return Next{fmt.Sprintf("the node agent is ready on %d of %d nodes; pods on the others do not start", agent.Ready, agent.Wanted),
			"kubectl istio-cni check"}, true
	}
	return Next{}, false
}

func nextForNamespaces(s *snapshot.Snapshot, status *Status) (Next, bool) {
	for _, ns := range status.Namespaces {
		if ns.Problem == "" {
			continue
		}
		command := "kubectl istio-cni label " + ns.Name
		if ns.Legacy {
			command += " --remove-legacy-label"
		}
		return Next{fmt.Sprintf("new pods of namespace %s get no sidecar: %s", ns.Name, ns.Problem), command}, true
	}
	if len(status.Namespaces) == 0 && s.Namespaces.Whole() {
		return Next{"no namespace is in the mesh", "kubectl istio-cni label NAMESPACE"}, true
	}
	return Next{}, false
}

func nextForWorkloads(s *snapshot.Snapshot, status *Status) (Next, bool) {
	scope := "-A"
	if s.Context.Namespace != "" {
		scope = "-n " + s.Context.Namespace
	}
	switch count := status.Workloads; {
	case count.Stale > 0:
		return Next{workloads(count.Stale) + " without today's redirection", "kubectl istio-cni restart " + scope}, true
	case count.ByState[mesh.Privileged]+count.ByState[mesh.Bypassing]+count.ByState[mesh.NotInjected] > 0:
		return Next{"some workloads are not secured, and a restart would not change that", "kubectl istio-cni pods -o wide " + scope}, true
	}
	return Next{}, false
}
