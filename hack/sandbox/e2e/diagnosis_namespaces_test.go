package e2e

import (
	"encoding/json"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const legacyLabel = "istio-injection"

// namespaceModes are of namespaces' labels, under either mechanism.
func namespaceModes() []mode {
	labels := func(labels map[string]string) func(*lab) {
		return func(l *lab) {
			l.makeNamespace(labels)
			l.deploy("web")
		}
	}
	return []mode{
		{
			name: "the label that the add-on ignores", rule: "ICNI401",
			plant:   labels(map[string]string{legacyLabel: "enabled"}),
			objects: []string{"Namespace/{ns}"}, texts: []string{"istio-injection=enabled", "kubectl istio-cni label {ns}"},
		},
		{
			name: "both labels", rule: "ICNI402",
			plant:   labels(map[string]string{legacyLabel: "enabled", revisionLabel: "asm-1-27"}),
			objects: []string{"Namespace/{ns}"}, texts: []string{"istio-injection", "istio.io/rev"},
		},
		{
			name: "a misspelt revision", rule: "ICNI403",
			plant:   labels(map[string]string{revisionLabel: "asm-1-72"}),
			objects: []string{"Namespace/{ns}"}, texts: []string{"asm-1-72", "asm-1-27"},
		},
		{
			name: "the selector leaves the namespace out", rule: "ICNI404",
			plant: func(l *lab) {
				// As AKS's admissions enforcer writes it into every webhook.
				l.changeWebhooks(func(w *admissionv1.MutatingWebhook) {
					w.NamespaceSelector.MatchExpressions = append(w.NamespaceSelector.MatchExpressions,
						metav1.LabelSelectorRequirement{Key: "control-plane", Operator: metav1.LabelSelectorOpDoesNotExist})
				})
				l.makeNamespace(map[string]string{revisionLabel: "asm-1-27", "control-plane": "contoso"})
				l.untilInjected(l.ns, "")
				l.deploy("web")
			},
			objects: []string{"Namespace/{ns}"}, texts: []string{"control-plane"},
		},
		{
			name: "only the pod asks", rule: "ICNI516",
			plant: func(l *lab) {
				l.makeNamespace(nil)
				l.deploy("web", labelled("sidecar.istio.io/inject", "true"))
			},
			objects: []string{"Pod/{ns}/web-*"}, texts: []string{"sidecar.istio.io/inject", "kubectl istio-cni label {ns}"},
		},
		{
			name: "pods from before the label", rule: "ICNI517",
			plant: func(l *lab) {
				l.makeNamespace(nil)
				l.deploy("web", replicas(2))
				l.labelNamespace(map[string]any{revisionLabel: "asm-1-27"})
			},
			objects: []string{"Pod/{ns}/web-*"}, texts: []string{"kubectl istio-cni restart -n {ns}"},
		},
		{
			name: "on the host's network", rule: "ICNI518",
			plant: func(l *lab) {
				l.makeNamespace(inMesh())
				l.deploy("web", onHostNetwork)
			},
			objects: []string{"Pod/{ns}/web-*"}, texts: []string{"host"},
		},
	}
}

// changeWebhooks changes the webhooks of the revision and its tags until the mode is
// over.
func (l *lab) changeWebhooks(change func(*admissionv1.MutatingWebhook)) {
	l.t.Helper()
	l.afterwards(func() { l.untilInjected(probes, l.redirects) })
	configurations := l.Client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	list, err := configurations.List(l.ctx(), metav1.ListOptions{LabelSelector: "app=sidecar-injector"})
	l.must(err)
	for _, found := range list.Items {
		original := found.DeepCopy()
		for i := range found.Webhooks {
			change(&found.Webhooks[i])
		}
		_, err := configurations.Update(l.ctx(), &found, metav1.UpdateOptions{})
		l.must(err)
		l.afterwards(func() {
			_, err := configurations.Patch(l.ctx(), original.Name, types.MergePatchType, asJSON(object{"webhooks": original.Webhooks}), metav1.PatchOptions{})
			l.must(err)
		})
	}
}

// probes is a namespace of the mesh that nothing is in.
const probes = "contoso-probes"

// untilInjected waits until a new pod of a namespace would get that redirect
// container, "" for none. What the API server knows of webhooks, and an injector of
// its settings, comes a moment late.
func (l *lab) untilInjected(namespace, container string) {
	l.t.Helper()
	template := deploymentOf("probe").Spec.Template
	until(l.t, func() string {
		made, err := l.dryRun(namespace, &template)
		if err != nil {
			return err.Error()
		}
		got := ""
		for _, c := range made.Spec.InitContainers {
			if c.Name == validation || c.Name == istioInit {
				got = c.Name
			}
		}
		if got != container {
			return fmt.Sprintf("a new pod gets %q, not %q", got, container)
		}
		return ""
	})
}

// changeInjector changes the values that an injector works by until the mode is over.
func (l *lab) changeInjector(change func(values map[string]any)) {
	l.t.Helper()
	l.afterwards(func() { l.untilInjected(probes, l.redirects) })
	l.changeConfig("istio-sidecar-injector-asm-1-27", "values", func(text string) string {
		var values map[string]any
		l.must(json.Unmarshal([]byte(text), &values))
		change(values)
		return string(asJSON(values))
	})
}

// changeConfig changes what stands in a ConfigMap of the add-on's until the mode is
// over.
func (l *lab) changeConfig(name, key string, change func(string) string) {
	l.t.Helper()
	maps := l.Client.CoreV1().ConfigMaps("aks-istio-system")
	found, err := maps.Get(l.ctx(), name, metav1.GetOptions{})
	l.must(err)
	put := func(text string) {
		_, err := maps.Patch(l.ctx(), name, types.MergePatchType, asJSON(object{"data": object{key: text}}), metav1.PatchOptions{})
		l.must(err)
	}
	original := found.Data[key]
	put(change(original))
	l.afterwards(func() { put(original) })
}
