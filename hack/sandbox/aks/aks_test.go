package aks

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestNodes(t *testing.T) {
	at := location{"5d8f3c1a-2b47-4e96-8a0d-7c61e4b9f203", "MC_contoso-rg_contoso-aks_westeurope", "westeurope"}
	all := nodes([]Pool{SystemPool(2), Ubuntu2004Pool(), WindowsPool()}, at, "1.35.4")
	type facts struct{ Name, Provider, Pool, Address, System, Image string }
	var got []facts
	for _, n := range all {
		got = append(got, facts{
			n.Name, strings.TrimPrefix(n.Spec.ProviderID, "azure:///subscriptions/"+at.subscription),
			n.Labels["kubernetes.azure.com/agentpool"], n.Status.Addresses[0].Address,
			n.Status.NodeInfo.OperatingSystem, n.Status.NodeInfo.OSImage,
		})
	}
	const group = "/resourceGroups/mc_contoso-rg_contoso-aks_westeurope/providers/Microsoft.Compute/virtualMachineScaleSets/"
	want := []facts{
		{"aks-nodepool1-12345678-vmss000000", group + "aks-nodepool1-12345678-vmss/virtualMachines/0", "nodepool1", "203.0.113.4", "linux", "Ubuntu 22.04.5 LTS"},
		{"aks-nodepool1-12345678-vmss000001", group + "aks-nodepool1-12345678-vmss/virtualMachines/1", "nodepool1", "203.0.113.5", "linux", "Ubuntu 22.04.5 LTS"},
		{"aks-legacy-12345678-vmss000000", group + "aks-legacy-12345678-vmss/virtualMachines/0", "legacy", "203.0.113.6", "linux", "Ubuntu 20.04.6 LTS"},
		{"akswin000000", group + "akswin/virtualMachines/0", "win", "203.0.113.7", "windows", "Windows Server 2022 Datacenter"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWindowsNodesAreTainted(t *testing.T) {
	for _, n := range nodes([]Pool{SystemPool(1), WindowsPool()}, location{}, "1.35.4") {
		tainted := len(n.Spec.Taints) == 1 && n.Spec.Taints[0].Effect == corev1.TaintEffectNoSchedule
		if windows := n.Labels["kubernetes.io/os"] == "windows"; tainted != windows {
			t.Errorf("node %s has the taints %v", n.Name, n.Spec.Taints)
		}
	}
}

// TestHold makes sure that no stage touches what is to be left alone.
func TestHold(t *testing.T) {
	config, err := kwokConfig(time.Second)
	if err != nil {
		t.Fatal(err)
	}
	stages, err := parseManifests(config)
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) == 0 {
		t.Fatal("no stages")
	}
	for _, s := range stages {
		conditions, _, _ := unstructured.NestedSlice(s.Object, "spec", "selector", "matchExpressions")
		held := false
		for _, c := range conditions {
			condition := c.(map[string]any)
			held = held || condition["operator"] == "DoesNotExist" && strings.Contains(condition["key"].(string), HoldAnnotation)
		}
		if !held {
			t.Errorf("the stage %s does not look at %s", s.GetName(), HoldAnnotation)
		}
	}
}

const webhooks = `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata:
  name: istio-sidecar-injector-asm-1-27-aks-istio-system
  labels: {istio.io/rev: asm-1-27}
webhooks:
- name: rev.namespace.sidecar-injector.istio.io
  clientConfig: {service: {name: istiod-asm-1-27, namespace: aks-istio-system, path: /inject}}
  namespaceSelector:
    matchExpressions:
    - {key: istio.io/rev, operator: In, values: [asm-1-27]}
    - {key: istio-injection, operator: DoesNotExist}
`

func TestWebhooks(t *testing.T) {
	objects, err := parseManifests([]byte(webhooks))
	if err != nil {
		t.Fatal(err)
	}
	if err := pointWebhooks(objects[0], "https://127.0.0.1:20001", []byte("ca")); err != nil {
		t.Fatal(err)
	}
	tagged, err := tagWebhook(objects[0], "prod")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
		"metadata": map[string]any{
			"name":   "istio-revision-tag-prod-aks-istio-system",
			"labels": map[string]any{"istio.io/rev": "asm-1-27", "istio.io/tag": "prod"},
		},
		"webhooks": []any{map[string]any{
			"name":         "rev.namespace.sidecar-injector.istio.io",
			"clientConfig": map[string]any{"url": "https://127.0.0.1:20001/inject", "caBundle": "Y2E="},
			"namespaceSelector": map[string]any{"matchExpressions": []any{
				map[string]any{"key": "istio.io/rev", "operator": "In", "values": []any{"prod"}},
				map[string]any{"key": "istio-injection", "operator": "DoesNotExist"},
			}},
		}},
	}
	if diff := cmp.Diff(want, tagged.Object); diff != "" {
		t.Error(diff)
	}
}

const charts = `
apiVersion: v1
kind: ConfigMap
metadata: {name: istio-sidecar-injector-asm-1-27}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: values-asm-1-27}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: istio-sidecar-injector-asm-1-27-aks-istio-system}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: istiod-asm-1-27}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: istiod-asm-1-27}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: istio-cni-node, labels: {k8s-app: istio-cni-node, istio.io/rev: asm-1-27}}
spec:
  selector: {matchLabels: {k8s-app: istio-cni-node}}
  template: {metadata: {labels: {k8s-app: istio-cni-node}}}
`

func TestSortChart(t *testing.T) {
	objects, err := parseManifests([]byte(charts))
	if err != nil {
		t.Fatal(err)
	}
	c, err := sortChart(objects, "asm-1-27")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.mesh) != 1 || len(c.webhooks) != 1 || len(c.crds) != 0 || len(c.agent) != 1 {
		t.Fatalf("sorted into %d of the mesh, %d webhooks, %d agents", len(c.mesh), len(c.webhooks), len(c.agent))
	}
	want := map[string]any{
		"apiVersion": "apps/v1", "kind": "DaemonSet",
		"metadata": map[string]any{"name": AgentName, "labels": map[string]any{"k8s-app": AgentName}},
		"spec": map[string]any{
			"selector": map[string]any{"matchLabels": map[string]any{"k8s-app": AgentName}},
			"template": map[string]any{"metadata": map[string]any{"labels": map[string]any{"k8s-app": AgentName}}},
		},
	}
	if diff := cmp.Diff(want, c.agent[0].Object); diff != "" {
		t.Error(diff)
	}
	if _, err := sortChart(nil, "asm-1-27"); err == nil {
		t.Error("charts without an injector were accepted")
	}
}

func TestImageTag(t *testing.T) {
	if got := imageTag("asm-1-27"); got != "1.27.3" {
		t.Errorf("got %s", got)
	}
}
