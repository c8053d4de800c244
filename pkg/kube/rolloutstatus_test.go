package kube

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kubectl/pkg/polymorphichelpers"
	"sigs.k8s.io/randfill"
)

// small is a number for which the rules' comparisons go either way.
func small(f randfill.Continue) *int32 {
	n := f.Int31n(4)
	return &n
}

func object(f randfill.Continue, m *metav1.ObjectMeta) {
	m.Name, m.Generation = "web", f.Int63n(3)
}

// whatever makes a workload in one of many states.
func whatever(seed int64) *randfill.Filler {
	return randfill.NewWithSeed(seed).Funcs(
		func(d *appsv1.Deployment, f randfill.Continue) {
			object(f, &d.ObjectMeta)
			if f.Intn(5) > 0 {
				d.Spec.Replicas = small(f)
			}
			d.Status = appsv1.DeploymentStatus{ObservedGeneration: f.Int63n(3), Replicas: *small(f), UpdatedReplicas: *small(f), AvailableReplicas: *small(f)}
			if f.Intn(5) == 0 {
				d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Reason: "ProgressDeadlineExceeded"}}
			}
		},
		func(d *appsv1.DaemonSet, f randfill.Continue) {
			object(f, &d.ObjectMeta)
			d.Spec.UpdateStrategy.Type = []appsv1.DaemonSetUpdateStrategyType{"RollingUpdate", "RollingUpdate", "OnDelete"}[f.Intn(3)]
			d.Status = appsv1.DaemonSetStatus{ObservedGeneration: f.Int63n(3), DesiredNumberScheduled: *small(f), UpdatedNumberScheduled: *small(f), NumberAvailable: *small(f)}
		},
		func(s *appsv1.StatefulSet, f randfill.Continue) {
			object(f, &s.ObjectMeta)
			if f.Intn(5) > 0 {
				s.Spec.Replicas = small(f)
			}
			s.Spec.UpdateStrategy.Type = []appsv1.StatefulSetUpdateStrategyType{"RollingUpdate", "RollingUpdate", "OnDelete"}[f.Intn(3)]
			if f.Bool() {
				s.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{}
				if f.Bool() {
					s.Spec.UpdateStrategy.RollingUpdate.Partition = small(f)
				}
			}
			s.Status = appsv1.StatefulSetStatus{
				ObservedGeneration: f.Int63n(3), ReadyReplicas: *small(f), UpdatedReplicas: *small(f), CurrentReplicas: *small(f),
				CurrentRevision: []string{"web-1", "web-2"}[f.Intn(2)], UpdateRevision: "web-2",
			}
		},
	)
}

// Rollouts are judged as kubectl judges them, in its words.
func TestRolloutStatusIsKubectls(t *testing.T) {
	said := map[string]int{}
	for seed := range int64(3000) {
		filler := whatever(seed)
		d, ds, s := &appsv1.Deployment{}, &appsv1.DaemonSet{}, &appsv1.StatefulSet{}
		filler.Fill(d)
		filler.Fill(ds)
		filler.Fill(s)
		for kind, workload := range map[string]any{"Deployment": d, "DaemonSet": ds, "StatefulSet": s} {
			content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(workload)
			if err != nil {
				t.Fatal(err)
			}
			viewer, err := polymorphichelpers.StatusViewerFor(appsv1.SchemeGroupVersion.WithKind(kind).GroupKind())
			if err != nil {
				t.Fatal(err)
			}
			want, wantDone, wantErr := viewer.Status(&unstructured.Unstructured{Object: content}, 0)
			got, done, err := rolloutStatus(workload)
			if got != strings.TrimSpace(want) || done != wantDone || (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
				t.Fatalf("%s: got %q, %t, %v; kubectl says %q, %t, %v of %+v", kind, got, done, err, want, wantDone, wantErr, workload)
			}
			said[withoutNumbers(got)]++
		}
	}
	if len(said) < 12 {
		t.Errorf("only %d of the sentences were tried: %v", len(said), said)
	}
}

func withoutNumbers(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '#'
		}
		return r
	}, text)
}
