package troubleshoot

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// objectsScreen lists what a finding is about, pods with how they are.
type objectsScreen struct {
	finding *check.Finding
	entries []entry
	list    list
}

// entry is one object.
type entry struct {
	object check.Object
	// facts say how it is, a line each.
	facts []fact
	// logs are those worth reading.
	logs []snapshot.LogRequest
}

type fact struct {
	text   string
	colour terminal.Colour
}

func newObjectsScreen(m *model, f *check.Finding) *objectsScreen {
	s := &objectsScreen{finding: f}
	s.renew(m)
	return s
}

// renew lists the objects of the finding, each with its pods that look wrong.
func (s *objectsScreen) renew(m *model) {
	w := newWho(m.snapshot, s.finding.Objects)
	s.entries = nil
	for _, object := range s.finding.Objects {
		s.entries = append(s.entries, w.entry(object)...)
	}
	seen := map[check.Object]bool{}
	s.entries = slices.DeleteFunc(s.entries, func(e entry) bool {
		again := seen[e.object]
		seen[e.object] = true
		return again
	})
	s.list.count = len(s.entries)
	s.list.fit()
}

// who tells of objects in a snapshot.
type who struct {
	snapshot *snapshot.Snapshot
	verdicts []mesh.Verdict
	// pods by what they are, run on or belong to, for those asked about.
	pods   map[check.Object][]int
	agents map[check.Object]*snapshot.AgentPod
}

// newWho goes through the pods once, which may be many.
func newWho(s *snapshot.Snapshot, objects []check.Object) *who {
	w := &who{snapshot: s, pods: map[check.Object][]int{}, agents: map[check.Object]*snapshot.AgentPod{}}
	if verdicts, err := s.Verdicts(); err == nil {
		w.verdicts = verdicts
	}
	wanted := map[check.Object]bool{}
	for _, object := range objects {
		wanted[object] = true
	}
	for i, pod := range s.Pods.Value {
		places := []check.Object{check.PodObject(pod), check.WorkloadObject(pod.Workload), check.NodeObject(pod.Node), check.NamespaceObject(pod.Namespace)}
		for _, object := range slices.Compact(places) {
			if wanted[object] {
				w.pods[object] = append(w.pods[object], i)
			}
		}
	}
	for i := range s.AgentPods.Value {
		w.agents[check.AgentPodObject(s.AgentPods.Value[i].Name)] = &s.AgentPods.Value[i]
	}
	return w
}

// entry is an object, and below it the pods that look wrong; of a workload all.
func (w *who) entry(o check.Object) []entry {
	var entries []entry
	switch agent := w.agents[o]; {
	case agent != nil:
		return []entry{agentEntry(agent)}
	case o.Kind == "Pod" && len(w.pods[o]) > 0:
		return []entry{w.pod(w.pods[o][0])}
	case o.Kind == "Node":
		entries = append(entries, w.node(o))
	default:
		entries = append(entries, entry{object: o, facts: w.facts(o)})
	}
	for _, i := range w.pods[o] {
		if o.Kind != "Node" && o.Kind != "Namespace" || w.looksWrong(i) {
			entries = append(entries, w.pod(i))
		}
	}
	if all, shown := len(w.pods[o]), len(entries)-1; all > 0 {
		entries[0].facts = append(entries[0].facts, fact{podsText(all, shown), terminal.Dim})
	}
	return entries
}

func podsText(all, shown int) string {
	text := fmt.Sprintf("%d pods", all)
	if all == 1 {
		text = "1 pod"
	}
	switch shown {
	case 0:
		return text + ", none of which looks wrong by itself"
	case all:
		return text
	}
	return fmt.Sprintf("%s; those that look wrong (%d) are listed below", text, shown)
}

// looksWrong leaves out the pods whose facts would only hide the others.
func (w *who) looksWrong(i int) bool {
	if len(w.snapshot.Pods.Value[i].Failures) > 0 {
		return true
	}
	if i >= len(w.verdicts) {
		return false
	}
	switch w.verdicts[i].State {
	case mesh.Bypassing, mesh.Privileged, mesh.NotInjected:
		return true
	default:
		return w.verdicts[i].Stale == mesh.Stale
	}
}

// facts of what is neither a pod nor a node.
func (w *who) facts(o check.Object) []fact {
	switch {
	case o == check.AgentObject() && w.snapshot.Agent.State == snapshot.Read:
		agent := w.snapshot.Agent.Value
		return []fact{{text: fmt.Sprintf("ready on %d of the %d nodes that it is for", agent.Ready, agent.Desired)}}
	case o.Kind == "Namespace":
		for _, ns := range w.snapshot.Namespaces.Value {
			if ns.Name == o.Name {
				return labelFacts(ns.Labels)
			}
		}
	}
	return nil
}

func labelFacts(labels map[string]string) []fact {
	var facts []fact
	for _, key := range []string{mesh.RevisionLabel, mesh.LegacyInjectionLabel} {
		if value, ok := labels[key]; ok {
			facts = append(facts, fact{text: "label " + key + "=" + value})
		}
	}
	if len(facts) == 0 {
		return []fact{{text: "no label that asks for injection"}}
	}
	return facts
}

func (w *who) pod(i int) entry {
	pod := w.snapshot.Pods.Value[i]
	if agent := w.agents[check.PodObject(pod)]; agent != nil {
		return agentEntry(agent)
	}
	phase := cmp.Or(string(pod.Phase), "not started")
	if pod.Terminating {
		phase = "Terminating"
	}
	e := entry{object: check.PodObject(pod), facts: []fact{{cmp.Or(pod.Node, "not scheduled to a node"), terminal.Dim}}}
	how := fact{text: phase}
	if i < len(w.verdicts) {
		how.text += ", " + string(w.verdicts[i].State)
		if reason := w.verdicts[i].Reason; reason != "" {
			how.text += ": " + reason
		}
	}
	e.facts = append(e.facts, how)
	container := ""
	if pod.Redirect != nil {
		container = pod.Redirect.Name
	}
	for i := range pod.Failures {
		failure := &pod.Failures[i]
		e.facts = append(e.facts, fact{failureText(failure), terminal.Bad})
		if i == 0 {
			container = failure.Container
		}
	}
	if container != "" {
		e.logs = append(e.logs, snapshot.LogRequest{Namespace: pod.Namespace, Pod: pod.Name, Container: container})
	}
	if agent := w.agentOn(pod.Node); agent != nil {
		e.logs = append(e.logs, agentLogs(agent)...)
	}
	return e
}

func failureText(f *mesh.Failure) string {
	text := fmt.Sprintf("%s ended with exit code %d", f.Container, f.ExitCode)
	if f.Restarts > 0 {
		text += fmt.Sprintf(", %d restarts", f.Restarts)
	}
	if f.Waiting != "" {
		text += ", " + f.Waiting
	}
	return text
}

// agentOn is the node's agent, the one that is ready if there are two.
func (w *who) agentOn(node string) *snapshot.AgentPod {
	var found *snapshot.AgentPod
	for i := range w.snapshot.AgentPods.Value {
		agent := &w.snapshot.AgentPods.Value[i]
		if node != "" && agent.Node == node && (found == nil || agent.Ready) {
			found = agent
		}
	}
	return found
}

func agentLogs(agent *snapshot.AgentPod) []snapshot.LogRequest {
	request := snapshot.LogRequest{Namespace: mesh.SystemNamespace, Pod: agent.Name, Container: mesh.AgentContainer}
	if agent.Restarts == 0 {
		return []snapshot.LogRequest{request}
	}
	previous := request
	previous.Previous = true
	return []snapshot.LogRequest{request, previous}
}

func agentEntry(agent *snapshot.AgentPod) entry {
	e := entry{
		object: check.AgentPodObject(agent.Name), logs: agentLogs(agent),
		facts: []fact{{cmp.Or(agent.Node, "not scheduled to a node"), terminal.Dim}, agentFact(agent)},
	}
	if agent.Message != "" {
		e.facts = append(e.facts, fact{agent.Message, terminal.Bad})
	}
	return e
}

func agentFact(agent *snapshot.AgentPod) fact {
	text := []string{"node agent " + strings.ToLower(cmp.Or(agent.Waiting, agent.Phase, "in an unknown phase"))}
	colour := terminal.Bad
	if agent.Ready {
		text, colour = []string{"node agent ready"}, terminal.Good
	}
	if agent.Restarts > 0 {
		text = append(text, fmt.Sprintf("%d restarts", agent.Restarts))
	}
	if agent.Terminating {
		text = append(text, "terminating")
	}
	return fact{strings.Join(text, ", "), colour}
}

func (w *who) node(o check.Object) entry {
	e := entry{object: o}
	for i := range w.snapshot.Nodes.Value {
		node := &w.snapshot.Nodes.Value[i]
		if node.Name != o.Name {
			continue
		}
		ready := fact{"Ready", terminal.Good}
		if !node.Ready {
			ready = fact{"not Ready", terminal.Bad}
		}
		ready.text += ", " + cmp.Or(node.OSImage, node.OS)
		e.facts = append(e.facts, ready)
		for _, taint := range node.Taints {
			e.facts = append(e.facts, fact{"taint " + taint.String(), terminal.Warn})
		}
	}
	switch agent := w.agentOn(o.Name); {
	case agent != nil:
		e.facts = append(e.facts, agentFact(agent))
		e.logs = agentLogs(agent)
	case w.snapshot.AgentPods.Known():
		e.facts = append(e.facts, fact{"no node agent", terminal.Bad})
	}
	return e
}

func (s *objectsScreen) place() string {
	if s.list.count <= s.list.page {
		return ""
	}
	return fmt.Sprintf("%d of %d", s.list.cursor+1, s.list.count)
}

func (s *objectsScreen) title(*model) string { return "Objects of " + s.finding.Rule }

func (s *objectsScreen) hints(*model) []string { return []string{"esc back", "l logs"} }

func (s *objectsScreen) key(m *model, key string) tea.Cmd {
	switch key {
	case "l", "enter":
		if s.list.count > 0 && len(s.entries[s.list.cursor].logs) > 0 {
			return m.readLogs(s.entries[s.list.cursor])
		}
		m.note = note{"There are no logs to read of this.", terminal.Warn}
	case "left", "backspace":
		m.pop()
	default:
		s.list.key(key)
	}
	return nil
}

func (s *objectsScreen) body(m *model, width, height int) []string {
	items := s.list.window(height, func(i int) []line { return s.entries[i].lines(width, i == s.list.cursor) })
	return m.drawItems(items, width, height, false)
}

func (e entry) lines(width int, selected bool) []line {
	mark := "  "
	if selected {
		mark = "> "
	}
	lines := []line{{{text: mark}, {middle(e.object.String(), width-len(mark)), terminal.Bold}}}
	for _, f := range e.facts {
		lines = append(lines, paragraph{first: "    ", rest: "      ", text: f.text, colour: f.colour}.lines(width)...)
	}
	return lines
}
