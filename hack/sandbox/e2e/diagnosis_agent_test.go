package e2e

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// What the agent logs (istio/istio, cni/pkg/install).
const (
	logInstalled = "info\tcni-agent\tinitial installation complete, start watching for re-installation"
	logReverted  = "warn\tcni-agent\tConfiguration has been reconciled multiple times in a short period of time. This may be due to a conflicting component constantly reverting our work. Hint: Cilium CNI was detected; ensure 'cni.exclusive=false' in the Cilium configuration."
	logWaiting   = "info\tcni-agent\tWaiting for CNI network config file to be written in /host/etc/cni/net.d..."
	logReadOnly  = "error\tcni-agent\tinstaller failed: copy binaries: open /host/opt/cni/bin/istio-cni.tmp.2628672928: read-only file system"
	logEgress    = "info\tcni-agent\tcreated CNI config /host/etc/cni/net.d/01-egressgateway.conflist"
)

// agentModes are the agent's own, under CNIChaining.
func agentModes() []mode {
	return []mode{
		{
			name: "the DaemonSet is gone", rule: "ICNI201",
			plant:   (*lab).removeAgent,
			objects: []string{theDaemonSet}, texts: []string{"does not exist in aks-istio-system", "kubectl istio-cni enable --reconcile"},
		},
		{
			name: "a taint keeps the agent off a node with twenty pods", rule: "ICNI203",
			plant: func(l *lab) {
				l.makeNamespace(inMesh())
				pods := l.deploy("web", held, onNode(node1), replicas(20))
				l.changeAgent(object{"op": "replace", "path": "/spec/template/spec/tolerations", "value": []object{{"key": "CriticalAddonsOnly", "operator": "Exists"}}})
				l.agentsReady()
				l.taint(node1, corev1.Taint{Key: "contoso.example/batch", Value: "nightly", Effect: corev1.TaintEffectNoSchedule})
				l.deleteAgent(node1)
				l.wantAgents(2)
				for i := range pods {
					l.crash(&pods[i], validation, unredirected, time.Minute)
				}
			},
			objects:  []string{"Node/" + node1, theDaemonSet},
			texts:    []string{"no pod of " + agentDaemonSet + " is on node " + node1, "contoso.example/batch=nightly:NoSchedule", "the DaemonSet wants 2 nodes; the cluster has 3 Linux nodes"},
			explains: map[string]string{"ICNI503": "the pods fail because their node has no agent"},
		},
		{
			name: "two plugins fight over the configuration", rule: "ICNI204",
			plant:   func(l *lab) { l.logs(l.holdAgent(node2, unready), false, before(0), logInstalled, logReverted) },
			objects: []string{anyAgent, "Node/" + node2}, texts: []string{"reconciled multiple times", "Cilium keeps rewriting", "cni-exclusive"},
		},
		{
			name: "the agent is silent", rule: "ICNI204",
			plant:   func(l *lab) { l.logs(l.holdAgent(node2, unready), false, before(10*time.Minute), logInstalled) },
			objects: []string{anyAgent, "Node/" + node2}, texts: []string{"its log has had no line for 10m"},
		},
		{
			name: "there is no primary CNI", rule: "ICNI205",
			plant:   func(l *lab) { l.logs(l.holdAgent(node1, unready), false, before(10*time.Minute), logWaiting) },
			objects: []string{anyAgent, "Node/" + node1}, texts: []string{"Waiting for CNI network config file", "primary CNI"},
		},
		{
			name: "an immutable OS", rule: "ICNI206",
			plant: func(l *lab) {
				pod := l.holdAgent(node1, waits("CrashLoopBackOff", "back-off 5m0s restarting failed container", 6))
				l.logs(pod, true, before(time.Minute), logReadOnly)
			},
			objects: []string{anyAgent, "Node/" + node1}, texts: []string{"in CrashLoopBackOff after 6 restarts", "read-only file system", "the node's OS is immutable"},
		},
		{
			name: "the registry is out of reach", rule: "ICNI207",
			plant: func(l *lab) {
				l.holdAgent(node0, waits("ImagePullBackOff", `Back-off pulling image "mcr.microsoft.com/oss/istio/install-cni:1.27.3": dial tcp 192.0.2.19:443: i/o timeout`, 0))
			},
			objects: []string{anyAgent, "Node/" + node0}, texts: []string{"is in ImagePullBackOff", "i/o timeout", "mcr.microsoft.com"},
		},
		{
			name: "Pod Security refuses the agent", rule: "ICNI208",
			plant: func(l *lab) {
				const enforce = "pod-security.kubernetes.io/enforce"
				l.must(l.patchNamespace("aks-istio-system", map[string]any{enforce: "restricted"}))
				l.afterwards(func() {
					l.must(l.patchNamespace("aks-istio-system", map[string]any{enforce: nil}))
					l.untilAdmitted("aks-istio-system", &l.daemonSet().Spec.Template)
					l.remakeAgent()
					// The controller's last words may come late.
					l.removeEvents("aks-istio-system")
				})
				l.untilRefused("aks-istio-system", &l.daemonSet().Spec.Template, "violates PodSecurity")
				l.deleteAgent(node2)
				l.untilEvent("aks-istio-system", agentDaemonSet, "FailedCreate")
			},
			objects: []string{theDaemonSet}, texts: []string{"violates PodSecurity", "the DaemonSet wants 3 pods, and 2 are ready", "the Pod Security level of aks-istio-system"},
		},
		{
			name: "the agent is being updated", rule: "ICNI209",
			plant: func(l *lab) {
				l.changeAgent(object{"op": "add", "path": "/spec/template/metadata/annotations", "value": object{"sandbox.kubectl-istio-cni/hold": ""}})
				until(l.t, func() string {
					for _, pod := range l.agents() {
						if _, isNew := pod.Annotations["sandbox.kubectl-istio-cni/hold"]; isNew && pod.Spec.NodeName != "" {
							return ""
						}
					}
					return "no new agent"
				})
			},
			objects: []string{theDaemonSet, anyAgent}, texts: []string{"1 of 3 nodes have the present version", "kubectl rollout status -n aks-istio-system daemonset/" + agentDaemonSet},
		},
		{
			name: "chained into the egress gateway's configuration", rule: "ICNI210",
			plant: func(l *lab) {
				l.makeNamespace(inMesh())
				agent := l.holdAgent(node0, readySince(time.Hour))
				l.logs(agent, false, before(time.Hour), logEgress, logInstalled)
				pods := l.deploy("web", held, onNode(node0))
				l.crash(&pods[0], validation, unredirected, 0)
			},
			objects:  []string{anyAgent, "Node/" + node0},
			texts:    []string{"01-egressgateway.conflist", "kubectl cordon " + node0},
			explains: map[string]string{"ICNI504": "the pod fails although its node's agent is ready, and that is why"},
		},
	}
}

// wantAgents waits until the agent has so many pods, and the DaemonSet wants no
// more.
func (l *lab) wantAgents(n int32) {
	l.t.Helper()
	until(l.t, func() string {
		if ds := l.daemonSet(); ds.Status.DesiredNumberScheduled != n || len(l.agents()) != int(n) {
			return fmt.Sprintf("%d agents of %d", len(l.agents()), ds.Status.DesiredNumberScheduled)
		}
		return ""
	})
}
