package check

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// fixture shows a rule what it must see and what it must not be taken in by.
// Both are changes of a healthy snapshot.
type fixture struct {
	// fires makes the rule find something. expect are texts that must stand in the
	// finding's objects, evidence, cause or remedy; objects must all be named.
	fires   func(*snapshot.Snapshot)
	expect  []string
	objects []Object
	// near comes close: the rule must answer ok.
	near func(*snapshot.Snapshot)
	// unread is for rules that read logs: it fires, but for a log that could not be
	// read. The rule must answer unknown.
	unread func(*snapshot.Snapshot)
}

// now is when the snapshots of the tests were taken.
func now() time.Time { return time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC) }

// ago is a time before the snapshots were taken.
func ago(d time.Duration) time.Time { return now().Add(-d) }

// The names in a healthy snapshot.
const (
	node1, node2, node3 = "aks-nodepool1-10000001-vmss000000", "aks-nodepool1-10000001-vmss000001", "aks-nodepool1-10000001-vmss000002"
	revision            = "asm-1-27"
	shop                = "shop"
)

// healthy is a cluster with three nodes, CNIChaining, its agent on every node for
// three days, and in the namespace shop the Deployment web, whose three pods are
// as they should be. Every part is known.
func healthy() *snapshot.Snapshot {
	s := snapshot.New(now())
	s.Context = snapshot.Context{Name: "contoso-aks", Server: "contoso-aks-1a2b3c4d.hcp.westeurope.azmk8s.io"}
	s.Identity = snapshot.Found(snapshot.Identity{
		ID:             "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/contoso-rg/providers/Microsoft.ContainerService/managedClusters/contoso-aks",
		SubscriptionID: "00000000-0000-0000-0000-000000000000", ResourceGroup: "contoso-rg", Name: "contoso-aks", Cloud: "public", Proof: "its nodes",
	})
	s.Cluster = snapshot.Found(snapshot.Cluster{
		Location: "westeurope", KubernetesVersion: "1.35.4", ProvisioningState: "Succeeded", PowerState: "Running", MeshMode: "Istio",
		Revisions: []string{revision}, Mechanism: mesh.CNIChaining, KnowsMechanism: true, APIVersion: "2026-04-01",
		Pools: []snapshot.Pool{{Name: "nodepool1", OSType: "Linux", OSSKU: "AzureLinux", NodeImageVersion: "AKSAzureLinux-V3gen2-202610.12.0"}},
	})
	s.KubernetesVersion = snapshot.Found("v1.35.4")
	var nodes []snapshot.Node
	var agents []snapshot.AgentPod
	for i, name := range []string{node1, node2, node3} {
		nodes = append(nodes, snapshot.Node{
			Name: name, OS: "linux", OSImage: "Microsoft Azure Linux 3.0", NodeImage: "AKSAzureLinux-V3gen2-202610.12.0", KubeletVersion: "v1.35.4", Ready: true,
		})
		agents = append(agents, snapshot.AgentPod{
			Name: mesh.AgentDaemonSet + "-" + string(rune('a'+i)), Node: name, Phase: "Running", Ready: true, Running: true, ReadySince: ago(72 * time.Hour),
		})
	}
	s.Nodes, s.AgentPods = snapshot.Found(nodes), snapshot.Found(agents)
	s.Agent = snapshot.Found(snapshot.Agent{Created: ago(73 * time.Hour), Desired: 3, Ready: 3, Updated: 3, Current: true})
	s.AgentConfig = snapshot.Found(snapshot.AgentConfig{ExcludedNamespaces: []string{"kube-system"}})
	s.InjectorMechanisms = snapshot.Found(map[string]mesh.Mechanism{revision: mesh.CNIChaining})
	s.Injectors = snapshot.Found(injectorsOf(revision, revision))
	s.Istiods = snapshot.Found([]snapshot.Istiod{{Name: "istiod-" + revision, Revision: revision, Wanted: 2, Ready: 2, NativeSidecars: "true"}})
	s.Endpoints = snapshot.Found(map[string]int{"istiod-" + revision: 2})
	s.Namespaces = snapshot.Found([]snapshot.Namespace{
		{Name: "default"}, {Name: "kube-system"}, {Name: mesh.SystemNamespace},
		{Name: shop, Labels: map[string]string{mesh.RevisionLabel: revision, "kubernetes.io/metadata.name": shop}},
	})
	s.Pods = snapshot.Found([]*mesh.Pod{meshPod("web", 1, node1), meshPod("web", 2, node2), meshPod("web", 3, node3)})
	s.Workloads = snapshot.Found([]snapshot.Workload{{Workload: mesh.Workload{Kind: "Deployment", Namespace: shop, Name: "web"}, Replicas: 3}})
	s.Budgets = snapshot.Found([]snapshot.Budget{})
	s.Events = snapshot.Found([]snapshot.Event{})
	return s
}

// injectorsOf are the webhooks of a revision for the value of istio.io/rev that
// it answers to, the revision itself or a tag: one for namespaces with the label,
// one for pods that have it themselves.
func injectorsOf(revision, value string) []mesh.Injector {
	in := func(key string, operator metav1.LabelSelectorOperator, values ...string) metav1.LabelSelectorRequirement {
		return metav1.LabelSelectorRequirement{Key: key, Operator: operator, Values: values}
	}
	all := []mesh.Injector{
		{
			Webhook:           "rev.namespace.sidecar-injector.istio.io",
			NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{in(mesh.RevisionLabel, metav1.LabelSelectorOpIn, value), in(mesh.LegacyInjectionLabel, metav1.LabelSelectorOpDoesNotExist)}},
			ObjectSelector:    &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{in(mesh.InjectLabel, metav1.LabelSelectorOpNotIn, "false")}},
		},
		{
			Webhook:           "rev.object.sidecar-injector.istio.io",
			NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{in(mesh.RevisionLabel, metav1.LabelSelectorOpDoesNotExist), in(mesh.LegacyInjectionLabel, metav1.LabelSelectorOpDoesNotExist)}},
			ObjectSelector:    &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{in(mesh.InjectLabel, metav1.LabelSelectorOpNotIn, "false"), in(mesh.RevisionLabel, metav1.LabelSelectorOpIn, value)}},
		},
	}
	for i := range all {
		all[i].Configuration, all[i].Revision = "istio-sidecar-injector-"+revision+"-"+mesh.SystemNamespace, revision
		all[i].Service, all[i].FailurePolicy = mesh.SystemNamespace+"/istiod-"+revision, "Fail"
		if value != revision {
			all[i].Tag, all[i].Configuration = value, "istio-revision-tag-"+value+"-"+mesh.SystemNamespace
		}
	}
	return all
}

// meshPod is a pod as it should be, with a native sidecar, two days old.
func meshPod(workload string, n int, node string) *mesh.Pod {
	user := int64(mesh.ProxyUID)
	return &mesh.Pod{
		Namespace: shop, Name: workload + "-7d4b9c6f5d-" + string(rune('a'+n)), Node: node, Phase: corev1.PodRunning,
		Created: ago(48 * time.Hour), Started: ago(48 * time.Hour),
		Workload: mesh.Workload{Kind: "Deployment", Namespace: shop, Name: workload},
		Revision: revision, HasProxy: true, NativeSidecar: true, Recorded: true, ProxyUser: &user,
		Redirect: &mesh.Redirect{Name: mesh.ValidationContainer, Capabilities: `{"drop":["ALL"]}`, RunAsUser: &user},
	}
}

// plainPod is a pod without anything of Istio's.
func plainPod(workload string, n int, node string) *mesh.Pod {
	pod := meshPod(workload, n, node)
	pod.Revision, pod.HasProxy, pod.NativeSidecar, pod.Recorded, pod.ProxyUser, pod.Redirect = "", false, false, false, nil, nil
	return pod
}

// privilegedPod is a pod with istio-init.
func privilegedPod(workload string, n int, node string) *mesh.Pod {
	pod := meshPod(workload, n, node)
	root := int64(0)
	pod.Redirect = &mesh.Redirect{Name: mesh.InitContainer, Capabilities: `{"add":["NET_ADMIN","NET_RAW"],"drop":["ALL"]}`, RunAsUser: &root}
	pod.Privileged = []string{mesh.InitContainer}
	return pod
}

// unvalidatedPod is a young pod whose istio-validation finds no redirection.
func unvalidatedPod(workload string, n int, node string) *mesh.Pod {
	pod := meshPod(workload, n, node)
	pod.Phase, pod.Created, pod.Started, pod.UID = corev1.PodPending, ago(10*time.Minute), ago(10*time.Minute), "0b5f0e2e-0000-4000-8000-000000000001"
	pod.Failures = []mesh.Failure{{Container: mesh.ValidationContainer, ExitCode: mesh.ValidationFailed, Finished: ago(time.Minute), Restarts: 5, Waiting: "CrashLoopBackOff"}}
	return pod
}

// addPods puts pods into a snapshot.
func addPods(s *snapshot.Snapshot, pods ...*mesh.Pod) { s.Pods.Value = append(s.Pods.Value, pods...) }

// addEvent puts an event of a pod or workload of the namespace shop, or of
// another one, into a snapshot.
func addEvent(s *snapshot.Snapshot, reason, kind, namespace, name, message string) {
	s.Events.Value = append(s.Events.Value, snapshot.Event{
		Namespace: namespace, Kind: kind, Name: name, Reason: reason, Message: message, Count: 7, Last: ago(2 * time.Minute),
	})
}

// withoutAgent leaves a node without the agent.
func withoutAgent(s *snapshot.Snapshot, node string) {
	s.AgentPods.Value = slices.DeleteFunc(s.AgentPods.Value, func(p snapshot.AgentPod) bool { return p.Node == node })
	s.Agent.Value.Desired, s.Agent.Value.Ready, s.Agent.Value.Updated = 2, 2, 2
}

// agentOn is the agent's pod on a node, to be changed.
func agentOn(s *snapshot.Snapshot, node string) *snapshot.AgentPod {
	for i := range s.AgentPods.Value {
		if s.AgentPods.Value[i].Node == node {
			return &s.AgentPods.Value[i]
		}
	}
	return nil
}

// nodeIn is a node, to be changed.
func nodeIn(s *snapshot.Snapshot, name string) *snapshot.Node {
	for i := range s.Nodes.Value {
		if s.Nodes.Value[i].Name == name {
			return &s.Nodes.Value[i]
		}
	}
	return nil
}

// addLog puts a container's log into a snapshot.
func addLog(s *snapshot.Snapshot, request snapshot.LogRequest, text string) {
	s.Logs = append(s.Logs, snapshot.Log{LogRequest: request, Text: snapshot.Found(text)})
}

// initContainers is the healthy cluster with CNIChaining off.
func initContainers(s *snapshot.Snapshot) {
	s.Cluster.Value.Mechanism = mesh.InitContainers
	s.InjectorMechanisms.Value = map[string]mesh.Mechanism{revision: mesh.InitContainers}
	s.Agent, s.AgentPods = snapshot.Missing[snapshot.Agent](), snapshot.Found([]snapshot.AgentPod{})
	s.AgentConfig = snapshot.Missing[snapshot.AgentConfig]()
	s.Pods.Value = []*mesh.Pod{privilegedPod("web", 1, node1), privilegedPod("web", 2, node2), privilegedPod("web", 3, node3)}
}
