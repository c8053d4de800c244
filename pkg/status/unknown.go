package status

import "github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"

// unknowns lists what could not be read, each once.
func unknowns(s *snapshot.Snapshot) []Unknown {
	list := []Unknown{}
	list = appendUnknown(list, "the cluster's place in Azure", s.Identity)
	if s.Identity.Known() {
		list = appendUnknown(list, "the cluster's Azure resource", s.Cluster)
	}
	list = appendUnknown(list, "the preview feature flag", s.Feature)
	list = appendUnknown(list, "the Kubernetes version", s.KubernetesVersion)
	list = appendUnknown(list, "nodes", s.Nodes)
	list = appendUnknown(list, "the node agent", s.Agent)
	if s.Agent.Known() {
		list = appendUnknown(list, "the node agent's pods", s.AgentPods)
	}
	list = appendUnknown(list, "what the injectors give new pods", s.InjectorMechanisms)
	list = appendUnknown(list, "which namespaces the injectors match", s.Injectors)
	list = appendUnknown(list, "namespaces", s.Namespaces)
	return appendUnknown(list, "pods", s.Pods)
}

// appendUnknown adds a part that is not known, or known in part only.
func appendUnknown[T any](list []Unknown, what string, p snapshot.Part[T]) []Unknown {
	if p.State == snapshot.NotAsked || p.Known() && p.Reason == "" {
		return list
	}
	return append(list, Unknown{what, p.State, p.Reason, p.Needs})
}
