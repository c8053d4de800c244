package check

import (
	"fmt"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// PartName names a part of a snapshot.
type PartName string

// The parts that rules need, named as in a saved snapshot.
const (
	PartCluster      PartName = "cluster"
	PartNodes        PartName = "nodes"
	PartAgent        PartName = "agent"
	PartAgentPods    PartName = "agentPods"
	PartAgentConfig  PartName = "agentConfig"
	PartMechanisms   PartName = "injectorMechanisms"
	PartInjectors    PartName = "injectors"
	PartNamespaces   PartName = "namespaces"
	PartPods         PartName = "pods"
	PartWorkloads    PartName = "workloads"
	PartIstiods      PartName = "istiods"
	PartEndpoints    PartName = "endpoints"
	PartEvents       PartName = "events"
	PartIdentity     PartName = "identity"
	PartKubernetes   PartName = "kubernetesVersion"
	describedCluster          = "the cluster's Azure resource"
)

// partState is how reading a part went.
type partState struct {
	known, whole bool
	unknown      Unknown
}

// Unknown is something that could not be read, and so could not be judged.
type Unknown struct {
	What  string         `json:"what"`
	State snapshot.State `json:"state"`
	// Reason says why it is not known, Needs what would tell, such as "the
	// permission to list nodes".
	Reason string `json:"reason,omitempty"`
	Needs  string `json:"needs,omitempty"`
}

// String is a clause for people.
func (u Unknown) String() string {
	text := u.What + ": " + string(u.State)
	if u.Reason != "" {
		text = u.What + ": " + u.Reason
	}
	if u.Needs != "" {
		text += "; it takes " + u.Needs
	}
	return text
}

func stateOf[T any](what string, part snapshot.Part[T]) partState {
	return partState{part.Known(), part.Whole(), Unknown{what, part.State, part.Reason, part.Needs}}
}

// partIn tells how reading a part of s went.
func partIn(s *snapshot.Snapshot, name PartName) partState {
	switch name {
	case PartIdentity:
		return stateOf("the cluster's place in Azure", s.Identity)
	case PartCluster:
		return stateOf(describedCluster, s.Cluster)
	case PartKubernetes:
		return stateOf("the Kubernetes version", s.KubernetesVersion)
	case PartNodes:
		return stateOf("nodes", s.Nodes)
	case PartAgent:
		return stateOf("the node agent's DaemonSet", s.Agent)
	case PartAgentPods:
		return stateOf("the node agent's pods", s.AgentPods)
	case PartAgentConfig:
		return stateOf("the node agent's settings", s.AgentConfig)
	case PartMechanisms:
		return stateOf("what the injectors give new pods", s.InjectorMechanisms)
	case PartInjectors:
		return stateOf("the injecting webhooks", s.Injectors)
	case PartNamespaces:
		return stateOf("namespaces", s.Namespaces)
	case PartPods:
		return stateOf("pods", s.Pods)
	case PartWorkloads:
		return stateOf("workloads", s.Workloads)
	case PartIstiods:
		return stateOf("the control planes", s.Istiods)
	case PartEndpoints:
		return stateOf("the control planes' endpoints", s.Endpoints)
	case PartEvents:
		return stateOf("events", s.Events)
	}
	return partState{unknown: Unknown{What: string(name), State: snapshot.Failed, Reason: fmt.Sprintf("%q is not a part of a snapshot", name)}}
}

// PartText says in plain words what a part is.
func PartText(name PartName) string { return partIn(&snapshot.Snapshot{}, name).unknown.What }

// UnknownParts are the parts of a snapshot that were asked for and are not known,
// or only partly.
func UnknownParts(s *snapshot.Snapshot) []Unknown {
	var all []Unknown
	for _, name := range []PartName{
		PartIdentity, PartCluster, PartKubernetes, PartNodes, PartAgent, PartAgentPods, PartAgentConfig, PartMechanisms,
		PartInjectors, PartNamespaces, PartPods, PartWorkloads, PartIstiods, PartEndpoints, PartEvents,
	} {
		if state := partIn(s, name); !state.whole && state.unknown.State != snapshot.NotAsked {
			all = append(all, state.unknown)
		}
	}
	return all
}
