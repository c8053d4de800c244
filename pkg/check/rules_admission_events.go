package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// recently is how old an event may be that still counts: it is repeated at least
// every sixteen minutes while its cause lasts (the controllers' longest pause).
const recently = 20 * time.Minute

// refusal is what kept pods from being created.
type refusal int

const (
	refusedElsewhere refusal = iota
	refusedByWebhook
	refusedByBaseline
	refusedByRestricted
	refusedByPolicy
)

// refusalOf decides by an event's message; each message is one refusal.
func refusalOf(message string) refusal {
	has := func(words ...string) bool { return containsAll(message, words) }
	capabilities := has("NET_ADMIN") || has("NET_RAW") || has("capabilities")
	switch {
	case has("failed calling webhook", "sidecar-injector.istio.io"):
		return refusedByWebhook
	case has("violates PodSecurity") && addsCapabilities(message):
		return refusedByBaseline
	case has(`violates PodSecurity "restricted`, "seccompProfile") && (has(mesh.ValidationContainer) || has(mesh.ProxyContainer)):
		return refusedByRestricted
	case namesOthersOnly(message):
		return refusedElsewhere
	case has("Disallowed capabilities") || capabilities && (has("gatekeeper") || has("azurepolicy") || has("ValidatingAdmissionPolicy")):
		return refusedByPolicy
	}
	return refusedElsewhere
}

// addsCapabilities reports whether Pod Security refuses what a container of
// Istio's adds. The application's containers may be refused in the same message,
// and Istio's for something else.
func addsCapabilities(message string) bool {
	for _, clause := range strings.FieldsFunc(message, func(c rune) bool { return strings.ContainsRune(";()", c) }) {
		ours := strings.Contains(clause, `"`+mesh.InitContainer+`"`) || strings.Contains(clause, `"`+mesh.ProxyContainer+`"`)
		if ours && strings.Contains(clause, "must not include") && strings.Contains(clause, `"NET_`) {
			return true
		}
	}
	return false
}

// namesOthersOnly reports whether a policy's message, in the words of Azure's
// policies, is about containers of the application's alone.
func namesOthersOnly(message string) bool {
	named := containsAll(message, []string{"container <"}) || containsAll(message, []string{`container "`})
	return named && !strings.Contains(message, mesh.InitContainer) && !strings.Contains(message, mesh.ProxyContainer)
}

// refused are the latest events of what could not make its pods for a reason, one
// for each object. What has made a pod since is not refused any more.
func refused(f *Facts, reason refusal) []snapshot.Event {
	latest, made := map[Object]snapshot.Event{}, lastMade(f)
	for event := range f.EventsOf("FailedCreate") {
		old := !event.Last.IsZero() && f.Taken.Sub(event.Last) > recently
		object := Object{event.Kind, event.Namespace, event.Name}
		// Both times are in whole seconds.
		pod, some := made[maker(event)]
		over := some && !event.Last.IsZero() && !pod.Before(event.Last)
		if old || over || refusalOf(event.Message) != reason || mesh.IsSystemNamespace(event.Namespace) {
			continue
		}
		if other, ok := latest[object]; !ok || event.Last.After(other.Last) {
			latest[object] = event
		}
	}
	events := slices.Collect(maps.Values(latest))
	slices.SortFunc(events, func(a, b snapshot.Event) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return events
}

// lastMade is when the youngest pod of each workload was made.
func lastMade(f *Facts) map[mesh.Workload]time.Time {
	made := map[mesh.Workload]time.Time{}
	for pod := range f.MeshPods() {
		if pod.Created.After(made[pod.Workload]) {
			made[pod.Workload] = pod.Created
		}
	}
	return made
}

// maker is what a person deploys, behind the object that an event is about: a
// ReplicaSet's name is its Deployment's with a hash.
func maker(event snapshot.Event) mesh.Workload {
	w := mesh.Workload{Kind: event.Kind, Namespace: event.Namespace, Name: event.Name}
	if i := strings.LastIndex(event.Name, "-"); event.Kind == "ReplicaSet" && i > 0 {
		w.Kind, w.Name = "Deployment", event.Name[:i]
	}
	return w
}

// refusedFinding is about one object that cannot make its pods.
func refusedFinding(f *Facts, event snapshot.Event) Finding {
	w := maker(event)
	return Finding{
		Objects: slices.Compact([]Object{WorkloadObject(w), {event.Kind, event.Namespace, event.Name}}),
		Evidence: []string{fmt.Sprintf("%s/%s cannot create its pods, %d times, last %s ago: %s",
			strings.ToLower(event.Kind), event.Name, event.Count, timeSince(f, event.Last), clipped(event.Message))},
		Root: rootWorkload(w),
	}
}

func webhookFails() *Rule {
	return &Rule{
		ID: "ICNI602", Title: "no pod can be created: the injecting webhook does not answer", Area: AreaAdmission, Severity: Critical,
		Needs:   []Need{{PartEvents}, {PartInjectors}},
		Symptom: "ReplicaSets of the mesh's namespaces have no pods, and their events say: failed calling webhook.",
		Detection: "An event FailedCreate of the last minutes says that a webhook of sidecar-injector.istio.io could not be called; " +
			"or the Service of a webhook with failure policy Fail has no ready endpoint.",
		Cause:  "the control plane of the revision does not run or cannot be reached",
		Remedy: "Mend the Deployment istiod of the revision, and look at its endpoints.",
		Links:  []string{linkTroubleshoot, linkDeploy},
		look: func(f *Facts, r *Report) {
			events := refused(f, refusedByWebhook)
			down := withoutEndpoints(f)
			if len(events) == 0 && len(down) == 0 {
				return
			}
			finding := Finding{Root: RootInjection}
			for _, istiod := range f.Istiods.Value {
				if istiod.Ready == 0 || slices.Contains(down, istiod.Name) {
					finding.Objects = append(finding.Objects, Object{"Deployment", mesh.SystemNamespace, istiod.Name})
					finding.Evidence = append(finding.Evidence, fmt.Sprintf("deployment/%s in %s is ready with %d of %d replicas", istiod.Name, mesh.SystemNamespace, istiod.Ready, istiod.Wanted))
				}
			}
			for _, service := range down {
				finding.Objects = append(finding.Objects, Object{"Service", mesh.SystemNamespace, service})
				finding.Evidence = append(finding.Evidence, "service/"+service+" in "+mesh.SystemNamespace+" has no ready endpoint")
			}
			addRefused(f, &finding, events)
			finding.Remedy = []Step{
				{"See why the control plane does not run", "kubectl get pods -n " + mesh.SystemNamespace + " -l app=istiod -o wide"},
				{"Look at its endpoints", "kubectl get endpointslices -n " + mesh.SystemNamespace},
			}
			r.Add(finding)
		},
	}
}

// addRefused adds what cannot make its pods to a finding about all of it.
func addRefused(f *Facts, finding *Finding, events []snapshot.Event) {
	for _, event := range events[:min(len(events), mostExamples)] {
		one := refusedFinding(f, event)
		finding.Objects, finding.Evidence = append(finding.Objects, one.Objects...), append(finding.Evidence, one.Evidence...)
	}
	if more := len(events) - mostExamples; more > 0 {
		finding.Evidence = append(finding.Evidence, fmt.Sprintf("and so cannot %d more", more))
	}
}

// withoutEndpoints are the Services of injecting webhooks that certainly have no
// ready endpoint, and without which pods are refused.
func withoutEndpoints(f *Facts) []string {
	var services []string
	for _, injector := range f.Injectors.Value {
		service, ours := strings.CutPrefix(injector.Service, mesh.SystemNamespace+"/")
		ready, known := f.Endpoints.Value[service]
		if ours && known && ready == 0 && injector.FailurePolicy == "Fail" && !slices.Contains(services, service) {
			services = append(services, service)
		}
	}
	return services
}

// refusalRule is what the rules about refusals have in common.
func refusalRule(rule Rule, reason refusal, remedy func(*Facts, snapshot.Event) []Step) *Rule {
	rule.Area, rule.Severity, rule.Needs = AreaAdmission, High, []Need{{PartEvents}}
	rule.look = func(f *Facts, r *Report) {
		for _, event := range refused(f, reason) {
			finding := refusedFinding(f, event)
			finding.Remedy = remedy(f, event)
			r.Add(finding)
		}
	}
	return &rule
}

// withoutCapabilities are the steps after which the mesh's pods need no
// capability.
func withoutCapabilities(f *Facts, event snapshot.Event) []Step {
	on := f.Mechanism() == mesh.CNIChaining
	switch {
	case on && strings.Contains(event.Message, mesh.InitContainer):
		return []Step{
			{"Have Azure reconcile the cluster: its injector does not use the node agent yet", "kubectl istio-cni enable --reconcile"},
			makeAnew(maker(event)),
		}
	case on:
		return []Step{
			{"Use the interception mode REDIRECT: remove the annotation " + mesh.InterceptionModeKey + " from the pod template", fmt.Sprintf("kubectl edit -n %s %s", event.Namespace, maker(event))},
		}
	}
	return []Step{
		{"Switch the mesh to the node agent, after which no pod of it needs a capability", "kubectl istio-cni enable"},
		makeAnew(maker(event)),
	}
}

// makeAnew is for a workload that has been refused its pods.
func makeAnew(w mesh.Workload) Step {
	if !w.Restartable() {
		return Step{"Then make " + w.String() + " anew from its manifest", ""}
	}
	return Step{"Then make the workload's pods anew", restart(w)}
}

func baselineDenies() *Rule {
	return refusalRule(Rule{
		ID: "ICNI605", Title: "Pod Security refuses istio-init", Pre: true,
		Symptom:   "A workload of the mesh has no pods, and its events say that they violate PodSecurity.",
		Detection: "An event FailedCreate of the last minutes says that the container istio-init violates the namespace's Pod Security level by its capabilities.",
		Cause:     "istio-init adds NET_ADMIN and NET_RAW, which no level but privileged allows",
		Remedy:    "Enable CNIChaining, and restart the workload.",
		Links:     []string{linkCNI, linkIstioCNI, "https://github.com/istio/istio/issues/54968"},
	}, refusedByBaseline, withoutCapabilities)
}

func restrictedDenies() *Rule {
	return refusalRule(Rule{
		ID: "ICNI606", Title: "Pod Security refuses Istio's containers for want of a seccomp profile",
		Symptom:   "A workload of the mesh has no pods in a namespace with the Pod Security level restricted.",
		Detection: "An event FailedCreate of the last minutes says that istio-validation or istio-proxy violates the level restricted by its seccompProfile.",
		Cause:     "the injected containers set no seccomp profile of their own, and the pod sets none for all",
		Remedy:    "Set securityContext.seccompProfile of the pod template to RuntimeDefault, for the pod and not for its containers.",
		Links:     []string{linkTroubleshootCNI, linkIstioCNI, "https://github.com/istio/istio/issues/57004"},
	}, refusedByRestricted, func(_ *Facts, event snapshot.Event) []Step {
		w := maker(event)
		if !w.Restartable() {
			return []Step{{"Set securityContext.seccompProfile.type of the pod template to RuntimeDefault in the manifest of " + w.String() + ", and make it anew", ""}}
		}
		return []Step{{
			"Set the seccomp profile RuntimeDefault for the whole pod",
			fmt.Sprintf(`kubectl patch -n %s %s --type merge -p '{"spec":{"template":{"spec":{"securityContext":{"seccompProfile":{"type":"RuntimeDefault"}}}}}}'`, w.Namespace, w),
		}}
	})
}

func policyDenies() *Rule {
	return refusalRule(Rule{
		ID: "ICNI607", Title: "a policy refuses the capabilities of Istio's containers", Pre: true,
		Symptom:   "A workload of the mesh has no pods, and its events name a policy and capabilities.",
		Detection: "An event FailedCreate of the last minutes says that a policy, such as those of deployment safeguards, disallows capabilities.",
		Cause:     "istio-init, or istio-proxy with the interception mode TPROXY, adds capabilities that a policy disallows",
		Remedy:    "Enable CNIChaining, and use the interception mode REDIRECT.",
		Links:     []string{linkSafeguards, linkCNI},
	}, refusedByPolicy, withoutCapabilities)
}
