package check

import (
	"fmt"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func agentRules() []*Rule {
	return []*Rule{agentMissing(), nodeWithoutAgent()}
}

func agentMissing() *Rule {
	return &Rule{
		ID: "ICNI201", Title: "the node agent is missing", Area: AreaAgent, Severity: Critical,
		Needs:   []Need{{PartAgent}, {PartCluster, PartMechanisms}},
		Symptom: "New pods of the mesh stay in Init:CrashLoopBackOff on every node, with istio-validation ending with exit code 126.",
		Detection: "The mechanism is CNIChaining, by Azure's word or else the injectors', and the DaemonSet " +
			mesh.AgentDaemonSet + " does not exist in " + mesh.SystemNamespace + ".",
		Cause:  "the last reconciliation of the add-on failed or has not come to the node agent yet",
		Remedy: "Look at the cluster's provisioning state. If no operation is running, have Azure reconcile the cluster once more by enabling CNIChaining again.",
		Links:  []string{linkTroubleshootCNI, linkCNI},
		look: func(f *Facts, r *Report) {
			if f.Mechanism() != mesh.CNIChaining || f.Agent.State != snapshot.Absent {
				return
			}
			finding := Finding{
				Objects:  []Object{AgentObject()},
				Evidence: []string{fmt.Sprintf("the mechanism is %s, but DaemonSet %s does not exist in %s", mesh.CNIChaining, mesh.AgentDaemonSet, mesh.SystemNamespace)},
				Root:     RootAgent,
				Remedy: []Step{
					{"See whether an operation is running on the cluster", "kubectl istio-cni status"},
					{"Have Azure reconcile the cluster", "kubectl istio-cni enable --reconcile"},
				},
			}
			if f.Cluster.State == snapshot.Read {
				finding.Evidence = append(finding.Evidence, "the cluster's provisioning state is "+f.Cluster.Value.ProvisioningState)
			}
			r.Add(finding)
		},
	}
}

func nodeWithoutAgent() *Rule {
	return &Rule{
		ID: "ICNI203", Title: "a node has no node agent", Area: AreaAgent, Severity: High,
		Needs:     []Need{{PartAgent}, {PartAgentPods}, {PartNodes}},
		Symptom:   "Pods of the mesh stay in Init:CrashLoopBackOff on some nodes only.",
		Detection: "A Linux node has no pod of the node agent's DaemonSet, although the DaemonSet exists.",
		Cause:     "a taint that the DaemonSet does not tolerate, or a label that its affinity does not match, keeps the agent off the node",
		Remedy:    "Remove the taint, or move the mesh's pods off the node. The DaemonSet is the add-on's: a change of its tolerations would be reverted.",
		Links:     []string{linkTroubleshootCNI, linkIstioCNI},
		look: func(f *Facts, r *Report) {
			if f.Agent.State != snapshot.Read || f.Agent.Value.Deleting {
				return
			}
			for _, node := range f.linuxNodes {
				if f.AgentOn(node.Name) != nil {
					continue
				}
				finding := Finding{
					Objects:  []Object{NodeObject(node.Name), AgentObject()},
					Evidence: []string{"no pod of " + mesh.AgentDaemonSet + " is on node " + node.Name},
					Root:     RootAgentOn(node.Name),
					Remedy:   []Step{{"See which of the node's taints or labels keep the agent off", "kubectl describe node " + node.Name}},
				}
				for _, taint := range node.Taints {
					finding.Evidence = append(finding.Evidence, "the node has the taint "+taint.String())
					finding.Remedy = append(finding.Remedy, Step{
						"Remove the taint, if nothing else depends on it",
						fmt.Sprintf("kubectl taint node %s %s-", node.Name, taint),
					})
				}
				r.Add(finding)
			}
		},
	}
}
