package aks

import (
	"encoding/base64"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// pointWebhooks has a webhook configuration call the istiod that runs on this
// machine, instead of the Service, which nothing is behind.
func pointWebhooks(configuration *unstructured.Unstructured, url string, ca []byte) error {
	webhooks, _, err := unstructured.NestedSlice(configuration.Object, "webhooks")
	if err != nil {
		return fmt.Errorf("read the webhooks of %s: %w", configuration.GetName(), err)
	}
	for _, w := range webhooks {
		webhook, ok := w.(map[string]any)
		if !ok {
			return fmt.Errorf("read the webhooks of %s: unexpected %T", configuration.GetName(), w)
		}
		path, _, err := unstructured.NestedString(webhook, "clientConfig", "service", "path")
		if err != nil {
			return fmt.Errorf("read a webhook of %s: %w", configuration.GetName(), err)
		}
		webhook["clientConfig"] = map[string]any{
			"url":      url + path,
			"caBundle": base64.StdEncoding.EncodeToString(ca),
		}
	}
	return unstructured.SetNestedSlice(configuration.Object, webhooks, "webhooks")
}

// tagWebhook makes the webhook of a revision tag: the one of the revision, but
// for namespaces with the tag.
func tagWebhook(revision *unstructured.Unstructured, tag string) (*unstructured.Unstructured, error) {
	tagged := revision.DeepCopy()
	name := tagged.GetLabels()["istio.io/rev"]
	tagged.SetName("istio-revision-tag-" + tag + "-" + Namespace)
	labels := tagged.GetLabels()
	labels["istio.io/tag"] = tag
	tagged.SetLabels(labels)
	webhooks, _, err := unstructured.NestedSlice(tagged.Object, "webhooks")
	if err != nil {
		return nil, fmt.Errorf("read the webhooks of %s: %w", revision.GetName(), err)
	}
	for _, w := range webhooks {
		if webhook, ok := w.(map[string]any); ok {
			retag(webhook["namespaceSelector"], name, tag)
			retag(webhook["objectSelector"], name, tag)
		}
	}
	return tagged, unstructured.SetNestedSlice(tagged.Object, webhooks, "webhooks")
}

// retag replaces the revision by the tag in a selector.
func retag(selector any, revision, tag string) {
	s, _ := selector.(map[string]any)
	expressions, _ := s["matchExpressions"].([]any)
	for _, e := range expressions {
		expression, _ := e.(map[string]any)
		values, _ := expression["values"].([]any)
		for i, value := range values {
			if expression["key"] == "istio.io/rev" && value == revision {
				values[i] = tag
			}
		}
	}
}
