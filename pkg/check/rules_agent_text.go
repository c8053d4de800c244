package check

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// mostExamples are named where many objects have one fault.
const mostExamples = 3

// timeSince is how long before the snapshot something was, such as 5m.
func timeSince(f *Facts, t time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	return duration.HumanDuration(max(0, f.Taken.Sub(t)))
}

// someOf names the first of many.
func someOf(names []string) string {
	if len(names) <= mostExamples {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:mostExamples], ", "), len(names)-mostExamples)
}

// clipped is a message or a line of a log, short enough for a line of evidence.
func clipped(text string) string {
	const most = 240
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most]) + "…"
}

func describeAgentPod(name string) string {
	return fmt.Sprintf("kubectl describe pod -n %s %s", mesh.SystemNamespace, name)
}

func showAgentLog(name string, previous bool) string {
	command := fmt.Sprintf("kubectl logs -n %s %s -c %s", mesh.SystemNamespace, name, mesh.AgentContainer)
	if previous {
		command += " --previous"
	}
	return command
}

// agentFinding is about one pod of the agent, and its node.
func agentFinding(pod *snapshot.AgentPod, evidence ...string) Finding {
	return Finding{
		Objects: []Object{AgentPodObject(pod.Name), NodeObject(pod.Node)}, Evidence: evidence, Root: RootAgentOn(pod.Node),
	}
}

// replaceAgentPod is the fix for an agent that a fresh start may mend.
func replaceAgentPod(pod *snapshot.AgentPod) *Fix {
	return &Fix{Action: FixDeletePod, Object: AgentPodObject(pod.Name), UID: pod.UID}
}

// agentState says in a clause how the agent is on a node, "" where that is not
// known.
func agentState(f *Facts, node string) string {
	pod := f.AgentOn(node)
	switch {
	case !f.AgentPods.Known() || node == "":
		return ""
	case pod == nil:
		return "no pod of the node agent is on node " + node
	case pod.Terminating:
		return "the node agent's pod " + pod.Name + " on the node is terminating"
	case pod.Ready:
		return "the node agent's pod " + pod.Name + " on the node has been ready for " + timeSince(f, pod.ReadySince)
	}
	return "the node agent's pod " + pod.Name + " on the node is not ready: " + cmp.Or(pod.Waiting, pod.Phase)
}

// perAgentOrAll splits agents that have one fault: if every agent has it, the
// cause is one and so is the finding; else each node has its own.
func perAgentOrAll(f *Facts, faulty []snapshot.AgentPod) [][]snapshot.AgentPod {
	present := 0
	for _, pod := range f.AgentPods.Value {
		if !pod.Terminating {
			present++
		}
	}
	if len(faulty) > 1 && len(faulty) == present {
		return [][]snapshot.AgentPod{faulty}
	}
	var each [][]snapshot.AgentPod
	for i := range faulty {
		each = append(each, faulty[i:i+1])
	}
	return each
}

// agentsFinding is about some pods of the agent: one, or all.
func agentsFinding(pods []snapshot.AgentPod, evidence ...string) Finding {
	finding := agentFinding(&pods[0], evidence...)
	if len(pods) > 1 {
		finding.Objects, finding.Root = []Object{AgentObject()}, RootAgent
		for _, pod := range pods {
			finding.Objects = append(finding.Objects, AgentPodObject(pod.Name))
		}
		finding.Evidence = append(finding.Evidence, fmt.Sprintf("so are all %d pods of the node agent", len(pods)))
	}
	return finding
}
