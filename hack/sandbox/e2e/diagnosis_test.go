package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/aks"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/arm"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
)

// Every test here begins with a cluster that nothing is wrong with, in which check
// is silent, and then has one known way of failing after the other really happen:
// check names what was planted, and nothing else.

func TestDiagnosisOfTheNodeAgent(t *testing.T) {
	t.Parallel()
	l := newLab(t, box.Options{Mechanism: arm.CNIChaining, Tags: map[string]string{"prod": "asm-1-27"}, Pools: []aks.Pool{aks.WindowsPool()}})
	l.silent(l.check())
	l.plantAll(t, slices.Concat(agentModes(), nodeModes(), crashModes()))
}

func TestDiagnosisOfPods(t *testing.T) {
	t.Parallel()
	l := newLab(t, box.Options{Mechanism: arm.CNIChaining})
	r := l.check()
	l.silent(r)
	planted := plantedRules()
	for _, c := range r.Checks {
		if !planted[c.ID] {
			t.Errorf("%s is never planted", c.ID)
		}
	}
	l.plantAll(t, slices.Concat(namespaceModes(), podModes(), injectionModes()))
}

func TestDiagnosisUnderInitContainers(t *testing.T) {
	t.Parallel()
	l := newLab(t, box.Options{ClassicSidecars: true, Timing: box.Timing{Timing: arm.Timing{Operation: 5 * time.Second}}})
	l.silent(l.check())
	l.plantAll(t, slices.Concat(azureModes(), leftBehindModes(), privilegeModes()))
	t.Run("mended", func(t *testing.T) { l.in(t, "contoso-mended").mended() })
}

// plantedRules are those that some test here has find something.
func plantedRules() map[string]bool {
	planted := map[string]bool{}
	for _, m := range slices.Concat(agentModes(), nodeModes(), crashModes(), namespaceModes(), podModes(), injectionModes(),
		azureModes(), leftBehindModes(), privilegeModes(), canaryModes(), classicModes(), oldModes(), meshlessModes()) {
		planted[m.rule] = true
		for rule := range m.explains {
			planted[rule] = true
		}
	}
	return planted
}

// While the mesh is being upgraded there are two of everything, and only that is
// said.
func TestDiagnosisOfTwoRevisions(t *testing.T) {
	t.Parallel()
	l := newLab(t, box.Options{
		Mechanism: arm.CNIChaining, ClassicSidecars: true,
		Revisions: []string{"asm-1-27", "asm-1-28"}, Tags: map[string]string{"prod": "asm-1-27", "canary": "asm-1-28"},
	})
	l.plantAll(t, canaryModes())
	l.always = []string{"ICNI103"}
	l.plantAll(t, classicModes())

	l.plugin("disable", "--yes", "--restart").must(t, 0)
	l.silent(l.check())
}

// A mesh that was not upgraded for long, and nodes as old.
func TestDiagnosisOfAnOldCluster(t *testing.T) {
	t.Parallel()
	l := newLab(t, box.Options{Revisions: []string{"asm-1-24"}, Scenarios: []string{arm.ScenarioUbuntu2004}})
	l.plantAll(t, oldModes())
}

// A cluster without the add-on, and one with the Istio of another.
func TestDiagnosisWithoutMesh(t *testing.T) {
	t.Parallel()
	l := newLab(t, box.Options{WithoutMesh: true})
	l.plantAll(t, meshlessModes())
}
