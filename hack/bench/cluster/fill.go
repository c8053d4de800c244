package cluster

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// workers is how many objects are made at once: enough to keep two processors
// busy.
const workers = 16

// mostByRequest is how many pods are made through the API server, which takes it
// some minutes; more are copied in its store.
const mostByRequest = 10_000

// fill makes pods until there are as many as wanted.
func (c *Cluster) fill(ctx context.Context, examples map[string]Example) error {
	nodes, present, err := c.count(ctx)
	if err != nil {
		return err
	}
	c.Made = Made{Format: format, Pods: c.options.Pods, Nodes: len(nodes), Namespaces: namespaces, Variants: map[string]int{}}
	restore, err := c.withoutInjection(ctx)
	if err != nil {
		return err
	}
	wanted := min(c.options.Pods, mostByRequest) - present
	var progress counter
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(workers)
	for first := 0; first < wanted; first += replicas {
		at, inMesh := workloadPlace(first / replicas)
		v := variantOf(first/replicas, inMesh)
		n := min(replicas, wanted-first)
		c.Made.Deployments++
		c.Made.Variants[v.name] += n
		g.Go(func() error {
			err := c.makeWorkload(gctx, examples[v.name], at, first, n, nodes)
			if made := progress.add(n); made/1000 != (made-n)/1000 {
				c.step(fmt.Sprintf("%d of %d pods", made, wanted))
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := c.multiply(ctx, c.options.Pods-present-wanted); err != nil {
		return fmt.Errorf("copy pods in the store: %w", err)
	}
	return restore()
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
	return c.n
}

// count lists the names of the nodes, and counts the pods that are there.
func (c *Cluster) count(ctx context.Context) (nodes []string, pods int, err error) {
	all, err := c.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, 0, fmt.Errorf("list the nodes: %w", err)
	}
	for _, node := range all.Items {
		nodes = append(nodes, node.Name)
	}
	present, err := c.client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, 0, fmt.Errorf("list the pods: %w", err)
	}
	return nodes, len(present.Items), nil
}

// withoutInjection removes the injectors' webhooks, which nobody answers any
// more, until restore is called.
func (c *Cluster) withoutInjection(ctx context.Context) (restore func() error, err error) {
	webhooks := c.client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	list, err := webhooks.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the webhooks: %w", err)
	}
	for _, w := range list.Items {
		if err := webhooks.Delete(ctx, w.Name, metav1.DeleteOptions{}); err != nil {
			return nil, fmt.Errorf("remove the webhook %s for a while: %w", w.Name, err)
		}
	}
	return func() error { return c.createWebhooks(ctx, list.Items) }, nil
}

func (c *Cluster) createWebhooks(ctx context.Context, all []admissionv1.MutatingWebhookConfiguration) error {
	for i := range all {
		forget(&all[i].ObjectMeta)
		if _, err := c.client.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(ctx, &all[i], metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("put the webhook %s back: %w", all[i].Name, err)
		}
	}
	return nil
}

// Who writes what in a real cluster; the API server notes it in managedFields.
const (
	deploymentWriter = "helm"
	podWriter        = "kube-controller-manager"
	statusWriter     = "kubelet"
)

// makeWorkload makes a Deployment and its pods, of which first is the first one's
// number.
func (c *Cluster) makeWorkload(ctx context.Context, example Example, at place, first, n int, nodes []string) error {
	d, err := example.deployment(at, int32(n)) //nolint:gosec // a handful
	if err != nil {
		return err
	}
	deployments := c.client.AppsV1().Deployments(at.namespace)
	created, err := deployments.Create(ctx, d, metav1.CreateOptions{FieldManager: deploymentWriter})
	if err != nil {
		return err
	}
	created.Status = d.Status
	if _, err := deployments.UpdateStatus(ctx, created, metav1.UpdateOptions{FieldManager: podWriter}); err != nil {
		return err
	}
	for i := range n {
		if err := c.makePod(ctx, example, at.podPlace(first+i, nodes), first+i); err != nil {
			return err
		}
	}
	return nil
}

// makePod makes a pod in three steps. The second has the API server note what it
// notes of pods that are injected on the way in, which is a third of what it
// would note of one that comes as a whole.
func (c *Cluster) makePod(ctx context.Context, example Example, at place, n int) error {
	pod, err := example.pod(at)
	if err != nil {
		return err
	}
	fail(pod, n)
	noted := pod.ManagedFields
	pod.ManagedFields = nil
	pods := c.client.CoreV1().Pods(at.namespace)
	created, err := pods.Create(ctx, pod, metav1.CreateOptions{FieldManager: podWriter})
	if err != nil {
		return err
	}
	created.ManagedFields = noted
	if created, err = pods.Update(ctx, created, metav1.UpdateOptions{FieldManager: podWriter}); err != nil {
		return err
	}
	created.Status = pod.Status
	_, err = pods.UpdateStatus(ctx, created, metav1.UpdateOptions{FieldManager: statusWriter})
	return err
}
