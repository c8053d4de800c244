package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

// Change is a single request that changes something, so that it can be shown
// before it is sent, to the letter.
type Change struct {
	// Method and Path are the request's; the path includes the query.
	Method, Path string
	ContentType  string
	Body         string

	// attempt says what it does, needs the permission that it takes.
	attempt string
	needs   Permission
}

// String is what it does, as it reads after "cannot ".
func (c Change) String() string { return c.attempt }

// RestartChange makes a workload replace its pods, as `kubectl rollout restart`
// does.
func RestartChange(w mesh.Workload, at time.Time) (Change, error) {
	attempt := fmt.Sprintf("restart %s in namespace %s", w, w.Namespace)
	if !w.Restartable() {
		return Change{}, fmt.Errorf("%s: a %s cannot be restarted", attempt, w.Kind)
	}
	resource := strings.ToLower(w.Kind) + "s"
	return Change{
		Method: http.MethodPatch, Path: apiPath("apis", "apps", "v1", "namespaces", w.Namespace, resource, w.Name) + asManager(),
		ContentType: string(types.MergePatchType), Body: string(restartPatch(at)),
		attempt: attempt, needs: Permission{"patch", resource + ".apps", w.Namespace},
	}, nil
}

// DeletePodChange deletes a pod, if it is still the one with that uid. Without a
// uid it deletes whichever has the name.
func DeletePodChange(namespace, name, uid string) Change {
	type preconditions struct {
		UID string `json:"uid"`
	}
	options := struct {
		APIVersion    string         `json:"apiVersion"`
		Kind          string         `json:"kind"`
		Preconditions *preconditions `json:"preconditions,omitempty"`
	}{APIVersion: "v1", Kind: "DeleteOptions"}
	if uid != "" {
		options.Preconditions = &preconditions{uid}
	}
	return Change{
		Method: http.MethodDelete, Path: apiPath("api", "v1", "namespaces", namespace, "pods", name),
		ContentType: "application/json", Body: compact(options),
		attempt: fmt.Sprintf("delete pod %s in namespace %s", name, namespace), needs: Permission{"delete", "pods", namespace},
	}
}

// operation is one of a JSON patch (RFC 6902).
type operation struct {
	Op    string  `json:"op"`
	Path  string  `json:"path"`
	Value *string `json:"value,omitempty"`
}

// LabelNamespaceChange sets and removes labels of a namespace. Those to be
// removed must have the value that they are given with, or nothing is changed.
// It takes a namespace that has a label already, as every namespace has: the API
// server gives it kubernetes.io/metadata.name.
func LabelNamespaceChange(name string, set, remove map[string]string) Change {
	var operations []operation
	for _, key := range slices.Sorted(maps.Keys(remove)) {
		expected := remove[key]
		operations = append(operations, operation{"test", labelPointer(key), &expected}, operation{"remove", labelPointer(key), nil})
	}
	for _, key := range slices.Sorted(maps.Keys(set)) {
		value := set[key]
		operations = append(operations, operation{"add", labelPointer(key), &value})
	}
	return Change{
		Method: http.MethodPatch, Path: apiPath("api", "v1", "namespaces", name) + asManager(),
		ContentType: string(types.JSONPatchType), Body: patchText(operations),
		attempt: "label namespace " + name, needs: Permission{"patch", "namespaces", ""},
	}
}

// labelPointer is the JSON pointer of a label (RFC 6901).
func labelPointer(key string) string {
	return "/metadata/labels/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

// patchText has a line for each operation: it is read by people before it is sent.
func patchText(operations []operation) string {
	lines := make([]string, len(operations))
	for i, op := range operations {
		lines[i] = "  " + compact(op)
	}
	return "[\n" + strings.Join(lines, ",\n") + "\n]"
}

// compact is for types that always marshal.
func compact(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

func apiPath(segments ...string) string {
	escaped := make([]string, len(segments))
	for i, segment := range segments {
		escaped[i] = url.PathEscape(segment)
	}
	return "/" + strings.Join(escaped, "/")
}

func asManager() string { return "?fieldManager=" + FieldManager }

// Send sends a change as it is.
func (c *Client) Send(ctx context.Context, change Change) error {
	at, err := url.Parse(change.Path)
	if err != nil {
		return fail.To(change.attempt, err)
	}
	request := c.CoreV1().RESTClient().Verb(change.Method).AbsPath(at.Path).
		SetHeader("Content-Type", change.ContentType).Body([]byte(change.Body))
	for key, values := range at.Query() {
		for _, value := range values {
			request = request.Param(key, value)
		}
	}
	return explainChange(change, request.Do(ctx).Error())
}

const changedMeanwhile = "look again, and decide anew"

// explainChange tells a change that came too late, which changed nothing, from
// other failures.
func explainChange(change Change, err error) error {
	switch {
	case apierrors.IsConflict(err):
		return &fail.Error{Attempt: change.attempt, Cause: fmt.Errorf("nothing was changed: %w", err), Remedy: changedMeanwhile}
	case change.ContentType == string(types.JSONPatchType) && apierrors.IsInvalid(err):
		return &fail.Error{
			Attempt: change.attempt, Cause: errors.New("somebody has changed its labels meanwhile; nothing was changed"), Remedy: changedMeanwhile,
		}
	case apierrors.IsNotFound(err):
		return &fail.Error{Attempt: change.attempt, Cause: errors.New("it does not exist any more"), Remedy: changedMeanwhile}
	}
	return Explain(change.attempt, err, change.needs)
}
