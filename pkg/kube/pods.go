package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/wire"
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

// PageSize is how many objects are asked for at once where a list is read in
// pages. Smaller pages keep the server's memory low, larger ones save round trips.
const PageSize = 500

// PodPermission is what reading the pods of a scope needs.
func PodPermission(s Scope) Permission { return Permission{"list", "pods", s.Namespace} }

// PodRequest says which pods to read, and what of them.
type PodRequest struct {
	Scope

	// Fields of a pod that are looked at; nil for all.
	Fields wire.Fields
	// ServerVersion is the API server's, such as v1.34.2; "" if it is not known.
	ServerVersion string
}

// streamsLists reports whether the API server sends a list object by object.
// Before 1.33 (KEP-5116) it first builds the whole answer in its memory, which
// only pages keep small.
func streamsLists(serverVersion string) bool {
	parsed, err := version.ParseGeneric(serverVersion)
	return err == nil && parsed.AtLeast(version.MajorMinor(1, 33))
}

// EachPod calls visit for every pod, as they arrive, and returns the resource
// version that a watch can go on from. The pod must not be kept, but its strings
// may be. However the connection breaks, no pod is lost or seen twice.
func (c *Client) EachPod(ctx context.Context, request PodRequest, visit func(*corev1.Pod)) (resourceVersion string, err error) {
	return eachObject(ctx, listRequest{
		API: c.CoreV1().RESTClient(), Encoding: c.encoding(), Resource: "pods", Scope: request.Scope,
		Fields: request.Fields, Whole: streamsLists(request.ServerVersion),
	}, visit)
}

// WatchPods watches the pods in scope from a resource version on.
func (c *Client) WatchPods(ctx context.Context, scope Scope, resourceVersion string) (watch.Interface, error) {
	options := scope.listOptions()
	options.ResourceVersion = resourceVersion
	options.AllowWatchBookmarks = true
	return c.CoreV1().Pods(scope.Namespace).Watch(ctx, options)
}
