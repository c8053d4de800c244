package status

import (
	"fmt"
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
	if len(status.Unknown) > 0 {
		return Next{Why: "nothing to do as far as could be read; some things could not"}
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
	switch Mechanism(s) {
	case mesh.InitContainers:
		return Next{"pods get a privileged init container", "kubectl istio-cni enable"}, true
	case mesh.Unknown:
		if s.InjectorMechanisms.Known() && s.Cluster.Known() {
			return Next{}, false
		}
		return Next{Why: "the redirection mechanism is unknown: it takes an Azure sign-in, or the permission to list configmaps in namespace " + mesh.SystemNamespace}, true
	default:
		return Next{}, false
	}
}

func nextForAgent(s *snapshot.Snapshot, status *Status) (Next, bool) {
	agent := status.Agent
	switch {
	case agent.State == snapshot.Absent && s.Cluster.State == snapshot.Read && s.Cluster.Value.ProvisioningState != "Succeeded":
		return Next{"the switch to CNIChaining did not succeed; it can be tried again", "kubectl istio-cni enable"}, true
	case agent.State == snapshot.Absent:
		return Next{"the mechanism is CNIChaining, but there is no node agent", "kubectl istio-cni enable --reconcile"}, true
	case agent.State == snapshot.Read && agent.Ready < agent.Wanted:
		return Next{fmt.Sprintf("the node agent is ready on %d of %d nodes; pods on the others do not start", agent.Ready, agent.Wanted),
			"kubectl get pods -n " + mesh.SystemNamespace + " -l " + mesh.AgentSelector + " -o wide"}, true
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
		return Next{fmt.Sprintf("namespace %s gets no sidecars: %s", ns.Name, ns.Problem), command}, true
	}
	if len(status.Namespaces) == 0 && s.Namespaces.Known() && s.Namespaces.Needs == "" {
		return Next{"no namespace is in the mesh", "kubectl istio-cni label NAMESPACE"}, true
	}
	return Next{}, false
}

func nextForWorkloads(s *snapshot.Snapshot, status *Status) (Next, bool) {
	scope := "--all-namespaces"
	if s.Context.Namespace != "" {
		scope = "--namespace " + s.Context.Namespace
	}
	switch count := status.Workloads; {
	case count.Stale > 0:
		return Next{fmt.Sprintf("%d workloads do not have today's redirection", count.Stale), "kubectl istio-cni restart " + scope}, true
	case count.ByState[mesh.Privileged]+count.ByState[mesh.Bypassing]+count.ByState[mesh.NotInjected] > 0:
		return Next{"some workloads are not secured, and a restart would not change that", "kubectl istio-cni pods --output wide " + scope}, true
	}
	return Next{}, false
}
