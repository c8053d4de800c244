package box_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/aks"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/arm"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
)

// TestBox walks the how-to through the simulated Azure, and then uses the same
// box for what else it does.
func TestBox(t *testing.T) {
	b := start(t, box.Options{})
	deploy(t, b, "bookinfo", inMesh())
	for _, pod := range wantRedirect(t, b, "bookinfo", privileged) {
		if proxy := pod.Spec.InitContainers[1]; proxy.Name != "istio-proxy" || proxy.RestartPolicy == nil {
			t.Errorf("pod %s has no native sidecar: its second init container is %s", pod.Name, proxy.Name)
		}
	}
	waitNoAgent(t, b)

	azure := signIn(t, b)
	azure.setMechanism(t, arm.CNIChaining)
	waitAgent(t, b, 3)
	wantRedirect(t, b, "bookinfo", privileged)
	restart(t, b, "bookinfo")
	wantRedirect(t, b, "bookinfo", secured)

	azure.setMechanism(t, arm.InitContainers)
	waitNoAgent(t, b)
	restart(t, b, "bookinfo")
	wantRedirect(t, b, "bookinfo", privileged)

	t.Run("users", func(t *testing.T) { testUsers(t, b) })
	t.Run("pods", func(t *testing.T) { testPods(t, b) })
	t.Run("logs", func(t *testing.T) { testLogs(t, b) })
	t.Run("nodes", func(t *testing.T) { testNodes(t, b) })
}

func testUsers(t *testing.T, b *box.Box) {
	t.Helper()
	for _, test := range []struct {
		role                string
		nodes, pods, inside bool
	}{
		{"admin", true, true, true},
		{"by-name", true, true, true},
		{"viewer", true, true, true},
		{"no-nodes", false, true, true},
		{"one-namespace", false, false, true},
		{"nobody", false, false, false},
	} {
		t.Run(test.role, func(t *testing.T) {
			client := as(t, b, test.role)
			_, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
			wantAllowed(t, "nodes", test.nodes, err)
			_, err = client.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})
			wantAllowed(t, "all pods", test.pods, err)
			_, err = client.CoreV1().Pods("bookinfo").List(t.Context(), metav1.ListOptions{})
			wantAllowed(t, "pods of a namespace", test.inside, err)
		})
	}
}

func as(t *testing.T, b *box.Box, role string) kubernetes.Interface {
	t.Helper()
	user, err := box.Role(role, "bookinfo")
	if err != nil {
		t.Fatal(err)
	}
	path, err := b.KubeconfigFor(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	if hasName := strings.HasSuffix(config.ServerName, ".azmk8s.io"); hasName != (role == "by-name") {
		t.Errorf("the server's name is %q", config.ServerName)
	}
	return kubernetes.NewForConfigOrDie(config)
}

func wantAllowed(t *testing.T, what string, allowed bool, err error) {
	t.Helper()
	if allowed && err != nil || !allowed && !apierrors.IsForbidden(err) {
		t.Errorf("reading %s: got %v, want allowed: %t", what, err, allowed)
	}
}

// testPods looks at what becomes of a Job, and of a pod that is to be left alone.
func testPods(t *testing.T, b *box.Box) {
	t.Helper()
	spec := corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "work", Image: "contoso.azurecr.io/work"}}}
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "work"}, Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: spec}}}
	if _, err := b.Client.BatchV1().Jobs("bookinfo").Create(t.Context(), job, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	held := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "held", Annotations: map[string]string{aks.HoldAnnotation: ""}}, Spec: spec}
	if _, err := b.Client.CoreV1().Pods("bookinfo").Create(t.Context(), held, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the Job", func(ctx context.Context) error {
		job, err := b.Client.BatchV1().Jobs("bookinfo").Get(ctx, "work", metav1.GetOptions{})
		if err == nil && job.Status.Succeeded != 1 {
			err = fmt.Errorf("%d succeeded", job.Status.Succeeded)
		}
		return err
	})
	pod, err := b.Client.CoreV1().Pods("bookinfo").Get(t.Context(), "held", metav1.GetOptions{})
	if err != nil || pod.Status.Phase != corev1.PodPending {
		t.Errorf("the held pod is %s (%v), want Pending", pod.Status.Phase, err)
	}
}

// testLogs reads logs as kubectl logs does: through the API server, which asks
// the kubelet.
func testLogs(t *testing.T, b *box.Box) {
	t.Helper()
	list, err := b.Client.CoreV1().Pods("bookinfo").List(t.Context(), metav1.ListOptions{LabelSelector: "app=details"})
	if err != nil || len(list.Items) == 0 {
		t.Fatalf("%d pods, %v", len(list.Items), err)
	}
	pod := list.Items[0].Name
	read := func(options corev1.PodLogOptions) (string, error) {
		options.Container = "istio-proxy"
		text, err := b.Client.CoreV1().Pods("bookinfo").GetLogs(pod, &options).DoRaw(t.Context())
		return string(text), err
	}
	if text, err := read(corev1.PodLogOptions{}); text != "" || err != nil {
		t.Errorf("a container without a log: %q, %v", text, err)
	}
	if _, err := read(corev1.PodLogOptions{Previous: true}); !apierrors.IsBadRequest(err) {
		t.Errorf("a container that never ended: %v", err)
	}
	if err := b.Kubelets.WriteLog("bookinfo", pod, "istio-proxy", false, "one\ntwo\nthree\n"); err != nil {
		t.Fatal(err)
	}
	two := int64(2)
	if text, err := read(corev1.PodLogOptions{TailLines: &two}); text != "two\nthree\n" || err != nil {
		t.Errorf("its last two lines: %q, %v", text, err)
	}
}

func testNodes(t *testing.T, b *box.Box) {
	t.Helper()
	nodes, err := b.Client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(nodes.Items) != 3 {
		t.Fatalf("%d nodes, want 3", len(nodes.Items))
	}
	want := "azure:///subscriptions/" + box.Subscription + "/resourceGroups/mc_contoso-rg_contoso-aks_westeurope/providers/Microsoft.Compute/virtualMachineScaleSets/aks-nodepool1-12345678-vmss/virtualMachines/0"
	if got := nodes.Items[0].Spec.ProviderID; got != want {
		t.Errorf("the provider id is %s, want %s", got, want)
	}
	for _, node := range nodes.Items {
		if group := node.Labels["kubernetes.azure.com/cluster"]; group != "MC_contoso-rg_contoso-aks_westeurope" {
			t.Errorf("node %s has the node resource group %s", node.Name, group)
		}
		for _, condition := range node.Status.Conditions {
			if condition.Type == corev1.NodeReady && condition.Status != corev1.ConditionTrue {
				t.Errorf("node %s is not ready", node.Name)
			}
		}
	}
}
