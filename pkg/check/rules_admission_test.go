package check

import (
	"slices"
	"testing"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// foundIn are the rules of some ids' beginning that find something.
func foundIn(t *testing.T, s *snapshot.Snapshot, prefix string) []string {
	t.Helper()
	var ids []string
	for _, report := range run(t, s).Reports {
		if report.Outcome == Found && report.ID[:len(prefix)] == prefix {
			ids = append(ids, report.ID)
		}
	}
	return ids
}

// What refuses a pod is one thing.
func TestOneRuleForEachRefusal(t *testing.T) {
	for _, test := range []struct {
		name, message string
		want          []string
	}{
		{"the webhook", callFailed, []string{"ICNI602"}},
		{"baseline", baseline, []string{"ICNI605"}},
		{"restricted, and CNI is off", restrictedInit, []string{"ICNI605"}},
		{"restricted", restricted, []string{"ICNI606"}},
		{"restricted, the application's own", restrictedApp, nil},
		{"safeguards", safeguards, []string{"ICNI607"}},
		{"a policy", policy, []string{"ICNI607"}},
		{"a quota", quota, nil},
		{"another webhook", `Error creating: Internal error occurred: failed calling webhook "policy.contoso.example"`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := healthy()
			refusing(test.message)(s)
			if got := foundIn(t, s, "ICNI6"); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// A refusal is over when the workload has made a pod since.
func TestRefusalIsOver(t *testing.T) {
	for name, test := range map[string]struct {
		pod  time.Duration
		want []string
	}{
		"the pods are older":  {3 * time.Minute, []string{"ICNI605"}},
		"a pod was made then": {time.Minute, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := healthy()
			refusing(baseline)(s)
			for i := range s.Pods.Value {
				s.Pods.Value[i].Created = ago(test.pod)
			}
			if got := foundIn(t, s, "ICNI6"); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// Meshes as they should be, in which nothing may be found about webhooks and
// labels.
func TestSoundMeshesAreSilent(t *testing.T) {
	for name, change := range map[string]func(*snapshot.Snapshot){
		"init containers": initContainers,
		"a tag": func(s *snapshot.Snapshot) {
			s.Injectors.Value = append(s.Injectors.Value, injectorsOf(revision, "prod")...)
			addNamespace(s, "tools", mesh.RevisionLabel, "prod")
		},
		"two revisions": func(s *snapshot.Snapshot) {
			s.Injectors.Value = append(s.Injectors.Value, injectorsOf("asm-1-28", "asm-1-28")...)
			s.Cluster.Value.Revisions = append(s.Cluster.Value.Revisions, "asm-1-28")
			s.InjectorMechanisms.Value["asm-1-28"] = mesh.CNIChaining
			addNamespace(s, "tools", mesh.RevisionLabel, "asm-1-28")
		},
		"an empty revision":  func(s *snapshot.Snapshot) { addNamespace(s, "tools", "contoso.example/team", "blue") },
		"the enforcer":       enforcer,
		"classic sidecars":   func(s *snapshot.Snapshot) { s.Pods.Value[0].NativeSidecar = false },
		"a namespace of AKS": func(s *snapshot.Snapshot) { addNamespace(s, "aks-istio-ingress", mesh.RevisionLabel, "asm-1-00") },
	} {
		s := healthy()
		change(s)
		if got := append(foundIn(t, s, "ICNI4"), foundIn(t, s, "ICNI6")...); len(got) > 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Another Istio beside the add-on is worth knowing while it matches nothing of
// the mesh.
func TestAnotherIstio(t *testing.T) {
	rule, _ := ByID("ICNI603")
	report := ask(t, rule, func(s *snapshot.Snapshot) { addForeign(s, mesh.LegacyInjectionLabel, "enabled") })
	if len(report.Findings) != 1 || report.Findings[0].Severity != Medium {
		t.Errorf("got %s", text(report))
	}
	// It injects what the add-on ignores.
	legacy, _ := ByID("ICNI401")
	report = ask(t, legacy, func(s *snapshot.Snapshot) {
		addForeign(s, mesh.LegacyInjectionLabel, "enabled")
		addNamespace(s, "tools", mesh.LegacyInjectionLabel, "enabled")
	})
	if report.Outcome != OK {
		t.Errorf("got %s", text(report))
	}
	// A webhook of a revision that was left over.
	report = ask(t, rule, func(s *snapshot.Snapshot) {
		left := injectorsOf("asm-1-25", revision)
		s.Injectors.Value = append(s.Injectors.Value, left...)
	})
	if len(report.Findings) != 1 || report.Findings[0].Objects[0] != NamespaceObject(shop) {
		t.Errorf("got %s", text(report))
	}
}

// A label is changed by the program only where there is no choice.
func TestLabelFixes(t *testing.T) {
	rule, _ := ByID("ICNI401")
	legacy := func(s *snapshot.Snapshot) { addNamespace(s, "tools", mesh.LegacyInjectionLabel, "enabled") }
	fix := ask(t, rule, legacy).Findings[0].Fix
	if fix == nil || fix.Set[mesh.RevisionLabel] != revision || fix.Remove[mesh.LegacyInjectionLabel] != "enabled" {
		t.Errorf("got %+v", fix)
	}
	report := ask(t, rule, func(s *snapshot.Snapshot) {
		legacy(s)
		s.Injectors.Value = append(s.Injectors.Value, injectorsOf("asm-1-28", "asm-1-28")...)
	})
	if f := report.Findings[0]; f.Fix != nil || f.Remedy[0].Command != "kubectl istio-cni label tools --revision asm-1-28 --remove-legacy-label" {
		t.Errorf("got %s", text(report))
	}
}
