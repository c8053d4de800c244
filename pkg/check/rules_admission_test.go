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
		{"restricted, the application's capability and Istio's profile", restrictedBoth, []string{"ICNI606"}},
		{"safeguards, and TPROXY", safeguardsProxy, []string{"ICNI607"}},
		{"safeguards, the application's own", safeguardsApp, nil},
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

// The remedy for istio-init is to do without it, in the way that is still open.
func TestAdmissionRemedyFitsTheMechanism(t *testing.T) {
	for name, test := range map[string]struct {
		rule, kind, object string
		change             func(*snapshot.Snapshot)
		message            string
		want               []string
	}{
		"CNI is off":             {"ICNI607", "ReplicaSet", "web-7d4b9c6f5d", initContainers, safeguards, []string{"kubectl istio-cni enable", "kubectl istio-cni restart -n shop deployment/web"}},
		"the injector is behind": {"ICNI605", "ReplicaSet", "web-7d4b9c6f5d", unchanged, baseline, []string{"kubectl istio-cni enable --reconcile", "kubectl istio-cni restart -n shop deployment/web"}},
		"TPROXY":                 {"ICNI607", "StatefulSet", "db", unchanged, safeguardsProxy, []string{"kubectl edit -n shop statefulset/db"}},
		"a Job":                  {"ICNI605", "Job", "seed", initContainers, baseline, []string{"kubectl istio-cni enable", ""}},
		"a Job, no profile":      {"ICNI606", "Job", "seed", unchanged, restricted, []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			rule, _ := ByID(test.rule)
			report := ask(t, rule, func(s *snapshot.Snapshot) {
				test.change(s)
				addEvent(s, "FailedCreate", test.kind, shop, test.object, test.message)
			})
			if len(report.Findings) != 1 {
				t.Fatalf("got %s", text(report))
			}
			var commands []string
			for _, step := range report.Findings[0].Remedy {
				commands = append(commands, step.Command)
			}
			if !slices.Equal(commands, test.want) {
				t.Errorf("got %q, want %q", commands, test.want)
			}
		})
	}
}

// A namespace that another Istio injects is named, as nothing else tells of it.
func TestAdmissionNamesWhatAnotherIstioInjects(t *testing.T) {
	rule, _ := ByID("ICNI603")
	report := ask(t, rule, func(s *snapshot.Snapshot) {
		addForeign(s, mesh.LegacyInjectionLabel, "enabled")
		addNamespace(s, "tools", mesh.LegacyInjectionLabel, "enabled")
	})
	if len(report.Findings) != 1 || report.Findings[0].Severity != Medium || !slices.Contains(report.Findings[0].Objects, NamespaceObject("tools")) {
		t.Errorf("got %s", text(report))
	}
}

// An endpoint that is not known to be missing is none that is missing.
func TestAdmissionEndpoints(t *testing.T) {
	rule, _ := ByID("ICNI602")
	for name, test := range map[string]struct {
		change func(*snapshot.Snapshot)
		want   Outcome
	}{
		"none is ready":    {func(s *snapshot.Snapshot) { s.Endpoints.Value["istiod-"+revision] = 0 }, Found},
		"not in the list":  {func(s *snapshot.Snapshot) { s.Endpoints.Value = map[string]int{} }, OK},
		"unreadable":       {func(s *snapshot.Snapshot) { deny(t, s, PartEndpoints) }, OK},
		"pods are let go":  {ignoring, OK},
		"an event is zero": {func(s *snapshot.Snapshot) { refusing(callFailed)(s); s.Events.Value[0].Last = time.Time{} }, Found},
	} {
		if report := ask(t, rule, test.change); report.Outcome != test.want {
			t.Errorf("%s: %s", name, text(report))
		}
	}
}

// ignoring has no endpoint behind webhooks that do not insist.
func ignoring(s *snapshot.Snapshot) {
	s.Endpoints.Value["istiod-"+revision] = 0
	for i := range s.Injectors.Value {
		s.Injectors.Value[i].FailurePolicy = "Ignore"
	}
}
