package aks

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Reconcile makes the cluster follow the redirection mechanism, as the add-on
// does when Azure tells it. The node agent comes before the injectors rely on
// it, and goes after they no longer do. Once Reconcile returns, every injector
// injects accordingly; the agents may still be on their way.
func (c *Cluster) Reconcile(ctx context.Context, mechanism string) error {
	if len(c.cfg.Revisions) == 0 {
		return fmt.Errorf("switch the redirection mechanism to %s: the cluster has no mesh", mechanism)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch mechanism {
	case CNIChaining:
		if err := c.applier.apply(ctx, c.agent(CNIChaining)...); err != nil {
			return err
		}
		return c.flip(ctx, mechanism)
	case InitContainers:
		if err := c.flip(ctx, mechanism); err != nil {
			return err
		}
		return c.applier.remove(ctx, c.agent(CNIChaining)...)
	}
	return fmt.Errorf("switch the redirection mechanism: %q is not known", mechanism)
}

// flip changes what every revision injects. Each istiod watches its ConfigMap.
func (c *Cluster) flip(ctx context.Context, mechanism string) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, i := range c.istiods {
		g.Go(func() error {
			if err := c.applier.apply(ctx, c.charts[i.revision][mechanism].injector); err != nil {
				return err
			}
			return i.waitInjects(ctx, mechanism)
		})
	}
	return g.Wait()
}

const (
	agentPatience = 60 * time.Second
	agentPause    = 50 * time.Millisecond
)

// waitAgent waits until the node agent is ready on every node.
func (c *Cluster) waitAgent(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, agentPatience)
	defer cancel()
	for {
		agent, err := c.client.AppsV1().DaemonSets(Namespace).Get(ctx, AgentName, metav1.GetOptions{})
		if err == nil && agent.Status.DesiredNumberScheduled > 0 && agent.Status.NumberReady == agent.Status.DesiredNumberScheduled {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the node agent: %w (%d of %d ready, %w)", ctx.Err(), agent.Status.NumberReady, agent.Status.DesiredNumberScheduled, err)
		case <-time.After(agentPause):
		}
	}
}
