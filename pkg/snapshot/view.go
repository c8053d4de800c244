package snapshot

import (
	"slices"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

// Mesh is what the snapshot knows that judging pods needs. What was not read is
// left out, so that verdicts stay honest.
func (s *Snapshot) Mesh() (*mesh.Mesh, error) {
	m := &mesh.Mesh{Default: s.Cluster.Value.Mechanism, Mechanisms: s.InjectorMechanisms.Value}
	if s.Namespaces.Known() {
		m.NamespaceLabels = make(map[string]map[string]string, len(s.Namespaces.Value))
		for _, ns := range s.Namespaces.Value {
			m.NamespaceLabels[ns.Name] = ns.Labels
		}
	}
	if !s.Injectors.Known() {
		return m, nil
	}
	var err error
	m.Injectors, err = mesh.CompileInjectors(s.Injectors.Value)
	return m, err
}

// InjectorMechanism is the mechanism that all injectors agree on, Unknown if
// they differ or were not read.
func (s *Snapshot) InjectorMechanism() mesh.Mechanism {
	agreed := mesh.Unknown
	for _, mechanism := range s.InjectorMechanisms.Value {
		if agreed != mesh.Unknown && mechanism != agreed {
			return mesh.Unknown
		}
		agreed = mechanism
	}
	return agreed
}

// LinuxNodes are the nodes that the node agent belongs on.
func (s *Snapshot) LinuxNodes() []Node {
	return slices.DeleteFunc(slices.Clone(s.Nodes.Value), func(n Node) bool { return !n.takesAgent() })
}

func (n *Node) takesAgent() bool { return n.OS != "windows" && !n.Virtual }

// AgentReady reports on how many of how many Linux nodes the node agent is
// ready. Nodes are counted, not pods, so that a node that the agent cannot be
// scheduled on is not forgotten. Where nodes or pods could not be read, the
// DaemonSet's own figures stand in, and byNode is false.
func (s *Snapshot) AgentReady() (ready, wanted int, byNode bool) {
	if !s.Nodes.Known() || !s.AgentPods.Known() {
		return int(s.Agent.Value.Ready), int(s.Agent.Value.Desired), false
	}
	readyOn := map[string]bool{}
	for _, pod := range s.AgentPods.Value {
		if pod.Ready {
			readyOn[pod.Node] = true
		}
	}
	for i := range s.Nodes.Value {
		node := &s.Nodes.Value[i]
		if !node.takesAgent() {
			continue
		}
		wanted++
		if readyOn[node.Name] {
			ready++
		}
	}
	return ready, wanted, true
}

// Verdicts judges the pods, in their order.
func (s *Snapshot) Verdicts() ([]mesh.Verdict, error) {
	m, err := s.Mesh()
	if err != nil {
		return nil, err
	}
	verdicts := make([]mesh.Verdict, len(s.Pods.Value))
	for i := range s.Pods.Value {
		verdicts[i] = m.Judge(s.Pods.Value[i])
	}
	return verdicts, nil
}

// InTransition reports whether an operation runs on the cluster. States that are
// not known as final mean that one does.
func (c Cluster) InTransition() bool {
	switch strings.ToLower(c.ProvisioningState) {
	case "succeeded", "failed", "canceled", "":
		return false
	}
	return true
}

// Log is the log that was asked for, if any was read.
func (s *Snapshot) Log(request LogRequest) Part[string] {
	for i := range s.Logs {
		if s.Logs[i].LogRequest == request {
			return s.Logs[i].Text
		}
	}
	return Part[string]{State: NotAsked}
}
