// Package status judges a snapshot as a whole: where a cluster stands between
// the two redirection mechanisms, what could not be read, and the one next step.
// It is pure.
package status

import (
	"cmp"
	"maps"
	"slices"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Status is where a cluster stands.
type Status struct {
	Context           snapshot.Context                         `json:"context"`
	Identity          snapshot.Part[snapshot.Identity]         `json:"identity"`
	Cluster           snapshot.Part[snapshot.Cluster]          `json:"cluster"`
	Feature           snapshot.Part[string]                    `json:"feature"`
	KubernetesVersion snapshot.Part[string]                    `json:"kubernetesVersion"`
	Injectors         snapshot.Part[map[string]mesh.Mechanism] `json:"injectors"`
	Agent             Agent                                    `json:"agent"`
	// Namespaces of the mesh; NamespacesRead tells whether all could be read.
	Namespaces     []Namespace `json:"namespaces"`
	NamespacesRead bool        `json:"namespacesRead"`
	// Workloads counts the workloads of the mesh's namespaces, PodsRead telling
	// whether there was anything to count.
	Workloads Count          `json:"workloads"`
	PodsRead  snapshot.State `json:"podsRead"`
	// Outside is the number of other workloads, those of Kubernetes and of the
	// add-on apart.
	Outside int `json:"outside"`
	// Unknown lists what could not be read.
	Unknown []Unknown `json:"unknown"`
	// Next is the one next step.
	Next Next `json:"next"`
}

// Agent is the state of the node agent.
type Agent struct {
	State snapshot.State `json:"state"`
	// Ready on so many of the Linux nodes Wanted. Unless they were counted
	// ByNode, nodes that the DaemonSet does not want to run on are left out.
	Ready  int  `json:"ready"`
	Wanted int  `json:"wanted"`
	ByNode bool `json:"byNode"`
	// Nodes without a ready agent, with the reason if it is known.
	Nodes []AgentNode `json:"nodesWithout,omitempty"`
}

// AgentNode is a node without a ready agent.
type AgentNode struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Namespace is a namespace of the mesh.
type Namespace struct {
	Name string `json:"name"`
	// Label is what it carries for injection, such as istio.io/rev=asm-1-27.
	Label string `json:"label,omitempty"`
	// Problem says why new pods get no sidecar although the label asks for it; may
	// be empty.
	Problem string `json:"problem,omitempty"`
	// Legacy tells whether the namespace has the label istio-injection.
	Legacy    bool  `json:"legacyLabel,omitempty"`
	Workloads Count `json:"workloads"`
}

// Count counts workloads by their worst pod.
type Count struct {
	ByState map[mesh.State]int `json:"byState"`
	// Stale workloads have pods that a restart would change; where that could
	// not be decided they are counted in StaleUnknown.
	Stale        int `json:"stale"`
	StaleUnknown int `json:"staleUnknown"`
}

// Total is the number of workloads counted.
func (c Count) Total() int {
	total := 0
	for _, n := range c.ByState {
		total += n
	}
	return total
}

// Unknown is something that could not be read.
type Unknown struct {
	What   string         `json:"what"`
	State  snapshot.State `json:"state"`
	Reason string         `json:"reason,omitempty"`
	// Needs is what would tell, such as "the permission to list nodes".
	Needs string `json:"needs,omitempty"`
}

// From judges a snapshot.
func From(s *snapshot.Snapshot) (*Status, error) {
	status := &Status{
		Namespaces: []Namespace{}, NamespacesRead: s.Namespaces.Whole(),
		Context: s.Context, Identity: s.Identity, Cluster: s.Cluster, Feature: s.Feature,
		KubernetesVersion: s.KubernetesVersion, Injectors: s.InjectorMechanisms,
		Agent: agentOf(s), PodsRead: s.Pods.State, Unknown: unknowns(s),
	}
	if err := status.count(s); err != nil {
		return nil, err
	}
	status.Next = next(s, status)
	return status, nil
}

// Mechanism is Azure's word on the mechanism, or else the injectors' if they
// agree.
func Mechanism(s *snapshot.Snapshot) mesh.Mechanism {
	return cmp.Or(s.Cluster.Value.Mechanism, s.InjectorMechanism())
}

func agentOf(s *snapshot.Snapshot) Agent {
	agent := Agent{State: s.Agent.State}
	if s.Agent.State != snapshot.Read {
		return agent
	}
	agent.Ready, agent.Wanted, agent.ByNode = s.AgentReady()
	if !agent.ByNode {
		return agent
	}
	podOn := map[string]snapshot.AgentPod{}
	for _, pod := range s.AgentPods.Value {
		podOn[pod.Node] = pod
	}
	for _, node := range s.LinuxNodes() {
		pod, ok := podOn[node.Name]
		switch {
		case !ok:
			agent.Nodes = append(agent.Nodes, AgentNode{node.Name, "has no agent pod"})
		case !pod.Ready:
			agent.Nodes = append(agent.Nodes, AgentNode{node.Name, cmp.Or(pod.Waiting, "agent pod not ready")})
		}
	}
	return agent
}

func (status *Status) count(s *snapshot.Snapshot) error {
	verdicts, err := s.Verdicts()
	if err != nil {
		return err
	}
	m, err := s.Mesh()
	if err != nil {
		return err
	}
	byNamespace := map[string]*Count{}
	status.Workloads = Count{ByState: map[mesh.State]int{}}
	for workload, verdict := range worstByWorkload(s.Pods.Value, verdicts) {
		switch {
		case mesh.IsSystemNamespace(workload.Namespace):
			continue
		case verdict.State == mesh.Outside:
			status.Outside++
			continue
		}
		if byNamespace[workload.Namespace] == nil {
			byNamespace[workload.Namespace] = &Count{ByState: map[mesh.State]int{}}
		}
		byNamespace[workload.Namespace].add(verdict)
		status.Workloads.add(verdict)
	}
	for _, ns := range s.Namespaces.Value {
		if mesh.AsksForInjection(ns.Labels) && byNamespace[ns.Name] == nil {
			byNamespace[ns.Name] = &Count{ByState: map[mesh.State]int{}}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byNamespace)) {
		labels := m.NamespaceLabels[name]
		_, legacy := labels[mesh.LegacyInjectionLabel]
		status.Namespaces = append(status.Namespaces, Namespace{
			Name: name, Label: injectionLabel(labels), Problem: labelProblem(labels, m.Injectors), Legacy: legacy, Workloads: *byNamespace[name],
		})
	}
	return nil
}

func (c *Count) add(verdict mesh.Verdict) {
	c.ByState[verdict.State]++
	switch verdict.Stale {
	case mesh.Stale:
		c.Stale++
	case mesh.StalenessUnset:
		c.StaleUnknown++
	case mesh.Fresh:
	}
}

// worstByWorkload judges each workload by its worst pod.
func worstByWorkload(pods []*mesh.Pod, verdicts []mesh.Verdict) map[mesh.Workload]mesh.Verdict {
	worst := map[mesh.Workload]mesh.Verdict{}
	order := mesh.States()
	for i, pod := range pods {
		if pod.Terminating {
			continue
		}
		verdict, seen := worst[pod.Workload]
		if !seen {
			worst[pod.Workload] = verdicts[i]
			continue
		}
		if slices.Index(order, verdicts[i].State) < slices.Index(order, verdict.State) {
			verdict.State, verdict.Reason = verdicts[i].State, verdicts[i].Reason
		}
		verdict.Stale = worseStaleness(verdict.Stale, verdicts[i].Stale)
		worst[pod.Workload] = verdict
	}
	return worst
}

func worseStaleness(a, b mesh.Staleness) mesh.Staleness {
	for _, s := range []mesh.Staleness{mesh.Stale, mesh.StalenessUnset} {
		if a == s || b == s {
			return s
		}
	}
	return mesh.Fresh
}

func injectionLabel(labels map[string]string) string {
	if value, ok := labels[mesh.RevisionLabel]; ok {
		return mesh.RevisionLabel + "=" + value
	}
	if value, ok := labels[mesh.LegacyInjectionLabel]; ok {
		return mesh.LegacyInjectionLabel + "=" + value
	}
	return ""
}

// labelProblem says why a namespace that asks for injection gets none. That it
// gets none is found by the injectors' selectors; the reason is the likely one.
func labelProblem(labels map[string]string, injectors *mesh.Injectors) string {
	if injectors == nil || !mesh.AsksForInjection(labels) || len(injectors.For(labels, nil)) > 0 {
		return ""
	}
	value, hasRevision := labels[mesh.RevisionLabel]
	_, hasLegacy := labels[mesh.LegacyInjectionLabel]
	_, served := injectors.Resolve(value)
	switch {
	case hasRevision && hasLegacy:
		return "the label " + mesh.LegacyInjectionLabel + " keeps the injector away"
	case hasLegacy:
		return "the add-on ignores the label " + mesh.LegacyInjectionLabel
	case !served:
		return "no injector answers to " + value
	}
	return "the injectors' selectors leave it out"
}
