package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

func annotationInvalid() *Rule {
	return &Rule{
		ID: "ICNI509", Title: "a pod cannot start: an annotation has an invalid value", Area: AreaPods, Severity: High,
		Needs:     []Need{{PartEvents}},
		Symptom:   "A pod stays in ContainerCreating.",
		Detection: "An event FailedCreatePodSandBox of the pod says: annotation value error.",
		Cause:     "an annotation traffic.sidecar.istio.io/* of the pod has a value that the plugin does not understand",
		Remedy:    "Correct the annotation in the pod template.",
		Links:     []string{linkTroubleshootCNI, linkIstioCNI},
		look: func(f *Facts, r *Report) {
			for _, pods := range rejectedByWorkload(f, "annotation value error") {
				finding := rejectedFinding(f, pods)
				finding.Remedy = []Step{{
					"Look at the pod's annotations, and correct the value in its template",
					fmt.Sprintf("kubectl get pod -n %s %s -o jsonpath='{.metadata.annotations}'", pods[0].object.Namespace, pods[0].object.Name),
				}}
				r.Add(finding)
			}
		},
	}
}

// sandboxesRejected are the pods that wait for their sandbox now, each with its latest event,
// leaving out those that run by now, go, or are gone.
func sandboxesRejected(f *Facts, words ...string) []stuckPod {
	var pods []stuckPod
	for event := range f.EventsOf(sandboxNotMade, words...) {
		pod := f.Pod(event.Namespace, event.Name)
		gone := pod == nil && knownGone(f, event) || pod != nil && pod.Terminating
		if node, _, now := placeOf(f, event); now && !gone {
			pods = addRejected(pods, stuckPod{object: Object{event.Kind, event.Namespace, event.Name}, node: node, latest: event, count: event.Count})
		}
	}
	return pods
}

// addRejected puts the events of one pod together: the kubelet makes several,
// because their texts differ in the sandbox's id.
func addRejected(pods []stuckPod, pod stuckPod) []stuckPod {
	i := slices.IndexFunc(pods, func(p stuckPod) bool { return p.object == pod.object })
	if i < 0 {
		return append(pods, pod)
	}
	pods[i].count += pod.count
	if pod.latest.Last.After(pods[i].latest.Last) {
		pods[i].latest = pod.latest
	}
	return pods
}

// rejectedByWorkload are those pods by what they belong to; a pod that is not
// known stands for itself.
func rejectedByWorkload(f *Facts, words ...string) [][]stuckPod {
	of := map[Object][]stuckPod{}
	for _, pod := range sandboxesRejected(f, words...) {
		owner := ownerOf(f, pod)
		of[owner] = append(of[owner], pod)
	}
	owners := slices.SortedFunc(maps.Keys(of), func(a, b Object) int { return strings.Compare(a.String(), b.String()) })
	var all [][]stuckPod
	for _, owner := range owners {
		all = append(all, of[owner])
	}
	return all
}

func ownerOf(f *Facts, pod stuckPod) Object {
	if known := f.Pod(pod.object.Namespace, pod.object.Name); known != nil {
		return WorkloadObject(known.Workload)
	}
	return pod.object
}

// rejectedFinding is about the pods of one workload.
func rejectedFinding(f *Facts, pods []stuckPod) Finding {
	owner := ownerOf(f, pods[0])
	finding := Finding{Objects: []Object{owner}, Root: "pod/" + owner.Namespace + "/" + owner.Name}
	if f.Pod(pods[0].object.Namespace, pods[0].object.Name) != nil {
		finding.Root = rootWorkload(mesh.Workload{Kind: owner.Kind, Namespace: owner.Namespace, Name: owner.Name})
	}
	for _, pod := range pods[:min(len(pods), mostPods)] {
		finding.Objects = append(finding.Objects, pod.object)
	}
	finding.Objects = slices.Compact(finding.Objects)
	for _, pod := range pods[:min(len(pods), mostExamples)] {
		finding.Evidence = append(finding.Evidence, fmt.Sprintf("%s: its event of %s ago says, %d times: %s",
			pod.object, timeSince(f, pod.latest.Last), pod.count, pluginSaid(pod.latest.Message)))
	}
	if more := len(pods) - mostExamples; more > 0 {
		finding.Evidence = append(finding.Evidence, fmt.Sprintf("and so says that of %s more", podCount(more)))
	}
	return finding
}

func modeNone() *Rule {
	return &Rule{
		ID: "ICNI510", Title: "interception mode NONE does not go with CNIChaining", Area: AreaPods, Severity: High, Pre: true,
		Needs:     []Need{{PartPods}, {PartCluster, PartMechanisms}},
		Symptom:   "New pods with interception mode NONE stay in ContainerCreating.",
		Detection: "A pod of the mesh has the interception mode NONE. Gateways, and pods that the plugin leaves alone, do not count. It is Low while the mechanism is InitContainers.",
		Cause:     "the plugin rejects pods whose interception mode is NONE",
		Remedy:    "Remove the annotation sidecar.istio.io/interceptionMode from the pod template.",
		Links:     []string{linkTroubleshootCNI, linkIstioCNI},
		look: func(f *Facts, r *Report) {
			for _, group := range byWorkload(f, func(pod *mesh.Pod, _ mesh.Verdict) bool {
				// The plugin rejects none of those that it leaves alone.
				leftAlone := f.Excluded(pod.Namespace) || isGateway(pod) || whySkipped(pod) != ""
				return pod.HasProxy && pod.InterceptionMode == "NONE" && !leftAlone
			}) {
				finding := group.finding("have interception mode NONE", "the mechanism is "+f.Mechanism().String())
				if f.Mechanism() != mesh.CNIChaining {
					finding.Severity, finding.Cause = Low, "the plugin rejects pods whose interception mode is NONE, so they would not start under "+mesh.CNIChaining.String()
				}
				finding.Remedy = []Step{{
					"Remove the annotation " + mesh.InterceptionModeKey + " from the pod template",
					fmt.Sprintf("kubectl edit -n %s %s", group.workload.Namespace, group.workload),
				}}
				r.Add(finding)
			}
		},
	}
}
