package check

import (
	"slices"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// PodStory is all that is known of one pod's redirection.
type PodStory struct {
	Pod     mesh.Pod     `json:"pod"`
	Verdict mesh.Verdict `json:"verdict"`
	// NamespaceLabels are the labels of its namespace that decide on injection,
	// LabelsKnown telling whether they could be read.
	NamespaceLabels map[string]string `json:"namespaceLabels,omitempty"`
	LabelsKnown     bool              `json:"labelsKnown"`
	// Injectors are the webhooks that would be called for it today,
	// InjectorsKnown telling whether that could be decided.
	Injectors      []mesh.Injector `json:"injectors,omitempty"`
	InjectorsKnown bool            `json:"injectorsKnown"`
	// Mechanism is what its revision gives new pods.
	Mechanism mesh.Mechanism `json:"mechanism"`
	// Node and Agent are nil where there is none or it could not be read;
	// AgentState tells which.
	Node       *snapshot.Node     `json:"node,omitempty"`
	Agent      *snapshot.AgentPod `json:"agent,omitempty"`
	AgentState snapshot.State     `json:"agentState"`
	// Events about the pod, or about what makes its pods.
	Events      []snapshot.Event `json:"events,omitempty"`
	EventsState snapshot.State   `json:"eventsState"`
	// Findings that concern it, by root cause.
	Findings []Finding `json:"findings"`
	// Unknown is what could not be judged.
	Unknown []Unknown `json:"unknown,omitempty"`
}

// Story tells of one pod. It is nil if the snapshot has no such pod.
func Story(s *snapshot.Snapshot, namespace, name string) (*PodStory, error) {
	facts, err := newFacts(s)
	if err != nil {
		return nil, err
	}
	pod := facts.Pod(namespace, name)
	if pod == nil {
		return nil, nil //nolint:nilnil // there is no such pod, which is no mistake here
	}
	story := &PodStory{
		Pod: *pod, Verdict: facts.mesh.Judge(pod), Mechanism: facts.mesh.MechanismOf(pod.Revision),
		Node: facts.Node(pod.Node), Agent: facts.AgentOn(pod.Node), AgentState: s.AgentPods.State, EventsState: s.Events.State,
		Findings: []Finding{},
	}
	story.inject(facts)
	for _, event := range s.Events.Value {
		if event.Namespace == namespace && event.Kind == "Pod" && event.Name == name {
			story.Events = append(story.Events, event)
		}
	}
	result, err := Run(s, Rules())
	if err != nil {
		return nil, err
	}
	story.Unknown = result.Unknowns()
	for _, group := range result.Groups {
		story.Findings = append(story.Findings, concerning(group, pod)...)
	}
	return story, nil
}

// inject evaluates which webhooks would be called for the pod today.
func (story *PodStory) inject(f *Facts) {
	labels, known := f.mesh.NamespaceLabels[story.Pod.Namespace]
	story.LabelsKnown, story.InjectorsKnown = known, known && f.mesh.Injectors != nil
	for key, value := range labels {
		if f.mesh.Injectors.UsesLabel(key) || key == mesh.LegacyInjectionLabel {
			if story.NamespaceLabels == nil {
				story.NamespaceLabels = map[string]string{}
			}
			story.NamespaceLabels[key] = value
		}
	}
	if !story.InjectorsKnown {
		return
	}
	for _, injector := range f.mesh.Injectors.For(labels, story.Pod.Labels) {
		if !slices.Contains(story.Pod.Declined, injector.Key()) {
			story.Injectors = append(story.Injectors, injector)
		}
	}
}

// concerning picks the findings of a group that concern a pod: those that name
// it, its workload or its node, and then the cause of them.
func concerning(group Group, pod *mesh.Pod) []Finding {
	var found []Finding
	for _, finding := range append([]Finding{group.Finding}, group.Explains...) {
		if Concerns(finding, pod) {
			found = append(found, finding)
		}
	}
	if len(found) > 0 && found[0].Rule != group.Rule {
		found = append([]Finding{group.Finding}, found...)
	}
	return found
}

// Concerns reports whether a finding is about a pod: whether it names the pod,
// its workload, its node, the node's agent or its namespace.
func Concerns(finding Finding, pod *mesh.Pod) bool {
	return slices.ContainsFunc(finding.Objects, func(o Object) bool {
		return o == PodObject(pod) || o == WorkloadObject(pod.Workload) ||
			pod.Node != "" && o == NodeObject(pod.Node) || o == NamespaceObject(pod.Namespace)
	})
}
