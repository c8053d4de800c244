package kube

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

// rolloutKind is how the workloads of a kind are followed in a namespace, "" for
// all.
type rolloutKind struct {
	name, namespace string

	// each lists them. The objects may be kept.
	each  func(ctx context.Context, visit func(metav1.Object)) (version string, err error)
	watch func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error)
}

func (c *Client) rolloutKind(kind, namespace string) (*rolloutKind, error) {
	k := &rolloutKind{name: kind, namespace: namespace}
	// All but what is never looked at, which is most of it: see lean.
	request := c.appsRequest(resourceOf(kind), namespace, nil)
	switch kind {
	case "Deployment":
		k.watch = c.AppsV1().Deployments(namespace).Watch
		k.each = func(ctx context.Context, visit func(metav1.Object)) (string, error) {
			return eachObject(ctx, request, func(d *appsv1.Deployment) { visit(k.lean(d.DeepCopy())) })
		}
	case "StatefulSet":
		k.watch = c.AppsV1().StatefulSets(namespace).Watch
		k.each = func(ctx context.Context, visit func(metav1.Object)) (string, error) {
			return eachObject(ctx, request, func(s *appsv1.StatefulSet) { visit(k.lean(s.DeepCopy())) })
		}
	case "DaemonSet":
		k.watch = c.AppsV1().DaemonSets(namespace).Watch
		k.each = func(ctx context.Context, visit func(metav1.Object)) (string, error) {
			return eachObject(ctx, request, func(d *appsv1.DaemonSet) { visit(k.lean(d.DeepCopy())) })
		}
	default:
		return nil, fmt.Errorf("watch rollouts: a %s has none", kind)
	}
	return k, nil
}

// lean drops what a rollout's state does not depend on.
func (k *rolloutKind) lean(object metav1.Object) metav1.Object {
	object.SetManagedFields(nil)
	object.SetAnnotations(nil)
	switch o := object.(type) {
	case *appsv1.Deployment:
		o.Spec.Template = corev1.PodTemplateSpec{}
	case *appsv1.StatefulSet:
		o.Spec.Template, o.Spec.VolumeClaimTemplates = corev1.PodTemplateSpec{}, nil
	case *appsv1.DaemonSet:
		o.Spec.Template = corev1.PodTemplateSpec{}
	}
	return object
}

func (k *rolloutKind) workload(object metav1.Object) mesh.Workload {
	return mesh.Workload{Kind: k.name, Namespace: object.GetNamespace(), Name: object.GetName()}
}

func (k *rolloutKind) explain(verb string, err error) error {
	resource := resourceOf(k.name) + ".apps"
	return Explain(verb+" "+resource, err, Permission{"list and watch", resource, k.namespace})
}
