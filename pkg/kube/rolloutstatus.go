package kube

import (
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
)

// rolloutStatus says how a workload's rollout stands, by the rules and in the
// words of `kubectl rollout status`. Their own implementation
// (k8s.io/kubectl/pkg/polymorphichelpers), which a test compares this with, brings
// 6 MB along.
func rolloutStatus(object any) (status string, done bool, err error) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		return deploymentStatus(o)
	case *appsv1.StatefulSet:
		return statefulSetStatus(o)
	case *appsv1.DaemonSet:
		return daemonSetStatus(o)
	}
	return "", false, fmt.Errorf("a %T has no rollout", object)
}

// deadlineExceeded is the reason by which a Deployment's controller says that it
// has given up (k8s.io/kubernetes, pkg/controller/deployment/util).
const deadlineExceeded = "ProgressDeadlineExceeded"

func deploymentStatus(d *appsv1.Deployment) (status string, done bool, err error) {
	s := &d.Status
	if d.Generation > s.ObservedGeneration {
		return "Waiting for deployment spec update to be observed...", false, nil
	}
	for _, condition := range s.Conditions {
		if condition.Type == appsv1.DeploymentProgressing && condition.Reason == deadlineExceeded {
			return "", false, fmt.Errorf("deployment %q exceeded its progress deadline", d.Name)
		}
	}
	waiting := fmt.Sprintf("Waiting for deployment %q rollout to finish: ", d.Name)
	switch wanted := d.Spec.Replicas; {
	case wanted != nil && s.UpdatedReplicas < *wanted:
		return waiting + fmt.Sprintf("%d out of %d new replicas have been updated...", s.UpdatedReplicas, *wanted), false, nil
	case s.Replicas > s.UpdatedReplicas:
		return waiting + fmt.Sprintf("%d old replicas are pending termination...", s.Replicas-s.UpdatedReplicas), false, nil
	case s.AvailableReplicas < s.UpdatedReplicas:
		return waiting + fmt.Sprintf("%d of %d updated replicas are available...", s.AvailableReplicas, s.UpdatedReplicas), false, nil
	}
	return fmt.Sprintf("deployment %q successfully rolled out", d.Name), true, nil
}

func errNoRollingUpdate() error {
	return errors.New("rollout status is only available for RollingUpdate strategy type")
}

func daemonSetStatus(d *appsv1.DaemonSet) (status string, done bool, err error) {
	if d.Spec.UpdateStrategy.Type != appsv1.RollingUpdateDaemonSetStrategyType {
		return "", true, errNoRollingUpdate()
	}
	s := &d.Status
	waiting := fmt.Sprintf("Waiting for daemon set %q rollout to finish: ", d.Name)
	switch {
	case d.Generation > s.ObservedGeneration:
		return "Waiting for daemon set spec update to be observed...", false, nil
	case s.UpdatedNumberScheduled < s.DesiredNumberScheduled:
		return waiting + fmt.Sprintf("%d out of %d new pods have been updated...", s.UpdatedNumberScheduled, s.DesiredNumberScheduled), false, nil
	case s.NumberAvailable < s.DesiredNumberScheduled:
		return waiting + fmt.Sprintf("%d of %d updated pods are available...", s.NumberAvailable, s.DesiredNumberScheduled), false, nil
	}
	return fmt.Sprintf("daemon set %q successfully rolled out", d.Name), true, nil
}

func statefulSetStatus(set *appsv1.StatefulSet) (status string, done bool, err error) {
	if set.Spec.UpdateStrategy.Type != appsv1.RollingUpdateStatefulSetStrategyType {
		return "", true, errNoRollingUpdate()
	}
	s, wanted := &set.Status, set.Spec.Replicas
	if s.ObservedGeneration == 0 || set.Generation > s.ObservedGeneration {
		return "Waiting for statefulset spec update to be observed...", false, nil
	}
	if wanted != nil && s.ReadyReplicas < *wanted {
		return fmt.Sprintf("Waiting for %d pods to be ready...", *wanted-s.ReadyReplicas), false, nil
	}
	if rolling := set.Spec.UpdateStrategy.RollingUpdate; rolling != nil {
		if wanted != nil && rolling.Partition != nil && s.UpdatedReplicas < *wanted-*rolling.Partition {
			return fmt.Sprintf("Waiting for partitioned roll out to finish: %d out of %d new pods have been updated...", s.UpdatedReplicas, *wanted-*rolling.Partition), false, nil
		}
		return fmt.Sprintf("partitioned roll out complete: %d new pods have been updated...", s.UpdatedReplicas), true, nil
	}
	if s.UpdateRevision != s.CurrentRevision {
		return fmt.Sprintf("waiting for statefulset rolling update to complete %d pods at revision %s...", s.UpdatedReplicas, s.UpdateRevision), false, nil
	}
	return fmt.Sprintf("statefulset rolling update complete %d pods at revision %s...", s.CurrentReplicas, s.CurrentRevision), true, nil
}
