package box_test

import (
	"slices"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/aks"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/arm"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
)

// TestSideBySide runs two boxes at once: a bare one, and one that has all that
// can be chosen.
func TestSideBySide(t *testing.T) {
	var bare, rich *box.Box
	var both sync.WaitGroup
	both.Go(func() { bare = start(t, box.Options{WithoutMesh: true}) })
	both.Go(func() {
		rich = start(t, box.Options{
			Name: "contoso-rich", Mechanism: arm.CNIChaining, ClassicSidecars: true,
			Tags:      map[string]string{"prod": "asm-1-28"},
			Scenarios: []string{arm.ScenarioTwoRevisions, arm.ScenarioUbuntu2004, arm.ScenarioWindows},
		})
	})
	both.Wait()
	if t.Failed() {
		t.FailNow()
	}
	_, err := bare.Client.CoreV1().Namespaces().Get(t.Context(), aks.Namespace, metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("the box without a mesh has the namespace %s (%v)", aks.Namespace, err)
	}
	if err := bare.Cluster.Reconcile(t.Context(), aks.CNIChaining); err == nil {
		t.Error("a box without a mesh was switched")
	}

	// Three nodes and one with Ubuntu 20.04, but not the one with Windows.
	waitAgent(t, rich, 4)
	for namespace, revision := range map[string]string{"old": "asm-1-27", "tagged": "prod"} {
		deploy(t, rich, namespace, map[string]string{"istio.io/rev": revision})
		for _, pod := range wantRedirect(t, rich, namespace, secured) {
			wantClassic(t, pod, 0)
		}
	}
	if got := revisionOf(t, rich, "tagged"); got != "asm-1-28" {
		t.Errorf("pods of the tag prod are of revision %s, want asm-1-28", got)
	}

	if err := rich.Cluster.Reconcile(t.Context(), aks.InitContainers); err != nil {
		t.Fatal(err)
	}
	waitNoAgent(t, rich)
	restart(t, rich, "tagged")
	for _, pod := range wantRedirect(t, rich, "tagged", privileged) {
		wantClassic(t, pod, len(pod.Spec.InitContainers)-1)
	}
}

// wantClassic checks that the sidecar runs beside the other containers, and
// that the redirecting container is where classic injection puts it.
func wantClassic(t *testing.T, pod corev1.Pod, position int) {
	t.Helper()
	if !slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == "istio-proxy" }) {
		t.Errorf("pod %s has no classic sidecar", pod.Name)
	}
	name := pod.Spec.InitContainers[position].Name
	if name != "istio-init" && name != "istio-validation" {
		t.Errorf("pod %s has %s where the redirecting container should be", pod.Name, name)
	}
}

func revisionOf(t *testing.T, b *box.Box, namespace string) string {
	t.Helper()
	pods, err := b.Client.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) == 0 {
		t.Fatalf("no pods in %s (%v)", namespace, err)
	}
	return pods.Items[0].Annotations["istio.io/rev"]
}
