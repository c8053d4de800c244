package kube

import (
	"context"
	"errors"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

// stall tells since when a rollout has not moved.
type stall struct {
	begun, since time.Time
	status       string
	// timer has it looked at again, though nothing may happen any more that would.
	timer *time.Timer
}

const (
	// stallGrace is how long a rollout may stand still before it is asked whether
	// its pods are refused. Kubernetes itself waits for a Deployment's progress
	// deadline, ten minutes by default, and for the other kinds without end.
	stallGrace = 10 * time.Second
	// clockSkew is how far the server's clock may be behind ours.
	clockSkew = time.Minute
)

// judgeStall ends a rollout that stands still because the API server lets none
// of its pods be created, as an admission policy may.
func (r *Rollouts) judgeStall(ctx context.Context, rollout Rollout, object any) error {
	w := rollout.Workload
	r.mu.Lock()
	s := r.stalls[w]
	if rollout.Status != s.status {
		s.status, s.since = rollout.Status, time.Now()
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	s.timer = time.AfterFunc(stallGrace, func() { r.mark(w) })
	r.stalls[w] = s
	r.mu.Unlock()
	if time.Since(s.since) < stallGrace {
		return nil
	}
	if message := r.client.refusal(ctx, w, object, s.begun); message != "" {
		return errors.New("its pods cannot be created: " + message)
	}
	return nil
}

// refusal says why no pod of a rollout that began at a time exists, "" if that
// is not so or not known.
func (c *Client) refusal(ctx context.Context, w mesh.Workload, object any, begun time.Time) string {
	switch o := object.(type) {
	case *appsv1.Deployment:
		if o.Status.UpdatedReplicas == 0 {
			return replicaFailure(o)
		}
	case *appsv1.StatefulSet:
		if o.Status.UpdatedReplicas == 0 {
			return c.refusalEvent(ctx, w, begun)
		}
	case *appsv1.DaemonSet:
		if o.Status.UpdatedNumberScheduled == 0 {
			return c.refusalEvent(ctx, w, begun)
		}
	}
	return ""
}

// replicaFailure is the Deployment's condition. It may speak of the pods that
// the rollout replaces; with none of the new ones there, it speaks of those too.
func replicaFailure(d *appsv1.Deployment) string {
	for _, condition := range d.Status.Conditions {
		if condition.Type == appsv1.DeploymentReplicaFailure && condition.Status == corev1.ConditionTrue {
			return condition.Message
		}
	}
	return ""
}

// refusalEvent is the last event about a pod that could not be created. The
// other kinds have no condition for it.
func (c *Client) refusalEvent(ctx context.Context, w mesh.Workload, begun time.Time) string {
	selector := fields.Set{"involvedObject.kind": w.Kind, "involvedObject.name": w.Name, "reason": "FailedCreate"}
	events, err := c.CoreV1().Events(w.Namespace).List(ctx, metav1.ListOptions{FieldSelector: selector.String()})
	if err != nil {
		return ""
	}
	message, latest := "", begun.Add(-clockSkew)
	for _, event := range events.Items {
		if event.LastTimestamp.After(latest) {
			message, latest = event.Message, event.LastTimestamp.Time
		}
	}
	return message
}
