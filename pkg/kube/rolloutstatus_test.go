package kube

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kubectl/pkg/polymorphichelpers"
)

// kubectl's own rules say what is right.
func TestRolloutStatusIsKubectls(t *testing.T) {
	said := map[string]bool{}
	for _, object := range rollouts() {
		status, done, err := rolloutStatus(object)
		kubectlStatus, kubectlDone, kubectlErr := kubectls(t, object)
		if status != strings.TrimSpace(kubectlStatus) || done != kubectlDone || text(err) != text(kubectlErr) {
			t.Errorf("%+v:\ngot  %q, %v, %v\nwant %q, %v, %v", object, status, done, err, kubectlStatus, kubectlDone, kubectlErr)
		}
		said[strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' || r == '-' {
				return -1
			}
			return r
		}, status+text(err))] = true
	}
	// 6 sentences of Deployments, 5 of DaemonSets, 7 of StatefulSets, one of which is
	// the DaemonSets' too.
	if len(said) != 17 {
		t.Errorf("%d different sentences came up: %q", len(said), slices.Sorted(maps.Keys(said)))
	}
	if _, _, err := rolloutStatus(&corev1.Pod{}); err == nil {
		t.Error("a pod has no rollout")
	}
}

func kubectls(t *testing.T, object runtime.Object) (string, bool, error) {
	t.Helper()
	kind := strings.TrimPrefix(fmt.Sprintf("%T", object), "*v1.")
	viewer, err := polymorphichelpers.StatusViewerFor(appsv1.SchemeGroupVersion.WithKind(kind).GroupKind())
	if err != nil {
		t.Fatal(err)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		t.Fatal(err)
	}
	return viewer.Status(&unstructured.Unstructured{Object: content}, 0)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// rollouts are workloads of each kind, with all combinations of small numbers.
func rollouts() []runtime.Object {
	var objects []runtime.Object
	counts := []int32{0, 2, 3}
	for _, observed := range []int64{0, 1, 2} {
		meta := metav1.ObjectMeta{Name: "web", Generation: 1}
		for _, a := range counts {
			for _, b := range counts {
				for _, c := range counts {
					objects = append(objects, deployments(meta, observed, a, b, c)...)
					objects = append(objects, daemonSets(meta, observed, a, b, c)...)
					objects = append(objects, statefulSets(meta, observed, a, b, c)...)
				}
			}
		}
	}
	return objects
}

func deployments(meta metav1.ObjectMeta, observed int64, updated, all, available int32) []runtime.Object {
	var objects []runtime.Object
	for _, reason := range []string{"", "NewReplicaSetAvailable", "ProgressDeadlineExceeded"} {
		for _, replicas := range []*int32{nil, new(int32(0)), new(int32(2))} {
			status := appsv1.DeploymentStatus{ObservedGeneration: observed, UpdatedReplicas: updated, Replicas: all, AvailableReplicas: available}
			if reason != "" {
				status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentAvailable}, {Type: appsv1.DeploymentProgressing, Reason: reason}}
			}
			objects = append(objects, &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Replicas: replicas}, Status: status})
		}
	}
	return objects
}

func daemonSets(meta metav1.ObjectMeta, observed int64, updated, desired, available int32) []runtime.Object {
	var objects []runtime.Object
	for _, strategy := range []appsv1.DaemonSetUpdateStrategyType{"", appsv1.OnDeleteDaemonSetStrategyType, appsv1.RollingUpdateDaemonSetStrategyType} {
		objects = append(objects, &appsv1.DaemonSet{
			ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: strategy}},
			Status: appsv1.DaemonSetStatus{ObservedGeneration: observed, UpdatedNumberScheduled: updated, DesiredNumberScheduled: desired, NumberAvailable: available},
		})
	}
	return objects
}

func statefulSets(meta metav1.ObjectMeta, observed int64, updated, ready, current int32) []runtime.Object {
	var objects []runtime.Object
	for _, strategy := range []appsv1.StatefulSetUpdateStrategy{
		{}, {Type: appsv1.OnDeleteStatefulSetStrategyType}, {Type: appsv1.RollingUpdateStatefulSetStrategyType},
		{Type: appsv1.RollingUpdateStatefulSetStrategyType, RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{}},
		{Type: appsv1.RollingUpdateStatefulSetStrategyType, RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: new(int32(1))}},
	} {
		for _, replicas := range []*int32{nil, new(int32(3))} {
			for _, revision := range []string{"web-a", "web-b"} {
				objects = append(objects, &appsv1.StatefulSet{
					ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Replicas: replicas, UpdateStrategy: strategy},
					Status: appsv1.StatefulSetStatus{ObservedGeneration: observed, UpdatedReplicas: updated, ReadyReplicas: ready, CurrentReplicas: current, UpdateRevision: revision, CurrentRevision: "web-a"},
				})
			}
		}
	}
	return objects
}
