package report

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

const (
	subscription = "00000000-0000-0000-0000-000000000001"
	clusterID    = "/subscriptions/" + subscription + "/resourceGroups/contoso-rg/providers/Microsoft.ContainerService/managedClusters/contoso-aks"
)

func denied[T any](needs string) snapshot.Part[T] {
	return snapshot.Part[T]{State: snapshot.Denied, Reason: "the API server denies it", Needs: needs}
}

func pod(namespace, kind, workload string, n int, redirect string) *mesh.Pod {
	p := &mesh.Pod{
		Namespace: namespace, Name: fmt.Sprintf("%s-7f9c6bd5d-%d", workload, n), Workload: mesh.Workload{Kind: kind, Namespace: namespace, Name: workload},
		Node: fmt.Sprintf("aks-nodepool1-12345678-vmss00000%d", n), Phase: "Running",
	}
	var uid int64
	switch redirect {
	case "istio-init":
		p.Redirect = &mesh.Redirect{Name: redirect, Capabilities: `{"add":["NET_ADMIN","NET_RAW"],"drop":["ALL"]}`, RunAsUser: &uid}
		p.Privileged = []string{redirect}
	case "istio-validation":
		uid = 1337
		p.Redirect = &mesh.Redirect{Name: redirect, Capabilities: `{"drop":["ALL"]}`, RunAsUser: &uid}
	default:
		return p
	}
	p.HasProxy, p.NativeSidecar, p.Revision = true, true, "asm-1-27"
	return p
}

func injector(revision string) mesh.Injector {
	return mesh.Injector{Configuration: "istio-sidecar-injector-" + revision + "-aks-istio-system", Webhook: "rev.namespace.sidecar-injector.istio.io", Revision: revision,
		NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "istio.io/rev", Operator: metav1.LabelSelectorOpIn, Values: []string{revision}},
			{Key: "istio-injection", Operator: metav1.LabelSelectorOpDoesNotExist},
		}}}
}

// contoso is a cluster that was switched to CNIChaining, and all of whose
// workloads were restarted since.
func contoso() *snapshot.Snapshot {
	s := snapshot.New(time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC))
	s.Context = snapshot.Context{Name: "contoso-aks", Server: "contoso-dns-1a2b3c4d.hcp.westeurope.azmk8s.io"}
	s.Identity = snapshot.Found(snapshot.Identity{
		ID: clusterID, SubscriptionID: subscription, ResourceGroup: "contoso-rg", Name: "contoso-aks", Cloud: "public",
		Proof: "its nodes are in resource group MC_contoso-rg_contoso-aks_westeurope",
	})
	s.Cluster = snapshot.Found(snapshot.Cluster{
		Location: "westeurope", KubernetesVersion: "1.35.4", ProvisioningState: "Succeeded", SKU: "Base", PowerState: "Running",
		MeshMode: "Istio", Revisions: []string{"asm-1-27"}, Mechanism: mesh.CNIChaining, APIVersion: "2026-01-01", KnowsMechanism: true,
		NodeResourceGroup: "MC_contoso-rg_contoso-aks_westeurope", FQDN: "contoso-dns-1a2b3c4d.hcp.westeurope.azmk8s.io",
	})
	s.KubernetesVersion = snapshot.Found("v1.35.4")
	nodes, agents := []snapshot.Node{}, []snapshot.AgentPod{}
	for n := range 3 {
		name := fmt.Sprintf("aks-nodepool1-12345678-vmss00000%d", n)
		nodes = append(nodes, snapshot.Node{Name: name, OS: "linux", Ready: true})
		agents = append(agents, snapshot.AgentPod{Name: fmt.Sprintf("agent-%d", n), Node: name, Ready: true})
	}
	s.Nodes, s.AgentPods = snapshot.Found(nodes), snapshot.Found(agents)
	s.Agent = snapshot.Found(snapshot.Agent{Desired: 3, Ready: 3, Updated: 3, Current: true})
	s.InjectorMechanisms = snapshot.Found(map[string]mesh.Mechanism{"asm-1-27": mesh.CNIChaining})
	s.Injectors = snapshot.Found([]mesh.Injector{injector("asm-1-27")})
	s.Namespaces = snapshot.Found([]snapshot.Namespace{
		{Name: "default", Labels: map[string]string{"istio.io/rev": "asm-1-27"}}, {Name: "kube-system"}, {Name: "monitoring"},
		{Name: "shop", Labels: map[string]string{"istio.io/rev": "asm-1-27"}},
	})
	s.Pods = snapshot.Found([]*mesh.Pod{
		pod("default", "Deployment", "productpage", 0, "istio-validation"), pod("default", "Deployment", "reviews", 1, "istio-validation"),
		pod("shop", "Deployment", "web", 0, "istio-validation"), pod("shop", "Deployment", "web", 1, "istio-validation"), pod("shop", "StatefulSet", "db", 2, "istio-validation"),
		pod("monitoring", "Deployment", "prometheus", 0, ""), pod("kube-system", "DaemonSet", "kube-proxy", 0, ""),
	})
	return s
}

// situation is a cluster at some moment.
type situation struct {
	name   string
	change func(*snapshot.Snapshot)
}

// withInit gives every pod of the mesh istio-init.
func withInit(s *snapshot.Snapshot) {
	for i, p := range s.Pods.Value {
		if p.HasProxy {
			s.Pods.Value[i] = pod(p.Namespace, p.Workload.Kind, p.Workload.Name, i%3, "istio-init")
		}
	}
}

func noAzure(s *snapshot.Snapshot) {
	const reason = "the sign-in failed: nothing on this machine is signed in (looked for environment variables, workload and managed identity, az and azd)"
	const needs = "an Azure sign-in, for instance `az login`"
	s.Identity = snapshot.Part[snapshot.Identity]{State: snapshot.Denied, Reason: reason, Needs: needs}
	s.Cluster = snapshot.Part[snapshot.Cluster]{State: snapshot.Denied, Reason: reason, Needs: needs}
}

func situations() []situation {
	return []situation{
		{"switched and restarted", func(*snapshot.Snapshot) {}},
		{"before the switch", func(s *snapshot.Snapshot) {
			withInit(s)
			s.Cluster.Value.Mechanism, s.InjectorMechanisms.Value["asm-1-27"] = mesh.InitContainers, mesh.InitContainers
			s.Agent, s.AgentPods = snapshot.Missing[snapshot.Agent](), snapshot.Found[[]snapshot.AgentPod](nil)
		}},
		{"while Azure switches", func(s *snapshot.Snapshot) {
			withInit(s)
			s.Cluster.Value.ProvisioningState = "Updating"
			s.InjectorMechanisms.Value["asm-1-27"] = mesh.InitContainers
			s.Agent, s.AgentPods = snapshot.Missing[snapshot.Agent](), snapshot.Found[[]snapshot.AgentPod](nil)
		}},
		{"node agent not everywhere", func(s *snapshot.Snapshot) {
			withInit(s)
			s.AgentPods.Value = []snapshot.AgentPod{{Name: "agent-0", Node: s.Nodes.Value[0].Name, Ready: true}, {Name: "agent-1", Node: s.Nodes.Value[1].Name, Waiting: "ImagePullBackOff"}}
			s.Agent.Value.Ready = 1
		}},
		{"switched but not restarted", func(s *snapshot.Snapshot) {
			withInit(s)
			s.Pods.Value[2] = pod("shop", "Deployment", "web", 0, "istio-validation")
			s.Pods.Value = append(s.Pods.Value, pod("shop", "Deployment", "late", 0, ""))
			hostNetwork := pod("shop", "DaemonSet", "node-exporter", 0, "")
			hostNetwork.HostNetwork = true
			s.Pods.Value = append(s.Pods.Value, hostNetwork)
		}},
		{"canary upgrade with a preview api-version", func(s *snapshot.Snapshot) {
			s.Cluster.Value.Revisions, s.Cluster.Value.APIVersion = []string{"asm-1-27", "asm-1-28"}, "2025-08-02-preview"
			s.Feature = snapshot.Found("Registered")
			s.InjectorMechanisms.Value["asm-1-28"] = mesh.InitContainers
			s.Injectors.Value = append(s.Injectors.Value, injector("asm-1-28"))
			s.Namespaces.Value[3].Labels["istio.io/rev"] = "asm-1-28"
		}},
		{"labels that do not work", func(s *snapshot.Snapshot) {
			s.Namespaces.Value[0].Labels = map[string]string{"istio.io/rev": "asm-1-27", "istio-injection": "enabled"}
			s.Namespaces.Value[2].Labels = map[string]string{"istio-injection": "enabled"}
			s.Namespaces.Value[3].Labels["istio.io/rev"] = "asm-1-26"
			s.Pods.Value = append(s.Pods.Value, pod("shop", "Deployment", "late", 0, ""))
		}},
		{"no mesh", func(s *snapshot.Snapshot) {
			s.Cluster.Value.MeshMode, s.Cluster.Value.Revisions, s.Cluster.Value.Mechanism = "", nil, mesh.Unknown
			s.Agent, s.AgentPods = snapshot.Missing[snapshot.Agent](), snapshot.Found[[]snapshot.AgentPod](nil)
			s.InjectorMechanisms, s.Injectors = snapshot.Missing[map[string]mesh.Mechanism](), snapshot.Found[[]mesh.Injector](nil)
			s.Namespaces.Value = []snapshot.Namespace{{Name: "default"}, {Name: "kube-system"}, {Name: "monitoring"}}
			s.Pods.Value = s.Pods.Value[5:]
		}},
		{"nodes denied", func(s *snapshot.Snapshot) {
			s.Nodes = denied[[]snapshot.Node]("list nodes (cluster-wide)")
		}},
		{"pods denied", func(s *snapshot.Snapshot) {
			s.Pods = denied[[]*mesh.Pod]("list pods (cluster-wide)")
		}},
		{"no Azure sign-in", noAzure},
		{"one namespace readable and no Azure", func(s *snapshot.Snapshot) {
			noAzure(s)
			const only = "only namespace shop could be read"
			s.Context.Namespace = "shop"
			s.Nodes = denied[[]snapshot.Node]("list nodes (cluster-wide)")
			s.Agent = denied[snapshot.Agent]("get daemonsets.apps in namespace aks-istio-system")
			s.AgentPods = denied[[]snapshot.AgentPod]("list pods in namespace aks-istio-system")
			s.InjectorMechanisms = denied[map[string]mesh.Mechanism]("list configmaps in namespace aks-istio-system")
			s.Injectors = denied[[]mesh.Injector]("list mutatingwebhookconfigurations.admissionregistration.k8s.io (cluster-wide)")
			s.Namespaces = snapshot.Part[[]snapshot.Namespace]{State: snapshot.Read, Value: s.Namespaces.Value[3:], Reason: only, Needs: "list namespaces (cluster-wide)"}
			s.Pods = snapshot.Part[[]*mesh.Pod]{State: snapshot.Read, Value: s.Pods.Value[2:5], Reason: only, Needs: "list pods (cluster-wide)"}
		}},
		{"many namespaces", func(s *snapshot.Snapshot) {
			for n := range 15 {
				name := fmt.Sprintf("team-%02d", n)
				s.Namespaces.Value = append(s.Namespaces.Value, snapshot.Namespace{Name: name, Labels: map[string]string{"istio.io/rev": "asm-1-27"}})
				s.Pods.Value = append(s.Pods.Value, pod(name, "Deployment", "api", 0, "istio-validation"))
			}
			s.Pods.Value = append(s.Pods.Value, pod("team-14", "Deployment", "old", 0, "istio-init"))
			for n := range 14 {
				name := fmt.Sprintf("aks-spot-87654321-vmss%06d", n)
				s.Nodes.Value = append(s.Nodes.Value, snapshot.Node{Name: name, OS: "linux"})
			}
		}},
		{"hostile and wide text", func(s *snapshot.Snapshot) {
			s.Context.Name = "契約者-aks\x1b]0;owned\a"
			s.Cluster.Value.Location = "west\neurope\u202e"
			s.AgentPods.Value[1] = snapshot.AgentPod{Node: s.Nodes.Value[1].Name, Waiting: "\x1b[2Jgone\r\nNext        rm -rf"}
			s.Namespaces.Value[3].Name, s.Namespaces.Value[3].Labels = "店舗", map[string]string{"istio.io/rev": "\u200basm-1-27"}
			s.Pods.Value = []*mesh.Pod{pod("店舗", "Deployment", "web", 0, "istio-init"), pod("default", "Deployment", "productpage", 0, "istio-validation")}
		}},
	}
}
