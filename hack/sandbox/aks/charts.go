package aks

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Namespace is where the add-on lives.
const Namespace = "aks-istio-system"

// AgentName is the name of the node agent's DaemonSet, and its label k8s-app.
const AgentName = "azure-service-mesh-istio-cni-addon-node"

// chart is what the charts say of one revision with one mechanism.
type chart struct {
	// crds are the same for every revision.
	crds []*unstructured.Unstructured
	// mesh is all that belongs to the control plane but what follows.
	mesh []*unstructured.Unstructured
	// webhooks must not be there before the injector is.
	webhooks []*unstructured.Unstructured
	// injector is the ConfigMap with the template of the sidecar.
	injector *unstructured.Unstructured
	// agent is the node agent, empty without CNI.
	agent []*unstructured.Unstructured
}

// render has Istio render its charts for a revision.
func render(ctx context.Context, istio, revision string, cni bool) (chart, error) {
	args := []string{"render"}
	for _, setting := range settings(revision, cni) {
		args = append(args, "--set", setting)
	}
	cmd := exec.CommandContext(ctx, istio, args...)
	cmd.Env = []string{}
	stream, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
		}
		return chart{}, fmt.Errorf("render the charts of %s: %w", revision, err)
	}
	objects, err := parseManifests(stream)
	if err != nil {
		return chart{}, fmt.Errorf("the charts of %s: %w", revision, err)
	}
	return sortChart(objects, revision)
}

func settings(revision string, cni bool) []string {
	return []string{
		"profile=minimal",
		"revision=" + revision,
		"hub=mcr.microsoft.com/oss/istio",
		"tag=" + imageTag(revision),
		"values.global.istioNamespace=" + Namespace,
		"components.cni.namespace=" + Namespace,
		fmt.Sprintf("components.cni.enabled=%t", cni),
		"values.pilot.env.SHARED_MESH_CONFIG=" + sharedConfigName(revision),
	}
}

// imageTag is the tag of a revision's images: asm-1-27 runs 1.27.3.
func imageTag(revision string) string {
	return strings.ReplaceAll(strings.TrimPrefix(revision, "asm-"), "-", ".") + ".3"
}

// Names of the add-on's objects.
func istiodName(revision string) string       { return "istiod-" + revision }
func injectorName(revision string) string     { return "istio-sidecar-injector-" + revision }
func sharedConfigName(revision string) string { return "istio-shared-configmap-" + revision }

// leftOut are kinds that do nothing here but disturb: there are no metrics for
// an autoscaler.
func leftOut(o *unstructured.Unstructured) bool {
	return o.GetKind() == "HorizontalPodAutoscaler" ||
		o.GetKind() == "ConfigMap" && strings.HasPrefix(o.GetName(), "values")
}

// sortChart sorts what the charts contain, and makes it look like AKS's.
func sortChart(objects []*unstructured.Unstructured, revision string) (chart, error) {
	var c chart
	for _, o := range slices.DeleteFunc(objects, leftOut) {
		switch {
		case o.GetKind() == "CustomResourceDefinition":
			c.crds = append(c.crds, o)
		case strings.HasSuffix(o.GetKind(), "WebhookConfiguration"):
			c.webhooks = append(c.webhooks, o)
		case o.GetName() == injectorName(revision):
			c.injector = o
		case strings.HasPrefix(o.GetName(), "istio-cni"):
			c.agent = append(c.agent, asAddon(o))
		default:
			c.mesh = append(c.mesh, o)
		}
	}
	if c.injector == nil || len(c.webhooks) == 0 {
		return chart{}, fmt.Errorf("the charts of %s have no injector", revision)
	}
	return c, nil
}

// asAddon gives the node agent the names that AKS gives it. It belongs to no
// revision: all of them share it.
func asAddon(o *unstructured.Unstructured) *unstructured.Unstructured {
	labels := o.GetLabels()
	delete(labels, "istio.io/rev")
	if o.GetKind() != "DaemonSet" {
		o.SetLabels(labels)
		return o
	}
	o.SetName(AgentName)
	labels["k8s-app"] = AgentName
	o.SetLabels(labels)
	for _, path := range [][]string{
		{"spec", "selector", "matchLabels", "k8s-app"},
		{"spec", "template", "metadata", "labels", "k8s-app"},
	} {
		// The charts have an object at every step of the paths.
		_ = unstructured.SetNestedField(o.Object, AgentName, path...)
	}
	return o
}
