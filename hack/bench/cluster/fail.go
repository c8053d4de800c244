package cluster

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fault is a way in which a pod of a large cluster does not run.
type fault struct {
	// every so many pods there is one.
	every int
	// container that it hits, and what keeps that waiting.
	container, reason, message string
	// exit code of its last run, if there was one.
	exit int32
}

func faults() []fault {
	return []fault{
		{every: 97, container: "istio-validation", reason: "CrashLoopBackOff", message: "back-off 5m0s restarting failed container", exit: 126},
		{every: 101, container: "app", reason: "ImagePullBackOff", message: "Back-off pulling image"},
		{every: 103, container: "app", reason: "CrashLoopBackOff", message: "back-off 5m0s restarting failed container", exit: 1},
	}
}

// fail has some pods not run. n counts the pods.
func fail(pod *corev1.Pod, n int) {
	for _, f := range faults() {
		if n%f.every == f.every-1 && f.hit(&pod.Status) {
			return
		}
	}
}

// hit has a container wait, and reports whether there is such a container.
func (f fault) hit(status *corev1.PodStatus) bool {
	found := false
	for i, container := range containers(status) {
		init := i < len(status.InitContainerStatuses)
		switch {
		case container.Name == f.container:
			found = true
			f.hold(container, status.StartTime)
			if init {
				unready(status, "Initialized", "ContainersNotInitialized")
			}
		case found && status.Phase == corev1.PodPending:
			f.never(container)
		}
		if found && init {
			status.Phase = corev1.PodPending
		}
	}
	if found {
		unready(status, "Ready", "ContainersNotReady")
		unready(status, "ContainersReady", "ContainersNotReady")
	}
	return found
}

// hold has a container wait for its next try.
func (f fault) hold(container *corev1.ContainerStatus, began *metav1.Time) {
	f.never(container)
	container.State.Waiting = &corev1.ContainerStateWaiting{Reason: f.reason, Message: f.message}
	if f.exit == 0 || began == nil {
		return
	}
	container.RestartCount = 12
	container.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
		ExitCode: f.exit, Reason: "Error", StartedAt: *began, FinishedAt: metav1.NewTime(began.Add(10 * time.Second)),
	}
}

// never is the status of a container that has not run yet.
func (f fault) never(container *corev1.ContainerStatus) {
	no := false
	container.Ready, container.Started = false, &no
	container.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}
}

func unready(status *corev1.PodStatus, kind corev1.PodConditionType, reason string) {
	for i := range status.Conditions {
		if c := &status.Conditions[i]; c.Type == kind {
			c.Status, c.Reason = corev1.ConditionFalse, reason
		}
	}
}
