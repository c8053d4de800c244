package act

import (
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

func TestUnreadInjectorsDoNotFollow(t *testing.T) {
	set := fake.NewClientset()
	set.PrependReactor("list", "configmaps", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("etcdserver: request timed out")
	})
	done, seen, err := injectorsFollow(t.Context(), &kube.Client{Interface: set}, mesh.CNIChaining)
	if done || err != nil {
		t.Errorf("done %v (%s), %v", done, seen, err)
	}
}

func TestNoInjectorsDoNotFollow(t *testing.T) {
	done, seen, err := injectorsFollow(t.Context(), &kube.Client{Interface: fake.NewClientset()}, mesh.CNIChaining)
	if done {
		t.Errorf("done %v (%s), %v", done, seen, err)
	}
}
