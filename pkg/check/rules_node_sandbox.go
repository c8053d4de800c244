package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// sandboxFault is why a pod's sandbox could not be made, or unmade, as far as the
// istio-cni plugin on the node is to blame.
type sandboxFault int

const (
	otherFault sandboxFault = iota
	missingKubeconfig
	staleToken
	missingPlugin
	failedRules
)

// Reasons of the kubelet's events about sandboxes.
const (
	sandboxNotMade   = "FailedCreatePodSandBox"
	sandboxNotUnmade = "FailedKillPod"
)

// faultOf reads an event's message. Messages quote one another, so that quotes
// may be escaped. What the plugin logged can stand in it as well, so the certain
// texts come first.
func faultOf(message string) sandboxFault {
	message = strings.ToLower(strings.ReplaceAll(message, `\`, ""))
	if strings.Contains(message, `failed to find plugin "istio-cni"`) {
		return missingPlugin
	}
	_, said, ours := strings.Cut(message, `plugin type="istio-cni"`)
	switch {
	case !ours || strings.Contains(said, "annotation value error"):
		return otherFault
	case strings.Contains(said, "istio-cni-kubeconfig") && strings.Contains(said, "no such file"):
		return missingKubeconfig
	case strings.Contains(said, "unauthorized"):
		return staleToken
	case strings.Contains(said, "iptables"), strings.Contains(said, "nft"), strings.Contains(said, "xtables"):
		return failedRules
	}
	return otherFault
}

const (
	// The kubelet repeats an event at least every five minutes while it lasts.
	faultLasts = 15 * time.Minute
	// goneLasts is for events of pods that are gone, and refusalLasts for those of
	// controllers, which try less often.
	goneLasts    = 5 * time.Minute
	refusalLasts = 30 * time.Minute
	// A fault seen this often, or by a pod this old, does not go away by itself: an
	// agent that is just being replaced is back before.
	lastingCount = 3
	lastingAge   = 2 * time.Minute
)

// isRecent reports whether an event is from a time before the snapshot. One that
// does not say when it was counts.
func isRecent(f *Facts, event snapshot.Event, within time.Duration) bool {
	return event.Last.IsZero() || f.Taken.Sub(event.Last) <= within
}

// stuckPod is a pod with the events of one fault.
type stuckPod struct {
	object Object
	node   string
	count  int32
	latest snapshot.Event
	old    bool
}

// stuckNode is a node with its stuck pods; its name is "" where that is not known.
type stuckNode struct {
	name string
	pods []stuckPod
	// agentToo is set if the agent's own pod is among them.
	agentToo bool
}

// stuckBy finds what a fault stops now, by node.
func stuckBy(f *Facts, fault sandboxFault, reasons ...string) []stuckNode {
	var nodes []stuckNode
	for _, pod := range podsStuckBy(f, fault, reasons) {
		if pod.count < lastingCount && !pod.old {
			continue
		}
		i := slices.IndexFunc(nodes, func(n stuckNode) bool { return n.name == pod.node })
		if i < 0 {
			i, nodes = len(nodes), append(nodes, stuckNode{name: pod.node})
		}
		nodes[i].pods = append(nodes[i].pods, pod)
		nodes[i].agentToo = nodes[i].agentToo || isAgentPod(pod.object)
	}
	slices.SortFunc(nodes, func(a, b stuckNode) int { return strings.Compare(a.name, b.name) })
	return nodes
}

// podsStuckBy puts the events of each pod together: the kubelet makes several,
// because their texts differ in the sandbox's id.
func podsStuckBy(f *Facts, fault sandboxFault, reasons []string) []stuckPod {
	var pods []stuckPod
	for _, reason := range reasons {
		for event := range f.EventsOf(reason) {
			node, old, now := placeOf(f, event)
			if !now || faultOf(event.Message) != fault {
				continue
			}
			object := Object{event.Kind, event.Namespace, event.Name}
			i := slices.IndexFunc(pods, func(p stuckPod) bool { return p.object == object })
			if i < 0 {
				i, pods = len(pods), append(pods, stuckPod{object: object, node: node, latest: event, old: old})
			}
			pods[i].count += event.Count
			if event.Last.After(pods[i].latest.Last) {
				pods[i].latest = event
			}
		}
	}
	return pods
}

// placeOf tells the node of an event's pod, whether the pod had time to recover,
// and whether the event is about the present.
func placeOf(f *Facts, event snapshot.Event) (node string, old, now bool) {
	within := faultLasts
	pod := f.Pod(event.Namespace, event.Name)
	agent := agentNamed(f, event)
	switch {
	case pod != nil:
		node, old = pod.Node, event.Reason == sandboxNotMade && f.Taken.Sub(pod.Created) >= lastingAge
		within = outlived(f, pod, event)
	case agent != nil:
		node = agent.Node
		if agent.Running || agent.Ready {
			within = 0
		}
	case knownGone(f, event):
		within = goneLasts
	}
	onNode := f.AgentOn(node)
	recovered := node != "" && onNode != nil && onNode.Ready && onNode.ReadySince.After(event.Last)
	return node, old, within > 0 && isRecent(f, event, within) && !recovered
}

// outlived is how long an event about a pod counts. A pod that runs has
// recovered, unless it was old when the event came: then the node was restarted,
// and the pod's phase has not followed.
func outlived(f *Facts, pod *mesh.Pod, event snapshot.Event) time.Duration {
	switch {
	case event.Reason != sandboxNotMade || pod.Phase == corev1.PodPending:
		return faultLasts
	case Ended(pod) || event.Last.Sub(pod.Created) < faultLasts:
		return 0
	case !f.AgentPods.Known():
		return goneLasts
	}
	if agent := f.AgentOn(pod.Node); agent != nil && agent.Ready {
		return 0
	}
	return faultLasts
}

// knownGone reports whether an event's pod would have been found if it was still
// there.
func knownGone(f *Facts, event snapshot.Event) bool {
	if isAgentPod(Object{event.Kind, event.Namespace, event.Name}) && f.AgentPods.Whole() {
		return true
	}
	return f.Pods.Whole() && (f.Context.Namespace == "" || f.Context.Namespace == event.Namespace)
}

func isAgentPod(o Object) bool {
	return o.Namespace == mesh.SystemNamespace && strings.HasPrefix(o.Name, mesh.AgentDaemonSet+"-")
}

// agentNamed is the agent's pod that an event is about, nil if it is about another.
func agentNamed(f *Facts, event snapshot.Event) *snapshot.AgentPod {
	for i := range f.AgentPods.Value {
		if event.Namespace == mesh.SystemNamespace && f.AgentPods.Value[i].Name == event.Name {
			return &f.AgentPods.Value[i]
		}
	}
	return nil
}

// stuckFinding says what is stuck on a node, with a few of its pods. The rule's
// id keeps findings about unknown nodes apart.
func stuckFinding(f *Facts, node stuckNode, id string) Finding {
	where := "on a node that is not known"
	finding := Finding{Root: RootAgentOn("unknown, " + id)}
	if node.name != "" {
		where = "on node " + node.name
		finding.Root = RootAgentOn(node.name)
		finding.Objects = []Object{NodeObject(node.name)}
	}
	if agent := f.AgentOn(node.name); agent != nil && node.name != "" {
		finding.Objects = append(finding.Objects, AgentPodObject(agent.Name))
	}
	for _, pod := range node.pods[:min(len(node.pods), mostExamples)] {
		verb := "cannot start"
		if pod.latest.Reason == sandboxNotUnmade {
			verb = "cannot be stopped"
		}
		finding.Evidence = append(finding.Evidence, fmt.Sprintf("%s %s %s, last %s ago: %s", pod.object, verb, where, timeSince(f, pod.latest.Last), pluginSaid(pod.latest.Message)))
		if !slices.Contains(finding.Objects, pod.object) {
			finding.Objects = append(finding.Objects, pod.object)
		}
	}
	if more := len(node.pods) - mostExamples; more > 0 {
		finding.Evidence = append(finding.Evidence, fmt.Sprintf("%d more pods have the same fault", more))
	}
	if node.agentToo {
		finding.Evidence = append(finding.Evidence, "the node agent's own pod is among them, so it cannot mend the node")
	}
	if state := agentState(f, node.name); state != "" {
		finding.Evidence = append(finding.Evidence, state)
	}
	return finding
}

// pluginSaid leaves out what stands before the plugin's name in a message.
func pluginSaid(message string) string {
	message = strings.ReplaceAll(message, `\`, "")
	if i := strings.Index(message, "plugin type="); i >= 0 {
		message = message[i:]
	}
	return clipped(message)
}

// replaceNode means draining it, and having Azure remove the machine.
func replaceNode(f *Facts, node string) []Step {
	if node == "" {
		return []Step{{"Find the node that the pods are on", "kubectl get pods -A -o wide --field-selector status.phase=Pending"}}
	}
	return []Step{
		{"Move the node's pods away", drain(node)},
		{"Have Azure remove the machine; the pool's autoscaler, or scaling the pool, brings a fresh one", inPool(f, "delete-machines", node) + " --machine-names " + node},
	}
}

func drain(node string) string {
	return "kubectl drain " + node + " --ignore-daemonsets --delete-emptydir-data"
}

// mendAgent replaces the agent's pod on a node if that can help: there is one, and
// the fault does not block its successor. Otherwise the node has to go.
func mendAgent(f *Facts, finding *Finding, node stuckNode) {
	agent := f.AgentOn(node.name)
	blocked := node.agentToo || agent != nil && agent.Waiting == "ContainerCreating"
	if node.name == "" || agent == nil || agent.Terminating || blocked {
		finding.Remedy = append(finding.Remedy, replaceNode(f, node.name)...)
		return
	}
	finding.Fix = replaceAgentPod(agent)
	finding.Remedy = append(finding.Remedy, Step{"Have the DaemonSet replace the node agent's pod", deletePod(mesh.SystemNamespace, agent.Name)})
	for i, step := range replaceNode(f, node.name) {
		if i == 0 {
			step.Text = "If the new pod does not start, move the node's pods away"
		}
		finding.Remedy = append(finding.Remedy, step)
	}
}

// inPool is a command of Azure's CLI about the pool of a node.
func inPool(f *Facts, verb, node string) string {
	id := f.Identity.Value
	return fmt.Sprintf("az aks nodepool %s --resource-group %s --cluster-name %s --name %s",
		verb, cmp.Or(id.ResourceGroup, "RESOURCE-GROUP"), cmp.Or(id.Name, "CLUSTER"), cmp.Or(poolOf(node), "POOL"))
}
