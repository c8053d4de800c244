package troubleshoot

import (
	"slices"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Narrow leaves the findings that concern an object, and the causes of those. The
// zero object stands for everything.
func Narrow(s *snapshot.Snapshot, result *check.Result, focus check.Object) *check.Result {
	if focus == (check.Object{}) {
		return result
	}
	related := relatedTo(s, focus)
	concerns := func(f check.Finding) bool {
		return slices.ContainsFunc(f.Objects, func(o check.Object) bool { return related[o] })
	}
	narrow := &check.Result{}
	causes := map[string]bool{}
	for _, group := range result.Groups {
		kept := check.Group{Finding: group.Finding}
		for _, f := range group.Explains {
			if concerns(f) {
				kept.Explains = append(kept.Explains, f)
			}
		}
		if concerns(group.Finding) || len(kept.Explains) > 0 {
			narrow.Groups = append(narrow.Groups, kept)
			causes[identity(&group.Finding)] = true
		}
	}
	for i := range result.Reports {
		narrow.Reports = append(narrow.Reports, narrowReport(result.Reports[i], func(f check.Finding) bool {
			return concerns(f) || causes[identity(&f)]
		}))
	}
	return narrow
}

func narrowReport(report check.Report, keep func(check.Finding) bool) check.Report {
	var kept []check.Finding
	for _, f := range report.Findings {
		if keep(f) {
			kept = append(kept, f)
		}
	}
	report.Findings = kept
	switch {
	case len(kept) > 0:
		report.Outcome = check.Found
	case len(report.Unknowns) > 0:
		report.Outcome = check.Cannot
	default:
		report.Outcome = check.OK
	}
	return report
}

// identity tells findings of one observation apart, and finds one again in the
// next.
func identity(f *check.Finding) string {
	if len(f.Objects) == 0 {
		return f.Rule
	}
	return f.Rule + " " + f.Objects[0].String()
}

// relatedTo are the objects that a finding about one may name. What concerns a
// node or a namespace concerns its pods, but not the other way round.
func relatedTo(s *snapshot.Snapshot, focus check.Object) map[check.Object]bool {
	related := map[check.Object]bool{focus: true}
	nodes := map[string]bool{}
	for _, pod := range PodsOf(s, focus) {
		related[check.PodObject(pod)] = true
		if focus.Kind == "Node" {
			continue
		}
		related[check.WorkloadObject(pod.Workload)] = true
		nodes[pod.Node] = pod.Node != ""
	}
	switch focus.Kind {
	case "Node":
		nodes[focus.Name] = true
	case "Namespace":
	default:
		related[check.NamespaceObject(focus.Namespace)] = true
	}
	for i := range s.AgentPods.Value {
		if agent := &s.AgentPods.Value[i]; nodes[agent.Node] {
			related[check.AgentPodObject(agent.Name)] = true
		}
	}
	for node, known := range nodes {
		related[check.NodeObject(node)] = known
	}
	return related
}

// PodsOf are the pods that are an object, belong to it or run on it.
func PodsOf(s *snapshot.Snapshot, o check.Object) []*mesh.Pod {
	var pods []*mesh.Pod
	for _, pod := range s.Pods.Value {
		var of bool
		switch o.Kind {
		case "Node":
			of = pod.Node == o.Name
		case "Namespace":
			of = pod.Namespace == o.Name
		default:
			of = check.PodObject(pod) == o || check.WorkloadObject(pod.Workload) == o
		}
		if of {
			pods = append(pods, pod)
		}
	}
	return pods
}
