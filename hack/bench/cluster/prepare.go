package cluster

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/aks"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
)

//go:embed example.yaml
var exampleManifest string

const (
	revision        = "asm-1-27"
	preparePatience = 3 * time.Minute
	preparePause    = 100 * time.Millisecond
)

// prepare uses a whole sandbox for what is not made in numbers: nodes, the mesh,
// namespaces, and an example of each variant, injected by Istio. What it writes
// to etcd stays; the sandbox does not.
func (c *Cluster) prepare(ctx context.Context) (examples map[string]Example, err error) {
	ctx, cancel := context.WithTimeout(ctx, preparePatience)
	defer cancel()
	b, err := box.Start(ctx, box.Options{
		Dir: c.options.Dir, Log: c.options.Log,
		Nodes: max(3, c.options.Pods/podsPerNode), Timing: box.Timing{Agent: time.Millisecond},
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := createNamespaces(ctx, b.Client); err != nil {
		return nil, err
	}
	// The switch is flipped once, as in a real cluster's life.
	if err := applyExamples(ctx, b, false); err != nil {
		return nil, err
	}
	if err := b.Cluster.Reconcile(ctx, aks.CNIChaining); err != nil {
		return nil, err
	}
	if err := applyExamples(ctx, b, true); err != nil {
		return nil, err
	}
	if err := wait(ctx, func() error { return settled(ctx, b.Client) }); err != nil {
		return nil, err
	}
	c.step("examples")
	return readExamples(ctx, b.Client)
}

func createNamespaces(ctx context.Context, client kubernetes.Interface) error {
	for i := range namespaces {
		name, inMesh := namespaceName(i)
		n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"team": name}}}
		if inMesh {
			n.Labels["istio.io/rev"] = revision
		}
		if _, err := client.CoreV1().Namespaces().Create(ctx, n, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create a namespace: %w", err)
		}
	}
	return nil
}

// applyExamples makes the examples that are injected while the mechanism is as
// it is now. Those that are not injected may come with either.
func applyExamples(ctx context.Context, b *box.Box, cni bool) error {
	for _, v := range variants() {
		if v.cni != cni {
			continue
		}
		if err := b.Cluster.Apply(ctx, v.namespace(), v.manifest()); err != nil {
			return fmt.Errorf("apply the example %s: %w", v.name, err)
		}
		if err := wait(ctx, func() error { return runs(ctx, b.Client, v.namespace()) }); err != nil {
			return fmt.Errorf("the example %s: %w", v.name, err)
		}
	}
	return nil
}

// manifest is the example's, for a variant.
func (v variant) manifest() []byte {
	text := strings.Replace(exampleManifest, "name: "+exampleNamespace, "name: "+v.namespace(), 1)
	if v.inMesh {
		text = strings.Replace(text, "name: "+v.namespace(), "name: "+v.namespace()+"\n  labels: {istio.io/rev: "+revision+"}", 1)
	}
	if v.classic {
		text = strings.Replace(text, "prometheus.io/port:", `sidecar.istio.io/nativeSidecar: "false"`+"\n        prometheus.io/port:", 1)
	}
	return []byte(text)
}

// runs reports whether the example in a namespace is available.
func runs(ctx context.Context, client kubernetes.Interface, namespace string) error {
	d, err := client.AppsV1().Deployments(namespace).Get(ctx, exampleWorkload, metav1.GetOptions{})
	if err == nil && d.Status.AvailableReplicas == 0 {
		err = errors.New("no pod is available")
	}
	return err
}

// settled reports whether the controllers have done their part: service accounts
// in every namespace, an agent on every node.
func settled(ctx context.Context, client kubernetes.Interface) error {
	for i := range namespaces {
		name, _ := namespaceName(i)
		if _, err := client.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{}); err != nil {
			return err
		}
	}
	agent, err := client.AppsV1().DaemonSets(aks.Namespace).Get(ctx, aks.AgentName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if s := agent.Status; s.DesiredNumberScheduled == 0 || s.NumberReady < s.DesiredNumberScheduled {
		return fmt.Errorf("the node agent is ready on %d of %d nodes", s.NumberReady, s.DesiredNumberScheduled)
	}
	return nil
}

// wait tries until there is no error.
func wait(ctx context.Context, try func() error) error {
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last: %w)", ctx.Err(), err)
		case <-time.After(preparePause):
		}
	}
}

func readExamples(ctx context.Context, client kubernetes.Interface) (map[string]Example, error) {
	all := map[string]Example{}
	for _, v := range variants() {
		d, err := client.AppsV1().Deployments(v.namespace()).Get(ctx, exampleWorkload, metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Errorf("read the example %s: %w", v.name, err)
		}
		pods, err := client.CoreV1().Pods(v.namespace()).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, fmt.Errorf("read the example %s: %w", v.name, err)
		}
		if len(pods.Items) != 1 {
			return nil, apierrors.NewNotFound(corev1.Resource("pods"), v.namespace())
		}
		all[v.name] = Example{d, &pods.Items[0]}
	}
	return all, nil
}
