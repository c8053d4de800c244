package e2e

import (
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/aks"
)

// The system pool's nodes.
const (
	node0 = "aks-nodepool1-12345678-vmss000000"
	node1 = "aks-nodepool1-12345678-vmss000001"
	node2 = "aks-nodepool1-12345678-vmss000002"
)

const revisionLabel = "istio.io/rev"

func inMesh() map[string]string { return map[string]string{revisionLabel: "asm-1-27"} }

// makeNamespace makes the mode's own namespace, which goes with the mode.
func (l *lab) makeNamespace(labels map[string]string) {
	l.t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: l.ns, Labels: labels}}
	_, err := l.Client.CoreV1().Namespaces().Create(l.ctx(), ns, metav1.CreateOptions{})
	l.must(err)
	l.afterwards(func() { l.removeNamespace(l.ns) })
}

// labelNamespace changes labels of the mode's own namespace; nil removes one.
func (l *lab) labelNamespace(labels map[string]any) {
	l.t.Helper()
	l.must(l.patchNamespace(l.ns, labels))
}

func (l *lab) patchNamespace(name string, labels map[string]any) error {
	_, err := l.Client.CoreV1().Namespaces().Patch(l.ctx(), name, types.MergePatchType, asJSON(object{"metadata": object{"labels": labels}}), metav1.PatchOptions{})
	return err
}

type object = map[string]any

// removeNamespace removes a namespace. It is enough to wait for its pods, events
// and labels to be gone: the empty shell may take longer.
func (l *lab) removeNamespace(name string) {
	l.t.Helper()
	l.must(l.patchNamespace(name, map[string]any{revisionLabel: nil, "istio-injection": nil}))
	now := metav1.DeleteOptions{GracePeriodSeconds: new(int64)}
	all := metav1.ListOptions{}
	apps, core := l.Client.AppsV1(), l.Client.CoreV1()
	l.must(apps.Deployments(name).DeleteCollection(l.ctx(), now, all))
	l.must(l.Client.BatchV1().Jobs(name).DeleteCollection(l.ctx(), metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)}, all))
	until(l.t, func() string {
		l.must(apps.ReplicaSets(name).DeleteCollection(l.ctx(), now, all))
		l.must(core.Pods(name).DeleteCollection(l.ctx(), now, all))
		pods, err := core.Pods(name).List(l.ctx(), all)
		l.must(err)
		sets, err := apps.ReplicaSets(name).List(l.ctx(), all)
		l.must(err)
		if len(pods.Items)+len(sets.Items) > 0 {
			return fmt.Sprintf("%d pods are left in %s", len(pods.Items), name)
		}
		return ""
	})
	l.removeEvents(name)
	l.must(core.Namespaces().Delete(l.ctx(), name, metav1.DeleteOptions{}))
}

// change is made to a Deployment before it is created.
type change func(*appsv1.Deployment)

// held keeps kwok from the pods, for the test to give them a status.
func held(d *appsv1.Deployment) { annotated(aks.HoldAnnotation, "")(d) }

func annotated(key, value string) change {
	return func(d *appsv1.Deployment) {
		if d.Spec.Template.Annotations == nil {
			d.Spec.Template.Annotations = map[string]string{}
		}
		d.Spec.Template.Annotations[key] = value
	}
}

func labelled(key, value string) change {
	return func(d *appsv1.Deployment) { d.Spec.Template.Labels[key] = value }
}

func onNode(name string) change {
	return func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.NodeSelector = map[string]string{corev1.LabelHostname: name}
	}
}

func onHostNetwork(d *appsv1.Deployment) { d.Spec.Template.Spec.HostNetwork = true }

func replicas(n int32) change { return func(d *appsv1.Deployment) { d.Spec.Replicas = &n } }

func deploymentOf(name string, changes ...change) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "registry.example/app:1"}}},
			},
		},
	}
	for _, c := range changes {
		c(d)
	}
	return d
}

// makeDeployment makes a Deployment in the mode's own namespace, and waits for no
// pod.
func (l *lab) makeDeployment(name string, changes ...change) {
	l.t.Helper()
	_, err := l.Client.AppsV1().Deployments(l.ns).Create(l.ctx(), deploymentOf(name, changes...), metav1.CreateOptions{})
	l.must(err)
}

// deploy makes a Deployment and waits until its pods are scheduled, and run unless
// they are held.
func (l *lab) deploy(name string, changes ...change) []corev1.Pod {
	l.t.Helper()
	l.makeDeployment(name, changes...)
	wanted := deploymentOf(name, changes...)
	count := 1
	if wanted.Spec.Replicas != nil {
		count = int(*wanted.Spec.Replicas)
	}
	var pods []corev1.Pod
	until(l.t, func() string {
		list, err := l.Client.CoreV1().Pods(l.ns).List(l.ctx(), metav1.ListOptions{LabelSelector: "app=" + name})
		l.must(err)
		pods = list.Items
		ready := 0
		for i := range pods {
			_, isHeld := pods[i].Annotations[aks.HoldAnnotation]
			if pods[i].Spec.NodeName != "" && (isHeld || pods[i].Status.Phase == corev1.PodRunning) {
				ready++
			}
		}
		if ready != count {
			return fmt.Sprintf("%d of %d pods of %s are up", ready, count, name)
		}
		return ""
	})
	return pods
}

// podOf is a pod of a Deployment in the mode's own namespace.
func (l *lab) podOf(name string) *corev1.Pod {
	l.t.Helper()
	list, err := l.Client.CoreV1().Pods(l.ns).List(l.ctx(), metav1.ListOptions{LabelSelector: "app=" + name})
	l.must(err)
	if len(list.Items) == 0 {
		l.t.Fatalf("%s has no pod", name)
	}
	return &list.Items[0]
}

// setStatus gives a pod a status, as its kubelet would.
func (l *lab) setStatus(pod *corev1.Pod, change func(*corev1.PodStatus)) {
	l.t.Helper()
	change(&pod.Status)
	updated, err := l.Client.CoreV1().Pods(pod.Namespace).UpdateStatus(l.ctx(), pod, metav1.UpdateOptions{})
	l.must(err)
	*pod = *updated
}

const (
	validation = "istio-validation"
	istioInit  = "istio-init"
	// unredirected is the exit code with which istio-validation finds no redirection.
	unredirected = 126
)

// crash has an init container of a held pod fail again and again since a while.
func (l *lab) crash(pod *corev1.Pod, container string, code int32, since time.Duration) {
	l.t.Helper()
	end := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: code, Reason: "Error", StartedAt: ago(min(since, 5*time.Second)), FinishedAt: ago(0),
	}}
	l.setStatus(pod, func(s *corev1.PodStatus) {
		s.Phase, s.StartTime, s.InitContainerStatuses = corev1.PodPending, new(ago(since)), nil
		at := slices.IndexFunc(pod.Spec.InitContainers, func(c corev1.Container) bool { return c.Name == container })
		if at < 0 {
			l.t.Fatalf("pod %s has no init container %s", pod.Name, container)
		}
		for i, c := range pod.Spec.InitContainers {
			status := corev1.ContainerStatus{Name: c.Name, Image: c.Image, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}}
			switch {
			case i < at:
				status.Ready = true
				status.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: ago(since), FinishedAt: ago(since)}}
			case i == at && pod.Spec.RestartPolicy == corev1.RestartPolicyNever:
				status.State = end
				s.Phase = corev1.PodFailed
			case i == at:
				status.RestartCount, status.LastTerminationState = 5, end
				status.State.Waiting = &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 5m0s restarting failed container=" + container}
			}
			s.InitContainerStatuses = append(s.InitContainerStatuses, status)
		}
	})
}

func ago(d time.Duration) metav1.Time {
	return metav1.NewTime(time.Now().Add(-d).Truncate(time.Second))
}

// event is what a kubelet would say of a pod, a minute ago and several times. Events
// outside the mode's own namespace go with the mode.
func (l *lab) event(pod *corev1.Pod, reason, message string) {
	l.t.Helper()
	events := l.Client.CoreV1().Events(pod.Namespace)
	made, err := events.Create(l.ctx(), &corev1.Event{
		ObjectMeta:     metav1.ObjectMeta{GenerateName: pod.Name + ".", Namespace: pod.Namespace},
		InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		Reason:         reason, Message: message, Type: corev1.EventTypeWarning, Count: 7,
		FirstTimestamp: ago(time.Minute), LastTimestamp: ago(0), Source: corev1.EventSource{Component: "kubelet", Host: pod.Spec.NodeName},
	}, metav1.CreateOptions{})
	l.must(err)
	if pod.Namespace != l.ns {
		l.afterwards(func() { l.must(events.Delete(l.ctx(), made.Name, metav1.DeleteOptions{})) })
	}
}

func (l *lab) removeEvents(namespace string) {
	l.t.Helper()
	l.must(l.Client.CoreV1().Events(namespace).DeleteCollection(l.ctx(), metav1.DeleteOptions{}, metav1.ListOptions{}))
}

// untilEvent waits for an event that a controller writes of an object whose name
// begins so.
func (l *lab) untilEvent(namespace, name, reason string) {
	l.t.Helper()
	until(l.t, func() string {
		list, err := l.Client.CoreV1().Events(namespace).List(l.ctx(), metav1.ListOptions{FieldSelector: "reason=" + reason})
		l.must(err)
		for _, e := range list.Items {
			if strings.HasPrefix(e.InvolvedObject.Name, name) {
				return ""
			}
		}
		return "no event " + reason + " of " + name
	})
}

// bypassing makes a pod, web, of the mesh that is not quite as the injector made it: what
// the injector answers is changed before the namespace joins the mesh.
func (l *lab) bypassing(changes ...func(*corev1.Pod)) *corev1.Pod {
	l.t.Helper()
	l.makeNamespace(inMesh())
	template := deploymentOf("web", held).Spec.Template
	var injected *corev1.Pod
	until(l.t, func() string {
		var err error
		// The service account may not be there yet.
		if injected, err = l.dryRun(l.ns, &template); err != nil {
			return err.Error()
		}
		return ""
	})
	injected.ObjectMeta = metav1.ObjectMeta{Name: "web", Labels: injected.Labels, Annotations: injected.Annotations}
	injected.Spec.NodeName = node0
	for _, c := range changes {
		c(injected)
	}
	l.labelNamespace(map[string]any{revisionLabel: nil})
	l.untilInjected(l.ns, "")
	made, err := l.Client.CoreV1().Pods(l.ns).Create(l.ctx(), injected, metav1.CreateOptions{})
	l.must(err)
	l.labelNamespace(map[string]any{revisionLabel: "asm-1-27"})
	return made
}

// dryRun is what would become of a pod in a namespace.
func (l *lab) dryRun(namespace string, template *corev1.PodTemplateSpec) (*corev1.Pod, error) {
	pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	pod.Name = "probe"
	return l.Client.CoreV1().Pods(namespace).Create(l.ctx(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
}

// initContainer is the init container of that name, to be changed.
func initContainer(pod *corev1.Pod, name string) *corev1.Container {
	for i := range pod.Spec.InitContainers {
		if pod.Spec.InitContainers[i].Name == name {
			return &pod.Spec.InitContainers[i]
		}
	}
	return nil
}

func withoutInitContainer(name string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		pod.Spec.InitContainers = slices.DeleteFunc(pod.Spec.InitContainers, func(c corev1.Container) bool { return c.Name == name })
	}
}

// unhold lets kwok have a pod, which it then runs.
func (l *lab) unhold(pod *corev1.Pod) {
	l.t.Helper()
	key := strings.ReplaceAll(aks.HoldAnnotation, "/", "~1")
	_, err := l.Client.CoreV1().Pods(pod.Namespace).Patch(l.ctx(), pod.Name, types.JSONPatchType,
		asJSON([]object{{"op": "remove", "path": "/metadata/annotations/" + key}}), metav1.PatchOptions{})
	l.must(err)
	until(l.t, func() string { return l.notReady(pod.Namespace) })
}
