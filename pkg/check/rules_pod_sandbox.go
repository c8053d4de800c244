package check

import (
	"fmt"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
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
			for _, event := range latestOf(f, "annotation value error") {
				finding := sandboxFinding(f, event)
				finding.Remedy = []Step{{
					"Look at the pod's annotations, and correct the value in its template",
					fmt.Sprintf("kubectl get pod -n %s %s -o jsonpath='{.metadata.annotations}'", event.Namespace, event.Name),
				}}
				r.Add(finding)
			}
		},
	}
}

// latestOf are the events of sandboxes that could not be made, one for each pod,
// leaving out pods that run by now.
func latestOf(f *Facts, words ...string) []snapshot.Event {
	var events []snapshot.Event
	seen := map[objectKey]bool{}
	for event := range f.EventsOf("FailedCreatePodSandBox", words...) {
		key := objectKey{event.Namespace, event.Name}
		pod := f.Pod(event.Namespace, event.Name)
		gone := pod == nil && f.Pods.Whole() || pod != nil && pod.Phase != "Pending"
		if !seen[key] && !gone {
			seen[key] = true
			events = append(events, event)
		}
	}
	return events
}

func sandboxFinding(f *Facts, event snapshot.Event) Finding {
	finding := Finding{
		Objects:  []Object{{"Pod", event.Namespace, event.Name}},
		Evidence: []string{fmt.Sprintf("its event of %s ago says, %d times: %s", timeSince(f, event.Last), event.Count, pluginSaid(event.Message))},
		Root:     "pod/" + event.Namespace + "/" + event.Name,
	}
	if pod := f.Pod(event.Namespace, event.Name); pod != nil {
		finding.Objects, finding.Root = append(finding.Objects, WorkloadObject(pod.Workload)), rootWorkload(pod.Workload)
	}
	return finding
}

func modeNone() *Rule {
	return &Rule{
		ID: "ICNI510", Title: "interception mode NONE does not go with CNIChaining", Area: AreaPods, Severity: High, Pre: true,
		Needs:     []Need{{PartPods}, {PartCluster, PartMechanisms}},
		Symptom:   "New pods with interception mode NONE stay in ContainerCreating.",
		Detection: "A pod of the mesh has the interception mode NONE. It is Low while the mechanism is InitContainers.",
		Cause:     "the plugin rejects pods whose interception mode is NONE",
		Remedy:    "Remove the annotation sidecar.istio.io/interceptionMode from the pod template.",
		Links:     []string{linkTroubleshootCNI, linkIstioCNI},
		look: func(f *Facts, r *Report) {
			for _, group := range byWorkload(f, func(pod *mesh.Pod, _ mesh.Verdict) bool {
				return pod.HasProxy && pod.InterceptionMode == "NONE"
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
