package act

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
)

func TestFixChange(t *testing.T) {
	now := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name string
		fix  check.Fix
		want kube.Change
	}{
		{
			"restart",
			check.Fix{Action: check.FixRestart, Object: check.Object{Kind: "StatefulSet", Namespace: "shop", Name: "db"}},
			kube.Change{
				Method: "PATCH", Path: "/apis/apps/v1/namespaces/shop/statefulsets/db?fieldManager=kubectl-istio-cni",
				ContentType: "application/merge-patch+json",
				Body:        `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-11-02T08:00:00Z"}}}}}`,
			},
		},
		{
			"delete a pod",
			check.Fix{Action: check.FixDeletePod, Object: check.Object{Kind: "Pod", Namespace: "shop", Name: "web-1"}, UID: "0b5f"},
			kube.Change{
				Method: "DELETE", Path: "/api/v1/namespaces/shop/pods/web-1", ContentType: "application/json",
				Body: `{"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"0b5f"}}`,
			},
		},
		{
			"delete a pod whose uid is not known",
			check.Fix{Action: check.FixDeletePod, Object: check.Object{Kind: "Pod", Namespace: "shop", Name: "web-1"}},
			kube.Change{
				Method: "DELETE", Path: "/api/v1/namespaces/shop/pods/web-1", ContentType: "application/json",
				Body: `{"apiVersion":"v1","kind":"DeleteOptions"}`,
			},
		},
		{
			"label a namespace",
			check.Fix{
				Action: check.FixLabelNamespace, Object: check.Object{Kind: "Namespace", Name: "shop"},
				Set: map[string]string{"istio.io/rev": "asm-1-27"}, Remove: map[string]string{"istio-injection": "enabled", "a/b~c": ""},
			},
			kube.Change{
				Method: "PATCH", Path: "/api/v1/namespaces/shop?fieldManager=kubectl-istio-cni", ContentType: "application/json-patch+json",
				Body: `[
  {"op":"test","path":"/metadata/labels/a~1b~0c","value":""},
  {"op":"remove","path":"/metadata/labels/a~1b~0c"},
  {"op":"test","path":"/metadata/labels/istio-injection","value":"enabled"},
  {"op":"remove","path":"/metadata/labels/istio-injection"},
  {"op":"add","path":"/metadata/labels/istio.io~1rev","value":"asm-1-27"}
]`,
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := FixChange(test.fix, now)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreUnexported(kube.Change{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFixesThatAreNone(t *testing.T) {
	for _, fix := range []check.Fix{
		{Action: "format the disk"},
		{Action: check.FixRestart, Object: check.Object{Kind: "Job", Namespace: "shop", Name: "batch"}},
	} {
		if change, err := FixChange(fix, time.Now()); err == nil {
			t.Errorf("%v: %v", fix, change)
		}
	}
}
