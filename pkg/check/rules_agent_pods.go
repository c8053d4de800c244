package check

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

const (
	crashLoop = "CrashLoopBackOff"
	// loopingAfter is how many restarts make a loop: a fresh agent may need one or
	// two until the node is ready for it.
	loopingAfter = 3
)

func agentCrashing() *Rule {
	return &Rule{
		ID: "ICNI206", Title: "the node agent crashes again and again", Area: AreaAgent, Severity: Critical,
		Needs:   []Need{{PartAgentPods}},
		Symptom: "Pods of the node agent are in CrashLoopBackOff, and pods of the mesh on their nodes fail in istio-validation.",
		Detection: "The container " + mesh.AgentContainer + " waits in CrashLoopBackOff after three restarts or more; or it has restarted twice or more, is not ready, " +
			"and its previous log says that the node refused a file: read-only file system, or permission denied.",
		Cause:  "the agent cannot do its work on the node; its previous log tells why",
		Remedy: "Look at the agent's previous log. Where the node's OS does not let the agent write to /opt/cni/bin or /etc/cni/net.d, move the pool to Ubuntu 22.04 or later, or to Azure Linux.",
		Links:  []string{linkTroubleshootCNI, linkIstioCNIOps, "https://github.com/istio/istio/issues/53849"},
		logs:   func(f *Facts) []snapshot.LogRequest { return agentLogs(crashingAgents(f), true) },
		look: func(f *Facts, r *Report) {
			crashing := crashingAgents(f)
			var faulty []snapshot.AgentPod
			refusals := map[string]string{}
			for pod, log := range readAgentLogs(f, r, crashing, true) {
				refusals[pod.Name] = refusedWrite(log)
			}
			for _, pod := range crashing {
				if refusals[pod.Name] != "" || pod.Waiting == crashLoop && pod.Restarts >= loopingAfter {
					faulty = append(faulty, pod)
				}
			}
			for _, pods := range perAgentOrAll(f, faulty) {
				r.Add(crashFinding(f, pods, refusals))
			}
		},
	}
}

// crashingAgents are the agents that crash, or may be between two crashes.
func crashingAgents(f *Facts) []snapshot.AgentPod {
	if !agentWanted(f) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(f.AgentPods.Value), func(pod snapshot.AgentPod) bool {
		node := f.Node(pod.Node)
		lost := node != nil && !node.Ready
		again := !pod.Ready && pod.Restarts >= loopingAfter-1 && !missesImage(pod) && !lost
		return pod.Terminating || pod.Waiting != crashLoop && !again
	})
}

// refusedWrite is the line of an agent's log that tells that it could not write to
// the node. An agent that may not remount the root says so and goes on.
func refusedWrite(log string) string {
	if line := lastLine(log, "read-only file system"); line != "" {
		return line
	}
	found := ""
	for line := range strings.Lines(log) {
		if containsAll(line, []string{"permission denied"}) && (strings.Contains(line, "/host/") || strings.Contains(line, "installer failed")) {
			found = strings.TrimSpace(line)
		}
	}
	return found
}

func crashFinding(f *Facts, pods []snapshot.AgentPod, refusals map[string]string) Finding {
	first := pods[0]
	state := "restarting"
	if first.Waiting != "" {
		state = "in " + first.Waiting
	}
	finding := agentsFinding(pods, fmt.Sprintf("the node agent's pod %s on node %s is %s after %d restarts", first.Name, first.Node, state, first.Restarts))
	finding.Remedy = []Step{{"Look at what it logged before it crashed", showAgentLog(first.Name, true)}}
	for _, pod := range pods {
		line := refusals[pod.Name]
		if line == "" {
			continue
		}
		finding.Evidence = append(finding.Evidence, "its previous log says: "+clipped(line))
		finding.Cause = "a security module such as SELinux, or the permissions of the node's folders, keep the agent from writing to the node"
		if containsAll(line, []string{"read-only file system"}) {
			finding.Cause = "the node's OS is immutable: the agent cannot write to the node's file system"
		}
		finding.Remedy = append(finding.Remedy, newPool(f, "Add a pool of another OS, and drain the old one"))
		break
	}
	if node := f.Node(first.Node); node != nil && node.OSImage != "" {
		finding.Evidence = append(finding.Evidence, "the node runs "+node.OSImage)
	}
	return finding
}

func agentImageMissing() *Rule {
	return &Rule{
		ID: "ICNI207", Title: "the node agent's image cannot be pulled", Area: AreaAgent, Severity: Critical,
		Needs:     []Need{{PartAgentPods}},
		Symptom:   "Pods of the node agent do not start, and pods of the mesh on their nodes fail in istio-validation.",
		Detection: "The container " + mesh.AgentContainer + " waits with ImagePullBackOff or ErrImagePull.",
		Cause:     "a firewall or proxy between the nodes and the registry does not let the image through",
		Remedy:    "Allow the nodes to reach the registry that the message names: mcr.microsoft.com and *.data.mcr.microsoft.com in the public cloud. The kubelet then goes on by itself.",
		Links:     []string{linkTroubleshootCNI, linkCNI},
		look: func(f *Facts, r *Report) {
			if !agentWanted(f) {
				return
			}
			imageless := slices.DeleteFunc(slices.Clone(f.AgentPods.Value), func(pod snapshot.AgentPod) bool { return pod.Terminating || !missesImage(pod) })
			for _, pods := range perAgentOrAll(f, imageless) {
				first := pods[0]
				finding := agentsFinding(pods, fmt.Sprintf("the node agent's pod %s on node %s is in %s", first.Name, first.Node, first.Waiting))
				finding.Remedy = []Step{
					{"See which registry the image comes from, and what it answers", describeAgentPod(first.Name)},
					{"Allow the nodes to reach that registry", ""},
				}
				if first.Message != "" {
					finding.Evidence = append(finding.Evidence, "the kubelet says: "+clipped(first.Message))
				}
				r.Add(finding)
			}
		},
	}
}

func missesImage(pod snapshot.AgentPod) bool {
	return pod.Waiting == "ImagePullBackOff" || pod.Waiting == "ErrImagePull"
}

func agentPodsRefused() *Rule {
	return &Rule{
		ID: "ICNI208", Title: "the node agent's pods are refused", Area: AreaAgent, Severity: Critical,
		Needs:   []Need{{PartEvents}},
		Symptom: "The node agent's DaemonSet exists and has too few pods.",
		Detection: "An event FailedCreate of the DaemonSet says that a pod was denied or forbidden, within the last half hour, " +
			"and the DaemonSet still has fewer pods than it wants, as far as that could be read.",
		Cause:  "an admission policy or a quota does not let the agent's pods in",
		Remedy: "Exclude the namespace " + mesh.SystemNamespace + " from the policy or quota. The agent needs the host's file system and privileges to do its work.",
		Links:  []string{linkTroubleshootCNI, linkSafeguards},
		look: func(f *Facts, r *Report) {
			event, found := latestRefusal(f)
			if !found || !agentWanted(f) || agentsComplete(f) {
				return
			}
			finding := Finding{
				Objects:  []Object{AgentObject()},
				Evidence: []string{fmt.Sprintf("%s ago: %s", timeSince(f, event.Last), clipped(event.Message))},
				Root:     RootAgent,
			}
			if f.Agent.State == snapshot.Read {
				finding.Evidence = append(finding.Evidence, fmt.Sprintf("the DaemonSet wants %d pods, and %d are ready", f.Agent.Value.Desired, f.Agent.Value.Ready))
			}
			finding.Cause, finding.Remedy = explainRefusal(event.Message)
			r.Add(finding)
		},
	}
}

func latestRefusal(f *Facts) (snapshot.Event, bool) {
	var latest snapshot.Event
	found := false
	for event := range f.EventsOf("FailedCreate") {
		agents := event.Kind == "DaemonSet" && event.Namespace == mesh.SystemNamespace && event.Name == mesh.AgentDaemonSet
		refused := containsAll(event.Message, []string{"denied"}) || containsAll(event.Message, []string{"forbidden"})
		// The DaemonSet controller tries again after at most a quarter of an hour.
		if agents && refused && isRecent(f, event, refusalLasts) && (!found || event.Last.After(latest.Last)) {
			latest, found = event, true
		}
	}
	return latest, found
}

// agentsComplete reports whether it is known that the DaemonSet has got all its
// pods since.
func agentsComplete(f *Facts) bool {
	if f.Agent.State != snapshot.Read || rolling(f) {
		return false
	}
	return f.Agent.Value.Ready >= f.Agent.Value.Desired || f.AgentPods.Whole() && agentsToCome(f) <= 0
}

func explainRefusal(message string) (cause string, remedy []Step) {
	switch {
	case containsAll(message, []string{"exceeded quota"}):
		return "a resource quota of " + mesh.SystemNamespace + " is used up",
			[]Step{{"Raise or delete the quota", "kubectl get resourcequota -n " + mesh.SystemNamespace}}
	case containsAll(message, []string{"podsecurity"}):
		return "the Pod Security level of " + mesh.SystemNamespace + " forbids what the agent needs",
			[]Step{{"Look at the namespace's labels, and remove the level", "kubectl get namespace " + mesh.SystemNamespace + " --show-labels"}}
	}
	remedy = []Step{{"Exclude the namespace " + mesh.SystemNamespace + " from the policy that the message names", ""}}
	if webhook := regexp.MustCompile(`admission webhook "([^"]+)"`).FindStringSubmatch(message); webhook != nil {
		cause = "the admission webhook " + webhook[1] + " denies the agent's pods"
		remedy = append(remedy, Step{"Find the webhook's configuration", "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations"})
	}
	return cause, remedy
}
