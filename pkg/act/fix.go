package act

import (
	"fmt"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

// FixChange is the one request that a fix makes. It sends nothing.
func FixChange(fix check.Fix, now time.Time) (kube.Change, error) {
	object := fix.Object
	switch fix.Action {
	case check.FixRestart:
		return kube.RestartChange(mesh.Workload{Kind: object.Kind, Namespace: object.Namespace, Name: object.Name}, now)
	case check.FixDeletePod:
		return kube.DeletePodChange(object.Namespace, object.Name, fix.UID), nil
	case check.FixLabelNamespace:
		return kube.LabelNamespaceChange(object.Name, fix.Set, fix.Remove), nil
	}
	return kube.Change{}, fmt.Errorf("%q is not a change that this program makes", fix.Action)
}
