package mesh

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestOwnerOf(t *testing.T) {
	yes, no := true, false
	owner := func(kind, name string, controller *bool) metav1.OwnerReference {
		return metav1.OwnerReference{Kind: kind, Name: name, Controller: controller}
	}
	for _, test := range []struct {
		name   string
		hash   string
		owners []metav1.OwnerReference
		want   Workload
	}{
		{"nobody's", "", nil, Workload{"Pod", "shop", "p"}},
		{"an owner that is no controller", "", []metav1.OwnerReference{owner("Deployment", "web", &no), owner("Node", "n", nil)}, Workload{"Pod", "shop", "p"}},
		{"Deployment", "6d4cf56db6", []metav1.OwnerReference{owner("ReplicaSet", "web-6d4cf56db6", &yes)}, Workload{"Deployment", "shop", "web"}},
		{"Deployment with dashes", "abc", []metav1.OwnerReference{owner("ReplicaSet", "reviews-v2-abc", &yes)}, Workload{"Deployment", "shop", "reviews-v2"}},
		{"the controller among several owners", "abc", []metav1.OwnerReference{owner("Thing", "t", &no), owner("ReplicaSet", "web-abc", &yes)}, Workload{"Deployment", "shop", "web"}},
		{"ReplicaSet without a Deployment", "", []metav1.OwnerReference{owner("ReplicaSet", "web-abc", &yes)}, Workload{"ReplicaSet", "shop", "web-abc"}},
		{"ReplicaSet whose name does not end in the hash", "abc", []metav1.OwnerReference{owner("ReplicaSet", "web-xyz", &yes)}, Workload{"ReplicaSet", "shop", "web-xyz"}},
		{"ReplicaSet whose name ends in a dash, and no hash", "", []metav1.OwnerReference{owner("ReplicaSet", "web-", &yes)}, Workload{"ReplicaSet", "shop", "web-"}},
		{"StatefulSet with a hash-like label", "0", []metav1.OwnerReference{owner("StatefulSet", "db-0", &yes)}, Workload{"StatefulSet", "shop", "db-0"}},
		{"DaemonSet", "", []metav1.OwnerReference{owner("DaemonSet", "agent", &yes)}, Workload{"DaemonSet", "shop", "agent"}},
		{"Job", "", []metav1.OwnerReference{owner("Job", "report-29384", &yes)}, Workload{"Job", "shop", "report-29384"}},
		{"a kind of somebody else's", "", []metav1.OwnerReference{owner("Rollout", "web", &yes)}, Workload{"Rollout", "shop", "web"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := &metav1.ObjectMeta{Namespace: "shop", Name: "p", OwnerReferences: test.owners}
			if test.hash != "" {
				pod.Labels = map[string]string{"pod-template-hash": test.hash}
			}
			if diff := cmp.Diff(test.want, OwnerOf(pod)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWorkloadsSayWhatKubectlUnderstands(t *testing.T) {
	if got := (Workload{"StatefulSet", "shop", "db"}).String(); got != "statefulset/db" {
		t.Errorf("got %q", got)
	}
}

func TestWorkloadsAreOrderedByNamespaceKindAndName(t *testing.T) {
	want := []Workload{{"Deployment", "a", "z"}, {"StatefulSet", "a", "a"}, {"StatefulSet", "a", "b"}, {"Deployment", "b", "a"}}
	got := []Workload{want[3], want[2], want[0], want[1]}
	slices.SortFunc(got, Workload.Compare)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRestartableKinds(t *testing.T) {
	for kind, want := range map[string]bool{
		"Deployment": true, "StatefulSet": true, "DaemonSet": true,
		"ReplicaSet": false, "Job": false, "Pod": false, "Rollout": false, "deployment": false, "": false,
	} {
		if got := (Workload{Kind: kind}).Restartable(); got != want {
			t.Errorf("%q: got %v, want %v", kind, got, want)
		}
	}
}
