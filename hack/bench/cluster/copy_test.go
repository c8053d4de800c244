package cluster

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// example reads what a sandbox made of example.yaml.
func example(t *testing.T, variant string) Example {
	t.Helper()
	e := Example{&appsv1.Deployment{}, &corev1.Pod{}}
	read(t, "deployment", e.Deployment)
	read(t, variant, e.Pod)
	return e
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

func copyOf(t *testing.T, variant string) *corev1.Pod {
	t.Helper()
	at, _ := workloadPlace(4711)
	pod, err := example(t, variant).pod(at.podPlace(3, []string{"node-a", "node-b"}))
	if err != nil {
		t.Fatal(err)
	}
	return pod
}

func TestCopyIsAsLargeAsARealPod(t *testing.T) {
	for variant, size := range map[string][2]int{
		"native-cni":   {8_000, 10_500},
		"classic-init": {8_000, 10_500},
		"plain":        {4_000, 8_000},
	} {
		// The API server stores protobuf.
		stored, err := copyOf(t, variant).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if len(stored) < size[0] || len(stored) > size[1] {
			t.Errorf("%s: %d bytes", variant, len(stored))
		}
	}
}

func TestCopyIsStrictlyAPod(t *testing.T) {
	text, err := json.Marshal(copyOf(t, "native-cni"))
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&corev1.Pod{}); err != nil {
		t.Error(err)
	}
}

func TestCopyHasItsOwnNames(t *testing.T) {
	for _, variant := range []string{"native-cni", "classic-init", "plain"} {
		pod := copyOf(t, variant)
		text, err := json.Marshal(pod)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "example-") {
			t.Errorf("%s: the example's name is still there:\n%s", variant, text)
		}
		if pod.Namespace != "team-011" || pod.Spec.NodeName != "node-b" || pod.Status.PodIP != "10.128.0.3" {
			t.Errorf("%s: %s on %s at %s", variant, pod.Namespace, pod.Spec.NodeName, pod.Status.PodIP)
		}
		owner := pod.OwnerReferences[0]
		if want := owner.Name + "-"; !strings.HasPrefix(pod.Name, want) || !strings.HasSuffix(owner.Name, "-"+pod.Labels["pod-template-hash"]) {
			t.Errorf("%s: pod %s of %s with hash %s", variant, pod.Name, owner.Name, pod.Labels["pod-template-hash"])
		}
		if pod.UID != "" || pod.ResourceVersion != "" || len(pod.ManagedFields) != 1 {
			t.Errorf("%s: it has what the API server sets: %+v", variant, pod.ObjectMeta)
		}
	}
}

func TestExamplesAreInjectedAsTheySay(t *testing.T) {
	native, classic, plain := copyOf(t, "native-cni"), copyOf(t, "classic-init"), copyOf(t, "plain")
	if got := names(native.Spec.InitContainers); !slices.Equal(got, []string{"istio-validation", "istio-proxy"}) {
		t.Errorf("native: %v", got)
	}
	if policy := native.Spec.InitContainers[1].RestartPolicy; policy == nil || *policy != corev1.ContainerRestartPolicyAlways {
		t.Errorf("native: the proxy's restart policy is %v", policy)
	}
	if got := names(classic.Spec.InitContainers); !slices.Equal(got, []string{"istio-init"}) {
		t.Errorf("classic: %v", got)
	}
	if got := classic.Spec.InitContainers[0].SecurityContext.Capabilities.Add; len(got) != 2 {
		t.Errorf("classic: istio-init may %v", got)
	}
	if !slices.Contains(names(classic.Spec.Containers), "istio-proxy") || len(plain.Spec.InitContainers) > 0 {
		t.Errorf("classic has %v, plain has %v", names(classic.Spec.Containers), names(plain.Spec.InitContainers))
	}
}

func names(containers []corev1.Container) []string {
	var all []string
	for _, c := range containers {
		all = append(all, c.Name)
	}
	return all
}

func TestDeploymentIsReady(t *testing.T) {
	at, _ := workloadPlace(4711)
	d, err := example(t, "plain").deployment(at, 3)
	if err != nil {
		t.Fatal(err)
	}
	if d.Name != at.workload || d.Namespace != at.namespace || *d.Spec.Replicas != 3 || d.Status.AvailableReplicas != 3 {
		t.Errorf("got %s/%s, %+v", d.Namespace, d.Name, d.Status)
	}
}
