package check

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// addNamespace puts a namespace with labels, as key, value, into a snapshot.
func addNamespace(s *snapshot.Snapshot, name string, labels ...string) {
	ns := snapshot.Namespace{Name: name, Labels: map[string]string{"kubernetes.io/metadata.name": name}}
	for i := 0; i < len(labels); i += 2 {
		ns.Labels[labels[i]] = labels[i+1]
	}
	s.Namespaces.Value = append(s.Namespaces.Value, ns)
}

// enforcer changes the webhooks as AKS's admissions enforcer does: they leave out
// namespaces with the label control-plane.
func enforcer(s *snapshot.Snapshot) {
	for i := range s.Injectors.Value {
		selector := s.Injectors.Value[i].NamespaceSelector
		selector.MatchExpressions = append(selector.MatchExpressions, metav1.LabelSelectorRequirement{Key: "control-plane", Operator: metav1.LabelSelectorOpDoesNotExist})
	}
}

func namespaceFixtures() map[string]fixture {
	const tools = "tools"
	object := NamespaceObject(tools)
	return map[string]fixture{
		"ICNI401": {
			fires:   func(s *snapshot.Snapshot) { addNamespace(s, tools, mesh.LegacyInjectionLabel, "enabled") },
			expect:  []string{"istio-injection=enabled", "istio.io/rev=asm-1-27", "kubectl istio-cni label tools --remove-legacy-label", "kubectl istio-cni restart -n tools"},
			objects: []Object{object},
			// It asks for nothing.
			near: func(s *snapshot.Snapshot) { addNamespace(s, tools, mesh.LegacyInjectionLabel, "disabled") },
		},
		"ICNI402": {
			fires: func(s *snapshot.Snapshot) {
				addNamespace(s, tools, mesh.LegacyInjectionLabel, "enabled", mesh.RevisionLabel, revision)
			},
			expect:  []string{"istio.io/rev=asm-1-27 and istio-injection=enabled", "kubectl label namespace tools istio-injection-"},
			objects: []Object{object},
			near:    func(s *snapshot.Snapshot) { addNamespace(s, tools, mesh.RevisionLabel, revision) },
		},
		"ICNI403": {
			fires:   func(s *snapshot.Snapshot) { addNamespace(s, tools, mesh.RevisionLabel, "asm-1-72") },
			expect:  []string{"istio.io/rev=asm-1-72, which no webhook answers to", "istio.io/rev=asm-1-27", "kubectl istio-cni label tools"},
			objects: []Object{object},
			// A tag stands for a revision.
			near: func(s *snapshot.Snapshot) {
				s.Injectors.Value = append(s.Injectors.Value, injectorsOf(revision, "prod")...)
				addNamespace(s, tools, mesh.RevisionLabel, "prod")
			},
		},
		"ICNI404": {
			fires: func(s *snapshot.Snapshot) {
				enforcer(s)
				addNamespace(s, tools, mesh.RevisionLabel, revision, "control-plane", "true")
			},
			expect:  []string{"without its label control-plane=true they would", "kubectl label namespace tools control-plane-"},
			objects: []Object{object},
			// The label is there, and the selector does not mind.
			near: func(s *snapshot.Snapshot) {
				addNamespace(s, tools, mesh.RevisionLabel, revision, "control-plane", "true")
			},
		},
		"ICNI405": {
			fires: func(s *snapshot.Snapshot) {
				s.AgentConfig.Value.ExcludedNamespaces = append(s.AgentConfig.Value.ExcludedNamespaces, shop)
				crashOn(s, node1)
			},
			expect:  []string{"EXCLUDE_NAMESPACES names shop", "exit code 126", "kubectl label namespace shop istio.io/rev-"},
			objects: []Object{NamespaceObject(shop), {"Pod", shop, "api-7d4b9c6f5d-d"}},
			near:    func(s *snapshot.Snapshot) { crashOn(s, node1) },
		},
	}
}
