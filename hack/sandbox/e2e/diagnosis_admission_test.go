package e2e

import (
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// refused makes a Deployment whose pods are refused, and waits until its ReplicaSet
// says so.
func (l *lab) refused(words string, changes ...change) {
	l.t.Helper()
	l.untilRefused(l.ns, &deploymentOf("web", changes...).Spec.Template, words)
	l.makeDeployment("web", changes...)
	l.untilEvent(l.ns, "web-", "FailedCreate")
}

// untilRefused waits until a new pod is refused in those words. What the API server
// knows of policies comes a moment late.
func (l *lab) untilRefused(namespace string, template *corev1.PodTemplateSpec, words string) {
	l.t.Helper()
	until(l.t, func() string {
		_, err := l.dryRun(namespace, template)
		switch {
		case err == nil:
			return "a new pod is not refused"
		case !strings.Contains(err.Error(), words):
			return err.Error()
		}
		return ""
	})
}

// untilAdmitted waits until a new pod is not refused any more.
func (l *lab) untilAdmitted(namespace string, template *corev1.PodTemplateSpec) {
	l.t.Helper()
	until(l.t, func() string {
		if _, err := l.dryRun(namespace, template); err != nil {
			return err.Error()
		}
		return ""
	})
}

func enforcing(level string) map[string]string {
	labels := inMesh()
	labels["pod-security.kubernetes.io/enforce"] = level
	return labels
}

// injectionModes are of what makes pods, under CNIChaining.
func injectionModes() []mode {
	return []mode{
		{
			name: "the injector lags behind", rule: "ICNI601",
			plant: func(l *lab) {
				l.changeInjector(func(values map[string]any) {
					values["pilot"].(object)["cni"].(object)["enabled"] = false
				})
				l.untilInjected(probes, istioInit)
				l.makeNamespace(inMesh())
				l.deploy("web")
			},
			objects: []string{thePods}, texts: []string{"asm-1-27", istioInit},
		},
		{
			name: "no control plane answers", rule: "ICNI602",
			plant: func(l *lab) {
				l.scaleIstiod(0)
				l.callServices()
				l.makeNamespace(inMesh())
				l.refused("failed calling webhook")
			},
			objects: []string{"Deployment/aks-istio-system/istiod-asm-1-27"}, texts: []string{"failed calling webhook", "sidecar-injector.istio.io"},
		},
		{
			name: "the webhook leads nowhere", rule: "ICNI602",
			plant: func(l *lab) {
				l.changeWebhooks(func(w *admissionv1.MutatingWebhook) { w.ClientConfig.URL = new("https://127.0.0.1:1/inject") })
				l.makeNamespace(inMesh())
				l.refused("connection refused")
			},
			objects: []string{"*/{ns}/web*"}, texts: []string{"failed calling webhook", "connection refused"},
		},
		{
			name: "another Istio's webhook is left", rule: "ICNI603",
			plant: func(l *lab) {
				l.addForeignInjector()
				l.makeNamespace(inMesh())
				l.deploy("web")
			},
			objects: []string{"MutatingWebhookConfiguration/istio-sidecar-injector"}, texts: []string{"istio-system/istiod"},
		},
		{
			name: "Pod Security restricted", rule: "ICNI606",
			plant: func(l *lab) {
				l.makeNamespace(enforcing("restricted"))
				l.refused("violates PodSecurity", asRestricted)
			},
			objects: []string{"*/{ns}/web*"}, texts: []string{"violates PodSecurity", "seccompProfile", "RuntimeDefault"},
		},
		{
			name: "a policy denies TPROXY its capabilities", rule: "ICNI607",
			plant: func(l *lab) {
				l.makeNamespace(inMesh())
				l.denyCapabilities()
				l.refused("Disallowed capabilities", annotated("sidecar.istio.io/interceptionMode", "TPROXY"))
			},
			objects: []string{"*/{ns}/web*"}, texts: []string{"Disallowed capabilities", "REDIRECT"},
		},
	}
}

// privilegeModes are of what istio-init is refused for, under InitContainers.
func privilegeModes() []mode {
	return []mode{
		{
			name: "Pod Security baseline", rule: "ICNI605",
			plant: func(l *lab) {
				l.makeNamespace(enforcing("baseline"))
				l.refused("violates PodSecurity")
			},
			objects: []string{"*/{ns}/web*"}, texts: []string{"violates PodSecurity", istioInit, "kubectl istio-cni enable"},
		},
		{
			name: "a policy denies capabilities", rule: "ICNI607",
			plant: func(l *lab) {
				l.makeNamespace(inMesh())
				l.denyCapabilities()
				l.refused("Disallowed capabilities")
			},
			objects: []string{"*/{ns}/web*"}, texts: []string{"Disallowed capabilities", "kubectl istio-cni enable"},
		},
	}
}

// mended plants what keeps pods away and takes it back: though the events are still
// there, nothing is said once the workload has its pods.
func (l *lab) mended() {
	l.t.Helper()
	l.makeNamespace(enforcing("baseline"))
	l.refused("violates PodSecurity")
	if r := l.check(); len(r.found("ICNI605")) == 0 {
		l.t.Errorf("ICNI605 does not find what was planted: %s", text(r.Findings))
	}
	l.labelNamespace(map[string]any{"pod-security.kubernetes.io/enforce": nil})
	until(l.t, func() string { return l.notReady(l.ns) })
	l.silent(l.check())
}

// asRestricted does what Pod Security's level restricted wants of an application but
// for the pod's seccomp profile, which the injected containers would need.
func asRestricted(d *appsv1.Deployment) {
	d.Spec.Template.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{
		AllowPrivilegeEscalation: new(false), RunAsNonRoot: new(true),
		Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

// scaleIstiod leaves the control plane so many pods until the mode is over.
func (l *lab) scaleIstiod(n int) {
	l.t.Helper()
	scale := func(n int) {
		_, err := l.Client.AppsV1().Deployments("aks-istio-system").Patch(l.ctx(), "istiod-asm-1-27", types.MergePatchType,
			asJSON(object{"spec": object{"replicas": n}}), metav1.PatchOptions{})
		l.must(err)
		until(l.t, func() string {
			d, err := l.Client.AppsV1().Deployments("aks-istio-system").Get(l.ctx(), "istiod-asm-1-27", metav1.GetOptions{})
			l.must(err)
			if int(d.Status.ReadyReplicas) != n || int(d.Status.Replicas) != n {
				return "istiod is not scaled"
			}
			return ""
		})
	}
	scale(n)
	l.afterwards(func() { scale(2) })
}

// callServices has the webhooks call the control plane's Service, as AKS's do.
func (l *lab) callServices() {
	l.t.Helper()
	l.changeWebhooks(func(w *admissionv1.MutatingWebhook) {
		w.ClientConfig.URL = nil
		w.ClientConfig.Service = &admissionv1.ServiceReference{Namespace: "aks-istio-system", Name: "istiod-asm-1-27", Path: new("/inject"), Port: new(int32(443))}
	})
}

// addForeignInjector makes the webhook of an Istio that somebody installed by hand.
func (l *lab) addForeignInjector() {
	l.t.Helper()
	configurations := l.Client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	_, err := configurations.Create(l.ctx(), &admissionv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "istio-sidecar-injector", Labels: map[string]string{"app": "sidecar-injector", revisionLabel: "default"}},
		Webhooks: []admissionv1.MutatingWebhook{{
			Name:          "namespace.sidecar-injector.istio.io",
			ClientConfig:  admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: "istio-system", Name: "istiod", Path: new("/inject")}},
			FailurePolicy: new(admissionv1.Fail), SideEffects: new(admissionv1.SideEffectClassNone), AdmissionReviewVersions: []string{"v1"},
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{legacyLabel: "enabled"}},
			Rules: []admissionv1.RuleWithOperations{{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}},
		}},
	}, metav1.CreateOptions{})
	l.must(err)
	l.afterwards(func() { l.must(configurations.Delete(l.ctx(), "istio-sidecar-injector", metav1.DeleteOptions{})) })
}

// denyCapabilities refuses pods that add capabilities, as deployment safeguards do.
func (l *lab) denyCapabilities() {
	l.t.Helper()
	const name = "contoso-container-capabilities"
	adds := func(containers string) string {
		return "(!has(object.spec." + containers + ") || object.spec." + containers +
			".all(c, !has(c.securityContext) || !has(c.securityContext.capabilities) || !has(c.securityContext.capabilities.add) || c.securityContext.capabilities.add.size() == 0))"
	}
	v1 := l.Client.AdmissionregistrationV1()
	_, err := v1.ValidatingAdmissionPolicies().Create(l.ctx(), &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}}}},
			Validations: []admissionv1.Validation{{
				Expression: adds("containers") + " && " + adds("initContainers"),
				Message:    "Disallowed capabilities. Allowed capabilities are []",
			}},
		},
	}, metav1.CreateOptions{})
	l.must(err)
	_, err = v1.ValidatingAdmissionPolicyBindings().Create(l.ctx(), &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": l.ns}}},
		},
	}, metav1.CreateOptions{})
	l.must(err)
	l.afterwards(func() {
		l.must(v1.ValidatingAdmissionPolicyBindings().Delete(l.ctx(), name, metav1.DeleteOptions{}))
		l.must(v1.ValidatingAdmissionPolicies().Delete(l.ctx(), name, metav1.DeleteOptions{}))
	})
}
