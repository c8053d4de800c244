package check

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func validationInJob() *Rule {
	return &Rule{
		ID: "ICNI507", Title: "a Job's istio-validation fails and is not tried again", Area: AreaPods, Severity: High,
		Needs:     crashNeeds(),
		Symptom:   "A Job fails in istio-validation with exit code 126 right after it was started.",
		Detection: "The istio-validation of a pod with restartPolicy Never ended with exit code 126, and its Job has made no other pod since that went on.",
		Cause:     "the pod was started without redirection, and restartPolicy Never leaves the node agent's repair nothing to repair",
		Remedy:    "Make the Job anew once the node agent is ready on every node, or let it retry.",
		Links:     []string{linkTroubleshootCNI, "https://github.com/istio/istio/issues/49210"},
		look: func(f *Facts, r *Report) {
			for _, group := range groupsOf(f, crashed(f, crashInJob)) {
				r.Add(jobFinding(f, group))
			}
		},
	}
}

func jobFinding(f *Facts, group *podGroup) Finding {
	job, nodes := group.workload, byNode(group.pods)
	finding := Finding{
		Objects:  slices.Compact(append([]Object{WorkloadObject(job)}, podObjects(group.pods)...)),
		Evidence: append(crashLines(f, group.pods), "their restartPolicy is Never"),
		Remedy:   []Step{{"See that the node agent is ready on every node", "kubectl istio-cni status"}},
		Root:     rootWorkload(job),
	}
	for _, on := range nodes[:min(len(nodes), mostExamples)] {
		if line := agentState(f, on[0].Node); line != "" {
			finding.Objects = append(finding.Objects, NodeObject(on[0].Node))
			finding.Evidence = append(finding.Evidence, line)
		}
	}
	if len(nodes) == 1 && group.pods[0].Node != "" {
		finding.Root = RootAgentOn(group.pods[0].Node)
	}
	if job.Kind == "Job" {
		finding.Remedy = append(finding.Remedy,
			Step{"Keep what the Job is, if there is no manifest of it", fmt.Sprintf("kubectl get job -n %s %s -o yaml", job.Namespace, job.Name)},
			Step{"Make the Job anew: delete it, and create it again from its manifest", fmt.Sprintf("kubectl delete job -n %s %s", job.Namespace, job.Name)})
	} else {
		finding.Remedy = append(finding.Remedy, Step{"Make the pod anew from its manifest", ""})
	}
	return finding
}

// repairs are how many restarts show that a repair was in vain.
const repairs = 3

// inVain are the pods that might have been repaired in vain.
func inVain(f *Facts) []*mesh.Pod {
	var pods []*mesh.Pod
	for pod := range f.Unvalidated() {
		if maybeInVain(f, pod) {
			pods = append(pods, pod)
		}
	}
	return pods
}

// maybeInVain reports whether a pod goes on crashing although its node has an
// agent, for none of the causes that can be told without the agent's log.
func maybeInVain(f *Facts, pod *mesh.Pod) bool {
	failure, agent := pod.FailureOf(mesh.ValidationContainer), f.AgentOn(pod.Node)
	told := f.Mechanism() == mesh.InitContainers || f.Excluded(pod.Namespace) || isOver(f, pod) || userChanged(pod) || neverRestarts(pod)
	return !told && failure != nil && failure.Restarts >= repairs && agent != nil && agent.Ready
}

// repairedInVain reports whether the agent says that it has repaired the pod, as
// far as its log was read.
func repairedInVain(f *Facts, pod *mesh.Pod) bool {
	return maybeInVain(f, pod) && repairLine(f.Log(agentLog(f.AgentOn(pod.Node), false)).Value, pod) != ""
}

// repairLine is the line in which the agent says that it has repaired a pod that
// failed once more after that, or that it has not because it had repaired it
// before; "" if there is none. Between a repair and the pod's next try nothing can
// be said, nor by what was said of an earlier pod of that name.
func repairLine(log string, pod *mesh.Pod) string {
	name := pod.Namespace + "/" + pod.Name
	if !strings.Contains(log, name) {
		return ""
	}
	named := regexp.MustCompile(`(^|[^a-z0-9./-])` + regexp.QuoteMeta(name) + `($|[^a-z0-9.-])`)
	found := ""
	for line := range strings.Lines(log) {
		if !strings.Contains(strings.ToLower(line), "repaired") || !named.MatchString(line) {
			continue
		}
		if at := latestTime(line); at.IsZero() || !at.Before(pod.Created) {
			found = line
		}
	}
	if !mistaken(found) && latestTime(found).After(pod.FailureOf(mesh.ValidationContainer).Finished) {
		return ""
	}
	return found
}

// mistaken reports whether the agent took a pod for an earlier one of that name.
func mistaken(line string) bool {
	return containsAll(line, []string{"already repaired with an unexpected uid"})
}

func validationRepaired() *Rule {
	return &Rule{
		ID: "ICNI508", Title: "a pod was repaired and still crashes", Area: AreaPods, Severity: High,
		Needs:     crashNeeds(),
		Symptom:   "The node agent's log says that it has repaired a pod, and the pod's istio-validation goes on failing.",
		Detection: "The pod's istio-validation ended with exit code 126 after three restarts or more, the last of them after the log of the agent on its node said that the pod was repaired.",
		Cause:     "the agent's repair did not take: a known defect of some versions",
		Remedy:    "Delete the pod. Its successor gets its redirection when it is made.",
		Links:     []string{linkTroubleshootCNI, "https://github.com/istio/istio/issues/57332", "https://github.com/istio/istio/issues/56587"},
		logs: func(f *Facts) []snapshot.LogRequest {
			return agentLogs(agentsOf(f, inVain(f)), false)
		},
		look: func(f *Facts, r *Report) {
			for agent, log := range readAgentLogs(f, r, agentsOf(f, inVain(f)), false) {
				for _, pod := range inVain(f) {
					if line := repairLine(log, pod); pod.Node == agent.Node && line != "" && crashOf(f, pod) == crashRepaired {
						r.Add(repairedFinding(f, pod, line))
					}
				}
			}
		},
	}
}

// agentsOf are the agents on the nodes of pods, each once.
func agentsOf(f *Facts, pods []*mesh.Pod) []snapshot.AgentPod {
	var agents []snapshot.AgentPod
	for _, on := range byNode(pods) {
		if agent := f.AgentOn(on[0].Node); agent != nil {
			agents = append(agents, *agent)
		}
	}
	return agents
}

func repairedFinding(f *Facts, pod *mesh.Pod, line string) Finding {
	finding := unvalidatedFinding(f, []*mesh.Pod{pod})
	finding.Evidence = append(finding.Evidence, "the agent's log says: "+strings.TrimSpace(clipped(line)))
	if mistaken(line) {
		finding.Cause = "the agent takes the pod for an earlier one of the same name that it has repaired, and leaves it alone"
	}
	deleteCrashed(&finding, []*mesh.Pod{pod})
	return finding
}
