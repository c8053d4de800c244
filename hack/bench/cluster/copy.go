package cluster

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Names in the example's manifest.
const (
	exampleNamespace = "example-namespace"
	exampleWorkload  = "example-workload"
)

// Example is a Deployment and its pod, as Istio injected it, to be copied.
type Example struct {
	Deployment *appsv1.Deployment
	Pod        *corev1.Pod
}

// place says what a copy is called and where it is.
type place struct {
	namespace, workload, hash, suffix, node, ip string
}

// pod copies the pod to a place. What Istio derives from a pod's names is in
// many of its members, also in JSON within strings, so names are replaced
// wherever they stand.
func (e Example) pod(at place) (*corev1.Pod, error) {
	hash := e.Pod.Labels["pod-template-hash"]
	owner := exampleWorkload + "-" + hash
	name := at.workload + "-" + at.hash
	original := e.Pod.DeepCopy()
	forget(&original.ObjectMeta)
	original.ManagedFields = created(e.Pod.ManagedFields)
	var pod corev1.Pod
	err := copied(original, &pod,
		e.Pod.Name, name+"-"+at.suffix, owner, name, exampleWorkload, at.workload, hash, at.hash,
		string(e.Pod.OwnerReferences[0].UID), uid(at.workload), e.Pod.Namespace, at.namespace, quoted(e.Pod.Spec.NodeName), quoted(at.node), quoted(e.Pod.Status.PodIP), quoted(at.ip))
	if err != nil {
		return nil, fmt.Errorf("copy a pod to %s/%s: %w", at.namespace, at.workload, err)
	}
	identify(&pod)
	return &pod, nil
}

// deployment copies the Deployment, with a number of replicas that are ready.
func (e Example) deployment(at place, replicas int32) (*appsv1.Deployment, error) {
	var d appsv1.Deployment
	if err := copied(e.Deployment, &d, exampleWorkload, at.workload, e.Deployment.Namespace, at.namespace); err != nil {
		return nil, fmt.Errorf("copy a Deployment to %s/%s: %w", at.namespace, at.workload, err)
	}
	forget(&d.ObjectMeta)
	d.Spec.Replicas = &replicas
	s := &d.Status
	s.ObservedGeneration = 1
	s.Replicas, s.UpdatedReplicas, s.ReadyReplicas, s.AvailableReplicas, s.UnavailableReplicas = replicas, replicas, replicas, replicas, 0
	return &d, nil
}

// copied copies by way of JSON, and replaces texts in it.
func copied(from, to any, oldnew ...string) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(strings.NewReplacer(oldnew...).Replace(string(text))), to)
}

func quoted(s string) string { return `"` + s + `"` }

// forget leaves out what the API server sets.
func forget(o *metav1.ObjectMeta) {
	o.UID, o.ResourceVersion, o.Generation = "", "", 0
	o.CreationTimestamp, o.ManagedFields = metav1.Time{}, nil
}

// created is what was noted of a pod's making. It does not have what Istio put in,
// which the API server does not note.
func created(all []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	return slices.DeleteFunc(slices.Clone(all), func(e metav1.ManagedFieldsEntry) bool { return e.Subresource != "" })
}

// uid is always the same for a workload; nobody looks for what has it.
func uid(workload string) string {
	sum := digest(workload)
	return strings.Join([]string{sum[:8], sum[8:12], sum[12:16], sum[16:20], sum[20:32]}, "-")
}

// identify gives containers and images the identities that a kubelet reports,
// and that the sandbox's does not.
func identify(pod *corev1.Pod) {
	for _, status := range containers(&pod.Status) {
		status.ContainerID = "containerd://" + digest(pod.Namespace+pod.Name+status.Name)
		repository, _, _ := strings.Cut(status.Image, ":")
		status.ImageID = repository + "@sha256:" + digest(status.Image)
	}
}

// containers are the statuses of all containers, in the order in which they
// start.
func containers(status *corev1.PodStatus) []*corev1.ContainerStatus {
	var all []*corev1.ContainerStatus
	for _, list := range [][]corev1.ContainerStatus{status.InitContainerStatuses, status.ContainerStatuses} {
		for i := range list {
			all = append(all, &list[i])
		}
	}
	return slices.Clip(all)
}
