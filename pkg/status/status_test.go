package status

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// healthy is a cluster that was switched to CNIChaining and restarted. Its
// namespace shop is in the mesh, with the Deployments web and api.
func healthy() *snapshot.Snapshot {
	s := snapshot.New(time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC))
	s.Context = snapshot.Context{Name: "contoso-aks", Server: "contoso-1234.hcp.westeurope.azmk8s.io"}
	s.Identity = snapshot.Found(snapshot.Identity{Name: "contoso-aks", ResourceGroup: "contoso-rg", Proof: "its nodes are in resource group MC_contoso"})
	s.Cluster = snapshot.Found(snapshot.Cluster{
		Location: "westeurope", ProvisioningState: "Succeeded", PowerState: "Running", MeshMode: "Istio",
		Revisions: []string{"asm-1-27"}, Mechanism: mesh.CNIChaining, APIVersion: "2026-01-01", KnowsMechanism: true,
	})
	s.KubernetesVersion = snapshot.Found("v1.35.4")
	s.Nodes = snapshot.Found([]snapshot.Node{{Name: "node-0", OS: "linux"}, {Name: "node-1", OS: "linux"}, {Name: "win-0", OS: "windows"}})
	s.Agent = snapshot.Found(snapshot.Agent{Desired: 2, Ready: 2, Updated: 2, Current: true})
	s.AgentPods = snapshot.Found([]snapshot.AgentPod{{Node: "node-0", Ready: true}, {Node: "node-1", Ready: true}})
	s.InjectorMechanisms = snapshot.Found(map[string]mesh.Mechanism{"asm-1-27": mesh.CNIChaining})
	s.Injectors = snapshot.Found([]mesh.Injector{{Revision: "asm-1-27", NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
		{Key: "istio.io/rev", Operator: metav1.LabelSelectorOpIn, Values: []string{"asm-1-27"}},
		{Key: "istio-injection", Operator: metav1.LabelSelectorOpDoesNotExist},
	}}}})
	s.Namespaces = snapshot.Found([]snapshot.Namespace{{Name: "shop", Labels: map[string]string{"istio.io/rev": "asm-1-27"}}, {Name: "plain"}, {Name: "kube-system"}})
	s.Pods = snapshot.Found([]*mesh.Pod{
		secured("shop", "web", 0), secured("shop", "web", 1), secured("shop", "api", 0),
		bare("plain", "tool"), bare("kube-system", "coredns"),
	})
	return s
}

func workload(namespace, name string) mesh.Workload {
	return mesh.Workload{Kind: "Deployment", Namespace: namespace, Name: name}
}

func secured(namespace, name string, n int) *mesh.Pod {
	return &mesh.Pod{
		Namespace: namespace, Name: fmt.Sprintf("%s-%d", name, n), Workload: workload(namespace, name),
		HasProxy: true, Revision: "asm-1-27", Redirect: &mesh.Redirect{Name: "istio-validation"},
	}
}

// privileged is a pod of the namespace shop.
func privileged(name string, n int) *mesh.Pod {
	pod := secured("shop", name, n)
	pod.Redirect, pod.Privileged = &mesh.Redirect{Name: "istio-init"}, []string{"istio-init"}
	return pod
}

func bare(namespace, name string) *mesh.Pod {
	return &mesh.Pod{Namespace: namespace, Name: name + "-0", Workload: workload(namespace, name)}
}

func denied[T any](needs string) snapshot.Part[T] {
	return snapshot.Part[T]{State: snapshot.Denied, Reason: "the API server denies it", Needs: needs}
}

func judge(t *testing.T, s *snapshot.Snapshot) *Status {
	t.Helper()
	status, err := From(s)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// The one next step, from the first obstacle to the last.
func TestNext(t *testing.T) {
	const place = "--resource-group contoso-rg --name contoso-aks"
	cluster := func(change func(*snapshot.Cluster)) func(*snapshot.Snapshot) {
		return func(s *snapshot.Snapshot) { change(&s.Cluster.Value) }
	}
	// initContainers is the cluster before the switch.
	initContainers := func(s *snapshot.Snapshot) {
		s.Cluster.Value.Mechanism, s.InjectorMechanisms.Value["asm-1-27"] = mesh.InitContainers, mesh.InitContainers
		s.Agent, s.AgentPods = snapshot.Missing[snapshot.Agent](), snapshot.Found[[]snapshot.AgentPod](nil)
		s.Pods.Value = []*mesh.Pod{privileged("web", 0)}
	}
	noAzure := func(s *snapshot.Snapshot) {
		s.Identity = snapshot.Part[snapshot.Identity]{State: snapshot.Denied, Reason: "the sign-in failed", Needs: "an Azure sign-in, for instance `az login`"}
		s.Cluster = snapshot.Part[snapshot.Cluster]{State: snapshot.Denied, Reason: "the sign-in failed", Needs: "an Azure sign-in, for instance `az login`"}
	}
	for _, test := range []struct {
		name   string
		change func(*snapshot.Snapshot)
		want   Next
	}{
		{"nothing", func(*snapshot.Snapshot) {}, Next{"nothing to do: no workload of the mesh is privileged or stale", ""}},

		{"stopped", cluster(func(c *snapshot.Cluster) { c.PowerState = "Stopped" }), Next{"the cluster is stopped", "az aks start " + place}},
		{"no mesh", cluster(func(c *snapshot.Cluster) { c.MeshMode, c.Revisions, c.Mechanism = "", nil, mesh.Unknown }), Next{"the Istio add-on is not enabled", "az aks mesh enable " + place}},
		{"mesh off", cluster(func(c *snapshot.Cluster) { c.MeshMode, c.Revisions, c.Mechanism = "Disabled", nil, mesh.Unknown }), Next{"the Istio add-on is not enabled", "az aks mesh enable " + place}},
		{"an operation runs", cluster(func(c *snapshot.Cluster) { c.ProvisioningState = "Updating" }), Next{"an operation is running on the cluster (Updating)", "kubectl istio-cni status --watch"}},
		{"too old a revision, even before the switch", func(s *snapshot.Snapshot) {
			initContainers(s)
			s.Cluster.Value.Revisions = []string{"asm-1-24", "asm-1-25"}
		}, Next{"revision asm-1-24 does not support CNIChaining", "kubectl istio-cni revisions"}},

		{"before the switch", initContainers, Next{"pods get a privileged init container", "kubectl istio-cni enable"}},
		{"before the switch, by the injectors alone", func(s *snapshot.Snapshot) { initContainers(s); noAzure(s) }, Next{"pods get a privileged init container", "kubectl istio-cni enable"}},
		{"neither Azure nor the injectors could be read", func(s *snapshot.Snapshot) {
			noAzure(s)
			s.InjectorMechanisms = denied[map[string]mesh.Mechanism]("list configmaps in namespace aks-istio-system")
		}, Next{"the redirection mechanism is unknown: it takes an Azure sign-in, or the permission to list configmaps in namespace aks-istio-system", ""}},

		{"no node agent", func(s *snapshot.Snapshot) { s.Agent = snapshot.Missing[snapshot.Agent]() },
			Next{"the mechanism is CNIChaining, but there is no node agent", "kubectl istio-cni enable --reconcile"}},
		{"a node without an agent", func(s *snapshot.Snapshot) { s.AgentPods.Value = s.AgentPods.Value[:1] },
			Next{"the node agent is ready on 1 of 2 nodes; pods on the others do not start", "kubectl istio-cni check"}},
		{"no node has an agent", func(s *snapshot.Snapshot) { s.AgentPods.Value = nil },
			Next{"the node agent is ready on 0 of 2 nodes; pods on the others do not start", "kubectl istio-cni check"}},

		{"no namespace in the mesh", func(s *snapshot.Snapshot) {
			s.Namespaces.Value[0].Labels, s.Pods.Value = nil, nil
		}, Next{"no namespace is in the mesh", "kubectl istio-cni label NAMESPACE"}},
		{"a legacy label", func(s *snapshot.Snapshot) {
			s.Namespaces.Value[1].Labels = map[string]string{"istio-injection": "enabled"}
		}, Next{"new pods of namespace plain get no sidecar: the add-on ignores the label istio-injection", "kubectl istio-cni label plain --remove-legacy-label"}},
		{"a dangling label", func(s *snapshot.Snapshot) {
			s.Namespaces.Value[0].Labels["istio.io/rev"] = "asm-1-26"
		}, Next{"new pods of namespace shop get no sidecar: no injector answers to asm-1-26", "kubectl istio-cni label shop"}},
		{"both labels", func(s *snapshot.Snapshot) {
			s.Namespaces.Value[0].Labels["istio-injection"] = "enabled"
		}, Next{"new pods of namespace shop get no sidecar: the label istio-injection keeps the injector away", "kubectl istio-cni label shop --remove-legacy-label"}},

		{"stale", func(s *snapshot.Snapshot) {
			s.Pods.Value = append(s.Pods.Value, privileged("web", 2), privileged("api", 2))
		}, Next{"2 workloads without today's redirection", "kubectl istio-cni restart -A"}},
		{"stale, in the one namespace that was read", func(s *snapshot.Snapshot) {
			s.Context.Namespace = "shop"
			s.Pods.Value = append(s.Pods.Value, privileged("web", 2), privileged("api", 2))
		}, Next{"2 workloads without today's redirection", "kubectl istio-cni restart -n shop"}},
		{"privileged by itself", func(s *snapshot.Snapshot) {
			s.Pods.Value[0].Privileged = []string{"vpn"}
		}, Next{"some workloads are not secured, and a restart would not change that", "kubectl istio-cni pods -o wide -A"}},

		{"nothing, as far as could be read", func(s *snapshot.Snapshot) { s.Nodes = denied[[]snapshot.Node]("list nodes (cluster-wide)") },
			Next{"nothing to do as far as could be read; some things could not", ""}},
		{"nothing, without Azure", noAzure, Next{"nothing to do as far as could be read; some things could not", ""}},
		{"pods denied", func(s *snapshot.Snapshot) { s.Pods = denied[[]*mesh.Pod]("list pods (cluster-wide)") },
			Next{"nothing to do as far as could be read; some things could not", ""}},
		{"nodes denied, and the DaemonSet says that it is not ready everywhere", func(s *snapshot.Snapshot) {
			s.Nodes, s.Agent.Value.Ready = denied[[]snapshot.Node]("list nodes (cluster-wide)"), 1
		}, Next{"the node agent is ready on 1 of 2 nodes; pods on the others do not start", "kubectl istio-cni check"}},
		{"a namespace alone is not the whole mesh", func(s *snapshot.Snapshot) {
			s.Namespaces = snapshot.Part[[]snapshot.Namespace]{State: snapshot.Read, Reason: "only namespace plain could be read", Needs: "list namespaces (cluster-wide)", Value: []snapshot.Namespace{{Name: "plain"}}}
			s.Pods = snapshot.Part[[]*mesh.Pod]{State: snapshot.Read, Reason: "only namespace plain could be read", Needs: "list pods (cluster-wide)"}
		}, Next{"nothing to do as far as could be read; some things could not", ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := healthy()
			test.change(s)
			if diff := cmp.Diff(test.want, judge(t, s).Next); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWorkloadsCountByTheirWorstPod(t *testing.T) {
	s := healthy()
	ended := bare("shop", "report")
	ended.Phase = "Succeeded"
	leaving := privileged("leaving", 0)
	leaving.Terminating = true
	s.Pods.Value = append(s.Pods.Value,
		privileged("web", 2), // stale; the others of web are secured
		bare("shop", "late"),
		ended, leaving,
	)
	got := judge(t, s)
	want := Count{ByState: map[mesh.State]int{mesh.Privileged: 1, mesh.NotInjected: 1, mesh.Secured: 1, mesh.Exempt: 1}, Stale: 2}
	if diff := cmp.Diff(want, got.Workloads); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Workloads.Total() != 4 {
		t.Errorf("%d in all", got.Workloads.Total())
	}
	if got.Outside != 1 {
		t.Errorf("%d outside, want plain's; kube-system is not counted", got.Outside)
	}
	if diff := cmp.Diff([]Namespace{{Name: "shop", Label: "istio.io/rev=asm-1-27", Workloads: want}}, got.Namespaces); diff != "" {
		t.Errorf("namespaces (-want +got):\n%s", diff)
	}
}

func TestStalenessThatIsUnknownIsCountedApart(t *testing.T) {
	s := healthy()
	s.Cluster, s.InjectorMechanisms = denied[snapshot.Cluster](""), denied[map[string]mesh.Mechanism]("")
	if got := judge(t, s).Workloads; got.Stale != 0 || got.StaleUnknown != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestNamespacesOfTheMesh(t *testing.T) {
	s := healthy()
	s.Namespaces.Value = []snapshot.Namespace{
		{Name: "zoo", Labels: map[string]string{"istio.io/rev": "asm-1-27"}},
		{Name: "dangling", Labels: map[string]string{"istio.io/rev": "asm-1-26"}},
		{Name: "legacy", Labels: map[string]string{"istio-injection": "enabled"}},
		{Name: "both", Labels: map[string]string{"istio-injection": "enabled", "istio.io/rev": "asm-1-27"}},
		{Name: "out", Labels: map[string]string{"istio-injection": "disabled"}},
		{Name: "unlabelled"},
	}
	s.Pods.Value = []*mesh.Pod{secured("unlabelled", "left-over", 0), secured("unread", "web", 0)}
	none := Count{ByState: map[mesh.State]int{}}
	one := Count{ByState: map[mesh.State]int{mesh.Secured: 1}}
	want := []Namespace{
		{Name: "both", Label: "istio.io/rev=asm-1-27", Problem: "the label istio-injection keeps the injector away", Legacy: true, Workloads: none},
		{Name: "dangling", Label: "istio.io/rev=asm-1-26", Problem: "no injector answers to asm-1-26", Workloads: none},
		{Name: "legacy", Label: "istio-injection=enabled", Problem: "the add-on ignores the label istio-injection", Legacy: true, Workloads: none},
		{Name: "unlabelled", Workloads: one},
		{Name: "unread", Workloads: Count{ByState: map[mesh.State]int{mesh.Secured: 1}, StaleUnknown: 1}},
		{Name: "zoo", Label: "istio.io/rev=asm-1-27", Workloads: none},
	}
	if diff := cmp.Diff(want, judge(t, s).Namespaces); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.Injectors = denied[[]mesh.Injector]("")
	for _, ns := range judge(t, s).Namespaces {
		if ns.Name == "dangling" && ns.Problem != "" {
			t.Errorf("injectors unknown, and yet %q", ns.Problem)
		}
	}
}

func TestNodesWithoutAReadyAgent(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*snapshot.Snapshot)
		want   Agent
	}{
		{"ready everywhere", func(*snapshot.Snapshot) {}, Agent{State: snapshot.Read, Ready: 2, Wanted: 2, ByNode: true}},
		{"absent", func(s *snapshot.Snapshot) { s.Agent = snapshot.Missing[snapshot.Agent]() }, Agent{State: snapshot.Absent}},
		{"denied", func(s *snapshot.Snapshot) { s.Agent = denied[snapshot.Agent]("get daemonsets.apps") }, Agent{State: snapshot.Denied}},
		{"no pod, and one that waits", func(s *snapshot.Snapshot) {
			s.Nodes.Value = append(s.Nodes.Value, snapshot.Node{Name: "node-2"})
			s.AgentPods.Value = []snapshot.AgentPod{{Node: "node-1", Waiting: "ImagePullBackOff"}, {Node: "node-2"}}
		}, Agent{State: snapshot.Read, Wanted: 3, ByNode: true, Nodes: []AgentNode{{"node-0", "has no agent pod"}, {"node-1", "ImagePullBackOff"}, {"node-2", "agent pod not ready"}}}},
		{"nodes denied", func(s *snapshot.Snapshot) { s.Nodes = denied[[]snapshot.Node]("list nodes (cluster-wide)") }, Agent{State: snapshot.Read, Ready: 2, Wanted: 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := healthy()
			test.change(s)
			if diff := cmp.Diff(test.want, judge(t, s).Agent); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Each part that could not be read is said once, with what would tell; what was
// not asked for, or does not exist, is not unknown.
func TestUnknown(t *testing.T) {
	s := healthy()
	if got := judge(t, s).Unknown; len(got) != 0 {
		t.Errorf("all was read, and yet %+v", got)
	}
	s.Agent, s.Feature = snapshot.Missing[snapshot.Agent](), snapshot.Part[string]{State: snapshot.NotAsked}
	if got := judge(t, s).Unknown; len(got) != 0 {
		t.Errorf("absent or not asked for, and yet %+v", got)
	}

	s.Feature = snapshot.Part[string]{State: snapshot.Failed, Reason: "feature"}
	s.KubernetesVersion = snapshot.Part[string]{State: snapshot.TimedOut, Reason: "version"}
	s.Nodes = denied[[]snapshot.Node]("list nodes (cluster-wide)")
	s.Agent = denied[snapshot.Agent]("get daemonsets.apps in namespace aks-istio-system")
	s.AgentPods = denied[[]snapshot.AgentPod]("list pods in namespace aks-istio-system")
	s.InjectorMechanisms = snapshot.Part[map[string]mesh.Mechanism]{State: snapshot.Failed, Reason: "mechanisms"}
	s.Injectors = snapshot.Part[[]mesh.Injector]{State: snapshot.TimedOut, Reason: "injectors"}
	s.Namespaces.Reason, s.Namespaces.Needs = "only namespace shop could be read", "list namespaces (cluster-wide)"
	s.Pods = snapshot.Part[[]*mesh.Pod]{State: snapshot.Failed}
	const denies = "the API server denies it"
	want := []Unknown{
		{"the preview feature flag", snapshot.Failed, "feature", ""},
		{"the Kubernetes version", snapshot.TimedOut, "version", ""},
		{"nodes", snapshot.Denied, denies, "list nodes (cluster-wide)"},
		{"the node agent", snapshot.Denied, denies, "get daemonsets.apps in namespace aks-istio-system"},
		{"what the injectors give new pods", snapshot.Failed, "mechanisms", ""},
		{"which namespaces the injectors match", snapshot.TimedOut, "injectors", ""},
		{"namespaces", snapshot.Read, "only namespace shop could be read", "list namespaces (cluster-wide)"},
		{"pods", snapshot.Failed, "", ""},
	}
	if diff := cmp.Diff(want, judge(t, s).Unknown); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	const signIn = "an Azure sign-in, for instance `az login`"
	s = healthy()
	s.Identity, s.Cluster = denied[snapshot.Identity](signIn), denied[snapshot.Cluster](signIn)
	if diff := cmp.Diff([]Unknown{{"the cluster's place in Azure", snapshot.Denied, denies, signIn}}, judge(t, s).Unknown); diff != "" {
		t.Errorf("no sign-in, which is said once (-want +got):\n%s", diff)
	}
	s.Identity = healthy().Identity
	if diff := cmp.Diff([]Unknown{{"the cluster's Azure resource", snapshot.Denied, denies, signIn}}, judge(t, s).Unknown); diff != "" {
		t.Errorf("the resource denied (-want +got):\n%s", diff)
	}
	s = healthy()
	s.AgentPods = denied[[]snapshot.AgentPod]("list pods in namespace aks-istio-system")
	if diff := cmp.Diff([]Unknown{{"the node agent's pods", snapshot.Denied, denies, "list pods in namespace aks-istio-system"}}, judge(t, s).Unknown); diff != "" {
		t.Errorf("only the agent's pods denied (-want +got):\n%s", diff)
	}
}

// Counting no pods is told from pods that could not be read.
func TestPodsThatCouldNotBeRead(t *testing.T) {
	s := healthy()
	if got := judge(t, s); got.PodsRead != snapshot.Read {
		t.Errorf("read: got %q", got.PodsRead)
	}
	s.Pods = denied[[]*mesh.Pod]("list pods (cluster-wide)")
	if got := judge(t, s); got.PodsRead != snapshot.Denied || got.Workloads.Total() != 0 {
		t.Errorf("denied: got %q and %d workloads", got.PodsRead, got.Workloads.Total())
	}
}

func TestMechanism(t *testing.T) {
	s := healthy()
	s.InjectorMechanisms.Value["asm-1-27"] = mesh.InitContainers
	if got := Mechanism(s); got != mesh.CNIChaining {
		t.Errorf("Azure's word comes first: got %s", got)
	}
	s.Cluster = denied[snapshot.Cluster]("")
	if got := Mechanism(s); got != mesh.InitContainers {
		t.Errorf("the injectors' word: got %s", got)
	}
	s.InjectorMechanisms.Value["asm-1-28"] = mesh.CNIChaining
	if got := Mechanism(s); got != mesh.Unknown {
		t.Errorf("injectors that differ: got %s", got)
	}
}

func TestStatusFailsOnASelectorThatCannotBeRead(t *testing.T) {
	s := healthy()
	s.Injectors.Value[0].NamespaceSelector.MatchExpressions[0].Operator = "?"
	if _, err := From(s); err == nil {
		t.Error("no error")
	}
}
