package kube

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Workloads reads the Deployments, StatefulSets and DaemonSets of a namespace,
// or of all for "".
func (c *Client) Workloads(ctx context.Context, namespace string) snapshot.Part[[]snapshot.Workload] {
	var all []snapshot.Workload
	for _, read := range []func(context.Context, string, metav1.ListOptions) ([]snapshot.Workload, string, error){
		c.deployments, c.statefulSets, c.daemonSets,
	} {
		options := metav1.ListOptions{Limit: PageSize}
		for {
			page, next, err := read(ctx, namespace, options)
			if err != nil {
				return Part(all, err, Permission{"list", "deployments.apps, statefulsets.apps and daemonsets.apps", namespace})
			}
			all = append(all, page...)
			if options.Continue = next; next == "" {
				break
			}
		}
	}
	return snapshot.Found(all)
}

func (c *Client) deployments(ctx context.Context, namespace string, options metav1.ListOptions) ([]snapshot.Workload, string, error) {
	list, err := c.AppsV1().Deployments(namespace).List(ctx, options)
	if err != nil {
		return nil, "", err
	}
	var workloads []snapshot.Workload
	for i := range list.Items {
		d := &list.Items[i]
		w := workloadFrom("Deployment", d, &d.Spec.Template)
		w.Replicas, w.Paused = replicas(d.Spec.Replicas), d.Spec.Paused
		w.Recreate = d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType
		workloads = append(workloads, w)
	}
	return workloads, list.Continue, nil
}

func (c *Client) statefulSets(ctx context.Context, namespace string, options metav1.ListOptions) ([]snapshot.Workload, string, error) {
	list, err := c.AppsV1().StatefulSets(namespace).List(ctx, options)
	if err != nil {
		return nil, "", err
	}
	var workloads []snapshot.Workload
	for i := range list.Items {
		s := &list.Items[i]
		w := workloadFrom("StatefulSet", s, &s.Spec.Template)
		w.Replicas = replicas(s.Spec.Replicas)
		w.OnDelete = s.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType
		if rolling := s.Spec.UpdateStrategy.RollingUpdate; rolling != nil && rolling.Partition != nil {
			w.Partition = *rolling.Partition
		}
		workloads = append(workloads, w)
	}
	return workloads, list.Continue, nil
}

func (c *Client) daemonSets(ctx context.Context, namespace string, options metav1.ListOptions) ([]snapshot.Workload, string, error) {
	list, err := c.AppsV1().DaemonSets(namespace).List(ctx, options)
	if err != nil {
		return nil, "", err
	}
	var workloads []snapshot.Workload
	for i := range list.Items {
		d := &list.Items[i]
		w := workloadFrom("DaemonSet", d, &d.Spec.Template)
		w.Replicas = d.Status.DesiredNumberScheduled
		w.OnDelete = d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType
		workloads = append(workloads, w)
	}
	return workloads, list.Continue, nil
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
	options := metav1.ListOptions{Limit: PageSize}
	for {
		page, err := c.PolicyV1().PodDisruptionBudgets(namespace).List(ctx, options)
		if err != nil {
			return Part(budgets, err, Permission{"list", "poddisruptionbudgets.policy", namespace})
		}
		for i := range page.Items {
			b := &page.Items[i]
			budgets = append(budgets, snapshot.Budget{
				Namespace: b.Namespace, Name: b.Name, Selector: b.Spec.Selector, DisruptionsAllowed: b.Status.DisruptionsAllowed,
			})
		}
		if options.Continue = page.Continue; options.Continue == "" {
			return snapshot.Found(budgets)
		}
	}
}
