package kube

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/randfill"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/wire"
)

// lean decodes an object with all its fields, and with only some of them.
func lean[T any, M interface {
	message[T]
	Marshal() ([]byte, error)
}](t *testing.T, object *T, fields wire.Fields) (whole, part *T) {
	t.Helper()
	text, err := M(object).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	less, err := fields.Append(nil, text)
	if err != nil {
		t.Fatal(err)
	}
	whole, part = new(T), new(T)
	for into, text := range map[*T][]byte{whole: text, part: less} {
		if err := M(into).Unmarshal(text); err != nil {
			t.Fatal(err)
		}
	}
	if len(less) >= len(text) {
		t.Errorf("nothing was left out of %d bytes", len(text))
	}
	return whole, part
}

// No field that is looked at is left on the wire.
func TestFieldsAreEnough(t *testing.T) {
	for seed := range int64(200) {
		filler := randfill.NewWithSeed(seed).NilChance(.1).NumElements(1, 3).Funcs(
			func(*corev1.ResourceList, randfill.Continue) {},
			func(*corev1.ResourceRequirements, randfill.Continue) {},
			func(c *corev1.Container, f randfill.Continue) {
				c.Name, c.Image = []string{mesh.InitContainer, mesh.ValidationContainer, "app"}[f.Intn(3)], f.String(50)
			},
			func(c *corev1.NodeCondition, f randfill.Continue) {
				f.FillNoCustom(c)
				c.Type, c.Status = corev1.NodeReady, []corev1.ConditionStatus{corev1.ConditionTrue, corev1.ConditionFalse}[f.Intn(2)]
			},
			func(s *appsv1.DeploymentStrategy, f randfill.Continue) {
				s.Type = []appsv1.DeploymentStrategyType{appsv1.RecreateDeploymentStrategyType, ""}[f.Intn(2)]
			},
			func(s *appsv1.StatefulSetUpdateStrategy, f randfill.Continue) {
				partition := f.Int31()
				s.Type = []appsv1.StatefulSetUpdateStrategyType{appsv1.OnDeleteStatefulSetStrategyType, ""}[f.Intn(2)]
				s.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: &partition}
			},
			func(s *appsv1.DaemonSetUpdateStrategy, f randfill.Continue) {
				s.Type = []appsv1.DaemonSetUpdateStrategyType{appsv1.OnDeleteDaemonSetStrategyType, ""}[f.Intn(2)]
			},
			func(b *policyv1.PodDisruptionBudgetSpec, f randfill.Continue) { f.Fill(&b.Selector) },
		)
		check := func(kind string, whole, part any) {
			if diff := cmp.Diff(whole, part); diff != "" {
				t.Errorf("seed %d: %s: (-whole +part):\n%s", seed, kind, diff)
			}
		}
		var d appsv1.Deployment
		filler.Fill(&d)
		whole, part := lean(t, &d, deploymentFields())
		check("Deployment", deploymentFrom(whole), deploymentFrom(part))
		var s appsv1.StatefulSet
		filler.Fill(&s)
		wholeSet, partSet := lean(t, &s, statefulSetFields())
		check("StatefulSet", statefulSetFrom(wholeSet), statefulSetFrom(partSet))
		var ds appsv1.DaemonSet
		filler.Fill(&ds)
		wholeDaemon, partDaemon := lean(t, &ds, daemonSetFields())
		check("DaemonSet", daemonSetFrom(wholeDaemon), daemonSetFrom(partDaemon))
		var n corev1.Node
		filler.Fill(&n)
		wholeNode, partNode := lean(t, &n, nodeFields())
		check("Node", nodeFrom(wholeNode), nodeFrom(partNode))
		var b policyv1.PodDisruptionBudget
		filler.Fill(&b)
		wholeBudget, partBudget := lean(t, &b, budgetFields())
		check("PodDisruptionBudget", budgetFrom(wholeBudget), budgetFrom(partBudget))
		var ns corev1.Namespace
		filler.Fill(&ns)
		wholeSpace, partSpace := lean(t, &ns, namespaceFields())
		check("Namespace", namespaceFrom(wholeSpace), namespaceFrom(partSpace))
	}
}
