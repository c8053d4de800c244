package check

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func agentRules() []*Rule {
	return []*Rule{
		agentMissing(), agentLeftBehind(), nodeWithoutAgent(), agentReverted(), agentWaiting(),
		agentCrashing(), agentImageMissing(), agentPodsRefused(), agentRolling(), agentChainedWrongly(),
	}
}

const seeOperation = "See whether an operation is running on the cluster"

func agentMissing() *Rule {
	return &Rule{
		ID: "ICNI201", Title: "the node agent is missing", Area: AreaAgent, Severity: Critical,
		Needs:   []Need{{PartAgent}, {PartCluster, PartMechanisms}},
		Symptom: "New pods of the mesh stay in Init:CrashLoopBackOff on every node, with istio-validation ending with exit code 126.",
		Detection: "The mechanism is CNIChaining, by Azure's word or else the injectors', and the DaemonSet " +
			mesh.AgentDaemonSet + " does not exist in " + mesh.SystemNamespace + ". While an operation is running on the cluster, it is Medium, and only if an injector gives new pods istio-validation already.",
		Cause:  "the last reconciliation of the add-on failed or has not come to the node agent yet",
		Remedy: "Look at the cluster's provisioning state. If no operation is running, have Azure reconcile the cluster once more by enabling CNIChaining again.",
		Links:  []string{linkTroubleshootCNI, linkCNI},
		look: func(f *Facts, r *Report) {
			running := f.Cluster.Value.InTransition()
			if f.Mechanism() != mesh.CNIChaining || f.Agent.State != snapshot.Absent || running && !anyInjectorChains(f) {
				return
			}
			finding := Finding{
				Objects:  []Object{AgentObject()},
				Evidence: []string{fmt.Sprintf("the mechanism is %s, but DaemonSet %s does not exist in %s", mesh.CNIChaining, mesh.AgentDaemonSet, mesh.SystemNamespace)},
				Root:     RootAgent,
				Remedy: []Step{
					{seeOperation, "kubectl istio-cni status"},
					{"Have Azure reconcile the cluster", "kubectl istio-cni enable --reconcile"},
				},
			}
			if f.Cluster.State == snapshot.Read {
				finding.Evidence = append(finding.Evidence, "the cluster's provisioning state is "+f.Cluster.Value.ProvisioningState)
			}
			if running {
				finding.Severity = Medium
				finding.Cause = "an operation is running on the cluster, and it may not have come to the node agent yet"
				finding.Remedy = []Step{{"Wait until the operation has ended, and restart nothing until then", "kubectl istio-cni status --watch"}}
			}
			r.Add(finding)
		},
	}
}

// anyInjectorChains reports whether new pods of some revision depend on the agent.
func anyInjectorChains(f *Facts) bool {
	for _, mechanism := range f.InjectorMechanisms.Value {
		if mechanism == mesh.CNIChaining {
			return true
		}
	}
	return false
}

// settling is how long a switch may take to show everywhere.
const settling = 10 * time.Minute

func agentLeftBehind() *Rule {
	return &Rule{
		ID: "ICNI202", Title: "the node agent is there although CNI is off", Area: AreaAgent, Severity: Medium,
		Needs:     []Need{{PartAgent}, {PartCluster, PartMechanisms}},
		Symptom:   "The node agent runs on the nodes, and new pods of the mesh get istio-init all the same.",
		Detection: "The mechanism is InitContainers and the node agent's DaemonSet exists, while no operation is running on the cluster. Where Azure cannot be read, the DaemonSet must also be older than ten minutes.",
		Cause:     "CNIChaining was disabled, and the node agent was not removed",
		Remedy:    "Wait a few minutes. If the DaemonSet stays, have Azure reconcile the cluster by disabling CNIChaining again.",
		Links:     []string{linkTroubleshootCNI, linkCNI},
		look: func(f *Facts, r *Report) {
			if f.Mechanism() != mesh.InitContainers || f.Agent.State != snapshot.Read || f.Agent.Value.Deleting || f.Cluster.Value.InTransition() {
				return
			}
			created := f.Agent.Value.Created
			finding := Finding{
				Objects:  []Object{AgentObject()},
				Evidence: []string{fmt.Sprintf("the mechanism is %s, but DaemonSet %s exists in %s, created %s ago", mesh.InitContainers, mesh.AgentDaemonSet, mesh.SystemNamespace, timeSince(f, created))},
				Remedy: []Step{
					{seeOperation, "kubectl istio-cni status"},
					{"If none is, have Azure reconcile the cluster", "kubectl istio-cni disable --reconcile"},
				},
			}
			if f.Cluster.Value.Mechanism == mesh.Unknown {
				if f.Taken.Sub(created) < settling {
					return
				}
				finding.Cause = "either the node agent was not removed when CNIChaining was disabled, or the injectors were not changed when it was enabled; only Azure can tell"
				finding.Remedy = []Step{{"Look at the mechanism in Azure, signed in there", "kubectl istio-cni status"}}
			}
			r.Add(finding)
		},
	}
}

// agentWanted reports whether what is wrong with the agent's pods matters: not
// while the DaemonSet goes away, nor while nothing uses it.
func agentWanted(f *Facts) bool {
	return f.Agent.State != snapshot.Absent && !f.Agent.Value.Deleting && f.Mechanism() != mesh.InitContainers
}

// rolling reports whether the DaemonSet's pods are being replaced. A pod that is
// merely missing is not, as far as the pods are known.
func rolling(f *Facts) bool {
	agent := f.Agent.Value
	older := !f.AgentPods.Whole() || int(agent.Updated) < len(f.agentOn)
	return !agent.Current || agent.Updated < agent.Desired && older
}

func nodeWithoutAgent() *Rule {
	return &Rule{
		ID: "ICNI203", Title: "a node has no node agent", Area: AreaAgent, Severity: High,
		Needs:   []Need{{PartAgent}, {PartAgentPods}, {PartNodes}},
		Symptom: "Pods of the mesh stay in Init:CrashLoopBackOff on some nodes only.",
		Detection: "A Linux node that is Ready has no pod of the node agent's DaemonSet, and the DaemonSet does not want one there; " +
			"or its pod for the node is not scheduled while no update of the DaemonSet is going on.",
		Cause:  "a taint that the DaemonSet does not tolerate, or a label that its affinity does not match, keeps the agent off the node",
		Remedy: "Remove the taint, or move the mesh's pods off the node. The DaemonSet is the add-on's: a change of its tolerations would be reverted.",
		Links:  []string{linkTroubleshootCNI, linkIstioCNI},
		look: func(f *Facts, r *Report) {
			if !agentWanted(f) {
				return
			}
			bare := nodesWithoutAgent(f)
			if len(bare) > agentsToCome(f) {
				for i := range bare {
					r.Add(withoutAgentFinding(f, &bare[i]))
				}
			}
			for i := range f.AgentPods.Value {
				pod := &f.AgentPods.Value[i]
				if unscheduled(pod) && !rolling(f) {
					r.Add(unscheduledFinding(f, pod))
				}
			}
		},
	}
}

// nodesWithoutAgent leaves out nodes that are not Ready: nothing new runs there.
func nodesWithoutAgent(f *Facts) []snapshot.Node {
	var bare []snapshot.Node
	for _, node := range f.linuxNodes {
		if node.Ready && f.AgentOn(node.Name) == nil {
			bare = append(bare, node)
		}
	}
	return bare
}

// agentsToCome is the number of nodes that the DaemonSet controller is about to
// make a pod for.
func agentsToCome(f *Facts) int { return int(f.Agent.Value.Desired) - len(f.agentOn) }

// unscheduled reports whether no node has taken the pod yet: the kubelet would
// say why its container waits.
func unscheduled(pod *snapshot.AgentPod) bool {
	return pod.Phase == string(corev1.PodPending) && pod.Waiting == "" && !pod.Running && !pod.Terminating
}

func withoutAgentFinding(f *Facts, node *snapshot.Node) Finding {
	finding := Finding{
		Objects: []Object{NodeObject(node.Name), AgentObject()},
		Evidence: []string{
			"no pod of " + mesh.AgentDaemonSet + " is on node " + node.Name,
			fmt.Sprintf("the DaemonSet wants %d nodes; the cluster has %d Linux nodes", f.Agent.Value.Desired, len(f.linuxNodes)),
		},
		Root:   RootAgentOn(node.Name),
		Remedy: []Step{{"See which of the node's taints or labels keep the agent off", "kubectl describe node " + node.Name}},
	}
	finding.addTaints(node)
	return finding
}

// addTaints names the taints that can keep a pod off a node, and how to remove
// those that Kubernetes does not put there itself.
func (finding *Finding) addTaints(node *snapshot.Node) {
	for _, taint := range node.Taints {
		if taint.Effect == string(corev1.TaintEffectPreferNoSchedule) {
			continue
		}
		finding.Evidence = append(finding.Evidence, "the node has the taint "+taint.String())
		if !strings.HasPrefix(taint.Key, "node.kubernetes.io/") {
			finding.Remedy = append(finding.Remedy, Step{"Remove the taint, if nothing else depends on it", removeTaint(node.Name, taint)})
		}
	}
}

func removeTaint(node string, taint snapshot.Taint) string {
	return fmt.Sprintf("kubectl taint node %s %s-", node, taint)
}

func unscheduledFinding(f *Facts, pod *snapshot.AgentPod) Finding {
	finding := Finding{
		Objects:  []Object{AgentPodObject(pod.Name)},
		Evidence: []string{"the node agent's pod " + pod.Name + " is Pending and not scheduled"},
		Cause:    "the scheduler finds no room for the agent's pod on its node, or a taint keeps it off",
		Remedy:   []Step{{"See why the pod is not scheduled", describeAgentPod(pod.Name)}},
	}
	if node := f.Node(pod.Node); node != nil {
		finding.Objects = append(finding.Objects, NodeObject(node.Name))
		finding.Evidence = append(finding.Evidence, "it is meant for node "+node.Name)
		finding.Root = RootAgentOn(node.Name)
		finding.addTaints(node)
	}
	return finding
}

func agentRolling() *Rule {
	return &Rule{
		ID: "ICNI209", Title: "the node agent is being updated", Area: AreaAgent, Severity: Medium,
		Needs:     []Need{{PartAgent}},
		Symptom:   "Pods that start on a node whose agent is just being replaced fail in istio-validation or wait for their sandbox, and recover when the agent is back.",
		Detection: "Fewer nodes run the DaemonSet's present version than should, or its controller has not seen that version yet.",
		Cause:     "the add-on is updating the node agent, as with every upgrade of the mesh or of AKS",
		Remedy:    "Wait until the update is complete before restarting workloads.",
		Links:     []string{linkIstioCNI, linkTroubleshootCNI},
		look: func(f *Facts, r *Report) {
			agent := f.Agent.Value
			if f.Agent.State != snapshot.Read || !agentWanted(f) || !rolling(f) {
				return
			}
			finding := Finding{
				Objects:  []Object{AgentObject()},
				Evidence: []string{fmt.Sprintf("%d of %d nodes have the present version of the node agent", agent.Updated, agent.Desired)},
				Remedy: []Step{
					{"Wait until the update is complete", fmt.Sprintf("kubectl rollout status -n %s daemonset/%s", mesh.SystemNamespace, mesh.AgentDaemonSet)},
					{"Then restart what is stale", "kubectl istio-cni restart -A"},
				},
				Root: RootAgent + "/update",
			}
			if !agent.Current {
				finding.Evidence = append(finding.Evidence, "the DaemonSet was changed, and its controller has not seen that yet")
			}
			var unready []string
			for _, pod := range f.AgentPods.Value {
				if !pod.Ready {
					finding.Objects = append(finding.Objects, AgentPodObject(pod.Name))
					unready = append(unready, pod.Name)
				}
			}
			if len(unready) > 0 {
				finding.Evidence = append(finding.Evidence, "not ready: "+someOf(unready))
			}
			r.Add(finding)
		},
	}
}
