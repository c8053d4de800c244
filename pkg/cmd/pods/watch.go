package pods

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/observe"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/report"
)

// reconnectPause keeps a server that ends every watch at once from being asked
// without pause.
const reconnectPause = time.Second

// watch shows pods again when what is said of them changes. Other changes, which
// a starting pod has many of, show nothing.
func (o *Options) watch(ctx context.Context, observation *observe.Observation, scope kube.Scope) error {
	judge, err := observation.Mesh()
	if err != nil {
		return err
	}
	shown := map[string]string{}
	for _, pod := range observation.Pods.Value {
		shown[key(pod)] = saying(pod, judge.Judge(pod))
	}
	resourceVersion := observation.PodsVersion
	for ; ; time.Sleep(reconnectPause) {
		resourceVersion, err = o.watchOnce(ctx, scope, resourceVersion, func(p *corev1.Pod, deleted bool) error {
			pod := mesh.PodFrom(p, judge.Injectors.UsesLabel)
			if deleted {
				delete(shown, key(pod))
				return nil
			}
			row := report.PodRow{Pod: pod, Verdict: judge.Judge(pod)}
			if said := saying(pod, row.Verdict); shown[key(pod)] != said {
				shown[key(pod)] = said
				return o.print([]report.PodRow{row}, true)
			}
			return nil
		})
		if ctx.Err() != nil {
			return nil //nolint:nilerr // being interrupted is how a watch ends
		}
		if err != nil {
			return kube.Explain("watch pods", err, kube.Permission{Verb: "watch", Resource: "pods", Namespace: scope.Namespace})
		}
	}
}

func key(pod *mesh.Pod) string { return pod.Namespace + "/" + pod.Name }

// saying is what the table says of a pod.
func saying(pod *mesh.Pod, verdict mesh.Verdict) string {
	redirect := ""
	if pod.Redirect != nil {
		redirect = pod.Redirect.Name + pod.Redirect.Capabilities
	}
	return fmt.Sprint(redirect, verdict, pod.Node)
}

// watchOnce watches until the server ends the watch, as it does every few
// minutes, and returns the version to go on from.
func (o *Options) watchOnce(ctx context.Context, scope kube.Scope, resourceVersion string, see func(p *corev1.Pod, deleted bool) error) (string, error) {
	watcher, err := o.client.WatchPods(ctx, scope, resourceVersion)
	if err != nil {
		return resourceVersion, err
	}
	defer watcher.Stop()
	for event := range watcher.ResultChan() {
		if event.Type == watch.Error {
			err := apierrors.FromObject(event.Object)
			if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
				// The server sends the present state first when asked without a version.
				return "", nil
			}
			return resourceVersion, err
		}
		pod, ok := event.Object.(*corev1.Pod)
		if !ok {
			return resourceVersion, fmt.Errorf("the server sent a %T where a pod was expected", event.Object)
		}
		resourceVersion = pod.ResourceVersion
		if event.Type == watch.Bookmark || !o.wanted(pod) {
			continue
		}
		if err := see(pod, event.Type == watch.Deleted); err != nil {
			return resourceVersion, err
		}
	}
	return resourceVersion, nil
}

func (o *Options) wanted(pod *corev1.Pod) bool {
	if len(o.Names) == 0 {
		return true
	}
	for _, name := range o.Names {
		if name == pod.Name {
			return true
		}
	}
	return false
}
