package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

// restartedAt is the annotation by which `kubectl rollout restart` changes a pod
// template; using it too makes the two look the same in a rollout's history.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// restartPatch is what `kubectl rollout restart` changes.
func restartPatch(at time.Time) []byte {
	return fmt.Appendf(nil, `{"spec":{"template":{"metadata":{"annotations":{%q:%q}}}}}`, restartedAt, at.Format(time.RFC3339))
}

func patchOptions(dryRun bool) metav1.PatchOptions {
	options := metav1.PatchOptions{FieldManager: FieldManager}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	return options
}

// LabelNamespace sets labels of a namespace; a nil value removes one.
func (c *Client) LabelNamespace(ctx context.Context, name string, labels map[string]*string, dryRun bool) error {
	attempt := "label namespace " + name
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": labels}})
	if err != nil {
		return fmt.Errorf("%s: %w", attempt, err)
	}
	_, err = c.CoreV1().Namespaces().Patch(ctx, name, types.MergePatchType, patch, patchOptions(dryRun))
	return Explain(attempt, err, Permission{"patch", "namespaces", ""})
}

// Restart makes a workload replace its pods, as `kubectl rollout restart` does.
// It returns the generation that the rollout brings about.
func (c *Client) Restart(ctx context.Context, w mesh.Workload, at time.Time, dryRun bool) (generation int64, err error) {
	attempt := fmt.Sprintf("restart %s in namespace %s", w, w.Namespace)
	patch := restartPatch(at)
	options := patchOptions(dryRun)
	var object metav1.Object
	resource := resourceOf(w.Kind) + ".apps"
	switch w.Kind {
	case "Deployment":
		object, err = c.AppsV1().Deployments(w.Namespace).Patch(ctx, w.Name, types.MergePatchType, patch, options)
	case "StatefulSet":
		object, err = c.AppsV1().StatefulSets(w.Namespace).Patch(ctx, w.Name, types.MergePatchType, patch, options)
	case "DaemonSet":
		object, err = c.AppsV1().DaemonSets(w.Namespace).Patch(ctx, w.Name, types.MergePatchType, patch, options)
	default:
		return 0, fmt.Errorf("%s: a %s cannot be restarted", attempt, w.Kind)
	}
	if err != nil {
		return 0, Explain(attempt, err, Permission{"patch", resource, w.Namespace})
	}
	return object.GetGeneration(), nil
}
