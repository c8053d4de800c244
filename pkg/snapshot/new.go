package snapshot

import "time"

// New is a snapshot of which nothing has been asked yet.
func New(taken time.Time) *Snapshot {
	s := &Snapshot{Taken: taken}
	s.Identity.State, s.Cluster.State, s.Feature.State = NotAsked, NotAsked, NotAsked
	s.KubernetesVersion.State, s.Nodes.State = NotAsked, NotAsked
	s.Agent.State, s.AgentPods.State = NotAsked, NotAsked
	s.InjectorMechanisms.State, s.Injectors.State = NotAsked, NotAsked
	s.Namespaces.State, s.Pods.State = NotAsked, NotAsked
	s.Workloads.State, s.Budgets.State = NotAsked, NotAsked
	s.AgentConfig.State, s.Istiods.State, s.Endpoints.State, s.Events.State = NotAsked, NotAsked, NotAsked, NotAsked
	return s
}
