package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func podRules() []*Rule {
	return []*Rule{
		bypassing(), skippedByPlugin(), validationRace(), validationReverted(), validationWithoutAgent(), validationUser(),
		validationInJob(), validationRepaired(), annotationInvalid(), modeNone(), redirectInTemplate(), staleInit(), staleValidation(),
		initBeforeProxy(), runsAsProxy(), onlyPodAsks(), predatesLabel(), cannotBeInjected(), transparentProxy(), orphaned(),
	}
}

// podGroup is pods of one workload that have one fault.
type podGroup struct {
	workload mesh.Workload
	pods     []*mesh.Pod
	// verdict of the first pod, all counts the workload's pods that have not ended.
	verdict mesh.Verdict
	all     int
}

// byWorkload gathers the pods that have a fault by what they belong to.
func byWorkload(f *Facts, faulty func(*mesh.Pod, mesh.Verdict) bool) []*podGroup {
	var pods []*mesh.Pod
	for pod, verdict := range f.MeshPods() {
		if !pod.Terminating && !Ended(pod) && faulty(pod, verdict) {
			pods = append(pods, pod)
		}
	}
	return groupsOf(f, pods)
}

// groupsOf gathers pods by what they belong to. Pods that have ended may be among
// them, and are then counted as well.
func groupsOf(f *Facts, pods []*mesh.Pod) []*podGroup {
	groups := map[mesh.Workload]*podGroup{}
	for _, pod := range pods {
		if groups[pod.Workload] == nil {
			groups[pod.Workload] = &podGroup{workload: pod.Workload, verdict: f.mesh.Judge(pod)}
		}
		group := groups[pod.Workload]
		group.pods = append(group.pods, pod)
		if Ended(pod) {
			group.all++
		}
	}
	for pod := range f.MeshPods() {
		if group := groups[pod.Workload]; group != nil && !pod.Terminating && !Ended(pod) {
			group.all++
		}
	}
	var sorted []*podGroup
	for _, group := range groups {
		sorted = append(sorted, group)
	}
	slices.SortFunc(sorted, func(a, b *podGroup) int { return a.workload.Compare(b.workload) })
	return sorted
}

// mostPods of a finding are among its objects.
const mostPods = 5

// finding is about the workload and its faulty pods; says is what is said of them.
func (g *podGroup) finding(says string, evidence ...string) Finding {
	finding := Finding{Objects: []Object{WorkloadObject(g.workload)}, Root: rootWorkload(g.workload)}
	finding.Objects = append(finding.Objects, podObjects(g.pods)...)
	finding.Objects = slices.Compact(finding.Objects)
	line := fmt.Sprintf("%s: %s %s", g.workload, countOf(len(g.pods), g.all), says)
	if g.workload.Kind == "Pod" {
		line = fmt.Sprintf("%s: the pod %s", g.workload, singular(says))
	}
	finding.Evidence = append([]string{line}, evidence...)
	return finding
}

// singular makes what is said of pods a sentence about one.
func singular(says string) string {
	for plural, one := range map[string]string{"have ": "has ", "run ": "runs ", "fail ": "fails "} {
		if rest, ok := strings.CutPrefix(says, plural); ok {
			return one + rest
		}
	}
	return says
}

func rootWorkload(w mesh.Workload) string { return "workload/" + w.Namespace + "/" + w.String() }

func countOf(n, all int) string { return fmt.Sprintf("%d of %d pods", n, all) }

func podCount(n int) string {
	if n == 1 {
		return "1 pod"
	}
	return fmt.Sprintf("%d pods", n)
}

func podObjects(pods []*mesh.Pod) []Object {
	var objects []Object
	for _, pod := range pods[:min(len(pods), mostPods)] {
		objects = append(objects, PodObject(pod))
	}
	return objects
}

// replace adds the step that makes the workload's pods anew, and the fix if the
// program can do it.
func (g *podGroup) replace(finding *Finding) {
	if g.workload.Restartable() {
		finding.Remedy = append(finding.Remedy, Step{"Restart the workload", restart(g.workload)})
		finding.Fix = &Fix{Action: FixRestart, Object: WorkloadObject(g.workload)}
		return
	}
	if g.workload.Kind == "Pod" {
		finding.Remedy = append(finding.Remedy, Step{"Make the pod anew from its manifest; nothing else would bring it back", ""})
		return
	}
	finding.Remedy = append(finding.Remedy, Step{
		"Delete the pods, if their " + g.workload.Kind + " makes new ones", deletePod(g.pods[0].Namespace, g.pods[0].Name),
	})
}

// noteUndecided notes the pods that a rule would be about, but for something that
// is not known of them; those with one reason together.
func noteUndecided(f *Facts, r *Report, question string, undecided func(*mesh.Pod, mesh.Verdict) bool) {
	pods := map[string][]*mesh.Pod{}
	for pod, verdict := range f.MeshPods() {
		if !pod.Terminating && undecided(pod, verdict) {
			pods[verdict.Reason] = append(pods[verdict.Reason], pod)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(pods)) {
		who := PodObject(pods[reason][0]).String()
		if more := len(pods[reason]) - 1; more > 0 {
			who += fmt.Sprintf(" and %s more", podCount(more))
		}
		r.Unknown(Unknown{What: "whether " + who + " " + question, State: snapshot.Failed, Reason: reason})
	}
}

// controlled reports whether something makes the pod anew when it is deleted.
func controlled(pod *mesh.Pod) bool {
	return pod.Workload.Kind != "Pod" && pod.Workload.Kind != "Job"
}

// orphaned is about pods whose revision is not the mesh's any more.
func orphaned() *Rule {
	return &Rule{
		ID: "ICNI520", Title: "pods belong to a revision that is no more", Area: AreaPods, Severity: High,
		Needs:     []Need{{PartPods}, {PartCluster, PartInjectors}},
		Symptom:   "Pods of the mesh keep a sidecar of an earlier revision, which gets no configuration from a control plane any more.",
		Detection: "The revision that injected a pod is not among the mesh's revisions, by Azure's word or else by the injecting webhooks.",
		Cause:     "the upgrade of the mesh was completed before the workload was restarted",
		Remedy:    "Label the namespace with a revision of the mesh and restart the workload.",
		Links:     []string{linkUpgrade, linkMinorUpgrade},
		look: func(f *Facts, r *Report) {
			revisions := revisionsOf(f)
			if len(revisions) == 0 {
				return
			}
			for _, group := range byWorkload(f, func(pod *mesh.Pod, _ mesh.Verdict) bool {
				return pod.HasProxy && pod.Revision != "" && !slices.Contains(revisions, pod.Revision) && !ofAnotherIstio(f, pod.Revision)
			}) {
				finding := group.finding("injected by "+group.pods[0].Revision, "the mesh's revisions are "+someOf(revisions))
				finding.Remedy = []Step{{"Put the namespace on a revision of the mesh", labelCommand(f, group.workload.Namespace)}}
				group.replace(&finding)
				// A restart alone would bring nothing while no webhook matches.
				if !willBeInjected(f, group.pods[0]) {
					finding.Fix = nil
				}
				r.Add(finding)
			}
		},
	}
}

// ofAnotherIstio reports whether a revision is that of an Istio which is not the
// add-on's and injects pods as well. Its pods are no leftovers of an upgrade.
func ofAnotherIstio(f *Facts, revision string) bool {
	return slices.ContainsFunc(f.Injectors.Value, func(injector mesh.Injector) bool {
		return !injector.Managed() && cmp.Or(injector.Revision, "default") == revision
	})
}

// revisionsOf are the mesh's revisions: Azure's, or else the injectors'.
func revisionsOf(f *Facts) []string {
	if len(f.Cluster.Value.Revisions) > 0 {
		return f.Cluster.Value.Revisions
	}
	var revisions []string
	for _, injector := range f.Injectors.Value {
		if injector.Managed() {
			revisions = append(revisions, cmp.Or(injector.Revision, "default"))
		}
	}
	slices.Sort(revisions)
	return slices.Compact(revisions)
}

// willBeInjected reports whether a webhook would inject the pod if it were made
// anew, as far as that is known.
func willBeInjected(f *Facts, pod *mesh.Pod) bool {
	labels, ok := f.mesh.NamespaceLabels[pod.Namespace]
	return ok && f.mesh.Injectors != nil && len(f.mesh.Injectors.For(labels, pod.Labels)) > 0
}
