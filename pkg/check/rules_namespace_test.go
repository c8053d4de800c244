package check

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// secondRevision adds a revision with its own webhooks.
func secondRevision(s *snapshot.Snapshot) {
	const second = "asm-1-28"
	s.Injectors.Value = append(s.Injectors.Value, injectorsOf(second, second)...)
	s.Cluster.Value.Revisions = append(s.Cluster.Value.Revisions, second)
	s.InjectorMechanisms.Value[second] = mesh.CNIChaining
}

// excludeLabel has the webhooks of a revision leave out namespaces with a label.
func excludeLabel(s *snapshot.Snapshot, revision, key string) {
	for i := range s.Injectors.Value {
		if s.Injectors.Value[i].Revision == revision {
			selector := s.Injectors.Value[i].NamespaceSelector
			selector.MatchExpressions = append(selector.MatchExpressions, metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpDoesNotExist})
		}
	}
}

// What is wrong with a namespace's labels is one thing, and decided by the
// webhooks' selectors.
func TestNamespaceLabelsHaveOneFault(t *testing.T) {
	const tools = "tools"
	labelled := func(labels ...string) func(*snapshot.Snapshot) {
		return func(s *snapshot.Snapshot) { addNamespace(s, tools, labels...) }
	}
	for name, test := range map[string]struct {
		change func(*snapshot.Snapshot)
		want   []string
	}{
		"no label":           {labelled("contoso.example/team", "blue"), nil},
		"the revision":       {labelled(mesh.RevisionLabel, revision), nil},
		"legacy":             {labelled(mesh.LegacyInjectionLabel, "enabled"), []string{"ICNI401"}},
		"legacy, off":        {labelled(mesh.LegacyInjectionLabel, "disabled"), nil},
		"both":               {labelled(mesh.LegacyInjectionLabel, "enabled", mesh.RevisionLabel, revision), []string{"ICNI402"}},
		"both, off":          {labelled(mesh.LegacyInjectionLabel, "disabled", mesh.RevisionLabel, revision), []string{"ICNI402"}},
		"both, and dangling": {labelled(mesh.LegacyInjectionLabel, "enabled", mesh.RevisionLabel, "asm-1-20"), []string{"ICNI402"}},
		"dangling":           {labelled(mesh.RevisionLabel, "asm-1-20"), []string{"ICNI403"}},
		"an empty revision":  {labelled(mesh.RevisionLabel, ""), []string{"ICNI403"}},
		"the second revision": {func(s *snapshot.Snapshot) {
			secondRevision(s)
			addNamespace(s, tools, mesh.RevisionLabel, "asm-1-28")
		}, nil},
		"the second revision leaves it out": {func(s *snapshot.Snapshot) {
			secondRevision(s)
			excludeLabel(s, "asm-1-28", "control-plane")
			addNamespace(s, tools, mesh.RevisionLabel, "asm-1-28", "control-plane", "x")
		}, []string{"ICNI404"}},
		"the tag that was": {func(s *snapshot.Snapshot) {
			secondRevision(s)
			addNamespace(s, tools, mesh.RevisionLabel, "prod")
		}, []string{"ICNI403"}},
		"a self-managed Istio injects it": {func(s *snapshot.Snapshot) {
			addForeign(s, mesh.LegacyInjectionLabel, "enabled")
			addNamespace(s, tools, mesh.LegacyInjectionLabel, "enabled")
		}, nil},
		"Kubernetes' own": {func(s *snapshot.Snapshot) {
			addNamespace(s, "kube-public", mesh.LegacyInjectionLabel, "enabled")
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for cluster, setUp := range map[string]func(*snapshot.Snapshot){"CNIChaining": unchanged, "InitContainers": initContainers} {
				s := healthy()
				setUp(s)
				test.change(s)
				if got := foundIn(t, s, "ICNI4"); !slices.Equal(got, test.want) {
					t.Errorf("with %s: got %v, want %v", cluster, got, test.want)
				}
			}
		})
	}
}

// Only the label that keeps the webhook away is named.
func TestNamespaceSelectorNamesTheLabel(t *testing.T) {
	rule, _ := ByID("ICNI404")
	report := ask(t, rule, func(s *snapshot.Snapshot) {
		enforcer(s)
		addNamespace(s, "tools", mesh.RevisionLabel, revision, "contoso.example/team", "blue", "control-plane", "true")
	})
	if len(report.Findings) != 1 || report.Findings[0].Remedy[0].Command != "kubectl label namespace tools control-plane-" {
		t.Fatalf("got %s", text(report))
	}
	if command := report.Findings[0].Remedy[1].Command; command != "kubectl get mutatingwebhookconfigurations -l app=sidecar-injector -o yaml" {
		t.Errorf("got %s", text(report))
	}
}

// A namespace that would get into another Istio without a label is not helped by
// its removal.
func TestNamespaceSelectorIgnoresOtherIstios(t *testing.T) {
	rule, _ := ByID("ICNI404")
	report := ask(t, rule, func(s *snapshot.Snapshot) {
		enforcer(s)
		addForeign(s, mesh.RevisionLabel, revision)
		excludeLabel(s, "default", "contoso.example/team")
		addNamespace(s, "tools", mesh.RevisionLabel, revision, "contoso.example/team", "blue", "control-plane", "true")
	})
	if len(report.Findings) != 1 || report.Findings[0].Remedy[0].Command != "kubectl label namespace tools control-plane-" {
		t.Errorf("got %s", text(report))
	}
}

// One finding tells of all pods of an excluded namespace.
func TestNamespaceExcludedOnce(t *testing.T) {
	rule, _ := ByID("ICNI405")
	report := ask(t, rule, func(s *snapshot.Snapshot) {
		s.AgentConfig.Value.ExcludedNamespaces = append(s.AgentConfig.Value.ExcludedNamespaces, shop)
		addPods(s, unvalidatedPod("cart", 1, node1), unvalidatedPod("cart", 2, node2), unvalidatedPod("api", 1, node3))
	})
	if len(report.Findings) != 1 || len(report.Findings[0].Objects) != 4 || report.Findings[0].Objects[0] != NamespaceObject(shop) {
		t.Errorf("got %s", text(report))
	}
}

// The program removes a revision that nothing answers to together with the legacy
// label, and expects what was read.
func TestNamespaceFixReplacesBothLabels(t *testing.T) {
	rule, _ := ByID("ICNI402")
	report := ask(t, rule, func(s *snapshot.Snapshot) {
		addNamespace(s, "tools", mesh.LegacyInjectionLabel, "enabled", mesh.RevisionLabel, "asm-1-20")
	})
	fix := report.Findings[0].Fix
	if fix == nil || fix.Set[mesh.RevisionLabel] != revision || fix.Remove[mesh.RevisionLabel] != "asm-1-20" || fix.Remove[mesh.LegacyInjectionLabel] != "enabled" {
		t.Errorf("got %s", text(report))
	}
}

// A namespace that opts out by the legacy label is told of, but not changed.
func TestOptedOutNamespaceIsNotChanged(t *testing.T) {
	rule, _ := ByID("ICNI402")
	for value, fixable := range map[string]bool{"enabled": true, "disabled": false} {
		report := ask(t, rule, func(s *snapshot.Snapshot) {
			addNamespace(s, "tools", mesh.LegacyInjectionLabel, value, mesh.RevisionLabel, revision)
		})
		if len(report.Findings) != 1 || (report.Findings[0].Fix != nil) != fixable {
			t.Errorf("%s: %s", value, text(report))
		}
	}
}
