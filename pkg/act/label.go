package act

import (
	"context"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/plan"
)

// Label carries out a plan to label namespaces, in its order. dryRun asks the
// API server to check the changes and make none.
func Label(ctx context.Context, client *kube.Client, steps []plan.LabelStep, dryRun bool, done func(plan.LabelStep)) error {
	for _, step := range steps {
		labels := map[string]*string{mesh.RevisionLabel: &step.Value}
		if step.Legacy != "" {
			labels[mesh.LegacyInjectionLabel] = nil
		}
		if err := client.LabelNamespace(ctx, step.Namespace, labels, dryRun); err != nil {
			return err
		}
		done(step)
	}
	return nil
}
