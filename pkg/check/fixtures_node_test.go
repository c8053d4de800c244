package check

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// What the kubelet says when the plugin fails, with a fault at its end.
const (
	sandboxText = `Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox ` +
		`"13479f86095650cf9c5043019ce4751875b5608cbc2a01b79a1fe5b41403c75f": `
	istioText      = sandboxText + `plugin type="istio-cni" name="azure" failed (add): `
	kubeconfigText = istioText + `failed to createNewK8sClient: failed to setup client: stat /var/run/istio-cni/istio-cni-kubeconfig: no such file or directory`
	tokenText      = istioText + `Unauthorized`
	pluginText     = istioText + `failed to find plugin "istio-cni" in path [/opt/cni/bin]`
	rulesText      = istioText + `netplugin failed: exit status 4 when running iptables-restore: table does not exist`
	killText       = `error killing pod: failed to "KillPodSandbox" for "5f2c" with KillPodSandboxError: "rpc error: code = Unknown desc = failed to destroy network ` +
		`for sandbox \"13479f86\": plugin type=\"istio-cni\" name=\"azure\" failed (delete): failed to find plugin \"istio-cni\" in path [/opt/cni/bin]"`
)

// stuckPodOn is a pod that waits for its sandbox on a node.
func stuckPodOn(s *snapshot.Snapshot, n int, node string) *mesh.Pod {
	pod := meshPod("cart", n, node)
	pod.Phase, pod.Created, pod.Started = corev1.PodPending, ago(8*time.Minute), ago(8*time.Minute)
	addPods(s, pod)
	return pod
}

// addSandboxEvent puts a pod into a snapshot that cannot start on node2.
func addSandboxEvent(s *snapshot.Snapshot, message string) {
	pod := stuckPodOn(s, 1, node2)
	addEvent(s, sandboxNotMade, "Pod", pod.Namespace, pod.Name, message)
}

func cartPod() Object { pod := meshPod("cart", 1, node2); return PodObject(pod) }

// ubuntu makes a node run a version of Ubuntu.
func ubuntu(s *snapshot.Snapshot, node, release, image string) {
	n := nodeIn(s, node)
	n.OSImage, n.NodeImage = release, image
}

func nodeFixtures() map[string]fixture {
	return map[string]fixture{
		"ICNI301": {
			fires: func(s *snapshot.Snapshot) {
				addSandboxEvent(s, kubeconfigText)
				waiting(s, node2, "ContainerCreating", 0)
			},
			expect: []string{
				"istio-cni-kubeconfig: no such file", "is not ready: ContainerCreating", "last 2m ago", "kubectl drain " + node2 + " --ignore-daemonsets --delete-emptydir-data",
				"az aks nodepool delete-machines --resource-group contoso-rg --cluster-name contoso-aks --name nodepool1 --machine-names " + node2,
			},
			objects: []Object{NodeObject(node2), agentPodOn(node2), cartPod()},
			// The agent came back after that.
			near: func(s *snapshot.Snapshot) {
				addSandboxEvent(s, kubeconfigText)
				agentOn(s, node2).ReadySince = ago(time.Minute)
			},
		},
		"ICNI302": {
			fires:   func(s *snapshot.Snapshot) { addSandboxEvent(s, tokenText) },
			expect:  []string{"Unauthorized", "has been ready for 3d", "kubectl delete pod -n aks-istio-system " + agentPodOn(node2).Name, `"action": "delete pod"`},
			objects: []Object{NodeObject(node2), agentPodOn(node2), cartPod()},
			near: func(s *snapshot.Snapshot) {
				addSandboxEvent(s, sandboxText+`plugin type="azure-vnet" name="azure" failed (add): failed to get pod: Unauthorized`)
			},
		},
		"ICNI303": {
			fires: func(s *snapshot.Snapshot) {
				addSandboxEvent(s, pluginText)
				withoutAgent(s, node2)
			},
			expect:  []string{"failed to find plugin", "no pod of the node agent is on node " + node2, "kubectl drain " + node2},
			objects: []Object{NodeObject(node2), cartPod()},
			near: func(s *snapshot.Snapshot) {
				addSandboxEvent(s, sandboxText+`failed to find plugin "azure-vnet" in path [/opt/cni/bin]`)
			},
		},
		"ICNI304": {
			fires: func(s *snapshot.Snapshot) {
				initContainers(s)
				s.Pods.Value[1].Terminating = true
				addEvent(s, sandboxNotUnmade, "Pod", shop, s.Pods.Value[1].Name, killText)
			},
			expect:  []string{"cannot be stopped on node " + node2, "failed to find plugin", "kubectl drain " + node2},
			objects: []Object{NodeObject(node2)},
			near: func(s *snapshot.Snapshot) {
				initContainers(s)
				s.Pods.Value[1].Terminating = true
				addEvent(s, sandboxNotUnmade, "Pod", shop, s.Pods.Value[1].Name, `error killing pod: failed to "KillContainer" for "istio-proxy" with KillContainerError: "context deadline exceeded"`)
			},
		},
		"ICNI305": {
			fires:   func(s *snapshot.Snapshot) { addSandboxEvent(s, rulesText) },
			expect:  []string{"iptables-restore", "the node runs Microsoft Azure Linux 3.0", "az aks nodepool upgrade --resource-group contoso-rg --cluster-name contoso-aks --name nodepool1 --node-image-only"},
			objects: []Object{NodeObject(node2), cartPod()},
			near: func(s *snapshot.Snapshot) {
				addSandboxEvent(s, sandboxText+`plugin type="portmap" name="azure" failed (add): could not initialize iptables`)
			},
		},
		"ICNI306": {
			fires: func(s *snapshot.Snapshot) {
				ubuntu(s, node1, "Ubuntu 20.04.6 LTS", "AKSUbuntu-gen2-2004fipscontainerd-202604.13.0")
				ubuntu(s, node2, "Ubuntu 20.04.6 LTS", "AKSUbuntu-gen2-2004fipscontainerd-202604.13.0")
			},
			expect:  []string{"Ubuntu 20.04.6 LTS on " + node1 + ", " + node2, "2004fips", "--node-image-only", `"severity": "high"`},
			objects: []Object{NodeObject(node1), NodeObject(node2), {Kind: "NodePool", Name: "nodepool1"}},
			near: func(s *snapshot.Snapshot) {
				ubuntu(s, node1, "Ubuntu 22.04.5 LTS", "AKSUbuntu-2204gen2containerd-202004.13.0")
				s.Cluster.Value.Pools = append(s.Cluster.Value.Pools, snapshot.Pool{Name: "empty", OSSKU: "Ubuntu", NodeImageVersion: "AKSUbuntu-2204gen2containerd-202004.13.0"})
			},
		},
		"ICNI307": {
			fires: func(s *snapshot.Snapshot) {
				nodeIn(s, node2).Taints = []snapshot.Taint{{Key: "cni.istio.io/not-ready", Effect: "NoSchedule"}}
			},
			expect:  []string{"cni.istio.io/not-ready:NoSchedule", "has been ready for 3d", "kubectl taint node " + node2 + " cni.istio.io/not-ready:NoSchedule-"},
			objects: []Object{NodeObject(node2), agentPodOn(node2)},
			near: func(s *snapshot.Snapshot) {
				nodeIn(s, node2).Taints = []snapshot.Taint{{Key: "cni.istio.io/not-ready", Effect: "NoSchedule"}}
				agentOn(s, node2).ReadySince = ago(5 * time.Minute)
			},
		},
		"ICNI308": {
			fires: func(s *snapshot.Snapshot) {
				nodeIn(s, node2).KubeletVersion = "v1.32.7"
				s.Istiods.Value[0].NativeSidecars = "false"
			},
			expect:  []string{"kubelet of node " + node2 + " is v1.32.7", "Kubernetes v1.35.4", "az aks nodepool upgrade --resource-group contoso-rg --cluster-name contoso-aks --name nodepool1 --kubernetes-version 1.35.4"},
			objects: []Object{NodeObject(node2)},
			near: func(s *snapshot.Snapshot) {
				nodeIn(s, node2).KubeletVersion = "v1.33.0"
				nodeIn(s, node3).KubeletVersion, nodeIn(s, node3).OS = "v1.32.7", "windows"
				s.Istiods.Value[0].NativeSidecars = "false"
			},
		},
	}
}
