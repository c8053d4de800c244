package check

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// crash is why istio-validation finds no redirection.
type crash int

// The causes, in the order in which they are looked for; each pod has one.
const (
	// crashElsewhere has another cause, which another rule tells.
	crashElsewhere crash = iota
	crashUser
	crashNoAgent
	crashInJob
	crashRepaired
	crashRace
	crashReverted
)

// crashOf decides on the one cause of a pod's crash.
func crashOf(f *Facts, pod *mesh.Pod) crash {
	agent := f.AgentOn(pod.Node)
	switch {
	case f.Mechanism() == mesh.InitContainers || f.Excluded(pod.Namespace) || isOver(f, pod):
		return crashElsewhere
	case userChanged(pod):
		return crashUser
	case f.Agent.State == snapshot.Absent:
		return crashNoAgent
	case neverRestarts(pod):
		return crashInJob
	case repairedInVain(f, pod):
		return crashRepaired
	case agent == nil || !agent.Ready || agent.ReadySince.After(pod.Started):
		return crashRace
	}
	return crashReverted
}

// crashed are the pods that fail for a cause.
func crashed(f *Facts, cause crash) []*mesh.Pod {
	var pods []*mesh.Pod
	for pod := range f.Unvalidated() {
		if crashOf(f, pod) == cause {
			pods = append(pods, pod)
		}
	}
	return pods
}

// crashNeeds are the inputs without which the causes cannot be told apart.
func crashNeeds() []Need { return []Need{{PartPods}, {PartAgent}, {PartAgentPods}} }

// userChanged does not judge a pod that has istio-init as well: its own is the uid
// that is known.
func userChanged(pod *mesh.Pod) bool {
	if !hasRedirect(pod, mesh.ValidationContainer) {
		return false
	}
	user := pod.Redirect.RunAsUser
	return user != nil && *user != mesh.ProxyUID && (pod.ProxyUser == nil || *pod.ProxyUser != *user)
}

// isOver reports whether a crash is a thing of the past: what made the pod has
// replaced it, or has gone on with another.
func isOver(f *Facts, pod *mesh.Pod) bool {
	return Ended(pod) && (!neverRestarts(pod) || jobWentOn(f, pod))
}

// jobWentOn reports whether a Job made a pod later whose istio-validation did not
// fail.
func jobWentOn(f *Facts, pod *mesh.Pod) bool {
	if pod.Workload.Kind != "Job" {
		return false
	}
	for other := range f.MeshPods() {
		later := other.Workload == pod.Workload && other.Created.After(pod.Created)
		if later && other.Phase != corev1.PodPending && other.FailureOf(mesh.ValidationContainer) == nil {
			return true
		}
	}
	return false
}

// neverRestarts is about pods that get no second try, which the agent's repair
// takes.
func neverRestarts(pod *mesh.Pod) bool { return pod.RestartPolicy == corev1.RestartPolicyNever }

func crashLine(f *Facts, pod *mesh.Pod) string {
	failure := pod.FailureOf(mesh.ValidationContainer)
	line := fmt.Sprintf("pod %s/%s: %s ended with exit code %d %s ago", pod.Namespace, pod.Name, mesh.ValidationContainer, failure.ExitCode, timeSince(f, failure.Finished))
	if failure.Restarts > 0 {
		line += fmt.Sprintf(", %d restarts", failure.Restarts)
	}
	return line
}

func crashLines(f *Facts, pods []*mesh.Pod) []string {
	var lines []string
	for _, pod := range pods[:min(len(pods), mostExamples)] {
		lines = append(lines, crashLine(f, pod))
	}
	if more := len(pods) - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("and so did %s more", podCount(more)))
	}
	return lines
}

// byNode sorts pods by the node that they are on.
func byNode(pods []*mesh.Pod) [][]*mesh.Pod {
	on := map[string][]*mesh.Pod{}
	for _, pod := range pods {
		on[pod.Node] = append(on[pod.Node], pod)
	}
	var sorted [][]*mesh.Pod
	for _, node := range slices.Sorted(maps.Keys(on)) {
		sorted = append(sorted, on[node])
	}
	return sorted
}

// unvalidatedFinding is about the pods of one node.
func unvalidatedFinding(f *Facts, pods []*mesh.Pod) Finding {
	node := pods[0].Node
	finding := Finding{Objects: podObjects(pods), Evidence: crashLines(f, pods), Root: RootAgentOn(node)}
	if agent := f.AgentOn(node); agent != nil {
		finding.Objects = append(finding.Objects, AgentPodObject(agent.Name))
	}
	if node != "" {
		finding.Objects = append(finding.Objects, NodeObject(node))
	}
	if line := agentState(f, node); line != "" {
		finding.Evidence = append(finding.Evidence, line)
	}
	return finding
}

// deleteCrashed adds the step that has crashed pods made anew. Whether the
// program may do it is up to the caller.
func deleteCrashed(finding *Finding, pods []*mesh.Pod) {
	for _, pod := range pods[:min(len(pods), mostExamples)] {
		finding.Remedy = append(finding.Remedy, Step{"Have the pod made anew", deletePod(pod.Namespace, pod.Name)})
	}
	if pod := pods[0]; len(pods) == 1 && controlled(pod) {
		finding.Fix = &Fix{Action: FixDeletePod, Object: PodObject(pod), UID: pod.UID}
	}
}

func validationRace() *Rule {
	return &Rule{
		ID: "ICNI503", Title: "istio-validation fails: the pod was quicker than the node agent", Area: AreaPods, Severity: High,
		Needs:   crashNeeds(),
		Symptom: "Pods stay in Init:CrashLoopBackOff, and their istio-validation ends with exit code 126.",
		Detection: "The pod's istio-validation ended with exit code 126, and the node agent's pod on its node became ready after the pod had started, " +
			"is not ready, or does not exist.",
		Cause:  "the pod was started on the node before the node agent was ready there, so nothing redirected its traffic",
		Remedy: "Wait for the node agent's repair. If the pod does not recover, delete it once the agent on its node is ready.",
		Links:  []string{linkTroubleshootCNI, linkIstioCNIOps},
		look: func(f *Facts, r *Report) {
			for _, pods := range byNode(crashed(f, crashRace)) {
				finding := unvalidatedFinding(f, pods)
				agent := f.AgentOn(pods[0].Node)
				switch {
				case agent == nil:
					finding.Cause = "there is no node agent on the node, so nothing redirects the pods' traffic"
					finding.Remedy = []Step{{"See why the node has no agent", "kubectl istio-cni check --only agent,nodes"}}
				case !agent.Ready:
					finding.Cause = "the node agent on the node is not ready, so nothing redirects the pods' traffic"
					finding.Remedy = []Step{{"See why the agent is not ready", describeAgentPod(agent.Name)}}
				default:
					finding.Evidence = append(finding.Evidence, fmt.Sprintf("the pod was started %s before the agent became ready",
						timeBetween(pods[0], agent)))
					finding.Remedy = []Step{{"Wait for the node agent to repair it, which takes some minutes", getPod(pods[0])}}
					deleteCrashed(&finding, pods)
				}
				r.Add(finding)
			}
		},
	}
}

func timeBetween(pod *mesh.Pod, agent *snapshot.AgentPod) string {
	if pod.Started.IsZero() {
		return "some time"
	}
	return agent.ReadySince.Sub(pod.Started).Round(1e9).String()
}

func validationReverted() *Rule {
	return &Rule{
		ID: "ICNI504", Title: "istio-validation fails although the node agent is ready", Area: AreaPods, Severity: High,
		Needs:     crashNeeds(),
		Symptom:   "Pods on one node stay in Init:CrashLoopBackOff, and their istio-validation ends with exit code 126, although the node agent there is ready.",
		Detection: "The pod's istio-validation ended with exit code 126, and the node agent's pod on its node had been ready before the pod started.",
		Cause:     "another plugin has written the node's CNI configuration anew without the agent's entry",
		Remedy:    "Delete the node agent's pod on the node, which installs it again, and then the pods that fail.",
		Links:     []string{linkTroubleshootCNI, linkIstioCNIOps},
		look: func(f *Facts, r *Report) {
			for _, pods := range byNode(crashed(f, crashReverted)) {
				finding := unvalidatedFinding(f, pods)
				agent := f.AgentOn(pods[0].Node)
				finding.Remedy = []Step{{"Have the node agent install itself again on the node", deletePod(mesh.SystemNamespace, agent.Name)}}
				deleteCrashed(&finding, pods)
				// The agent has to come first.
				finding.Fix = replaceAgentPod(agent)
				if !f.AgentConfig.Known() {
					finding.Evidence = append(finding.Evidence, "whether the agent is told to leave the pods' namespaces alone is not known")
					r.Unknown(partIn(f.Snapshot, PartAgentConfig).unknown)
				}
				r.Add(finding)
			}
		},
	}
}

func validationWithoutAgent() *Rule {
	return &Rule{
		ID: "ICNI505", Title: "istio-validation fails everywhere: there is no node agent", Area: AreaPods, Severity: Critical,
		Needs:     crashNeeds(),
		Symptom:   "New pods of the mesh stay in Init:CrashLoopBackOff on every node.",
		Detection: "The istio-validation of pods ended with exit code 126, and the node agent's DaemonSet does not exist.",
		Cause:     "the injector gives pods istio-validation, but the node agent that would redirect their traffic is missing",
		Remedy:    "Enable CNIChaining again, which brings the agent back, or disable it and restart the workloads.",
		Links:     []string{linkTroubleshootCNI, linkCNI},
		look: func(f *Facts, r *Report) {
			pods := crashed(f, crashNoAgent)
			if len(pods) == 0 {
				return
			}
			r.Add(Finding{
				Objects: append(podObjects(pods), AgentObject()), Root: RootAgent + "/pods",
				Evidence: append(crashLines(f, pods),
					fmt.Sprintf("these are %s on %d nodes", podCount(len(pods)), len(byNode(pods))),
					"DaemonSet "+mesh.AgentDaemonSet+" does not exist in "+mesh.SystemNamespace),
				Remedy: []Step{
					{"Have Azure bring the node agent back", "kubectl istio-cni enable --reconcile"},
					{"Or go back to init containers, and restart what is stale", "kubectl istio-cni disable --restart"},
				},
			})
		},
	}
}

func validationUser() *Rule {
	return &Rule{
		ID: "ICNI506", Title: "istio-validation fails: it runs as another user", Area: AreaPods, Severity: High,
		Needs:     []Need{{PartPods}, {PartCluster, PartMechanisms}},
		Symptom:   "Pods stay in Init:CrashLoopBackOff with exit code 126, although traffic on their node is redirected.",
		Detection: "The pod's istio-validation ended with exit code 126, and runs neither as uid 1337 nor as the uid of istio-proxy.",
		Cause:     "a policy has changed the uid of Istio's containers, and the redirection leaves alone only the proxy's own",
		Remedy:    "Exempt the containers istio-validation and istio-proxy from the policy, and restart the workload.",
		Links:     []string{linkTroubleshootCNI, linkIstioCNI},
		look: func(f *Facts, r *Report) {
			for _, group := range groupsOf(f, crashed(f, crashUser)) {
				pod := group.pods[0]
				finding := group.finding(fmt.Sprintf("run istio-validation as uid %d instead of %d", *pod.Redirect.RunAsUser, mesh.ProxyUID), crashLines(f, group.pods)...)
				finding.Remedy = []Step{
					{"Find the policy that changes it, and exempt Istio's containers", "kubectl get mutatingwebhookconfigurations"},
				}
				group.replace(&finding)
				// Restarted before the policy is mended, it would fail again.
				finding.Fix = nil
				r.Add(finding)
			}
		},
	}
}
