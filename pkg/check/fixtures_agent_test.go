package check

import (
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func agentFixtures() map[string]fixture {
	return map[string]fixture{
		"ICNI201": {
			fires: func(s *snapshot.Snapshot) {
				s.Agent, s.AgentPods = snapshot.Missing[snapshot.Agent](), snapshot.Found([]snapshot.AgentPod{})
				s.Cluster.Value.ProvisioningState = "Failed"
			},
			expect:  []string{mesh.AgentDaemonSet, "provisioning state is Failed", "kubectl istio-cni enable --reconcile"},
			objects: []Object{AgentObject()},
			near:    initContainers,
		},
		"ICNI203": {
			fires: func(s *snapshot.Snapshot) {
				withoutAgent(s, node2)
				nodeIn(s, node2).Taints = []snapshot.Taint{{Key: "contoso.example/dedicated", Value: "gpu", Effect: "NoExecute"}}
			},
			expect:  []string{node2, "contoso.example/dedicated=gpu:NoExecute", "kubectl taint node " + node2},
			objects: []Object{NodeObject(node2), AgentObject()},
			near: func(s *snapshot.Snapshot) {
				withoutAgent(s, node2)
				nodeIn(s, node2).OS = "windows"
			},
		},
	}
}
