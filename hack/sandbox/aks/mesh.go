package aks

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// startMesh installs the add-on and runs an injector for each revision.
func (c *Cluster) startMesh(ctx context.Context) error {
	if len(c.cfg.Revisions) == 0 {
		return nil
	}
	if err := c.renderAll(ctx); err != nil {
		return err
	}
	if err := c.install(ctx); err != nil {
		return err
	}
	c.cfg.Log("mesh")
	if err := c.startInjectors(ctx); err != nil {
		return err
	}
	c.cfg.Log("injector of " + strings.Join(c.cfg.Revisions, " and "))
	if c.cfg.Mechanism == CNIChaining {
		if err := c.waitAgent(ctx); err != nil {
			return err
		}
		c.cfg.Log("node agent")
	}
	return nil
}

// renderAll renders the charts of each revision with either mechanism.
func (c *Cluster) renderAll(ctx context.Context) error {
	c.charts = map[string]map[string]chart{}
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	for _, revision := range c.cfg.Revisions {
		c.charts[revision] = map[string]chart{}
		for _, mechanism := range []string{InitContainers, CNIChaining} {
			g.Go(func() error {
				rendered, err := render(ctx, c.cfg.Istio, revision, mechanism == CNIChaining)
				mu.Lock()
				defer mu.Unlock()
				c.charts[revision][mechanism] = rendered
				return err
			})
		}
	}
	return g.Wait()
}

// install applies what must be there before the injectors start.
func (c *Cluster) install(ctx context.Context) error {
	if err := c.applier.apply(ctx, namespace()); err != nil {
		return err
	}
	objects := c.charts[c.cfg.Revisions[0]][c.cfg.Mechanism].crds
	for _, revision := range c.cfg.Revisions {
		rendered := c.charts[revision][c.cfg.Mechanism]
		objects = append(append(objects, rendered.mesh...), rendered.injector, sharedConfig(revision))
	}
	if err := asReplicas(objects, istiodReplicas); err != nil {
		return err
	}
	return c.applier.apply(ctx, append(c.agent(c.cfg.Mechanism), objects...)...)
}

// agent is the node agent, of which there is one for all revisions.
func (c *Cluster) agent(mechanism string) []*unstructured.Unstructured {
	return c.charts[c.cfg.Revisions[0]][mechanism].agent
}

// istiodReplicas is what the add-on's autoscaler starts with.
const istiodReplicas = 2

func asReplicas(objects []*unstructured.Unstructured, n int64) error {
	for _, o := range objects {
		if o.GetKind() != "Deployment" {
			continue
		}
		if err := unstructured.SetNestedField(o.Object, n, "spec", "replicas"); err != nil {
			return fmt.Errorf("set the replicas of %s: %w", o.GetName(), err)
		}
	}
	return nil
}

// startInjectors runs an istiod for each revision, and then has the API server
// ask them.
func (c *Cluster) startInjectors(ctx context.Context) error {
	c.istiods = make([]*istiod, len(c.cfg.Revisions))
	g, gctx := errgroup.WithContext(ctx)
	for i, revision := range c.cfg.Revisions {
		g.Go(func() error {
			var err error
			if c.istiods[i], err = c.startIstiod(gctx, revision); err != nil {
				return err
			}
			if err := c.istiods[i].waitInjects(gctx, c.cfg.Mechanism); err != nil {
				return err
			}
			return c.installWebhooks(gctx, c.istiods[i])
		})
	}
	return g.Wait()
}

func (c *Cluster) installWebhooks(ctx context.Context, i *istiod) error {
	var all []*unstructured.Unstructured
	for _, configuration := range c.charts[i.revision][c.cfg.Mechanism].webhooks {
		if err := pointWebhooks(configuration, i.url, c.cfg.Authority.Certificate()); err != nil {
			return err
		}
		all = append(all, configuration)
		for tag, revision := range c.cfg.Tags {
			if revision != i.revision || configuration.GetKind() != "MutatingWebhookConfiguration" {
				continue
			}
			tagged, err := tagWebhook(configuration, tag)
			if err != nil {
				return err
			}
			all = append(all, tagged)
		}
	}
	return c.applier.apply(ctx, all...)
}

func namespace() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: object{
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": object{
			"name":   Namespace,
			"labels": object{"addonmanager.kubernetes.io/mode": "Reconcile", "kubernetes.azure.com/managedby": "aks"},
		},
	}}
}

// sharedConfig is the ConfigMap that a user of the add-on may put mesh
// configuration in.
func sharedConfig(revision string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: object{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": object{"name": sharedConfigName(revision), "namespace": Namespace},
		"data":     object{"mesh": "accessLogFile: /dev/stdout\n"},
	}}
}
