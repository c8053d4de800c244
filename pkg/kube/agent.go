package kube

import (
	"cmp"
	"context"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func agentPermission() Permission { return Permission{"get", "daemonsets.apps", mesh.SystemNamespace} }

// Agent reads the node agent's DaemonSet.
func (c *Client) Agent(ctx context.Context) snapshot.Part[snapshot.Agent] {
	ds, err := c.agentDaemonSet(ctx)
	if err != nil {
		return Part(snapshot.Agent{}, err, agentPermission())
	}
	return snapshot.Found(agentFrom(ds))
}

// AgentAndConfig reads the node agent's DaemonSet and what it tells the agent to
// do.
func (c *Client) AgentAndConfig(ctx context.Context) (snapshot.Part[snapshot.Agent], snapshot.Part[snapshot.AgentConfig]) {
	ds, err := c.agentDaemonSet(ctx)
	if err != nil {
		return Part(snapshot.Agent{}, err, agentPermission()), Part(snapshot.AgentConfig{}, err, agentPermission())
	}
	return snapshot.Found(agentFrom(ds)), c.agentConfig(ctx, ds)
}

func (c *Client) agentDaemonSet(ctx context.Context) (*appsv1.DaemonSet, error) {
	return c.AppsV1().DaemonSets(mesh.SystemNamespace).Get(ctx, mesh.AgentDaemonSet, metav1.GetOptions{})
}

func agentFrom(ds *appsv1.DaemonSet) snapshot.Agent {
	return snapshot.Agent{
		Created:  ds.CreationTimestamp.Time,
		Desired:  ds.Status.DesiredNumberScheduled,
		Ready:    ds.Status.NumberReady,
		Updated:  ds.Status.UpdatedNumberScheduled,
		Current:  ds.Status.ObservedGeneration >= ds.Generation,
		Deleting: ds.DeletionTimestamp != nil,
	}
}

// AgentPods reads the node agent's pods.
func (c *Client) AgentPods(ctx context.Context) snapshot.Part[[]snapshot.AgentPod] {
	scope := Scope{Namespace: mesh.SystemNamespace, LabelSelector: mesh.AgentSelector}
	var pods []snapshot.AgentPod
	_, err := c.EachPod(ctx, PodRequest{Scope: scope}, func(p *corev1.Pod) { pods = append(pods, agentPodFrom(p)) })
	return Part(pods, err, PodPermission(scope))
}

func agentPodFrom(p *corev1.Pod) snapshot.AgentPod {
	pod := snapshot.AgentPod{
		Name: p.Name, UID: string(p.UID), Node: agentNode(p), Phase: string(p.Status.Phase), Terminating: p.DeletionTimestamp != nil,
	}
	for _, condition := range p.Status.Conditions {
		switch {
		case condition.Type != corev1.PodReady:
		case condition.Status == corev1.ConditionTrue && !pod.Terminating:
			pod.Ready, pod.ReadySince = true, condition.LastTransitionTime.Time
		default:
			pod.UnreadySince = condition.LastTransitionTime.Time
		}
	}
	for _, status := range p.Status.ContainerStatuses {
		pod.Running = pod.Running || status.State.Running != nil
		pod.Restarts = max(pod.Restarts, status.RestartCount)
		if waiting := status.State.Waiting; waiting != nil && !pod.Ready {
			pod.Waiting, pod.Message = waiting.Reason, bounded(waiting.Message)
		}
	}
	return pod
}

// agentNode is the node that an agent's pod is for. While it is not scheduled,
// only the affinity that the DaemonSet controller gave it tells.
func agentNode(p *corev1.Pod) string {
	affinity := p.Spec.Affinity
	if p.Spec.NodeName != "" || affinity == nil || affinity.NodeAffinity == nil || affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return p.Spec.NodeName
	}
	for _, term := range affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		for _, field := range term.MatchFields {
			if field.Key == "metadata.name" && len(field.Values) == 1 {
				return field.Values[0]
			}
		}
	}
	return ""
}

// excludedNamespaces is the agent's setting of that name, from its own
// environment or from a ConfigMap (istio/istio, manifests/charts/istio-cni).
const excludedNamespaces = "EXCLUDE_NAMESPACES"

func (c *Client) agentConfig(ctx context.Context, ds *appsv1.DaemonSet) snapshot.Part[snapshot.AgentConfig] {
	var config snapshot.AgentConfig
	for i := range ds.Spec.Template.Spec.Containers {
		value, err := c.setting(ctx, &ds.Spec.Template.Spec.Containers[i], excludedNamespaces)
		if err != nil {
			return Part(config, err, Permission{"get", "configmaps", mesh.SystemNamespace})
		}
		for name := range strings.SplitSeq(value, ",") {
			if name = strings.TrimSpace(name); name != "" {
				config.ExcludedNamespaces = append(config.ExcludedNamespaces, name)
			}
		}
	}
	return snapshot.Found(config)
}

// setting is the value of a variable in a container of the add-on's, be it set
// outright or by a ConfigMap. What stands in a Secret is not read.
func (c *Client) setting(ctx context.Context, container *corev1.Container, name string) (string, error) {
	for _, variable := range container.Env {
		switch {
		case variable.Name != name:
		case variable.ValueFrom == nil:
			return variable.Value, nil
		case variable.ValueFrom.ConfigMapKeyRef != nil:
			ref := variable.ValueFrom.ConfigMapKeyRef
			return c.configValue(ctx, ref.Name, ref.Key)
		}
	}
	value := ""
	for _, source := range container.EnvFrom {
		if source.ConfigMapRef == nil || !strings.HasPrefix(name, source.Prefix) {
			continue
		}
		// The last of several sources wins, as in the kubelet.
		found, err := c.configValue(ctx, source.ConfigMapRef.Name, strings.TrimPrefix(name, source.Prefix))
		if err != nil {
			return "", err
		}
		value = cmp.Or(found, value)
	}
	return value, nil
}

func (c *Client) configValue(ctx context.Context, configMap, key string) (string, error) {
	found, err := c.CoreV1().ConfigMaps(mesh.SystemNamespace).Get(ctx, configMap, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return found.Data[key], nil
}
