package status

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func TestUnknownStalenessIsNotFine(t *testing.T) {
	s := healthy()
	second := s.Injectors.Value[0]
	second.Revision = "asm-1-28"
	s.Injectors.Value = append(s.Injectors.Value, second)
	s.Pods.Value = []*mesh.Pod{bare("shop", "new")}
	s.Pods.Value[0].Namespace = "made-later" // after the namespaces were listed
	got := judge(t, s)
	if got.Workloads.StaleUnknown > 0 && strings.Contains(got.Next.Why, "no workload of the mesh is privileged or stale") {
		t.Errorf("%+v, and yet %+v", got.Workloads, got.Next)
	}
}

func TestAnUnknownMechanismIsNotCNIChaining(t *testing.T) {
	s := healthy()
	s.Cluster.Value.Mechanism = "Ambient"
	s.Agent = snapshot.Missing[snapshot.Agent]()
	if got := judge(t, s).Next; strings.Contains(got.Why, "the mechanism is CNIChaining") {
		t.Errorf("got %+v", got)
	}
}

// The injector of asm-1-28 lags behind: restarting now gives secured pods istio-init.
func TestNextMakesSecuredPodsPrivileged(t *testing.T) {
	s := healthy()
	s.InjectorMechanisms.Value["asm-1-27"] = mesh.InitContainers
	if got := judge(t, s).Next; strings.Contains(got.Command, "restart") {
		t.Errorf("Azure says CNIChaining, the injector InitContainers; advice: %+v", got)
	}
}

func TestOneWorkload(t *testing.T) {
	s := healthy()
	s.Pods.Value = append(s.Pods.Value, privileged("web", 2))
	if got := judge(t, s).Next.Why; strings.Contains(got, "1 workloads") {
		t.Errorf("got %q", got)
	}
}

func TestTheDefaultTagAnswersToTheLegacyLabel(t *testing.T) {
	s := healthy()
	s.Injectors.Value = append(s.Injectors.Value, mesh.Injector{Revision: "asm-1-27", Tag: "default",
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"istio-injection": "enabled"}}})
	s.Namespaces.Value[1].Labels = map[string]string{"istio-injection": "enabled"}
	s.Pods.Value = []*mesh.Pod{secured("plain", "web", 0)}
	for _, ns := range judge(t, s).Namespaces {
		if ns.Name == "plain" && ns.Problem != "" {
			t.Errorf("its pods are injected today, and yet %q", ns.Problem)
		}
	}
}

func TestASelectorThatExcludesTheNamespace(t *testing.T) {
	s := healthy()
	selector := s.Injectors.Value[0].NamespaceSelector
	selector.MatchExpressions = append(selector.MatchExpressions, metav1.LabelSelectorRequirement{Key: "control-plane", Operator: metav1.LabelSelectorOpDoesNotExist})
	s.Namespaces.Value[0].Labels["control-plane"] = "true"
	for _, ns := range judge(t, s).Namespaces {
		if ns.Name == "shop" && ns.Problem == "" {
			t.Error("no injector matches the namespace, and no problem is named")
		}
	}
}

func TestEndedJobsPutNoNamespaceIntoTheMesh(t *testing.T) {
	s := healthy()
	job := bare("plain", "report")
	job.Phase = "Succeeded"
	s.Pods.Value = append(s.Pods.Value, job)
	for _, ns := range judge(t, s).Namespaces {
		if ns.Name == "plain" {
			t.Errorf("listed: %+v", ns)
		}
	}
}
