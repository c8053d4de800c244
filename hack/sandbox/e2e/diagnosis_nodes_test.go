package e2e

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// What a kubelet says of a pod whose sandbox it can neither make nor unmake.
const (
	sandboxFailed = `Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "13479f86095650cf9c5043019ce4751875b5608cbc2a01b79a1fe5b41403c75f": plugin type="istio-cni" name="azure" failed (add): `
	noKubeconfig  = sandboxFailed + `failed to createNewK8sClient: failed to setup client: stat /var/run/istio-cni/istio-cni-kubeconfig: no such file or directory`
	staleToken    = sandboxFailed + `Unauthorized`
	noPlugin      = `Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "13479f86095650cf": failed to find plugin "istio-cni" in path [/opt/cni/bin]`
	noIptables    = sandboxFailed + `netplugin failed: exit status 4 when running iptables-restore: table does not exist`
	badAnnotation = sandboxFailed + `annotation value error for value excludeOutboundPorts; annotationFound = true: portList "https" invalid: failed parsing port "https": strconv.ParseUint: parsing "https": invalid syntax`
	modeNone      = sandboxFailed + `annotation value error for value redirectMode; annotationFound = true: interceptionMode invalid: NONE`
	notKilled     = `error killing pod: failed to "KillPodSandbox" for "5f2c6c2e" with KillPodSandboxError: "rpc error: code = Unknown desc = failed to destroy network for sandbox \"13479f86\": plugin type=\"istio-cni\" name=\"azure\" failed (delete): failed to find plugin \"istio-cni\" in path [/opt/cni/bin]"`
)

const (
	notCreated = "FailedCreatePodSandBox"
	notStopped = "FailedKillPod"
)

// stuck is a pod of the mesh that waits for its sandbox on a node.
func (l *lab) stuck(node, message string, changes ...change) {
	l.t.Helper()
	l.makeNamespace(inMesh())
	pods := l.deploy("web", append(changes, held, onNode(node))...)
	l.event(&pods[0], notCreated, message)
}

// nodeModes are of nodes, under CNIChaining.
func nodeModes() []mode {
	return []mode{
		{
			name: "the node was rebooted and its agent is blocked", rule: "ICNI301",
			plant: func(l *lab) {
				agent := l.holdAgent(node1, waits("ContainerCreating", "", 0))
				l.event(agent, notCreated, noKubeconfig)
				l.stuck(node1, noKubeconfig)
			},
			objects: []string{"Node/" + node1, anyAgent, "Pod/{ns}/web-*"}, texts: []string{"istio-cni-kubeconfig: no such file", "the node agent's own pod is among them", "kubectl drain " + node1},
		},
		{
			name: "the plugin's token is stale", rule: "ICNI302",
			plant:   func(l *lab) { l.stuck(node2, staleToken) },
			objects: []string{"Node/" + node2, anyAgent, "Pod/{ns}/web-*"}, texts: []string{"Unauthorized", "kubectl delete pod -n aks-istio-system " + agentDaemonSet},
		},
		{
			name: "the plugin's binary is gone and so is the agent", rule: "ICNI201",
			plant: func(l *lab) {
				l.removeAgent()
				l.stuck(node0, noPlugin)
			},
			objects:  []string{theDaemonSet},
			explains: map[string]string{"ICNI303": "nothing installs the binary again without the agent"},
		},
		{
			name: "the plugin's binary is gone", rule: "ICNI303",
			plant: func(l *lab) {
				agent := l.holdAgent(node0, waits("ContainerCreating", "", 0))
				l.event(agent, notCreated, noPlugin)
				l.stuck(node0, noPlugin)
			},
			objects: []string{"Node/" + node0, "Pod/{ns}/web-*"}, texts: []string{`failed to find plugin "istio-cni"`, "kubectl drain " + node0},
		},
		{
			name: "the node's packet filter does not work", rule: "ICNI305",
			plant:   func(l *lab) { l.stuck(node1, noIptables) },
			objects: []string{"Node/" + node1, "Pod/{ns}/web-*"}, texts: []string{"iptables-restore", "the node runs Ubuntu 22.04.5 LTS", "--node-image-only"},
		},
		{
			name: "a startup taint stays", rule: "ICNI307",
			plant: func(l *lab) {
				l.holdAgent(node2, readySince(10*time.Minute))
				l.taint(node2, corev1.Taint{Key: "cni.istio.io/not-ready", Effect: corev1.TaintEffectNoSchedule})
			},
			objects: []string{"Node/" + node2, anyAgent}, texts: []string{"cni.istio.io/not-ready:NoSchedule", "has been ready for 10m", "kubectl taint node " + node2 + " cni.istio.io/not-ready:NoSchedule-"},
		},
		{
			name: "an annotation has an invalid value", rule: "ICNI509",
			plant: func(l *lab) {
				// The injector would not have let it pass.
				l.stuck(node0, badAnnotation)
				_, err := l.Client.CoreV1().Pods(l.ns).Patch(l.ctx(), l.podOf("web").Name, types.MergePatchType,
					asJSON(object{"metadata": object{"annotations": object{"traffic.sidecar.istio.io/excludeOutboundPorts": "https"}}}), metav1.PatchOptions{})
				l.must(err)
			},
			objects: []string{"Pod/{ns}/web-*"}, texts: []string{"annotation value error for value excludeOutboundPorts"},
		},
		{
			name: "interception mode NONE", rule: "ICNI510",
			plant: func(l *lab) {
				l.stuck(node0, modeNone, annotated("sidecar.istio.io/interceptionMode", "NONE"))
			},
			objects: []string{"Pod/{ns}/web-*"}, texts: []string{"have interception mode NONE", "sidecar.istio.io/interceptionMode"},
			with: map[string]string{"ICNI509": "NONE is an invalid value to the plugin"},
		},
	}
}

// leftBehindModes are of what CNIChaining leaves behind when it is disabled.
func leftBehindModes() []mode {
	return []mode{
		{
			name: "the DaemonSet is still there", rule: "ICNI202",
			plant:   (*lab).leaveAgentBehind,
			objects: []string{theDaemonSet}, texts: []string{"the mechanism is InitContainers", "kubectl istio-cni disable --reconcile"},
		},
		{
			name: "pods stay in Terminating", rule: "ICNI304",
			plant: func(l *lab) {
				l.makeNamespace(inMesh())
				pods := l.deploy("web", held, onNode(node1))
				l.must(l.Client.AppsV1().Deployments(l.ns).Delete(l.ctx(), "web", metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)}))
				until(l.t, func() string {
					pod, err := l.Client.CoreV1().Pods(l.ns).Get(l.ctx(), pods[0].Name, metav1.GetOptions{})
					l.must(err)
					if pod.DeletionTimestamp == nil {
						return "the pod is not being deleted"
					}
					return ""
				})
				l.event(&pods[0], notStopped, notKilled)
			},
			objects: []string{"Node/" + node1, "Pod/{ns}/web-*"}, texts: []string{"cannot be stopped on node " + node1, "failed to find plugin", "kubectl drain " + node1},
		},
		{
			name: "pods still have istio-validation", rule: "ICNI513",
			plant: func(l *lab) {
				l.switched("CNIChaining", "InitContainers")
			},
			objects: []string{"Pod/{ns}/web-*"}, texts: []string{"istio-validation", "kubectl istio-cni restart -n {ns}"},
		},
	}
}

// switched has a Deployment made under one mechanism, and then goes back to the
// other.
func (l *lab) switched(from, to string) {
	l.t.Helper()
	l.must(l.Cluster.Reconcile(l.ctx(), from))
	l.makeNamespace(inMesh())
	l.deploy("web", replicas(2))
	l.must(l.Cluster.Reconcile(l.ctx(), to))
	if to == "CNIChaining" {
		l.agentsReady()
	}
}
