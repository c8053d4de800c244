package mesh

import (
	"cmp"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Workload names what a pod belongs to. A pod without an owner is its own
// workload, of kind Pod.
type Workload struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// String is the form that kubectl understands, such as deployment/web. The
// namespace is not part of it.
func (w Workload) String() string { return strings.ToLower(w.Kind) + "/" + w.Name }

// Compare orders workloads by namespace, kind and name.
func (w Workload) Compare(other Workload) int {
	return cmp.Or(
		cmp.Compare(w.Namespace, other.Namespace),
		cmp.Compare(w.Kind, other.Kind),
		cmp.Compare(w.Name, other.Name))
}

// Restartable reports whether a rolling restart is possible for the kind.
func (w Workload) Restartable() bool {
	switch w.Kind {
	case "Deployment", "StatefulSet", "DaemonSet":
		return true
	}
	return false
}

// OwnerOf finds the workload of a pod from its owner reference alone. The
// Deployment behind a ReplicaSet is found by cutting off the pod-template-hash
// that the Deployment controller appended to the ReplicaSet's name, so no
// ReplicaSet has to be read.
func OwnerOf(pod metav1.Object) Workload {
	w := Workload{Kind: "Pod", Namespace: pod.GetNamespace(), Name: pod.GetName()}
	owner := metav1.GetControllerOfNoCopy(pod)
	if owner == nil {
		return w
	}
	w.Kind, w.Name = owner.Kind, owner.Name
	if owner.Kind == "ReplicaSet" {
		hash := pod.GetLabels()[appsv1.DefaultDeploymentUniqueLabelKey]
		if name, ok := strings.CutSuffix(owner.Name, "-"+hash); ok && hash != "" {
			w.Kind, w.Name = "Deployment", name
		}
	}
	return w
}
