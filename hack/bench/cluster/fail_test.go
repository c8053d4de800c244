package cluster

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestFailingPods(t *testing.T) {
	for _, test := range []struct {
		variant, container, reason string
		n                          int
		phase                      corev1.PodPhase
	}{
		{"native-cni", "istio-validation", "CrashLoopBackOff", 96, corev1.PodPending},
		{"native-cni", "app", "ImagePullBackOff", 100, corev1.PodRunning},
		{"plain", "app", "CrashLoopBackOff", 102, corev1.PodRunning},
		// It has no such container.
		{"plain", "", "", 96, corev1.PodRunning},
		{"native-cni", "", "", 5, corev1.PodRunning},
	} {
		pod := copyOf(t, test.variant)
		fail(pod, test.n)
		if pod.Status.Phase != test.phase {
			t.Errorf("pod %d, %s: phase %s", test.n, test.variant, pod.Status.Phase)
		}
		if got := waiting(pod); got[test.container] != test.reason {
			t.Errorf("pod %d, %s: %v", test.n, test.variant, got)
		}
		if got := ready(pod); got != (test.container == "") {
			t.Errorf("pod %d, %s: ready is %t", test.n, test.variant, got)
		}
	}
}

func waiting(pod *corev1.Pod) map[string]string {
	all := map[string]string{}
	for _, c := range containers(&pod.Status) {
		if c.State.Waiting != nil {
			all[c.Name] = c.State.Waiting.Reason
		}
	}
	return all
}

func ready(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}
