package check

import (
	"fmt"
	"iter"
	"regexp"
	"strings"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// mostAgentLogs are read: what is wrong with the agent on many nodes is wrong
// for one reason.
const mostAgentLogs = 5

// stuckAfter is how long an agent may take to do its work and become ready.
const stuckAfter = 2 * time.Minute

func agentLog(pod *snapshot.AgentPod, previous bool) snapshot.LogRequest {
	return snapshot.LogRequest{Namespace: mesh.SystemNamespace, Pod: pod.Name, Container: mesh.AgentContainer, Previous: previous}
}

func agentLogs(pods []snapshot.AgentPod, previous bool) []snapshot.LogRequest {
	var requests []snapshot.LogRequest
	for i := range pods[:min(len(pods), mostAgentLogs)] {
		requests = append(requests, agentLog(&pods[i], previous))
	}
	return requests
}

// readAgentLogs goes through the agents with their logs, "" for one that could
// not be read. Agents beyond the bound are noted as not looked at.
func readAgentLogs(f *Facts, r *Report, pods []snapshot.AgentPod, previous bool) iter.Seq2[*snapshot.AgentPod, string] {
	return func(yield func(*snapshot.AgentPod, string) bool) {
		for i := range pods[:min(len(pods), mostAgentLogs)] {
			if !yield(&pods[i], r.Log(f, agentLog(&pods[i], previous))) {
				return
			}
		}
		if more := len(pods) - mostAgentLogs; more > 0 {
			r.Unknown(Unknown{
				What: fmt.Sprintf("the logs of %d more node agents", more), State: snapshot.NotAsked,
				Reason: fmt.Sprintf("only those of %d are read", mostAgentLogs),
			})
		}
	}
}

// unreadyAgents are the agents that run and are not ready. Where a node has two,
// because one replaces the other, the better one counts.
func unreadyAgents(f *Facts) []snapshot.AgentPod {
	var pods []snapshot.AgentPod
	for _, pod := range f.AgentPods.Value {
		counts := f.AgentOn(pod.Node) != nil && f.AgentOn(pod.Node).Name == pod.Name
		if agentWanted(f) && counts && pod.Running && !pod.Ready && !pod.Terminating && pod.Waiting == "" {
			pods = append(pods, pod)
		}
	}
	return pods
}

// unreadyOnReadyNodes leaves out the agents of nodes that are not Ready: a lost
// node makes all its pods unready.
func unreadyOnReadyNodes(f *Facts) []snapshot.AgentPod {
	var pods []snapshot.AgentPod
	for _, pod := range unreadyAgents(f) {
		if node := f.Node(pod.Node); node == nil || node.Ready {
			pods = append(pods, pod)
		}
	}
	return pods
}

// lastLine is the last line of a log that contains all the words, upper and lower
// case being the same; "" if none does.
func lastLine(log string, words ...string) string {
	found := ""
	for line := range strings.Lines(log) {
		if containsAll(line, words) {
			found = line
		}
	}
	return strings.TrimSpace(found)
}

// latestTime is the latest time that stands in a line or a log, in the agent's
// plain or JSON format; zero if none does.
func latestTime(text string) time.Time {
	var latest time.Time
	for _, stamp := range regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`).FindAllString(text, -1) {
		if t, err := time.Parse(time.RFC3339Nano, stamp); err == nil && t.After(latest) {
			latest = t
		}
	}
	return latest
}

// longAgo reports whether an agent should have become ready since t. It is false
// for an unknown time.
func longAgo(f *Facts, t time.Time) bool { return !t.IsZero() && f.Taken.Sub(t) >= stuckAfter }

func agentReverted() *Rule {
	return &Rule{
		ID: "ICNI204", Title: "the node agent does not become ready", Area: AreaAgent, Severity: Critical,
		Needs:   []Need{{PartAgentPods}},
		Symptom: "A pod of the node agent runs but is never ready, and pods of the mesh on its node fail in istio-validation.",
		Detection: "A pod of the node agent is running and not ready on a node that is Ready, and its log says that the configuration was reconciled multiple times. " +
			"Otherwise it is High if the pod has not been ready, or its log has had no line, for two minutes.",
		Cause:  "the agent could not complete its installation on the node",
		Remedy: "Where another plugin rewrites the CNI configuration, make it stop; for Cilium that is the setting cni-exclusive=false. Where AKS manages that plugin, open a support ticket.",
		Links:  []string{linkIstioCNIOps, linkTroubleshootCNI},
		logs:   func(f *Facts) []snapshot.LogRequest { return agentLogs(unreadyOnReadyNodes(f), false) },
		look: func(f *Facts, r *Report) {
			for pod, log := range readAgentLogs(f, r, unreadyOnReadyNodes(f), false) {
				if finding, found := unreadyFinding(f, pod, log); found {
					r.Add(finding)
				}
			}
		},
	}
}

func unreadyFinding(f *Facts, pod *snapshot.AgentPod, log string) (Finding, bool) {
	finding := agentFinding(pod, fmt.Sprintf("the node agent's pod %s on node %s is running and not ready", pod.Name, pod.Node))
	line := lastLine(log, "reconciled multiple times")
	quiet := latestTime(log)
	switch {
	case line != "":
		finding.Evidence = append(finding.Evidence, "its log says: "+clipped(line))
		finding.Cause = "another plugin on the node keeps rewriting the CNI configuration that the agent has written"
		finding.Remedy = []Step{
			{"Look at the agent's log for the file that is being rewritten", showAgentLog(pod.Name, false)},
			{"See whether Cilium claims the configuration for itself", "kubectl get configmap -n kube-system cilium-config -o jsonpath='{.data.cni-exclusive}'"},
			{"Set cni-exclusive=false in your Cilium's configuration; where AKS manages Cilium, open a support ticket", ""},
		}
		if containsAll(log, []string{"cilium"}) {
			finding.Cause = "Cilium keeps rewriting the CNI configuration that the agent has written, because it claims it for itself"
		}
	case waitsForNetwork(log) != "" || !longAgo(f, quiet) && !longAgo(f, pod.UnreadySince):
		return Finding{}, false
	default:
		finding.Severity = High
		if longAgo(f, pod.UnreadySince) {
			finding.Evidence = append(finding.Evidence, "it has not been ready for "+timeSince(f, pod.UnreadySince))
		}
		if longAgo(f, quiet) {
			finding.Evidence = append(finding.Evidence, "its log has had no line for "+timeSince(f, quiet))
		}
		finding.Remedy = []Step{
			{"Look at the agent's log", showAgentLog(pod.Name, false)},
			{"Have the DaemonSet replace the pod", deletePod(mesh.SystemNamespace, pod.Name)},
		}
		finding.Fix = replaceAgentPod(pod)
	}
	return finding, true
}

func agentWaiting() *Rule {
	return &Rule{
		ID: "ICNI205", Title: "the node agent waits for the primary CNI", Area: AreaAgent, Severity: High,
		Needs:     []Need{{PartAgentPods}},
		Symptom:   "A pod of the node agent runs but is not ready, and often its node is not Ready either.",
		Detection: "A pod of the node agent is running and not ready, and the last that its log says of the CNI configuration is that it waits for a file, for two minutes or longer.",
		Cause:     "the node's primary CNI plugin has not written its configuration to /etc/cni/net.d",
		Remedy:    "Mend the node's primary CNI plugin. The agent goes on by itself when the file is there.",
		Links:     []string{linkTroubleshootCNI, linkIstioCNIOps},
		logs:      func(f *Facts) []snapshot.LogRequest { return agentLogs(unreadyAgents(f), false) },
		look: func(f *Facts, r *Report) {
			for pod, log := range readAgentLogs(f, r, unreadyAgents(f), false) {
				line := waitsForNetwork(log)
				if line == "" || f.Taken.Sub(latestTime(line)) < stuckAfter {
					continue
				}
				finding := agentFinding(pod, fmt.Sprintf("the node agent's pod %s on node %s is running and not ready", pod.Name, pod.Node), "its log says: "+clipped(line))
				if node := f.Node(pod.Node); node != nil && !node.Ready {
					finding.Evidence = append(finding.Evidence, "the node is not Ready")
				}
				finding.Remedy = []Step{
					{"See what the node says of its network", "kubectl describe node " + pod.Node},
					{"Look at the primary CNI's pods on the node", "kubectl get pods -n kube-system -o wide --field-selector spec.nodeName=" + pod.Node},
					{"If they do not recover, replace the node", drain(pod.Node)},
				}
				r.Add(finding)
			}
		},
	}
}

// waitsForNetwork is the line that says that the agent waits for a configuration
// to chain itself into, "" if it has found one since.
func waitsForNetwork(log string) string {
	waits := ""
	for line := range strings.Lines(log) {
		switch {
		case containsAll(line, []string{"waiting for", "cni network config file"}), containsAll(line, []string{"cni config file", "waiting for file to be written"}):
			waits = strings.TrimSpace(line)
		case containsAll(line, []string{"created cni config"}), containsAll(line, []string{"exists. proceeding"}), containsAll(line, []string{"exists, proceeding"}):
			waits = ""
		}
	}
	return waits
}

func agentChainedWrongly() *Rule {
	return &Rule{
		ID: "ICNI210", Title: "the node agent may be in the Static Egress Gateway's configuration", Area: AreaAgent, Severity: Medium,
		Needs:   []Need{{PartAgentPods}, {PartPods}},
		Symptom: "Pods of the mesh fail in istio-validation on nodes whose agent is ready, on a cluster with a Static Egress Gateway.",
		Detection: "The node agent of a node where istio-validation fails, or one that is not ready, says in its log that it works on " + egressConflist +
			", which is the first file in /etc/cni/net.d.",
		Cause:  "the agent adds itself to the first configuration in /etc/cni/net.d, and that is the Static Egress Gateway's, which is not used for every pod",
		Remedy: "Open a support ticket: both parts are managed by AKS. Until then keep the mesh's pods off the nodes that have the file.",
		Links:  []string{linkTroubleshootCNI, linkIstioCNI},
		logs:   func(f *Facts) []snapshot.LogRequest { return agentLogs(doubtfulAgents(f), false) },
		look: func(f *Facts, r *Report) {
			for pod, log := range readAgentLogs(f, r, doubtfulAgents(f), false) {
				line := egressLine(log)
				if line == "" {
					continue
				}
				finding := agentFinding(pod, fmt.Sprintf("the node agent's pod %s on node %s says: %s", pod.Name, pod.Node, clipped(line)))
				finding.Remedy = []Step{
					{"Keep the log for a support ticket", showAgentLog(pod.Name, false)},
					{"Keep new pods off the node in the meantime", "kubectl cordon " + pod.Node},
				}
				r.Add(finding)
			}
		},
	}
}

const egressConflist = "01-egressgateway.conflist"

// egressLine is the last line that names the file as the one to be worked on. The
// agent also reports that the file was touched, or is not valid.
func egressLine(log string) string {
	found := ""
	for line := range strings.Lines(log) {
		named := containsAll(line, []string{egressConflist})
		if named && !containsAll(line, []string{"file modified"}) && !containsAll(line, []string{"error"}) && !containsAll(line, []string{"skipping"}) {
			found = strings.TrimSpace(line)
		}
	}
	return found
}

// doubtfulAgents are those of the nodes where istio-validation fails, and those
// that are not ready.
func doubtfulAgents(f *Facts) []snapshot.AgentPod {
	if !agentWanted(f) {
		return nil
	}
	failing := map[string]bool{}
	for pod := range f.Unvalidated() {
		failing[pod.Node] = true
	}
	for _, pod := range unreadyOnReadyNodes(f) {
		failing[pod.Node] = true
	}
	var pods []snapshot.AgentPod
	for _, pod := range f.AgentPods.Value {
		if failing[pod.Node] && pod.Running && !pod.Terminating {
			pods = append(pods, pod)
		}
	}
	return pods
}
