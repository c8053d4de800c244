package box_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/aks"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/sample"
)

// What the init containers may do, as kubectl's jsonpath prints it.
const (
	privileged = `istio-init {"add":["NET_ADMIN","NET_RAW"],"drop":["ALL"]}`
	secured    = `istio-validation {"drop":["ALL"]}`
)

// start starts a box that ends with the test.
func start(t *testing.T, o box.Options) *box.Box {
	t.Helper()
	o.Log = t.Output()
	b, err := box.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		select {
		case err := <-b.Failed():
			t.Error("a program ended by itself:", err)
		default:
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// eventually waits until check returns no error.
func eventually(t *testing.T, what string, check func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// deploy puts the sample into a namespace with these labels.
func deploy(t *testing.T, b *box.Box, name string, labels map[string]string) {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	if _, err := b.Client.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := b.Cluster.Apply(t.Context(), name, sample.Manifest()); err != nil {
		t.Fatal(err)
	}
	waitDeployed(t, b, name)
}

// waitDeployed waits until the six Deployments have what they want and nothing
// old is left.
func waitDeployed(t *testing.T, b *box.Box, name string) {
	t.Helper()
	eventually(t, "the sample in "+name, func(ctx context.Context) error {
		list, err := b.Client.AppsV1().Deployments(name).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		var available []string
		for _, d := range list.Items {
			s := d.Status
			if s.ObservedGeneration == d.Generation && s.UpdatedReplicas == 1 && s.AvailableReplicas == 1 && s.Replicas == 1 {
				available = append(available, d.Name)
			}
		}
		if !slices.Equal(available, sample.Deployments()) {
			return fmt.Errorf("available are %v", available)
		}
		pods, err := b.Client.CoreV1().Pods(name).List(ctx, metav1.ListOptions{})
		if err == nil && len(pods.Items) != len(available) {
			err = fmt.Errorf("%d pods", len(pods.Items))
		}
		return err
	})
}

// restart does what kubectl rollout restart does.
func restart(t *testing.T, b *box.Box, name string) {
	t.Helper()
	patch := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, time.Now().Format(time.RFC3339Nano))
	for _, d := range sample.Deployments() {
		_, err := b.Client.AppsV1().Deployments(name).Patch(t.Context(), d, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	waitDeployed(t, b, name)
}

// wantRedirect checks the redirecting init container of every pod.
func wantRedirect(t *testing.T, b *box.Box, name, want string) []corev1.Pod {
	t.Helper()
	pods, err := b.Client.CoreV1().Pods(name).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods.Items {
		if got := redirect(pod); got != want {
			t.Errorf("pod %s has %s, want %s", pod.Name, got, want)
		}
	}
	return pods.Items
}

func redirect(pod corev1.Pod) string {
	for _, c := range pod.Spec.InitContainers {
		if c.Name == "istio-init" || c.Name == "istio-validation" {
			return c.Name + " " + capabilities(c.SecurityContext.Capabilities)
		}
	}
	return "no redirecting init container"
}

func capabilities(c *corev1.Capabilities) string {
	var parts []string
	list := func(name string, capabilities []corev1.Capability) {
		if len(capabilities) > 0 {
			parts = append(parts, fmt.Sprintf("%q:%s", name, strings.ReplaceAll(fmt.Sprintf("%q", capabilities), " ", ",")))
		}
	}
	list("add", c.Add)
	list("drop", c.Drop)
	return "{" + strings.Join(parts, ",") + "}"
}

func waitAgent(t *testing.T, b *box.Box, nodes int32) {
	t.Helper()
	eventually(t, "the node agent", func(ctx context.Context) error {
		agent, err := b.Client.AppsV1().DaemonSets(aks.Namespace).Get(ctx, aks.AgentName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if s := agent.Status; s.DesiredNumberScheduled != nodes || s.NumberReady != nodes {
			return fmt.Errorf("%d of %d ready", s.NumberReady, s.DesiredNumberScheduled)
		}
		return nil
	})
}

func waitNoAgent(t *testing.T, b *box.Box) {
	t.Helper()
	eventually(t, "the end of the node agent", func(ctx context.Context) error {
		_, err := b.Client.AppsV1().DaemonSets(aks.Namespace).Get(ctx, aks.AgentName, metav1.GetOptions{})
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("it is there (%w)", err)
		}
		pods, err := b.Client.CoreV1().Pods(aks.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "k8s-app=" + aks.AgentName})
		if err == nil && len(pods.Items) > 0 {
			err = fmt.Errorf("%d pods are there", len(pods.Items))
		}
		return err
	})
}

func inMesh() map[string]string { return map[string]string{"istio.io/rev": "asm-1-27"} }
