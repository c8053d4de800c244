package check

import (
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// unready makes a node's agent run without being ready.
func unready(s *snapshot.Snapshot, node string) *snapshot.AgentPod {
	agent := agentOn(s, node)
	agent.Ready, agent.ReadySince = false, time.Time{}
	s.Agent.Value.Ready--
	return agent
}

// waiting makes a node's agent wait for a reason.
func waiting(s *snapshot.Snapshot, node, reason string, restarts int32) *snapshot.AgentPod {
	agent := unready(s, node)
	agent.Running, agent.Waiting, agent.Restarts = false, reason, restarts
	return agent
}

// logOf puts a log of a node's agent into a snapshot.
func logOf(s *snapshot.Snapshot, node string, previous bool, text string) {
	addLog(s, snapshot.LogRequest{Namespace: mesh.SystemNamespace, Pod: agentOn(s, node).Name, Container: mesh.AgentContainer, Previous: previous}, text)
}

func agentPodOn(node string) Object { return AgentPodObject(agentOn(healthy(), node).Name) }

// Lines of an agent's log, as Istio writes them. at is when.
func stamp(at time.Time) string { return at.Format("2006-01-02T15:04:05.000000Z") + "\t" }

func installed(at time.Time) string {
	return stamp(at) + "info\tcni-agent\tcreated CNI config /host/etc/cni/net.d/10-azure.conflist\n" +
		stamp(at) + "info\tcni-agent\tinitial installation complete, start watching for re-installation\n"
}

func waitsFor(at time.Time) string {
	return stamp(at) + "warn\tcni-agent\tIstio CNI is configured as chained plugin, but cannot find existing CNI network config: no networks found in /host/etc/cni/net.d\n" +
		stamp(at) + "info\tcni-agent\tWaiting for CNI network config file to be written in /host/etc/cni/net.d...\n"
}

func reverted(at time.Time) string {
	return stamp(at) + "warn\tConfiguration has been reconciled multiple times in a short period of time. This may be due to a conflicting component constantly reverting our work. " +
		"Hint: Cilium CNI was detected; ensure 'cni.exclusive=false' in the Cilium configuration.\n"
}

func readOnly(at time.Time) string {
	return stamp(at) + "error\tcni-agent\tinstaller failed: copy binaries: open /host/opt/cni/bin/istio-cni.tmp.2628672928: read-only file system\n"
}

// addRefusal is an event of the node agent's DaemonSet.
func addRefusal(s *snapshot.Snapshot, message string) {
	addEvent(s, "FailedCreate", "DaemonSet", mesh.SystemNamespace, mesh.AgentDaemonSet, message)
}

func agentFixtures() map[string]fixture {
	return map[string]fixture{
		"ICNI201": {
			fires: func(s *snapshot.Snapshot) {
				s.Agent, s.AgentPods = snapshot.Missing[snapshot.Agent](), snapshot.Found([]snapshot.AgentPod{})
				s.Cluster.Value.ProvisioningState = "Failed"
			},
			expect:  []string{mesh.AgentDaemonSet, "provisioning state is Failed", "kubectl istio-cni enable --reconcile"},
			objects: []Object{AgentObject()},
			near:    initContainers,
		},
		"ICNI202": {
			fires: func(s *snapshot.Snapshot) {
				s.Cluster.Value.Mechanism = mesh.InitContainers
				s.InjectorMechanisms.Value[revision] = mesh.InitContainers
			},
			expect:  []string{"the mechanism is InitContainers", "created 3d1h ago", "kubectl istio-cni disable --reconcile"},
			objects: []Object{AgentObject()},
			near: func(s *snapshot.Snapshot) {
				s.Cluster.Value.Mechanism, s.Cluster.Value.ProvisioningState = mesh.InitContainers, "Updating"
			},
		},
		"ICNI203": {
			fires: func(s *snapshot.Snapshot) {
				withoutAgent(s, node2)
				nodeIn(s, node2).Taints = []snapshot.Taint{{Key: "contoso.example/dedicated", Value: "gpu", Effect: "NoExecute"}}
			},
			expect:  []string{node2, "contoso.example/dedicated=gpu:NoExecute", "kubectl taint node " + node2, "wants 2 nodes; the cluster has 3 Linux nodes"},
			objects: []Object{NodeObject(node2), AgentObject()},
			near: func(s *snapshot.Snapshot) {
				withoutAgent(s, node2)
				nodeIn(s, node2).OS = "windows"
			},
		},
		"ICNI204": {
			fires: func(s *snapshot.Snapshot) {
				unready(s, node2)
				logOf(s, node2, false, installed(ago(time.Hour))+reverted(ago(time.Second)))
			},
			expect:  []string{"reconciled multiple times", "Cilium keeps rewriting", "cni-exclusive", "kubectl logs -n aks-istio-system"},
			objects: []Object{agentPodOn(node2), NodeObject(node2)},
			// It has just started to install again.
			near: func(s *snapshot.Snapshot) {
				unready(s, node2)
				logOf(s, node2, false, installed(ago(72*time.Hour))+stamp(ago(2*time.Second))+"info\tcni-agent\tdetected changes to the node-level CNI setup, checking to see if configs or binaries need redeploying\n")
			},
			unread: func(s *snapshot.Snapshot) { unready(s, node2) },
		},
		"ICNI205": {
			fires: func(s *snapshot.Snapshot) {
				unready(s, node2)
				nodeIn(s, node2).Ready = false
				logOf(s, node2, false, waitsFor(ago(10*time.Minute)))
			},
			expect:  []string{"Waiting for CNI network config file", "the node is not Ready", "spec.nodeName=" + node2},
			objects: []Object{agentPodOn(node2), NodeObject(node2)},
			near: func(s *snapshot.Snapshot) {
				unready(s, node2)
				logOf(s, node2, false, waitsFor(ago(time.Minute)))
			},
			unread: func(s *snapshot.Snapshot) { unready(s, node2) },
		},
		"ICNI206": {
			fires: func(s *snapshot.Snapshot) {
				waiting(s, node2, crashLoop, 6)
				logOf(s, node2, true, readOnly(ago(3*time.Minute)))
			},
			expect:  []string{"CrashLoopBackOff after 6 restarts", "read-only file system", "immutable", "--previous", "--os-sku AzureLinux"},
			objects: []Object{agentPodOn(node2), NodeObject(node2)},
			// It crashed once while its node came up.
			near: func(s *snapshot.Snapshot) {
				waiting(s, node2, crashLoop, 1)
				logOf(s, node2, true, stamp(ago(time.Minute))+"error\tcni-agent\tfailed to reach the API server\n"+
					stamp(ago(time.Minute))+"warn\tfailed to setup execution environment, attempting to continue anyways: failed to remount /: permission denied\n")
			},
			unread: func(s *snapshot.Snapshot) { unready(s, node2).Restarts = 2 },
		},
		"ICNI207": {
			fires: func(s *snapshot.Snapshot) {
				waiting(s, node2, "ImagePullBackOff", 0).Message = `Back-off pulling image "mcr.microsoft.com/oss/istio/install-cni:1.27.3": dial tcp 204.79.197.219:443: i/o timeout`
			},
			expect:  []string{"ImagePullBackOff", "mcr.microsoft.com", "i/o timeout", "kubectl describe pod -n aks-istio-system"},
			objects: []Object{agentPodOn(node2), NodeObject(node2)},
			near:    func(s *snapshot.Snapshot) { waiting(s, node2, "ContainerCreating", 0) },
		},
		"ICNI208": {
			fires: func(s *snapshot.Snapshot) {
				withoutAgent(s, node2)
				s.Agent.Value.Desired = 3
				addRefusal(s, `Error creating: admission webhook "validation.gatekeeper.sh" denied the request: [contoso-no-hostpath] hostPath is not allowed`)
			},
			expect:  []string{"hostPath is not allowed", "validation.gatekeeper.sh", "wants 3 pods, and 2 are ready", "Exclude the namespace aks-istio-system"},
			objects: []Object{AgentObject()},
			near: func(s *snapshot.Snapshot) {
				withoutAgent(s, node2)
				s.Agent.Value.Desired = 3
				addRefusal(s, "Error creating: etcdserver: request timed out")
				addEvent(s, "FailedCreate", "DaemonSet", mesh.SystemNamespace, "contoso-collector", `Error creating: pods "contoso-collector-x" is forbidden: exceeded quota`)
			},
		},
		"ICNI209": {
			fires: func(s *snapshot.Snapshot) {
				s.Agent.Value.Updated = 1
				unready(s, node2)
			},
			expect:  []string{"1 of 3 nodes", "kubectl rollout status -n aks-istio-system daemonset/" + mesh.AgentDaemonSet, "not ready: "},
			objects: []Object{AgentObject(), agentPodOn(node2)},
			// The DaemonSet goes away.
			near: func(s *snapshot.Snapshot) { s.Agent.Value.Deleting, s.Agent.Value.Updated = true, 1 },
		},
		"ICNI210": {
			fires: func(s *snapshot.Snapshot) {
				addPods(s, unvalidatedPod("cart", 1, node2))
				logOf(s, node2, false, stamp(ago(time.Hour))+"info\tcni-agent\tcreated CNI config /host/etc/cni/net.d/01-egressgateway.conflist\n")
			},
			expect:  []string{"created CNI config /host/etc/cni/net.d/01-egressgateway.conflist", "kubectl cordon " + node2},
			objects: []Object{agentPodOn(node2), NodeObject(node2)},
			near: func(s *snapshot.Snapshot) {
				addPods(s, unvalidatedPod("cart", 1, node2))
				logOf(s, node2, false, installed(ago(time.Hour))+stamp(ago(time.Hour))+"info\tfile modified: /host/etc/cni/net.d/01-egressgateway.conflist\n")
			},
			unread: func(s *snapshot.Snapshot) { addPods(s, unvalidatedPod("cart", 1, node2)) },
		},
	}
}
