package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/wire"
)

// KubernetesVersion reads the API server's version.
func (c *Client) KubernetesVersion(ctx context.Context) snapshot.Part[string] {
	var info struct {
		GitVersion string `json:"gitVersion"`
	}
	text, err := c.CoreV1().RESTClient().Get().AbsPath("/version").
		SetHeader("Accept", "application/json").Do(ctx).Raw()
	if err == nil {
		err = json.Unmarshal(text, &info)
	}
	return Part(info.GitVersion, err, Permission{"get", "/version", ""})
}

// NodePermission is what reading nodes needs.
func NodePermission() Permission { return Permission{"list", "nodes", ""} }

// Nodes reads the nodes.
func (c *Client) Nodes(ctx context.Context) snapshot.Part[[]snapshot.Node] {
	var nodes []snapshot.Node
	request := listRequest{API: c.CoreV1().RESTClient(), Encoding: c.encoding(), Resource: "nodes", Fields: nodeFields()}
	_, err := eachObject(ctx, request, func(n *corev1.Node) { nodes = append(nodes, nodeFrom(n)) })
	return Part(nodes, err, NodePermission())
}

// nodeFields are the fields of a node that are looked at, by their numbers in
// k8s.io/api/core/v1/generated.proto.
func nodeFields() wire.Fields {
	return wire.Fields{
		1: {1: nil, 11: nil}, // metadata: name, labels
		2: {3: nil, 5: nil},  // spec: providerID, taints
		3: {4: nil, 7: nil},  // status: conditions, nodeInfo
	}
}

func nodeFrom(n *corev1.Node) snapshot.Node {
	node := snapshot.Node{
		Name:           n.Name,
		OS:             n.Labels[corev1.LabelOSStable],
		OSImage:        n.Status.NodeInfo.OSImage,
		NodeImage:      n.Labels["kubernetes.azure.com/node-image-version"],
		KubeletVersion: n.Status.NodeInfo.KubeletVersion,
		ProviderID:     n.Spec.ProviderID,
		Virtual:        n.Labels["type"] == "virtual-kubelet",
	}
	for _, taint := range n.Spec.Taints {
		node.Taints = append(node.Taints, snapshot.Taint{Key: taint.Key, Value: taint.Value, Effect: string(taint.Effect)})
	}
	for _, condition := range n.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			node.Ready = condition.Status == corev1.ConditionTrue
		}
	}
	return node
}

// InjectorMechanisms reads what each revision's injector gives new pods, from
// the ConfigMaps that the injectors themselves are configured by.
func (c *Client) InjectorMechanisms(ctx context.Context) snapshot.Part[map[string]mesh.Mechanism] {
	needs := Permission{"list", "configmaps", mesh.SystemNamespace}
	list, err := c.CoreV1().ConfigMaps(mesh.SystemNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return Part[map[string]mesh.Mechanism](nil, err, needs)
	}
	mechanisms := map[string]mesh.Mechanism{}
	for i := range list.Items {
		revision, ok := strings.CutPrefix(list.Items[i].Name, mesh.InjectorConfigMapPrefix)
		if !ok {
			continue
		}
		mechanism, err := mechanismFrom(list.Items[i].Data["values"])
		if err != nil {
			return Part[map[string]mesh.Mechanism](nil, fmt.Errorf("ConfigMap %s: %w", list.Items[i].Name, err), needs)
		}
		mechanisms[revision] = mechanism
	}
	if len(mechanisms) == 0 {
		return snapshot.Missing[map[string]mesh.Mechanism]()
	}
	return snapshot.Found(mechanisms)
}

func mechanismFrom(values string) (mesh.Mechanism, error) {
	var parsed struct {
		Pilot *struct {
			CNI *struct {
				Enabled *bool `json:"enabled"`
			} `json:"cni"`
		} `json:"pilot"`
	}
	if err := json.Unmarshal([]byte(values), &parsed); err != nil {
		return mesh.Unknown, fmt.Errorf("the injector's values are not JSON: %w", err)
	}
	if parsed.Pilot != nil && parsed.Pilot.CNI != nil && parsed.Pilot.CNI.Enabled != nil && *parsed.Pilot.CNI.Enabled {
		return mesh.CNIChaining, nil
	}
	return mesh.InitContainers, nil
}

// Injectors reads the webhooks that inject sidecars.
func (c *Client) Injectors(ctx context.Context) snapshot.Part[[]mesh.Injector] {
	list, err := c.AdmissionregistrationV1().MutatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		return Part[[]mesh.Injector](nil, err, Permission{"list", "mutatingwebhookconfigurations.admissionregistration.k8s.io", ""})
	}
	var injectors []mesh.Injector
	for i := range list.Items {
		injectors = append(injectors, mesh.InjectorsFrom(&list.Items[i])...)
	}
	return snapshot.Found(injectors)
}

// Namespaces reads one namespace, or all for "". Reading one needs less than
// reading all.
func (c *Client) Namespaces(ctx context.Context, name string) snapshot.Part[[]snapshot.Namespace] {
	if name != "" {
		ns, err := c.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return Part[[]snapshot.Namespace](nil, err, Permission{"get", "namespaces", name})
		}
		return snapshot.Found([]snapshot.Namespace{namespaceFrom(ns)})
	}
	var namespaces []snapshot.Namespace
	request := listRequest{API: c.CoreV1().RESTClient(), Encoding: c.encoding(), Resource: "namespaces", Fields: namespaceFields()}
	_, err := eachObject(ctx, request, func(ns *corev1.Namespace) {
		namespaces = append(namespaces, namespaceFrom(ns))
	})
	return Part(namespaces, err, Permission{"list", "namespaces", ""})
}

func namespaceFields() wire.Fields {
	return wire.Fields{1: {1: nil, 11: nil}} // metadata: name, labels
}

func namespaceFrom(ns *corev1.Namespace) snapshot.Namespace {
	return snapshot.Namespace{Name: ns.Name, Labels: ns.Labels}
}
