package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/aks"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/arm"
)

const (
	agentContainer = "install-cni"
	// anyAgent and theDaemonSet are how findings name the agent.
	anyAgent     = "Pod/aks-istio-system/" + agentDaemonSet + "-*"
	theDaemonSet = "DaemonSet/aks-istio-system/" + agentDaemonSet
)

func asJSON(v any) []byte {
	// Only plain values are encoded.
	encoded, _ := json.Marshal(v)
	return encoded
}

// agents are the node agent's pods.
func (l *lab) agents() []corev1.Pod {
	l.t.Helper()
	list, err := l.Client.CoreV1().Pods(aks.Namespace).List(l.ctx(), metav1.ListOptions{LabelSelector: "k8s-app=" + agentDaemonSet})
	l.must(err)
	return list.Items
}

// agentOn is the node agent's pod on a node.
func (l *lab) agentOn(node string) *corev1.Pod {
	l.t.Helper()
	for _, pod := range l.agents() {
		if pod.Spec.NodeName == node {
			return &pod
		}
	}
	l.t.Fatalf("no agent on %s", node)
	return nil
}

func (l *lab) daemonSet() *appsv1.DaemonSet {
	l.t.Helper()
	ds, err := l.Client.AppsV1().DaemonSets(aks.Namespace).Get(l.ctx(), agentDaemonSet, metav1.GetOptions{})
	l.must(err)
	return ds
}

// agentsReady waits until the agent is ready on all three nodes of the pool.
func (l *lab) agentsReady() {
	l.t.Helper()
	until(l.t, func() string {
		ds, err := l.Client.AppsV1().DaemonSets(aks.Namespace).Get(l.ctx(), agentDaemonSet, metav1.GetOptions{})
		if err != nil {
			return err.Error()
		}
		s := ds.Status
		if len(l.agents()) != 3 || s.ObservedGeneration != ds.Generation || s.NumberReady != 3 || s.UpdatedNumberScheduled != 3 || s.DesiredNumberScheduled != 3 {
			return fmt.Sprintf("%d agents, %+v", len(l.agents()), s)
		}
		return ""
	})
}

// deleteAgent deletes the agent's pod on a node at once.
func (l *lab) deleteAgent(node string) {
	l.t.Helper()
	l.must(l.Client.CoreV1().Pods(aks.Namespace).Delete(l.ctx(), l.agentOn(node).Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64)}))
}

// holdAgent keeps kwok from the agent on a node and gives it a status.
func (l *lab) holdAgent(node string, change func(*corev1.PodStatus)) *corev1.Pod {
	l.t.Helper()
	name := l.agentOn(node).Name
	pod, err := l.Client.CoreV1().Pods(aks.Namespace).Patch(l.ctx(), name, types.MergePatchType,
		asJSON(object{"metadata": object{"annotations": object{aks.HoldAnnotation: ""}}}), metav1.PatchOptions{})
	l.must(err)
	l.setStatus(pod, change)
	l.afterwards(func() {
		l.deleteAgent(node)
		l.agentsReady()
	})
	return pod
}

// readySince is an agent that has been ready for a while.
func readySince(d time.Duration) func(*corev1.PodStatus) {
	return func(s *corev1.PodStatus) {
		for i := range s.Conditions {
			s.Conditions[i].LastTransitionTime = ago(d)
		}
	}
}

// unready is an agent that runs and is not ready.
func unready(s *corev1.PodStatus) {
	for i := range s.Conditions {
		if c := &s.Conditions[i]; c.Type == corev1.PodReady || c.Type == corev1.ContainersReady {
			c.Status, c.Reason = corev1.ConditionFalse, "ContainersNotReady"
		}
	}
	for i := range s.ContainerStatuses {
		s.ContainerStatuses[i].Ready = false
	}
}

// waits is an agent that does not run, with the kubelet's reason.
func waits(reason, message string, restarts int32) func(*corev1.PodStatus) {
	return func(s *corev1.PodStatus) {
		unready(s)
		if restarts == 0 {
			s.Phase = corev1.PodPending
		}
		for i := range s.ContainerStatuses {
			c := &s.ContainerStatuses[i]
			c.Started, c.RestartCount = new(false), restarts
			c.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
			if restarts > 0 {
				c.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", StartedAt: ago(20 * time.Second), FinishedAt: ago(18 * time.Second)}}
			}
		}
	}
}

func before(d time.Duration) time.Time { return time.Now().Add(-d) }

// logs gives an agent a log, whose lines are of one time.
func (l *lab) logs(pod *corev1.Pod, previous bool, at time.Time, lines ...string) {
	l.t.Helper()
	var log strings.Builder
	for _, line := range lines {
		log.WriteString(at.UTC().Format("2006-01-02T15:04:05.000000Z") + "\t" + line + "\n")
	}
	l.must(l.Kubelets.WriteLog(pod.Namespace, pod.Name, agentContainer, previous, log.String()))
}

// changeAgent patches the agent's DaemonSet; after the mode it is made anew.
func (l *lab) changeAgent(patch ...object) {
	l.t.Helper()
	_, err := l.Client.AppsV1().DaemonSets(aks.Namespace).Patch(l.ctx(), agentDaemonSet, types.JSONPatchType, asJSON(patch), metav1.PatchOptions{})
	l.must(err)
	l.afterwards(l.remakeAgent)
}

// removeAgent deletes the agent's DaemonSet; after the mode it is made anew.
func (l *lab) removeAgent() {
	l.t.Helper()
	l.dropAgent()
	l.afterwards(l.remakeAgent)
}

func (l *lab) dropAgent() {
	l.t.Helper()
	now := metav1.DeleteOptions{GracePeriodSeconds: new(int64), PropagationPolicy: new(metav1.DeletePropagationBackground)}
	err := l.Client.AppsV1().DaemonSets(aks.Namespace).Delete(l.ctx(), agentDaemonSet, now)
	l.must(err)
	until(l.t, func() string {
		l.must(l.Client.CoreV1().Pods(aks.Namespace).DeleteCollection(l.ctx(), now, metav1.ListOptions{LabelSelector: "k8s-app=" + agentDaemonSet}))
		if n := len(l.agents()); n > 0 {
			return fmt.Sprintf("%d agents are left", n)
		}
		return ""
	})
}

func (l *lab) remakeAgent() {
	l.t.Helper()
	l.dropAgentIfAny()
	l.must(l.Cluster.Reconcile(l.ctx(), arm.CNIChaining))
	l.agentsReady()
}

// dropAgentIfAny is dropAgent where the DaemonSet may be gone already.
func (l *lab) dropAgentIfAny() {
	l.t.Helper()
	if list, err := l.Client.AppsV1().DaemonSets(aks.Namespace).List(l.ctx(), metav1.ListOptions{}); err != nil || len(list.Items) > 0 {
		l.must(err)
		l.dropAgent()
	}
}

// taint puts a taint on a node.
func (l *lab) taint(node string, taint corev1.Taint) {
	l.t.Helper()
	l.patchNode(node, object{"spec": object{"taints": []corev1.Taint{taint}}})
	l.afterwards(func() { l.patchNode(node, object{"spec": object{"taints": nil}}) })
}

func (l *lab) patchNode(node string, patch object, subresources ...string) {
	l.t.Helper()
	_, err := l.Client.CoreV1().Nodes().Patch(l.ctx(), node, types.StrategicMergePatchType, asJSON(patch), metav1.PatchOptions{}, subresources...)
	l.must(err)
}

// leaveAgentBehind makes the agent's DaemonSet where CNI is off.
func (l *lab) leaveAgentBehind() {
	l.t.Helper()
	l.must(l.Cluster.Reconcile(l.ctx(), arm.CNIChaining))
	sets := l.Client.AppsV1().DaemonSets(aks.Namespace)
	ds, err := sets.Get(l.ctx(), agentDaemonSet, metav1.GetOptions{})
	l.must(err)
	l.must(l.Cluster.Reconcile(l.ctx(), arm.InitContainers))
	l.dropAgentIfAny()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: ds.Spec.Template.Spec.ServiceAccountName}}
	accounts := l.Client.CoreV1().ServiceAccounts(aks.Namespace)
	_, err = accounts.Create(l.ctx(), account, metav1.CreateOptions{})
	l.must(err)
	l.afterwards(func() { l.must(accounts.Delete(l.ctx(), account.Name, metav1.DeleteOptions{})) })
	left := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: ds.Name, Namespace: ds.Namespace, Labels: ds.Labels}, Spec: ds.Spec}
	_, err = sets.Create(l.ctx(), left, metav1.CreateOptions{})
	l.must(err)
	l.afterwards(l.dropAgentIfAny)
	l.agentsReady()
}
