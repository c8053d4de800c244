package kube

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// Scope says which objects are meant.
type Scope struct {
	// Namespace, "" for all.
	Namespace     string
	LabelSelector string
	FieldSelector string
}

func (s Scope) listOptions() metav1.ListOptions {
	return metav1.ListOptions{LabelSelector: s.LabelSelector, FieldSelector: s.FieldSelector}
}

// PageSize is how many pods are asked for at once. Smaller pages keep the
// server's and the client's memory low, larger ones save round trips.
const PageSize = 500

// PodPermission is what reading the pods of a scope needs.
func PodPermission(s Scope) Permission { return Permission{"list", "pods", s.Namespace} }

// EachPod calls visit for every pod in scope, a page at a time, and returns the
// resource version that a watch can go on from. The pod must not be kept. If the
// server drops the list's state in the middle, reading goes on where it was, at
// a later state of the cluster, so no pod is seen twice.
func (c *Client) EachPod(ctx context.Context, scope Scope, visit func(*corev1.Pod)) (resourceVersion string, err error) {
	options := scope.listOptions()
	options.Limit = PageSize
	for {
		page, err := c.CoreV1().Pods(scope.Namespace).List(ctx, options)
		if next := continueAfterExpiry(err); next != "" && next != options.Continue {
			options.Continue = next
			continue
		}
		if err != nil {
			return "", err
		}
		for i := range page.Items {
			visit(&page.Items[i])
		}
		if page.Continue == "" {
			return page.ResourceVersion, nil
		}
		options.Continue = page.Continue
	}
}

// continueAfterExpiry is the token that the server offers in place of one that
// expired.
func continueAfterExpiry(err error) string {
	var status apierrors.APIStatus
	if !apierrors.IsResourceExpired(err) || !errors.As(err, &status) {
		return ""
	}
	return status.Status().Continue
}

// WatchPods watches the pods in scope from a resource version on.
func (c *Client) WatchPods(ctx context.Context, scope Scope, resourceVersion string) (watch.Interface, error) {
	options := scope.listOptions()
	options.ResourceVersion = resourceVersion
	options.AllowWatchBookmarks = true
	return c.CoreV1().Pods(scope.Namespace).Watch(ctx, options)
}
