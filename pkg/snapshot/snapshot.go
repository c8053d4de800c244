// Package snapshot holds what was observed of a cluster and of its Azure
// resource at one time, and for each part how reading it went. Everything that
// judges or plans works on a Snapshot and on nothing else.
//
// It never holds a Secret, an environment value of a container, or a token.
package snapshot

import (
	"cmp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

// Snapshot is one observation.
type Snapshot struct {
	Taken   time.Time `json:"taken"`
	Context Context   `json:"context"`

	// Identity is which Azure resource the context's cluster is.
	Identity Part[Identity] `json:"identity"`
	// Cluster is that resource.
	Cluster Part[Cluster] `json:"cluster"`
	// Feature is the state of the preview feature flag; not asked for where the
	// api-version is a stable one.
	Feature Part[string] `json:"feature"`

	// KubernetesVersion of the API server, such as v1.35.4.
	KubernetesVersion Part[string] `json:"kubernetesVersion"`
	Nodes             Part[[]Node] `json:"nodes"`
	// Agent is the node agent's DaemonSet, absent while CNI is off.
	Agent Part[Agent] `json:"agent"`
	// AgentPods are the node agent's pods.
	AgentPods Part[[]AgentPod] `json:"agentPods"`
	// InjectorMechanisms is the mechanism of each revision's injector.
	InjectorMechanisms Part[map[string]mesh.Mechanism] `json:"injectorMechanisms"`
	Injectors          Part[[]mesh.Injector]           `json:"injectors"`
	Namespaces         Part[[]Namespace]               `json:"namespaces"`
	// Pods of the namespaces asked for. Their verdicts are not part of the
	// snapshot: they follow from it.
	Pods Part[[]*mesh.Pod] `json:"pods"`
	// Workloads are the Deployments, StatefulSets and DaemonSets of those
	// namespaces, and Budgets their PodDisruptionBudgets.
	Workloads Part[[]Workload] `json:"workloads"`
	Budgets   Part[[]Budget]   `json:"budgets"`

	// AgentConfig is what the node agent is told to do.
	AgentConfig Part[AgentConfig] `json:"agentConfig"`
	// Istiods are the control planes in the add-on's namespace, and Endpoints the
	// number of ready endpoints of each of their Services.
	Istiods   Part[[]Istiod]       `json:"istiods"`
	Endpoints Part[map[string]int] `json:"endpoints"`
	// Events of pods and workloads that concern redirection or injection, in the
	// namespaces asked for and in the add-on's own.
	Events Part[[]Event] `json:"events"`
	// Logs of containers that a finding points at.
	Logs []Log `json:"logs,omitempty"`
}

// Context is what the observation was made through.
type Context struct {
	// Name of the kube context; Server is its API server's host name.
	Name   string `json:"name"`
	Server string `json:"server"`
	// Namespace that pods were read in, "" for all.
	Namespace string `json:"namespace,omitempty"`
}

// State tells how reading a part went.
type State string

// A part that is not Read or Absent is unknown, which is never the same as fine.
const (
	NotAsked State = "not asked"
	Read     State = "read"
	// Absent means that the API answered and the thing does not exist.
	Absent   State = "absent"
	Denied   State = "denied"
	TimedOut State = "timed out"
	// Unreachable means that there was no answer at all.
	Unreachable State = "unreachable"
	Failed      State = "failed"
)

// Part is something observed, with how reading it went.
type Part[T any] struct {
	State State `json:"state"`
	// Reason says in one line why a part is not known.
	Reason string `json:"reason,omitempty"`
	// Needs is what would make it known, such as "the permission to list nodes".
	Needs string `json:"needs,omitempty"`
	Value T      `json:"value,omitzero"`
}

// Known reports whether the part was answered, be it with a value or with the
// certainty that there is none.
func (p Part[T]) Known() bool { return p.State == Read || p.State == Absent }

// Whole reports whether the part was answered and nothing of it is hidden.
func (p Part[T]) Whole() bool { return p.Known() && p.Needs == "" }

// Why says why the part is not known, or not whole, and what that would take.
func (p Part[T]) Why() string {
	why := cmp.Or(p.Reason, string(p.State))
	if p.Needs != "" {
		why += "; it takes " + p.Needs
	}
	return why
}

// Found is a part that was read.
func Found[T any](value T) Part[T] { return Part[T]{State: Read, Value: value} }

// Missing is a part that certainly does not exist.
func Missing[T any]() Part[T] { return Part[T]{State: Absent} }

// Identity is an AKS cluster's place in Azure.
type Identity struct {
	// ID is the ARM resource id.
	ID             string `json:"id"`
	SubscriptionID string `json:"subscriptionId"`
	ResourceGroup  string `json:"resourceGroup"`
	Name           string `json:"name"`
	// Cloud is the name of the Azure cloud.
	Cloud string `json:"cloud"`
	// Proof says how it is known that this is the context's cluster; "" if that
	// is not proven.
	Proof string `json:"proof,omitempty"`
	// Named is set if a person named the cluster. An unproven cluster may be
	// written to only then.
	Named bool `json:"named,omitempty"`
}

// Cluster is what matters here of a Microsoft.ContainerService/managedClusters
// resource.
type Cluster struct {
	Location          string `json:"location"`
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
	// ProvisioningState is Succeeded when no operation runs and the last one
	// went well.
	ProvisioningState string `json:"provisioningState"`
	// SKU is Base or Automatic.
	SKU string `json:"sku,omitempty"`
	// PowerState is Running or Stopped.
	PowerState string `json:"powerState,omitempty"`
	// MeshMode is Istio, Disabled, or "" if the cluster has no mesh.
	MeshMode  string   `json:"meshMode,omitempty"`
	Revisions []string `json:"revisions,omitempty"`
	// Mechanism is what Azure says; Unknown if APIVersion does not know the field.
	Mechanism mesh.Mechanism `json:"mechanism"`
	// APIVersion is what the cluster was read with.
	APIVersion        string `json:"apiVersion"`
	KnowsMechanism    bool   `json:"knowsMechanism"`
	NodeResourceGroup string `json:"nodeResourceGroup,omitempty"`
	FQDN              string `json:"fqdn,omitempty"`
	PrivateFQDN       string `json:"privateFqdn,omitempty"`
	PortalFQDN        string `json:"azurePortalFqdn,omitempty"`
	Pools             []Pool `json:"pools,omitempty"`
}

// Pool is a node pool as Azure has it.
type Pool struct {
	Name             string `json:"name"`
	OSType           string `json:"osType,omitempty"`
	OSSKU            string `json:"osSku,omitempty"`
	NodeImageVersion string `json:"nodeImageVersion,omitempty"`
}

// Node is what matters here of a Kubernetes node.
type Node struct {
	Name string `json:"name"`
	// OS is linux or windows.
	OS string `json:"os,omitempty"`
	// OSImage is such as "Ubuntu 22.04.5 LTS".
	OSImage        string `json:"osImage,omitempty"`
	NodeImage      string `json:"nodeImage,omitempty"`
	KubeletVersion string `json:"kubeletVersion,omitempty"`
	ProviderID     string `json:"providerId,omitempty"`
	Ready          bool   `json:"ready"`
	// Virtual nodes run pods elsewhere and never have a node agent.
	Virtual bool    `json:"virtual,omitempty"`
	Taints  []Taint `json:"taints,omitempty"`
}

// Taint keeps pods off a node.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"`
	Effect string `json:"effect"`
}

// String is the form that kubectl taint takes.
func (t Taint) String() string {
	if t.Value == "" {
		return t.Key + ":" + t.Effect
	}
	return t.Key + "=" + t.Value + ":" + t.Effect
}

// Agent is the node agent's DaemonSet.
type Agent struct {
	Created time.Time `json:"created"`
	// Desired is the number of nodes that should run it; Ready of them do;
	// Updated of them run its present version.
	Desired int32 `json:"desired"`
	Ready   int32 `json:"ready"`
	Updated int32 `json:"updated"`
	// Current reports whether the DaemonSet controller has seen its present version.
	Current bool `json:"current"`
	// Deleting is set while the DaemonSet is going away.
	Deleting bool `json:"deleting,omitempty"`
}

// AgentPod is one pod of the node agent.
type AgentPod struct {
	Name  string `json:"name"`
	Node  string `json:"node"`
	Ready bool   `json:"ready"`
	// UID tells it from another of its name.
	UID string `json:"uid,omitempty"`
	// ReadySince is when it last became ready, zero if it is not; UnreadySince is
	// when it last ceased to be, or was made.
	ReadySince   time.Time `json:"readySince,omitzero"`
	UnreadySince time.Time `json:"unreadySince,omitzero"`
	Phase        string    `json:"phase,omitempty"`
	// Waiting is why its container does not run, such as ImagePullBackOff, and
	// Message what the kubelet says about it.
	Waiting string `json:"waiting,omitempty"`
	Message string `json:"message,omitempty"`
	// Running is set while its container runs.
	Running     bool  `json:"running,omitempty"`
	Restarts    int32 `json:"restarts,omitempty"`
	Terminating bool  `json:"terminating,omitempty"`
}

// AgentConfig is what the node agent is told to do, by its environment.
type AgentConfig struct {
	// ExcludedNamespaces are left without redirection, whatever the injector does.
	ExcludedNamespaces []string `json:"excludedNamespaces,omitempty"`
}

// Istiod is one control plane, the Deployment of one revision.
type Istiod struct {
	Name string `json:"name"`
	// Revision is "" for an istiod without one, which is not the add-on's.
	Revision string `json:"revision,omitempty"`
	Wanted   int32  `json:"wanted"`
	Ready    int32  `json:"ready"`
	// NativeSidecars is its setting ENABLE_NATIVE_SIDECARS, "" where it has none.
	NativeSidecars string `json:"nativeSidecars,omitempty"`
}

// Event is what Kubernetes said of an object, several times perhaps.
type Event struct {
	Namespace string `json:"namespace"`
	// Kind and Name of the object.
	Kind    string    `json:"kind"`
	Name    string    `json:"name"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Count   int32     `json:"count,omitempty"`
	Last    time.Time `json:"last,omitzero"`
}

// Log is the end of a container's log.
type Log struct {
	LogRequest
	Text Part[string] `json:"text"`
}

// LogRequest names a container's log.
type LogRequest struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Container string `json:"container"`
	// Previous asks for the log of the container before its last restart.
	Previous bool `json:"previous,omitempty"`
}

// Namespace is a namespace with its labels.
type Namespace struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
}

// Workload is a Deployment, StatefulSet or DaemonSet, with what decides whether
// and how it can be restarted.
type Workload struct {
	mesh.Workload
	// Replicas wanted; for a DaemonSet the number of nodes.
	Replicas int32 `json:"replicas"`
	// Paused Deployments roll out nothing until they are resumed.
	Paused bool `json:"paused,omitempty"`
	// Recreate is set if a Deployment's old pods stop before new ones start.
	Recreate bool `json:"recreate,omitempty"`
	// OnDelete is set if pods are replaced only when somebody deletes them.
	OnDelete bool `json:"onDelete,omitempty"`
	// Partition keeps the StatefulSet's pods below this ordinal as they are.
	Partition int32 `json:"partition,omitempty"`
	// TemplateRedirect is the redirect container that the pod template itself
	// carries, which no restart changes.
	TemplateRedirect string `json:"templateRedirect,omitempty"`
	// PodLabels are the pod template's labels.
	PodLabels map[string]string `json:"podLabels,omitempty"`
}

// Budget is a PodDisruptionBudget.
type Budget struct {
	Namespace          string                `json:"namespace"`
	Name               string                `json:"name"`
	Selector           *metav1.LabelSelector `json:"selector,omitempty"`
	DisruptionsAllowed int32                 `json:"disruptionsAllowed"`
}
