package check

import (
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func kubeconfigMissing() *Rule {
	return &Rule{
		ID: "ICNI301", Title: "no pod can start on a node: the plugin has no kubeconfig", Area: AreaNodes, Severity: Critical,
		Needs:   []Need{{PartEvents}},
		Symptom: "Every new pod on one node stays in ContainerCreating, whether or not it belongs to the mesh.",
		Detection: "Events FailedCreatePodSandBox of the last quarter of an hour say that istio-cni-kubeconfig does not exist. " +
			"Events of pods that run by now, and those before the node's agent became ready, do not count.",
		Cause:  "the node was restarted, which removed the plugin's kubeconfig, and the node agent that would write it again does not run",
		Remedy: "Drain the node and replace it. If the node agent's own pod is not blocked, deleting it is enough.",
		Links:  []string{linkTroubleshootCNI, "https://github.com/istio/istio/issues/60668"},
		look: func(f *Facts, r *Report) {
			for _, node := range stuckBy(f, missingKubeconfig, sandboxNotMade) {
				finding := stuckFinding(f, node, "ICNI301")
				if agent := f.AgentOn(node.name); node.name != "" && agent != nil && agent.Ready {
					finding.Cause = "the plugin's kubeconfig was removed from the node while the node agent was running"
				}
				mendAgent(f, &finding, node)
				r.Add(finding)
			}
		},
	}
}

func tokenStale() *Rule {
	return &Rule{
		ID: "ICNI302", Title: "no pod can start on a node: the plugin's token is stale", Area: AreaNodes, Severity: Critical,
		Needs:   []Need{{PartEvents}},
		Symptom: "Every new pod on one node stays in ContainerCreating with the message Unauthorized.",
		Detection: "Events FailedCreatePodSandBox of the last quarter of an hour say that the plugin istio-cni is Unauthorized. " +
			"A few such events while the agent is being replaced are normal: there must be three, or a pod must be older than two minutes.",
		Cause:  "the token in the plugin's kubeconfig is no longer valid, and the node agent has not written a new one",
		Remedy: "Delete the node agent's pod on the node. If its successor is blocked by the same error, drain the node and replace it.",
		Links: []string{
			linkTroubleshootCNI, "https://github.com/istio/istio/issues/57438", "https://github.com/istio/istio/issues/58111",
		},
		look: func(f *Facts, r *Report) {
			for _, node := range stuckBy(f, staleToken, sandboxNotMade) {
				finding := stuckFinding(f, node, "ICNI302")
				if node.agentToo {
					finding.Cause = "the token in the plugin's kubeconfig is no longer valid, and that blocks the very pod that would write a new one"
				}
				mendAgent(f, &finding, node)
				r.Add(finding)
			}
		},
	}
}

func pluginMissing() *Rule {
	return &Rule{
		ID: "ICNI303", Title: "no pod can start on a node: the plugin's binary is gone", Area: AreaNodes, Severity: Critical,
		Needs:   []Need{{PartEvents}},
		Symptom: "Every new pod on one node stays in ContainerCreating, and the message says that the plugin istio-cni was not found.",
		Detection: "Events FailedCreatePodSandBox of the last quarter of an hour say: failed to find plugin \"istio-cni\". " +
			"Unless CNI is off, events FailedKillPod count as well. Events before the node's agent became ready do not count.",
		Cause:  "the node's CNI configuration still names the plugin, but the node agent that would install it is not there or does not finish",
		Remedy: "Bring the node agent back: enable CNIChaining again if its DaemonSet is missing, delete its pod if it does not become ready. If CNI is off, replace the node.",
		Links:  []string{linkTroubleshootCNI, linkIstioCNIOps},
		look: func(f *Facts, r *Report) {
			off := f.Mechanism() == mesh.InitContainers
			reasons := []string{sandboxNotMade, sandboxNotUnmade}
			if off {
				reasons = reasons[:1]
			}
			for _, node := range stuckBy(f, missingPlugin, reasons...) {
				finding := stuckFinding(f, node, "ICNI303")
				switch {
				case off:
					finding.Cause = leftBehindCause
					finding.Remedy = replaceNode(f, node.name)
				case f.Agent.State == snapshot.Absent:
					finding.Evidence = append(finding.Evidence, "the node agent's DaemonSet does not exist")
					finding.Remedy = append([]Step{{"Have Azure bring the node agent back", "kubectl istio-cni enable --reconcile"}}, replaceNode(f, node.name)...)
				default:
					mendAgent(f, &finding, node)
				}
				r.Add(finding)
			}
		},
	}
}

const leftBehindCause = "CNIChaining was disabled, and the plugin's entry was left behind in the node's CNI configuration"

func podsStuckTerminating() *Rule {
	return &Rule{
		ID: "ICNI304", Title: "pods stay in Terminating: the plugin was left behind", Area: AreaNodes, Severity: High,
		Needs:     []Need{{PartEvents}, {PartCluster, PartMechanisms}},
		Symptom:   "Pods on one node stay in Terminating after CNIChaining was disabled.",
		Detection: "The mechanism is InitContainers, and events FailedKillPod of the last quarter of an hour blame the plugin istio-cni.",
		Cause:     leftBehindCause,
		Remedy:    "Drain the node and replace it: a new node's CNI configuration does not name the plugin.",
		Links:     []string{linkTroubleshootCNI, linkIstioCNIOps},
		look: func(f *Facts, r *Report) {
			if f.Mechanism() != mesh.InitContainers {
				return
			}
			for _, fault := range []sandboxFault{missingPlugin, missingKubeconfig, staleToken} {
				for _, node := range stuckBy(f, fault, sandboxNotUnmade) {
					finding := stuckFinding(f, node, "ICNI304")
					finding.Remedy = replaceNode(f, node.name)
					if node.name == "" {
						finding.Remedy = []Step{{"Find the node that the pods are on", "kubectl get pods -A -o wide"}}
					}
					r.Add(finding)
				}
			}
		},
	}
}

func rulesFail() *Rule {
	return &Rule{
		ID: "ICNI305", Title: "pods cannot start: the node cannot redirect traffic", Area: AreaNodes, Severity: High,
		Needs:     []Need{{PartEvents}},
		Symptom:   "Pods of the mesh stay in ContainerCreating on some nodes, and the message mentions iptables or nft.",
		Detection: "Events FailedCreatePodSandBox of the last quarter of an hour come from the plugin istio-cni and mention iptables, nft or xtables.",
		Cause:     "the node's kernel or packet filter does not do what the plugin asks for",
		Remedy:    "Upgrade the pool's node image, or move the pool to a newer OS.",
		Links:     []string{linkTroubleshootCNI, linkIstioCNIOps},
		look: func(f *Facts, r *Report) {
			for _, stuck := range stuckBy(f, failedRules, sandboxNotMade) {
				finding := stuckFinding(f, stuck, "ICNI305")
				if node := f.Node(stuck.name); node != nil && node.OSImage != "" {
					finding.Evidence = append(finding.Evidence, "the node runs "+node.OSImage)
				}
				finding.Remedy = []Step{upgradeImage(f, stuck.name), newPool(f, orNewPool)}
				r.Add(finding)
			}
		},
	}
}
