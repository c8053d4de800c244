package kube

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/wire"
)

// Workloads reads the Deployments, StatefulSets and DaemonSets of a namespace,
// or of all for "".
func (c *Client) Workloads(ctx context.Context, namespace string) snapshot.Part[[]snapshot.Workload] {
	var all []snapshot.Workload
	add := func(w snapshot.Workload) { all = append(all, w) }
	for _, read := range []func(context.Context, string, func(snapshot.Workload)) error{
		c.eachDeployment, c.eachStatefulSet, c.eachDaemonSet,
	} {
		if err := read(ctx, namespace, add); err != nil {
			return Part(all, err, Permission{"list", "deployments.apps, statefulsets.apps and daemonsets.apps", namespace})
		}
	}
	return snapshot.Found(all)
}

// objectNames are the fields of an object's metadata that name it
// (k8s.io/apimachinery, pkg/apis/meta/v1/generated.proto).
func objectNames() wire.Fields {
	return wire.Fields{1: nil, 3: nil} // name, namespace
}

// templateFields are the fields of a pod template that are looked at, by their
// numbers in k8s.io/api/core/v1/generated.proto.
func templateFields() wire.Fields {
	return wire.Fields{
		1: {11: nil},      // metadata: labels
		2: {20: {1: nil}}, // spec: initContainers: name
	}
}

func deploymentFields() wire.Fields {
	return wire.Fields{1: objectNames(), 2: {
		1: nil,              // replicas
		3: templateFields(), // template
		4: nil,              // strategy
		7: nil,              // paused
	}}
}

func statefulSetFields() wire.Fields {
	return wire.Fields{1: objectNames(), 2: {
		1: nil,              // replicas
		3: templateFields(), // template
		7: nil,              // updateStrategy
	}}
}

func daemonSetFields() wire.Fields {
	return wire.Fields{1: objectNames(), 2: {
		2: templateFields(), // template
		3: nil,              // updateStrategy
	}, 3: {
		3: nil, // desiredNumberScheduled
	}}
}

// appsRequest is about a resource of apps/v1.
func (c *Client) appsRequest(resource, namespace string, fields wire.Fields) listRequest {
	return listRequest{API: c.AppsV1().RESTClient(), Encoding: c.encoding(), Resource: resource, Scope: Scope{Namespace: namespace}, Fields: fields}
}

func (c *Client) eachDeployment(ctx context.Context, namespace string, visit func(snapshot.Workload)) error {
	request := c.appsRequest("deployments", namespace, deploymentFields())
	_, err := eachObject(ctx, request, func(d *appsv1.Deployment) { visit(deploymentFrom(d)) })
	return err
}

func (c *Client) eachStatefulSet(ctx context.Context, namespace string, visit func(snapshot.Workload)) error {
	request := c.appsRequest("statefulsets", namespace, statefulSetFields())
	_, err := eachObject(ctx, request, func(s *appsv1.StatefulSet) { visit(statefulSetFrom(s)) })
	return err
}

func (c *Client) eachDaemonSet(ctx context.Context, namespace string, visit func(snapshot.Workload)) error {
	request := c.appsRequest("daemonsets", namespace, daemonSetFields())
	_, err := eachObject(ctx, request, func(d *appsv1.DaemonSet) { visit(daemonSetFrom(d)) })
	return err
}

func deploymentFrom(d *appsv1.Deployment) snapshot.Workload {
	w := workloadFrom("Deployment", d, &d.Spec.Template)
	w.Replicas, w.Paused = replicas(d.Spec.Replicas), d.Spec.Paused
	w.Recreate = d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType
	return w
}

func statefulSetFrom(s *appsv1.StatefulSet) snapshot.Workload {
	w := workloadFrom("StatefulSet", s, &s.Spec.Template)
	w.Replicas = replicas(s.Spec.Replicas)
	w.OnDelete = s.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType
	if rolling := s.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.Partition != nil {
		w.Partition = *rolling.Partition
	}
	return w
}

func daemonSetFrom(d *appsv1.DaemonSet) snapshot.Workload {
	w := workloadFrom("DaemonSet", d, &d.Spec.Template)
	w.Replicas = d.Status.DesiredNumberScheduled
	w.OnDelete = d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType
	return w
}

func workloadFrom(kind string, object metav1.Object, template *corev1.PodTemplateSpec) snapshot.Workload {
	w := snapshot.Workload{
		Workload:  mesh.Workload{Kind: kind, Namespace: object.GetNamespace(), Name: object.GetName()},
		PodLabels: template.Labels,
	}
	for _, c := range template.Spec.InitContainers {
		if c.Name == mesh.InitContainer || c.Name == mesh.ValidationContainer {
			w.TemplateRedirect = c.Name
		}
	}
	return w
}

// replicas is the number wanted; the API's default is one.
func replicas(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

// Budgets reads the PodDisruptionBudgets of a namespace, or of all for "".
func (c *Client) Budgets(ctx context.Context, namespace string) snapshot.Part[[]snapshot.Budget] {
	var budgets []snapshot.Budget
	request := listRequest{
		API: c.PolicyV1().RESTClient(), Encoding: c.encoding(), Resource: "poddisruptionbudgets", Scope: Scope{Namespace: namespace}, Fields: budgetFields(),
	}
	_, err := eachObject(ctx, request, func(b *policyv1.PodDisruptionBudget) { budgets = append(budgets, budgetFrom(b)) })
	return Part(budgets, err, Permission{"list", "poddisruptionbudgets.policy", namespace})
}

func budgetFields() wire.Fields {
	return wire.Fields{1: objectNames(), 2: {
		2: nil, // selector
	}, 3: {
		3: nil, // disruptionsAllowed
	}}
}

func budgetFrom(b *policyv1.PodDisruptionBudget) snapshot.Budget {
	return snapshot.Budget{Namespace: b.Namespace, Name: b.Name, Selector: b.Spec.Selector, DisruptionsAllowed: b.Status.DisruptionsAllowed}
}
