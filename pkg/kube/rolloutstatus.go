package kube

import (
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/kubectl/pkg/util/deployment"
)

// rolloutStatus says of a workload what `kubectl rollout status` does, sentence by
// sentence; a test holds it to that. kubectl's own rules cannot be had without the
// clients of all API groups.
func rolloutStatus(object any) (status string, done bool, err error) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return deploymentStatus(o)
	case *appsv1.StatefulSet:
		return statefulSetStatus(o)
	case *appsv1.DaemonSet:
		return daemonSetStatus(o)
	}
	return "", false, fmt.Errorf("the rollout of a %T cannot be judged", object)
}

func waiting(format string, args ...any) (status string, done bool, err error) {
	return fmt.Sprintf(format, args...), false, nil
}

func finished(format string, args ...any) (status string, done bool, err error) {
	return fmt.Sprintf(format, args...), true, nil
}

func deploymentStatus(d *appsv1.Deployment) (status string, done bool, err error) {
	s := d.Status
	if s.ObservedGeneration < d.Generation {
		return waiting("Waiting for deployment spec update to be observed...")
	}
	progress := deployment.GetDeploymentCondition(s, appsv1.DeploymentProgressing)
	switch {
	case progress != nil && progress.Reason == deployment.TimedOutReason:
		return "", false, fmt.Errorf("deployment %q exceeded its progress deadline", d.Name)
	case d.Spec.Replicas != nil && s.UpdatedReplicas < *d.Spec.Replicas:
		return waiting("Waiting for deployment %q rollout to finish: %d out of %d new replicas have been updated...", d.Name, s.UpdatedReplicas, *d.Spec.Replicas)
	case s.UpdatedReplicas < s.Replicas:
		return waiting("Waiting for deployment %q rollout to finish: %d old replicas are pending termination...", d.Name, s.Replicas-s.UpdatedReplicas)
	case s.AvailableReplicas < s.UpdatedReplicas:
		return waiting("Waiting for deployment %q rollout to finish: %d of %d updated replicas are available...", d.Name, s.AvailableReplicas, s.UpdatedReplicas)
	}
	return finished("deployment %q successfully rolled out", d.Name)
}

func daemonSetStatus(d *appsv1.DaemonSet) (status string, done bool, err error) {
	s := d.Status
	switch {
	case d.Spec.UpdateStrategy.Type != appsv1.RollingUpdateDaemonSetStrategyType:
		return "", true, errors.New("rollout status is only available for RollingUpdate strategy type")
	case s.ObservedGeneration < d.Generation:
		return waiting("Waiting for daemon set spec update to be observed...")
	case s.UpdatedNumberScheduled < s.DesiredNumberScheduled:
		return waiting("Waiting for daemon set %q rollout to finish: %d out of %d new pods have been updated...", d.Name, s.UpdatedNumberScheduled, s.DesiredNumberScheduled)
	case s.NumberAvailable < s.DesiredNumberScheduled:
		return waiting("Waiting for daemon set %q rollout to finish: %d of %d updated pods are available...", d.Name, s.NumberAvailable, s.DesiredNumberScheduled)
	}
	return finished("daemon set %q successfully rolled out", d.Name)
}

func statefulSetStatus(d *appsv1.StatefulSet) (status string, done bool, err error) {
	s, strategy := d.Status, d.Spec.UpdateStrategy
	switch {
	case strategy.Type != appsv1.RollingUpdateStatefulSetStrategyType:
		return "", true, errors.New("rollout status is only available for RollingUpdate strategy type")
	case s.ObservedGeneration == 0 || s.ObservedGeneration < d.Generation:
		return waiting("Waiting for statefulset spec update to be observed...")
	case d.Spec.Replicas != nil && s.ReadyReplicas < *d.Spec.Replicas:
		return waiting("Waiting for %d pods to be ready...", *d.Spec.Replicas-s.ReadyReplicas)
	case strategy.RollingUpdate != nil:
		return partitionStatus(d)
	case s.UpdateRevision != s.CurrentRevision:
		return waiting("waiting for statefulset rolling update to complete %d pods at revision %s...", s.UpdatedReplicas, s.UpdateRevision)
	}
	return finished("statefulset rolling update complete %d pods at revision %s...", s.CurrentReplicas, s.CurrentRevision)
}

// partitionStatus is that of a StatefulSet of which only some pods are replaced.
func partitionStatus(d *appsv1.StatefulSet) (status string, done bool, err error) {
	updated, partition := d.Status.UpdatedReplicas, d.Spec.UpdateStrategy.RollingUpdate.Partition
	if d.Spec.Replicas != nil && partition != nil && updated < *d.Spec.Replicas-*partition {
		return waiting("Waiting for partitioned roll out to finish: %d out of %d new pods have been updated...", updated, *d.Spec.Replicas-*partition)
	}
	return finished("partitioned roll out complete: %d new pods have been updated...", updated)
}
