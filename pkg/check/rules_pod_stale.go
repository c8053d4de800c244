package check

import (
	"fmt"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func redirectInTemplate() *Rule {
	return &Rule{
		ID: "ICNI511", Title: "a pod template has istio-init of its own", Area: AreaPods, Severity: Medium, Pre: true,
		Needs:     []Need{{PartWorkloads}},
		Symptom:   "A workload's pods keep istio-init however often it is restarted.",
		Detection: "The pod template of a Deployment, StatefulSet or DaemonSet has an init container named istio-init or istio-validation.",
		Cause:     "somebody applied a manifest that had been injected by hand, for instance the output of istioctl kube-inject",
		Remedy:    "Apply the manifest as it was before it was injected. The webhook injects its pods.",
		Links:     []string{linkTroubleshootCNI, linkDeploy},
		look: func(f *Facts, r *Report) {
			for _, w := range f.Workloads.Value {
				if w.TemplateRedirect == "" || mesh.IsSystemNamespace(w.Namespace) {
					continue
				}
				r.Add(Finding{
					Objects:  []Object{WorkloadObject(w.Workload)},
					Evidence: []string{fmt.Sprintf("the pod template of %s in %s has the init container %s", w.Workload, w.Namespace, w.TemplateRedirect)},
					Root:     rootWorkload(w.Workload),
					Remedy: []Step{
						{"Look at the template", fmt.Sprintf("kubectl get -n %s %s -o jsonpath='{.spec.template.spec.initContainers[*].name}'", w.Namespace, w.Workload)},
						{"Deploy the manifest that was not injected by hand", ""},
					},
				})
			}
		},
	}
}

// inTemplate reports whether a workload's template has a redirect container of
// its own, which no restart changes; false where workloads are unknown.
func inTemplate(f *Facts, w mesh.Workload) bool {
	for i := range f.Workloads.Value {
		if f.Workloads.Value[i].Workload == w {
			return f.Workloads.Value[i].TemplateRedirect != ""
		}
	}
	return false
}

func staleInit() *Rule {
	return &Rule{
		ID: "ICNI512", Title: "pods keep istio-init until they are restarted", Area: AreaPods, Severity: Medium,
		Needs:     []Need{{PartPods}, {PartCluster, PartMechanisms}, {PartInjectors}, {PartNamespaces}},
		Symptom:   "Pods of the mesh still have istio-init with NET_ADMIN and NET_RAW after CNIChaining was enabled.",
		Detection: "The mechanism is CNIChaining, the pod has istio-init, and its revision's injector gives new pods istio-validation.",
		Cause:     "the pods are older than the switch, and a pod's containers do not change",
		Remedy:    "Restart the workloads.",
		Links:     []string{linkCNI, linkTroubleshootCNI},
		look: func(f *Facts, r *Report) {
			noteMechanism(f, r, mesh.InitContainer)
			if f.Mechanism() != mesh.CNIChaining {
				return
			}
			// An injector that does not follow Azure yet is another rule's affair.
			noteUndecided(f, r, "should be restarted", func(pod *mesh.Pod, verdict mesh.Verdict) bool {
				follows := f.mesh.MechanismOf(pod.Revision) == mesh.CNIChaining
				return hasRedirect(pod, mesh.InitContainer) && verdict.Stale == mesh.StalenessUnset && follows && !inTemplate(f, pod.Workload)
			})
			// A pod that comes before its node's agent fails.
			safe := !f.Cluster.Value.InTransition() && agentReadyEverywhere(f)
			for _, group := range byWorkload(f, func(pod *mesh.Pod, verdict mesh.Verdict) bool {
				return hasRedirect(pod, mesh.InitContainer) && verdict.Stale == mesh.Stale && !inTemplate(f, pod.Workload)
			}) {
				finding := group.finding("have istio-init, created "+timeSince(f, group.pods[0].Created)+" ago", "the mechanism is "+mesh.CNIChaining.String())
				waitForSwitch(f, &finding)
				group.replace(&finding)
				if !safe {
					finding.Fix = nil
				}
				r.Add(finding)
			}
		},
	}
}

// noteMechanism notes that the mechanism is not known, if there are pods with that
// redirect container: whether they are stale depends on it.
func noteMechanism(f *Facts, r *Report, container string) {
	if f.Mechanism() != mesh.Unknown {
		return
	}
	for pod := range f.MeshPods() {
		if hasRedirect(pod, container) && !pod.Terminating && !Ended(pod) {
			r.Unknown(Unknown{What: "the redirection mechanism", State: snapshot.Failed, Reason: "Azure does not tell it, and the injectors do not tell it or differ"})
			return
		}
	}
}

// waitForSwitch adds the step that comes before a restart while an operation is
// running on the cluster.
func waitForSwitch(f *Facts, finding *Finding) {
	if f.Cluster.Value.InTransition() {
		finding.Evidence = append(finding.Evidence, "an operation is running on the cluster")
		finding.Remedy = append(finding.Remedy, Step{"Wait until the operation has ended", "kubectl istio-cni status --watch"})
	}
}

// agentReadyEverywhere is false where that is not known.
func agentReadyEverywhere(f *Facts) bool {
	ready, wanted, _ := f.AgentReady()
	return f.Agent.State == snapshot.Read && ready >= wanted
}

func hasRedirect(pod *mesh.Pod, name string) bool {
	return pod.Redirect != nil && pod.Redirect.Name == name
}

func staleValidation() *Rule {
	return &Rule{
		ID: "ICNI513", Title: "pods keep istio-validation though the node agent is gone", Area: AreaPods, Severity: High,
		Needs:     []Need{{PartPods}, {PartCluster, PartMechanisms}},
		Symptom:   "Pods of the mesh still have istio-validation after CNIChaining was disabled. They run until their sandbox is made anew, and then fail.",
		Detection: "The mechanism is InitContainers, and the pod has istio-validation.",
		Cause:     "the pods are older than the switch back, and nothing would redirect their traffic if they were started again",
		Remedy:    "Restart the workloads soon.",
		Links:     []string{linkCNI, linkTroubleshootCNI},
		look: func(f *Facts, r *Report) {
			noteMechanism(f, r, mesh.ValidationContainer)
			if f.Mechanism() != mesh.InitContainers {
				return
			}
			for _, group := range byWorkload(f, func(pod *mesh.Pod, _ mesh.Verdict) bool {
				return hasRedirect(pod, mesh.ValidationContainer)
			}) {
				finding := group.finding("have istio-validation, created "+timeSince(f, group.pods[0].Created)+" ago", "the mechanism is "+mesh.InitContainers.String())
				for _, pod := range group.pods {
					if failure := pod.FailureOf(mesh.ValidationContainer); failure != nil {
						finding.Evidence = append(finding.Evidence, crashLine(f, pod))
						break
					}
				}
				waitForSwitch(f, &finding)
				group.replace(&finding)
				// While the switch is going on, a pod may get the same container again.
				if f.Cluster.Value.InTransition() || f.InjectorMechanisms.Value[group.pods[0].Revision] == mesh.CNIChaining {
					finding.Fix = nil
				}
				r.Add(finding)
			}
		},
	}
}

func predatesLabel() *Rule {
	return &Rule{
		ID: "ICNI517", Title: "pods predate their namespace's label", Area: AreaPods, Severity: Medium,
		Needs:     []Need{{PartPods}, {PartInjectors}, {PartNamespaces}},
		Symptom:   "Pods of a labelled namespace have no sidecar.",
		Detection: "A webhook would inject the pod if it were made today, nothing exempts it, and it has no istio-proxy.",
		Cause:     "the pods were made before the namespace was labelled, or while no webhook matched",
		Remedy:    "Restart the workloads.",
		Links:     []string{linkDeploy, linkTroubleshoot},
		look: func(f *Facts, r *Report) {
			noteUndecided(f, r, "should be injected", func(_ *mesh.Pod, verdict mesh.Verdict) bool {
				return verdict.State == mesh.Undecided || verdict.State == mesh.NotInjected && verdict.Stale == mesh.StalenessUnset
			})
			for _, group := range byWorkload(f, func(_ *mesh.Pod, verdict mesh.Verdict) bool {
				return verdict.State == mesh.NotInjected && verdict.Stale == mesh.Stale
			}) {
				finding := group.finding("have no istio-proxy, created "+timeSince(f, group.pods[0].Created)+" ago", injectedBy(f, group.pods[0])...)
				finding.Root = RootNamespace(group.workload.Namespace) + "/" + group.workload.String()
				group.replace(&finding)
				r.Add(finding)
			}
		},
	}
}

// injectedBy names the webhooks that would inject the pod today.
func injectedBy(f *Facts, pod *mesh.Pod) []string {
	var lines []string
	for _, injector := range f.mesh.Injectors.For(f.mesh.NamespaceLabels[pod.Namespace], pod.Labels) {
		lines = append(lines, fmt.Sprintf("webhook %s in %s would inject revision %s today", injector.Webhook, injector.Configuration, injector.Revision))
	}
	return lines
}
