package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func admissionRules() []*Rule {
	return []*Rule{
		injectorBehind(), webhookFails(), doubleInjection(), orderBroken(), baselineDenies(), restrictedDenies(), policyDenies(),
	}
}

// RootInjectionBy is what the control plane of a revision does to new pods.
func RootInjectionBy(revision string) string { return RootInjection + "/" + revision }

func injectorBehind() *Rule {
	return &Rule{
		ID: "ICNI601", Title: "new pods still get istio-init", Area: AreaAdmission, Severity: High,
		Needs:     []Need{{PartCluster}, {PartMechanisms}},
		Symptom:   "Pods that are made or restarted after CNIChaining was enabled still get istio-init.",
		Detection: "Azure says CNIChaining, no operation is running, and the injector's ConfigMap of a revision does not have pilot.cni.enabled.",
		Cause:     "Azure has not reconciled the injector of the revision yet, or could not",
		Remedy:    "Wait some minutes. If it stays so, have Azure reconcile the cluster by enabling CNIChaining again.",
		Links:     []string{linkTroubleshootCNI, linkCNI},
		look: func(f *Facts, r *Report) {
			c := f.Cluster.Value
			if c.Mechanism != mesh.CNIChaining || c.InTransition() {
				return
			}
			for revision, mechanism := range sortedMechanisms(f) {
				// The ConfigMap of a revision that the mesh no longer has may be left over.
				if mechanism == mesh.CNIChaining || len(c.Revisions) > 0 && !slices.Contains(c.Revisions, revision) {
					continue
				}
				r.Add(behindFinding(f, revision, mechanism))
			}
		},
	}
}

// sortedMechanisms goes through the injectors' mechanisms by revision.
func sortedMechanisms(f *Facts) func(yield func(string, mesh.Mechanism) bool) {
	var revisions []string
	for revision := range f.InjectorMechanisms.Value {
		revisions = append(revisions, revision)
	}
	slices.Sort(revisions)
	return func(yield func(string, mesh.Mechanism) bool) {
		for _, revision := range revisions {
			if !yield(revision, f.InjectorMechanisms.Value[revision]) {
				return
			}
		}
	}
}

func behindFinding(f *Facts, revision string, mechanism mesh.Mechanism) Finding {
	name := mesh.InjectorConfigMapPrefix + revision
	finding := Finding{
		Objects: []Object{{"ConfigMap", mesh.SystemNamespace, name}},
		Evidence: []string{
			fmt.Sprintf("Azure says %s, and no operation is running", mesh.CNIChaining),
			fmt.Sprintf("ConfigMap %s says %s: new pods of %s get %s", name, mechanism, revision, mechanism.RedirectContainer()),
		},
		Root:   RootInjectionBy(revision),
		Remedy: []Step{{"If it stays so, have Azure reconcile the cluster", "kubectl istio-cni enable --reconcile"}},
	}
	for pod := range f.MeshPods() {
		younger := f.Agent.State == snapshot.Read && pod.Created.After(f.Agent.Value.Created)
		if younger && pod.Revision == revision && hasRedirect(pod, mesh.InitContainer) {
			finding.Objects = append(finding.Objects, PodObject(pod))
			finding.Evidence = append(finding.Evidence, fmt.Sprintf("pod %s/%s was made after the node agent and has %s", pod.Namespace, pod.Name, mesh.InitContainer))
			break
		}
	}
	return finding
}

func doubleInjection() *Rule {
	return &Rule{
		ID: "ICNI603", Title: "more than one injector", Area: AreaAdmission, Severity: High, Pre: true,
		Needs:   []Need{{PartInjectors}, {PartNamespaces}},
		Symptom: "Pods are injected twice, by the wrong control plane, or not at all, depending on the order of webhooks.",
		Detection: "Webhooks of several revisions match the same namespace; or there is an injecting webhook that calls a Service outside the add-on's namespace, " +
			"which is Medium while it matches no namespace of the mesh.",
		Cause:  "a webhook of another Istio, or of an earlier installation, was left behind",
		Remedy: "Delete the webhook that does not belong to the add-on, and restart the workloads that it injected.",
		Links:  []string{linkDeploy, linkTroubleshoot},
		look: func(f *Facts, r *Report) {
			foreign := map[string]bool{}
			for _, injector := range f.Injectors.Value {
				if !injector.Managed() && !foreign[injector.Configuration] {
					foreign[injector.Configuration] = true
					r.Add(foreignFinding(f, injector))
				}
			}
			for _, ns := range f.Namespaces.Value {
				if finding, found := contested(f, ns); found {
					r.Add(finding)
				}
			}
		},
	}
}

func webhookObject(configuration string) Object {
	return Object{Kind: "MutatingWebhookConfiguration", Name: configuration}
}

func foreignFinding(f *Facts, injector mesh.Injector) Finding {
	finding := Finding{
		Severity: Medium, Objects: []Object{webhookObject(injector.Configuration)}, Root: "webhook/" + injector.Configuration,
		Evidence: []string{fmt.Sprintf("webhook %s in %s calls Service %s, which is not the add-on's", injector.Webhook, injector.Configuration, injector.Service)},
		Remedy: []Step{
			{"See whether that Istio is still in use", "kubectl get pods -n " + strings.SplitN(injector.Service, "/", 2)[0]},
			{"If it is not, delete its webhook", "kubectl delete mutatingwebhookconfiguration " + injector.Configuration},
		},
	}
	for _, ns := range f.Namespaces.Value {
		matching := f.mesh.Injectors.For(ns.Labels, nil)
		its := slices.ContainsFunc(matching, func(i mesh.Injector) bool { return i.Configuration == injector.Configuration })
		addOns := slices.ContainsFunc(matching, mesh.Injector.Managed)
		if its && addOns && !mesh.IsSystemNamespace(ns.Name) {
			finding.Severity = High
			finding.Objects = append(finding.Objects, NamespaceObject(ns.Name))
			finding.Evidence = append(finding.Evidence, "both it and the add-on's webhook match namespace "+ns.Name)
		}
		if its && !addOns && mesh.AsksForInjection(ns.Labels) && !mesh.IsSystemNamespace(ns.Name) {
			finding.Objects = append(finding.Objects, NamespaceObject(ns.Name))
			finding.Evidence = append(finding.Evidence, "it injects namespace "+ns.Name+", and the add-on does not")
		}
	}
	return finding
}

// contested finds webhooks of the add-on's own revisions that match the same
// namespace.
func contested(f *Facts, ns snapshot.Namespace) (Finding, bool) {
	if mesh.IsSystemNamespace(ns.Name) {
		return Finding{}, false
	}
	var revisions, evidence []string
	objects := []Object{NamespaceObject(ns.Name)}
	for _, injector := range f.mesh.Injectors.For(ns.Labels, nil) {
		if !injector.Managed() || slices.Contains(revisions, injector.Revision) {
			continue
		}
		revisions = append(revisions, injector.Revision)
		objects = append(objects, webhookObject(injector.Configuration))
		evidence = append(evidence, fmt.Sprintf("webhook %s in %s matches namespace %s and injects revision %s", injector.Webhook, injector.Configuration, ns.Name, injector.Revision))
	}
	return Finding{
		Objects: objects, Evidence: evidence, Root: RootNamespace(ns.Name) + "/webhooks",
		Remedy: []Step{
			{"See which webhook is left over", "kubectl get mutatingwebhookconfigurations -l app=sidecar-injector --show-labels"},
			{"Delete the one whose revision the mesh does not have", "kubectl istio-cni revisions"},
		},
	}, len(revisions) > 1
}

func orderBroken() *Rule {
	return &Rule{
		ID: "ICNI604", Title: "init containers are in another order than the injector's", Area: AreaAdmission, Severity: Medium,
		Needs:   []Need{{PartPods}},
		Symptom: "Init containers have no network, or run before the redirection is checked.",
		Detection: "Another init container stands before istio-validation; or after istio-init where istio-proxy is a classic sidecar, before it where it is a native one. " +
			"The order is taken from the pod, not from its containers' names.",
		Cause:  "another webhook changed the pod after the injection and put its own init containers elsewhere",
		Remedy: "Have the other webhook append its init containers, or set its reinvocationPolicy, and restart the workload.",
		Links:  []string{linkTroubleshootCNI, linkIstioCNI},
		look: func(f *Facts, r *Report) {
			for _, group := range byWorkload(f, func(pod *mesh.Pod, _ mesh.Verdict) bool { return len(pod.Misplaced) > 0 }) {
				pod := group.pods[0]
				side := "before"
				if pod.Redirect.Name == mesh.InitContainer && !pod.NativeSidecar {
					side = "after"
				}
				finding := group.finding(fmt.Sprintf("have %s %s %s", strings.Join(pod.Misplaced, ", "), side, pod.Redirect.Name))
				finding.Remedy = []Step{{"Find the webhook that adds them", "kubectl get mutatingwebhookconfigurations"}}
				group.replace(&finding)
				finding.Fix = nil
				r.Add(finding)
			}
		},
	}
}
