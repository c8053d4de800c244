package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

func bypassing() *Rule {
	return &Rule{
		ID: "ICNI501", Title: "pods bypass the mesh", Area: AreaPods, Severity: Critical, Pre: true,
		Needs:     []Need{{PartPods}},
		Symptom:   "Pods have a sidecar and run, but their traffic does not go through it, and policies of the mesh do not hold for them.",
		Detection: "The pod was injected and has istio-proxy, but neither istio-init nor istio-validation, and its interception mode is not NONE.",
		Cause:     "an injection template of somebody's own leaves out the redirect container, or another webhook took it away after the injection",
		Remedy:    "Remove the override of the template or mend the other webhook, and restart the workload.",
		Links:     []string{linkTroubleshootCNI, linkIstioCNI},
		look: func(f *Facts, r *Report) {
			for _, group := range byWorkload(f, func(pod *mesh.Pod, verdict mesh.Verdict) bool {
				return pod.Recorded && pod.HasProxy && pod.Redirect == nil && (verdict.State == mesh.Bypassing || verdict.State == mesh.Privileged && !exemptTemplate(pod))
			}) {
				finding := group.finding("have istio-proxy and neither istio-init nor istio-validation")
				if template := group.pods[0].Template; template != "" {
					finding.Evidence = append(finding.Evidence, "they ask for the injection template "+template)
				}
				finding.Remedy = []Step{{"Find the webhook that changes pods after Istio's", "kubectl get mutatingwebhookconfigurations"}}
				group.replace(&finding)
				// Restarted before the cause is gone, they would be the same.
				finding.Fix = nil
				r.Add(finding)
			}
		},
	}
}

// exemptTemplate is about pods that are not redirected by design.
func exemptTemplate(pod *mesh.Pod) bool { return isGateway(pod) || pod.InterceptionMode == "NONE" }

// isGateway is about gateways and the like, whose templates have no redirection.
func isGateway(pod *mesh.Pod) bool {
	return pod.Template != "" && !strings.Contains(pod.Template, "sidecar")
}

func skippedByPlugin() *Rule {
	return &Rule{
		ID: "ICNI502", Title: "the plugin will skip pods that have istio-validation", Area: AreaPods, Severity: High,
		Needs:   []Need{{PartPods}},
		Symptom: "Pods of the mesh run, but fail in istio-validation when their sandbox is made anew.",
		Detection: "The pod has istio-validation, and the label or annotation sidecar.istio.io/inject is false, or the injector's record, the annotation " +
			"sidecar.istio.io/status, is missing. The plugin leaves such pods alone.",
		Cause:  "the pod's metadata was changed after the injection",
		Remedy: "Mend the pod template, so that it asks for injection, and restart the workload.",
		Links:  []string{linkTroubleshootCNI, linkIstioCNI},
		look: func(f *Facts, r *Report) {
			for _, group := range byWorkload(f, func(pod *mesh.Pod, _ mesh.Verdict) bool {
				return hasRedirect(pod, mesh.ValidationContainer) && whySkipped(pod) != ""
			}) {
				finding := group.finding("have istio-validation, but "+whySkipped(group.pods[0]), "the plugin leaves such pods alone")
				finding.Remedy = []Step{{"See who sets it in the pod template", fmt.Sprintf("kubectl get -n %s %s -o yaml", group.workload.Namespace, group.workload)}}
				group.replace(&finding)
				// If the template says so, a restart takes the workload out of the mesh.
				finding.Fix = nil
				r.Add(finding)
			}
		},
	}
}

func whySkipped(pod *mesh.Pod) string {
	inject, label := pod.Labels[mesh.InjectLabel]
	switch {
	case label && strings.EqualFold(inject, "false"):
		return "the label " + mesh.InjectLabel + "=false"
	case !label && strings.EqualFold(pod.InjectAnnotation, "false"):
		return "the annotation " + mesh.InjectLabel + "=false"
	case !pod.Recorded:
		return "no annotation " + mesh.StatusAnnotation
	}
	return ""
}

func initBeforeProxy() *Rule {
	return &Rule{
		ID: "ICNI514", Title: "an application's init container fails before the proxy runs", Area: AreaPods, Severity: High,
		Needs:     []Need{{PartPods}},
		Symptom:   "A pod's own init container cannot reach the network and fails, since CNIChaining was enabled.",
		Detection: "The pod has istio-validation and a classic sidecar, that is istio-proxy among its containers, and another of its init containers fails, which does not run as uid 1337.",
		Cause:     "probably, its traffic is already redirected to a proxy that does not run before all init containers have ended",
		Remedy:    "Use native sidecars, or run that init container as uid 1337, or exclude the ports or addresses that it needs from redirection.",
		Links:     []string{linkNativeSidecar, linkTroubleshootCNI, "https://github.com/istio/istio/issues/48854"},
		look: func(f *Facts, r *Report) {
			for _, group := range byWorkload(f, func(pod *mesh.Pod, _ mesh.Verdict) bool {
				return pod.HasProxy && !pod.NativeSidecar && hasRedirect(pod, mesh.ValidationContainer) && failingInit(pod) != nil
			}) {
				failure := failingInit(group.pods[0])
				finding := group.finding(fmt.Sprintf("fail in their init container %s, with exit code %d", failure.Container, failure.ExitCode),
					"the sidecar is a classic one: it starts after all init containers")
				finding.Remedy = []Step{
					{"See why it fails", fmt.Sprintf("kubectl logs -n %s %s -c %s", group.workload.Namespace, group.pods[0].Name, failure.Container)},
					{"See whether the cluster can have native sidecars: Kubernetes 1.33 or later on every node, and asm-1-27 or later", "kubectl istio-cni status"},
				}
				r.Add(finding)
			}
		},
	}
}

// failingInit is the first failure of an init container that is not Istio's, and
// whose traffic is redirected. Where istio-validation fails, nothing is.
func failingInit(pod *mesh.Pod) *mesh.Failure {
	for i := range pod.Failures {
		if pod.FailureOf(mesh.ValidationContainer) != nil || slices.Contains(pod.InitAsProxyUser, pod.Failures[i].Container) {
			continue
		}
		switch pod.Failures[i].Container {
		case mesh.InitContainer, mesh.ValidationContainer, mesh.ProxyContainer:
		default:
			return &pod.Failures[i]
		}
	}
	return nil
}

func runsAsProxy() *Rule {
	return &Rule{
		ID: "ICNI515", Title: "an application runs as the proxy's user", Area: AreaPods, Severity: High, Pre: true,
		Needs:     []Need{{PartPods}},
		Symptom:   "An application's traffic does not go through its sidecar, and policies of the mesh do not hold for it.",
		Detection: "A container of a pod of the mesh runs as uid 1337, by its own or by the pod's security context.",
		Cause:     "the redirection leaves alone all traffic of uid 1337, which is the proxy's",
		Remedy:    "Run the application as another user, and restart the workload.",
		Links:     []string{linkTroubleshoot, linkIstioCNI},
		look: func(f *Facts, r *Report) {
			for _, group := range byWorkload(f, func(pod *mesh.Pod, _ mesh.Verdict) bool {
				return pod.HasProxy && len(pod.AsProxyUser) > 0 && !exemptTemplate(pod)
			}) {
				finding := group.finding(fmt.Sprintf("run %s as uid %d", strings.Join(group.pods[0].AsProxyUser, ", "), mesh.ProxyUID))
				finding.Remedy = []Step{
					{"Change runAsUser in the pod template to any other uid", fmt.Sprintf("kubectl edit -n %s %s", group.workload.Namespace, group.workload)},
				}
				r.Add(finding)
			}
		},
	}
}

func transparentProxy() *Rule {
	return &Rule{
		ID: "ICNI519", Title: "interception mode TPROXY keeps NET_ADMIN", Area: AreaPods, Severity: Medium, Pre: true,
		Needs:     []Need{{PartPods}},
		Symptom:   "Pods keep a container with NET_ADMIN under CNIChaining too.",
		Detection: "The pod's interception mode is TPROXY, and its istio-proxy may change the network.",
		Cause:     "a transparent proxy needs NET_ADMIN and runs as root, whatever sets up the redirection",
		Remedy:    "Use the interception mode REDIRECT, which is the default, and restart the workload.",
		Links:     []string{linkTroubleshootCNI, linkIstioCNI},
		look: func(f *Facts, r *Report) {
			for _, group := range byWorkload(f, func(pod *mesh.Pod, _ mesh.Verdict) bool {
				return pod.InterceptionMode == "TPROXY" && slices.Contains(pod.Privileged, mesh.ProxyContainer)
			}) {
				finding := group.finding("have interception mode TPROXY, and their istio-proxy may change the network")
				finding.Remedy = []Step{
					{"Remove the annotation " + mesh.InterceptionModeKey + " from the pod template, or set it to REDIRECT", fmt.Sprintf("kubectl edit -n %s %s", group.workload.Namespace, group.workload)},
				}
				r.Add(finding)
			}
		},
	}
}

func onlyPodAsks() *Rule {
	return &Rule{
		ID: "ICNI516", Title: "only the pod asks for injection", Area: AreaPods, Severity: Medium,
		Needs:     []Need{{PartPods}, {PartNamespaces}, {PartInjectors}},
		Symptom:   "Pods that ask for a sidecar do not get one.",
		Detection: "The pod has the label sidecar.istio.io/inject=true and no istio-proxy, and its namespace does not ask for injection.",
		Cause:     "the add-on's webhooks look for the label istio.io/rev; a pod's own sidecar.istio.io/inject is not enough on AKS",
		Remedy:    "Label the namespace with the mesh's revision and restart the workload.",
		Links:     []string{linkDeploy, linkTroubleshoot},
		look: func(f *Facts, r *Report) {
			for _, group := range byWorkload(f, func(pod *mesh.Pod, verdict mesh.Verdict) bool {
				unanswered := verdict.State == mesh.NotInjected && verdict.Stale == mesh.Fresh
				return unanswered && !mesh.AsksForInjection(f.mesh.NamespaceLabels[pod.Namespace]) && strings.EqualFold(pod.Labels[mesh.InjectLabel], "true")
			}) {
				finding := group.finding("have the label "+mesh.InjectLabel+"=true and no istio-proxy",
					fmt.Sprintf("namespace %s has no label %s", group.workload.Namespace, mesh.RevisionLabel))
				finding.Remedy = []Step{
					{"Put the namespace into the mesh", labelCommand(f, group.workload.Namespace)},
				}
				group.replace(&finding)
				// Restarted before the namespace has its label, they would be the same.
				finding.Fix = nil
				r.Add(finding)
			}
		},
	}
}

func cannotBeInjected() *Rule {
	return &Rule{
		ID: "ICNI518", Title: "pods cannot be injected, by design", Area: AreaPods, Severity: Low,
		Needs:     []Need{{PartPods}, {PartNamespaces}},
		Symptom:   "Pods of a namespace of the mesh have no sidecar, and no restart gives them one.",
		Detection: "The namespace or the pod asks for injection, and the pod uses the host's network, or runs on Windows or on a virtual node.",
		Cause:     "Istio does not inject such pods",
		Remedy:    "Nothing, if they need no mesh. Otherwise change what keeps the sidecar away.",
		Links:     []string{linkDeploy, linkTroubleshoot},
		look: func(f *Facts, r *Report) {
			for _, group := range byWorkload(f, func(pod *mesh.Pod, verdict mesh.Verdict) bool {
				return !pod.HasProxy && verdict.State == mesh.Exempt && byDesign(pod)
			}) {
				finding := group.finding("have no sidecar: " + group.verdict.Reason)
				finding.Remedy = []Step{{"Take them out of the count, or change what keeps the sidecar away", getPod(group.pods[0])}}
				r.Add(finding)
			}
		},
	}
}

// byDesign leaves out pods that were exempted on request.
func byDesign(pod *mesh.Pod) bool {
	return pod.HostNetwork || pod.Windows || strings.HasPrefix(pod.Node, "virtual-node-")
}
