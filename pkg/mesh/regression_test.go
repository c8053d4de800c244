package mesh

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func shopMesh(t *testing.T) *Mesh {
	t.Helper()
	return &Mesh{
		Mechanisms: map[string]Mechanism{"asm-1-27": CNIChaining}, Default: CNIChaining, Injectors: compile(t, ofRevision(t, "asm-1-27")),
		NamespaceLabels: map[string]map[string]string{"shop": {"istio.io/rev": "asm-1-27"}, "batch": nil},
	}
}

func TestEndedPodsCarryNoPrivileges(t *testing.T) {
	for _, phase := range []corev1.PodPhase{corev1.PodSucceeded, corev1.PodFailed} {
		pod := with(privileged(), func(p *Pod) { p.Phase = phase })
		if got := shopMesh(t).Judge(&pod); got != (Verdict{Exempt, Fresh, "has ended"}) {
			t.Errorf("%s: got %+v", phase, got)
		}
	}
}

func TestEndedPodsOutsideTheMeshAreOutside(t *testing.T) {
	pod := with(bare(), func(p *Pod) { p.Namespace, p.Phase = "batch", corev1.PodSucceeded })
	if got := shopMesh(t).Judge(&pod); got.State != Outside {
		t.Errorf("got %+v", got)
	}
}

func TestUnknownRevision(t *testing.T) {
	pod := with(secured(), func(p *Pod) { p.Revision = "" })
	if got := shopMesh(t).Judge(&pod); got.Stale != StalenessUnset || strings.Contains(got.Reason, "by ,") {
		t.Errorf("got %+v", got)
	}
}

func TestFreshThoughInjectorsAreUnknown(t *testing.T) {
	m := shopMesh(t)
	m.Injectors = nil
	pod := with(secured(), func(p *Pod) { p.Revision = "asm-1-26" })
	if got := m.Judge(&pod); got.Stale != StalenessUnset {
		t.Errorf("got %+v", got)
	}
}

func TestBypassingIsNotFresh(t *testing.T) {
	pod := with(secured(), func(p *Pod) { p.Redirect = nil })
	if got := shopMesh(t).Judge(&pod); got.Stale == Fresh {
		t.Errorf("got %+v", got)
	}
}

func TestPodLabelsAskToo(t *testing.T) {
	m := shopMesh(t)
	m.Injectors = nil
	pod := with(bare(), func(p *Pod) { p.Namespace, p.Labels = "batch", labelSet{"istio.io/rev": "asm-1-27"} })
	if got := m.Judge(&pod); got.State == Outside {
		t.Errorf("got %+v", got)
	}
}
