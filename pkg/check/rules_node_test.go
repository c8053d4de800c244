package check

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// cart is the pod that addSandboxEvent puts into a snapshot, and its event.
func cart(s *snapshot.Snapshot) (*mesh.Pod, *snapshot.Event) {
	return s.Pods.Value[len(s.Pods.Value)-1], &s.Events.Value[len(s.Events.Value)-1]
}

func TestNodeRules(t *testing.T) {
	sandbox := func(message string, change func(*snapshot.Snapshot)) func(*snapshot.Snapshot) {
		return func(s *snapshot.Snapshot) { addSandboxEvent(s, message); change(s) }
	}
	tryAll(t, []situation{
		{"the pod runs by now", "ICNI301", sandbox(kubeconfigText, func(s *snapshot.Snapshot) { pod, _ := cart(s); pod.Phase = "Running" }), OK, ""},
		{"the node was restarted under a pod that counts as running", "ICNI301", sandbox(kubeconfigText, func(s *snapshot.Snapshot) {
			pod, _ := cart(s)
			pod.Phase, pod.Created = "Running", ago(48*time.Hour)
			waiting(s, node2, "ContainerCreating", 0)
		}), Found, Critical},
		{"the same, and the agent is back", "ICNI301", sandbox(kubeconfigText, func(s *snapshot.Snapshot) {
			pod, _ := cart(s)
			pod.Phase, pod.Created = "Running", ago(48*time.Hour)
		}), OK, ""},
		{"an old event", "ICNI301", sandbox(kubeconfigText, func(s *snapshot.Snapshot) { _, event := cart(s); event.Last = ago(20 * time.Minute) }), OK, ""},
		{"the pod was deleted", "ICNI301", func(s *snapshot.Snapshot) {
			addEvent(s, sandboxNotMade, "Pod", shop, "gone", kubeconfigText)
			s.Events.Value[0].Last = ago(10 * time.Minute)
		}, OK, ""},
		{"the pods are not known", "ICNI301", sandbox(kubeconfigText, func(s *snapshot.Snapshot) {
			s.Pods = snapshot.Part[[]*mesh.Pod]{State: snapshot.Denied}
		}), Found, Critical},
		{"another file is missing", "ICNI301", sandbox(istioText+"open /var/run/netns/cni-1: no such file or directory", unchanged), OK, ""},
		{"the agent is just being replaced", "ICNI302", sandbox(tokenText, func(s *snapshot.Snapshot) {
			pod, event := cart(s)
			pod.Created, pod.Started, event.Count, event.Last = ago(time.Minute), ago(time.Minute), 1, ago(10*time.Second)
		}), OK, ""},
		{"it is CNI that is off", "ICNI303", func(s *snapshot.Snapshot) { initContainers(s); addSandboxEvent(s, pluginText) }, Found, Critical},
		{"escaped quotes", "ICNI303", func(s *snapshot.Snapshot) {
			s.Pods.Value[1].Terminating = true
			addEvent(s, sandboxNotUnmade, "Pod", shop, s.Pods.Value[1].Name, killText)
		}, Found, Critical},
		{"while CNI is on", "ICNI304", func(s *snapshot.Snapshot) {
			s.Pods.Value[1].Terminating = true
			addEvent(s, sandboxNotUnmade, "Pod", shop, s.Pods.Value[1].Name, killText)
		}, OK, ""},
		{"a wrong annotation", "ICNI305", sandbox(istioText+"netplugin failed: iptables-restore; annotation value error for value x", unchanged), OK, ""},
		{"a stale token, with a log about iptables", "ICNI305", sandbox(istioText+"iptables are left alone: Unauthorized", unchanged), OK, ""},
		{"CNI is off", "ICNI306", func(s *snapshot.Snapshot) { initContainers(s); ubuntu(s, node1, "Ubuntu 20.04.6 LTS", "") }, Found, Medium},
		{"an empty pool", "ICNI306", func(s *snapshot.Snapshot) {
			s.Cluster.Value.Pools = append(s.Cluster.Value.Pools, snapshot.Pool{Name: "cvm", NodeImageVersion: "AKSUbuntu-2004cvmcontainerd-202604.13.0"})
		}, Found, High},
		{"only Azure knows", "ICNI306", func(s *snapshot.Snapshot) {
			s.Nodes = snapshot.Part[[]snapshot.Node]{State: snapshot.Denied}
			s.Cluster.Value.Pools[0].NodeImageVersion = "AKSUbuntu-2004cvmcontainerd-202604.13.0"
		}, Found, High},
		{"another taint", "ICNI307", func(s *snapshot.Snapshot) {
			nodeIn(s, node2).Taints = []snapshot.Taint{{Key: "node.cilium.io/agent-not-ready", Effect: "NoExecute"}}
		}, OK, ""},
		{"native sidecars are on", "ICNI308", func(s *snapshot.Snapshot) { nodeIn(s, node2).KubeletVersion = "v1.32.7" }, OK, ""},
		{"an old control plane", "ICNI308", func(s *snapshot.Snapshot) {
			s.KubernetesVersion.Value, s.Istiods.Value[0].NativeSidecars = "v1.32.9", ""
			nodeIn(s, node2).KubeletVersion = "v1.32.7"
		}, OK, ""},
		{"an upgrade is running", "ICNI308", func(s *snapshot.Snapshot) {
			s.Cluster.Value.ProvisioningState, s.Istiods.Value[0].NativeSidecars = "Upgrading", ""
			nodeIn(s, node2).KubeletVersion = "v1.32.7"
		}, OK, ""},
		{"an old mesh", "ICNI308", func(s *snapshot.Snapshot) { revisions(s, "asm-1-26"); nodeIn(s, node2).KubeletVersion = "v1.32.7" }, OK, ""},
	})
}

func TestStuckPodsAreCountedByNode(t *testing.T) {
	found := findings(t, "ICNI301", func(s *snapshot.Snapshot) {
		for n := range 5 {
			pod := stuckPodOn(s, n, node2)
			for range 3 {
				addEvent(s, sandboxNotMade, "Pod", shop, pod.Name, kubeconfigText)
			}
		}
		other := stuckPodOn(s, 9, node3)
		addEvent(s, sandboxNotMade, "Pod", shop, other.Name, kubeconfigText)
	})
	if len(found) != 2 || found[0].Objects[0] != NodeObject(node2) || found[1].Objects[0] != NodeObject(node3) {
		t.Fatal(text(found))
	}
	if got := strings.Join(found[0].Evidence, "\n"); strings.Count(got, "cannot start") != mostExamples || !strings.Contains(got, "2 more pods") {
		t.Error(got)
	}
}

func TestABlockedAgentCannotBeReplaced(t *testing.T) {
	found := findings(t, "ICNI302", func(s *snapshot.Snapshot) {
		agent := waiting(s, node2, "ContainerCreating", 0)
		addEvent(s, sandboxNotMade, "Pod", mesh.SystemNamespace, agent.Name, tokenText)
	})
	if len(found) != 1 || found[0].Fix != nil || !strings.Contains(text(found), "own pod") || !strings.Contains(text(found), "kubectl drain "+node2) {
		t.Error(text(found))
	}
}

func TestAMissingAgentExplainsItsNodes(t *testing.T) {
	s := healthy()
	noAgent(s)
	addSandboxEvent(s, pluginText)
	addEvent(s, sandboxNotMade, "Pod", shop, "gone", tokenText)
	result, err := Run(s, Rules())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, group := range result.Groups {
		if group.Area != AreaAgent && group.Area != AreaNodes {
			continue
		}
		got = append(got, group.Rule)
		for _, finding := range group.Explains {
			got = append(got, "+"+finding.Rule)
		}
	}
	if want := "[ICNI201 +ICNI302 +ICNI303]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
