package box

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const usablePause = 50 * time.Millisecond

// waitUsable waits until pods can be created and would be scheduled: until the
// controllers have made the default service account and have taken the taints
// of new nodes off.
func (b *Box) waitUsable(ctx context.Context) error {
	for {
		notYet := b.usable(ctx)
		if notYet == nil {
			b.step("ready")
			return nil
		}
		select {
		case err := <-b.Failed():
			return err
		case <-ctx.Done():
			return fmt.Errorf("wait for the cluster: %w (last: %w)", ctx.Err(), notYet)
		case <-time.After(usablePause):
		}
	}
}

func (b *Box) usable(ctx context.Context) error {
	if _, err := b.Client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{}); err != nil {
		return err
	}
	nodes, err := b.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, node := range nodes.Items {
		for _, taint := range node.Spec.Taints {
			if taint.Key == corev1.TaintNodeNotReady {
				return fmt.Errorf("node %s has the taint %s", node.Name, taint.Key)
			}
		}
	}
	return nil
}
