package check

import (
	"cmp"
	"fmt"
	"iter"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Facts are a snapshot, with what most rules look up in it. Parts that a rule
// does not need may be unknown: their lookups then find nothing.
type Facts struct {
	*snapshot.Snapshot

	mesh     *mesh.Mesh
	verdicts []mesh.Verdict

	nodes      map[string]*snapshot.Node
	agentOn    map[string]*snapshot.AgentPod
	pods       map[objectKey]*mesh.Pod
	excluded   map[string]bool
	linuxNodes []snapshot.Node
}

type objectKey struct{ namespace, name string }

func newFacts(s *snapshot.Snapshot) (*Facts, error) {
	m, err := s.Mesh()
	if err != nil {
		return nil, err
	}
	f := &Facts{
		Snapshot: s, mesh: m, verdicts: make([]mesh.Verdict, len(s.Pods.Value)),
		nodes: map[string]*snapshot.Node{}, agentOn: map[string]*snapshot.AgentPod{},
		pods: make(map[objectKey]*mesh.Pod, len(s.Pods.Value)), excluded: map[string]bool{},
		linuxNodes: s.LinuxNodes(),
	}
	for i := range s.Nodes.Value {
		f.nodes[s.Nodes.Value[i].Name] = &s.Nodes.Value[i]
	}
	for i := range s.AgentPods.Value {
		// While one agent goes and the next comes, the one that is ready counts.
		pod := &s.AgentPods.Value[i]
		if other := f.agentOn[pod.Node]; other == nil || pod.Ready || other.Terminating {
			f.agentOn[pod.Node] = pod
		}
	}
	for i, pod := range s.Pods.Value {
		f.pods[objectKey{pod.Namespace, pod.Name}] = pod
		f.verdicts[i] = m.Judge(pod)
	}
	for _, name := range s.AgentConfig.Value.ExcludedNamespaces {
		f.excluded[name] = true
	}
	return f, nil
}

// Mechanism is Azure's word on the mechanism, or else the injectors' if they
// agree; Unknown if neither tells.
func (f *Facts) Mechanism() mesh.Mechanism {
	return cmp.Or(f.Cluster.Value.Mechanism, f.InjectorMechanism())
}

// MeshPods goes through the pods outside the add-on's and Kubernetes' own
// namespaces, with what is said of each.
func (f *Facts) MeshPods() iter.Seq2[*mesh.Pod, mesh.Verdict] {
	return func(yield func(*mesh.Pod, mesh.Verdict) bool) {
		for i, pod := range f.Pods.Value {
			if !mesh.IsSystemNamespace(pod.Namespace) && !yield(pod, f.verdicts[i]) {
				return
			}
		}
	}
}

// Unvalidated goes through the pods whose istio-validation ends with
// mesh.ValidationFailed: their traffic is not redirected.
func (f *Facts) Unvalidated() iter.Seq[*mesh.Pod] {
	return func(yield func(*mesh.Pod) bool) {
		for pod := range f.MeshPods() {
			failure := pod.FailureOf(mesh.ValidationContainer)
			if failure != nil && failure.ExitCode == mesh.ValidationFailed && !pod.Terminating && !yield(pod) {
				return
			}
		}
	}
}

// Node is the node of that name, nil if it is not known.
func (f *Facts) Node(name string) *snapshot.Node { return f.nodes[name] }

// AgentOn is the node agent's pod on a node, nil if there is none or it is not
// known.
func (f *Facts) AgentOn(node string) *snapshot.AgentPod { return f.agentOn[node] }

// Pod is a pod by its name, nil if it is not among those read.
func (f *Facts) Pod(namespace, name string) *mesh.Pod { return f.pods[objectKey{namespace, name}] }

// Excluded reports whether the node agent is told to leave a namespace alone.
func (f *Facts) Excluded(namespace string) bool { return f.excluded[namespace] }

// EventsOf goes through the events of a reason whose message contains all the
// words, upper and lower case being the same.
func (f *Facts) EventsOf(reason string, words ...string) iter.Seq[snapshot.Event] {
	return func(yield func(snapshot.Event) bool) {
		for _, event := range f.Events.Value {
			if event.Reason == reason && containsAll(event.Message, words) && !yield(event) {
				return
			}
		}
	}
}

func containsAll(text string, words []string) bool {
	text = strings.ToLower(text)
	for _, word := range words {
		if !strings.Contains(text, strings.ToLower(word)) {
			return false
		}
	}
	return true
}

// Ended reports whether none of a pod's containers will run again.
func Ended(pod *mesh.Pod) bool {
	return pod.Phase == corev1.PodSucceeded || pod.Phase == corev1.PodFailed
}

// Objects that findings name.

// PodObject is a pod.
func PodObject(pod *mesh.Pod) Object { return Object{"Pod", pod.Namespace, pod.Name} }

// WorkloadObject is what a pod belongs to.
func WorkloadObject(w mesh.Workload) Object { return Object{w.Kind, w.Namespace, w.Name} }

// NodeObject is a node.
func NodeObject(name string) Object { return Object{Kind: "Node", Name: name} }

// NamespaceObject is a namespace.
func NamespaceObject(name string) Object { return Object{Kind: "Namespace", Name: name} }

// AgentObject is the node agent's DaemonSet, AgentPodObject one of its pods.
func AgentObject() Object { return Object{"DaemonSet", mesh.SystemNamespace, mesh.AgentDaemonSet} }

// AgentPodObject is one of the node agent's pods.
func AgentPodObject(name string) Object { return Object{"Pod", mesh.SystemNamespace, name} }

// ClusterObject is the cluster's Azure resource.
func (f *Facts) ClusterObject() Object {
	return Object{Kind: "Cluster", Name: cmp.Or(f.Identity.Value.Name, f.Context.Name)}
}

// String is such as pod/web-1 in shop.
func (o Object) String() string {
	text := strings.ToLower(o.Kind) + "/" + o.Name
	if o.Namespace != "" {
		text += " in " + o.Namespace
	}
	return text
}

// Roots of findings. Each is a path, so that what is wrong with the agent
// explains what is wrong with the agent on a node.
const (
	// RootMesh is the mesh as Azure has it.
	RootMesh = "mesh"
	// RootAgent is the node agent as a whole.
	RootAgent = RootMesh + "/agent"
	// RootInjection is the control plane's part in making pods.
	RootInjection = RootMesh + "/injection"
)

// RootAgentOn is the node agent on one node.
func RootAgentOn(node string) string { return RootAgent + "/" + node }

// RootNamespace is how a namespace is labelled.
func RootNamespace(name string) string { return "namespace/" + name }

// RootPod is a pod.
func RootPod(pod *mesh.Pod) string { return "pod/" + pod.Namespace + "/" + pod.Name }

// Commands that remedies are made of.

// GetPods shows a pod's or all pods' place, by a command for people.
func getPod(pod *mesh.Pod) string {
	return fmt.Sprintf("kubectl get pod -n %s %s -o wide", pod.Namespace, pod.Name)
}

func deletePod(namespace, name string) string {
	return fmt.Sprintf("kubectl delete pod -n %s %s", namespace, name)
}

func restart(w mesh.Workload) string {
	return fmt.Sprintf("kubectl istio-cni restart -n %s %s", w.Namespace, w)
}

// az is a command of Azure's CLI about the cluster.
func (f *Facts) az(command string) string {
	id := f.Identity.Value
	return fmt.Sprintf("az %s --resource-group %s --name %s", command, cmp.Or(id.ResourceGroup, "RESOURCE-GROUP"), cmp.Or(id.Name, "CLUSTER"))
}
