package check

import (
	"slices"
	"testing"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func noAgent(s *snapshot.Snapshot) {
	s.Agent, s.AgentPods = snapshot.Missing[snapshot.Agent](), snapshot.Found([]snapshot.AgentPod{})
}

func TestAgentRules(t *testing.T) {
	tryAll(t, []situation{
		{"CNI is being enabled", "ICNI201", func(s *snapshot.Snapshot) {
			initContainers(s)
			s.Cluster.Value.Mechanism, s.Cluster.Value.ProvisioningState = mesh.CNIChaining, "Updating"
		}, OK, ""},
		{"CNI is being enabled, and the injector is first", "ICNI201", func(s *snapshot.Snapshot) {
			noAgent(s)
			s.Cluster.Value.ProvisioningState = "Updating"
		}, Found, Medium},
		{"without Azure", "ICNI201", func(s *snapshot.Snapshot) { noAgent(s); withoutAzure(s) }, Found, Critical},
		{"it is going", "ICNI202", func(s *snapshot.Snapshot) {
			s.Cluster.Value.Mechanism, s.Agent.Value.Deleting = mesh.InitContainers, true
		}, OK, ""},
		{"without Azure, just made", "ICNI202", func(s *snapshot.Snapshot) {
			s.InjectorMechanisms.Value[revision], s.Agent.Value.Created = mesh.InitContainers, ago(time.Minute)
			withoutAzure(s)
		}, OK, ""},
		{"without Azure, old", "ICNI202", func(s *snapshot.Snapshot) {
			s.InjectorMechanisms.Value[revision] = mesh.InitContainers
			withoutAzure(s)
		}, Found, Medium},
		{"the agent is not scheduled", "ICNI203", func(s *snapshot.Snapshot) {
			agent := waiting(s, node2, "", 0)
			agent.Phase = "Pending"
		}, Found, High},
		{"the agent is not scheduled yet, during an update", "ICNI203", func(s *snapshot.Snapshot) {
			agent := waiting(s, node2, "", 0)
			agent.Phase, s.Agent.Value.Updated = "Pending", 1
		}, OK, ""},
		{"the agent left behind", "ICNI203", func(s *snapshot.Snapshot) {
			withoutAgent(s, node2)
			s.Cluster.Value.Mechanism = mesh.InitContainers
		}, OK, ""},
		{"a pod is missing, which is no update", "ICNI209", func(s *snapshot.Snapshot) {
			withoutAgent(s, node2)
			s.Agent.Value.Desired = 3
		}, OK, ""},
		{"nothing happens any more", "ICNI204", func(s *snapshot.Snapshot) {
			unready(s, node2)
			logOf(s, node2, false, installed(ago(3*time.Minute)))
		}, Found, High},
		{"the same in JSON", "ICNI204", func(s *snapshot.Snapshot) {
			unready(s, node2)
			logOf(s, node2, false, `{"level":"info","time":"`+ago(3*time.Minute).Format(time.RFC3339)+`","msg":"initial installation complete"}`+"\n")
		}, Found, High},
		{"its node is lost", "ICNI204", func(s *snapshot.Snapshot) { unready(s, node2); nodeIn(s, node2).Ready = false }, OK, ""},
		{"it waits for the primary CNI", "ICNI204", func(s *snapshot.Snapshot) { unready(s, node2); logOf(s, node2, false, waitsFor(ago(time.Hour))) }, OK, ""},
		{"its successor is not ready yet", "ICNI204", func(s *snapshot.Snapshot) {
			next := *agentOn(s, node2)
			next.Name, next.Ready, next.ReadySince = next.Name+"2", false, time.Time{}
			s.AgentPods.Value = append(s.AgentPods.Value, next)
		}, OK, ""},
		{"it has waited", "ICNI205", func(s *snapshot.Snapshot) {
			unready(s, node2)
			logOf(s, node2, false, waitsFor(ago(time.Hour))+installed(ago(time.Hour)))
		}, OK, ""},
		{"without its log", "ICNI206", func(s *snapshot.Snapshot) { waiting(s, node2, crashLoop, 6) }, Found, Critical},
		{"SELinux", "ICNI206", func(s *snapshot.Snapshot) {
			unready(s, node3).Restarts = 2
			logOf(s, node3, true, stamp(ago(time.Minute))+"error\tcni-agent\tfailed file copy of /opt/cni/bin/istio-cni to /host/opt/cni/bin: open /host/opt/cni/bin/istio-cni.tmp.1: permission denied\n")
		}, Found, Critical},
		{"a quota", "ICNI208", func(s *snapshot.Snapshot) {
			withoutAgent(s, node2)
			s.Agent.Value.Desired = 3
			addRefusal(s, `Error creating: pods "azure-service-mesh-istio-cni-addon-node-x" is forbidden: exceeded quota: contoso, requested: pods=1, used: pods=10, limited: pods=10`)
		}, Found, Critical},
		{"it was allowed in the end", "ICNI208", func(s *snapshot.Snapshot) { addRefusal(s, "admission webhook denied the request") }, OK, ""},
		{"long ago", "ICNI208", func(s *snapshot.Snapshot) {
			withoutAgent(s, node2)
			s.Agent.Value.Desired = 3
			addRefusal(s, "admission webhook denied the request")
			s.Events.Value[0].Last = ago(time.Hour)
		}, OK, ""},
		{"not seen yet", "ICNI209", func(s *snapshot.Snapshot) { s.Agent.Value.Current = false }, Found, Medium},
		{"pods fail for another reason", "ICNI210", func(s *snapshot.Snapshot) {
			addPods(s, unvalidatedPod("cart", 1, node2))
			logOf(s, node2, false, "warn Error loading CNI config list file /host/etc/cni/net.d/01-egressgateway.conflist: EOF\n")
		}, OK, ""},
	})
}

func findings(t *testing.T, id string, change func(*snapshot.Snapshot)) []Finding {
	t.Helper()
	rule, ok := ByID(id)
	if !ok {
		t.Fatal("no such rule")
	}
	return ask(t, rule, change).Findings
}

func TestWhatEveryAgentHasIsOneFinding(t *testing.T) {
	all := findings(t, "ICNI207", func(s *snapshot.Snapshot) {
		for _, node := range []string{node1, node2, node3} {
			waiting(s, node, "ErrImagePull", 0)
		}
	})
	if len(all) != 1 || all[0].Root != RootAgent || all[0].Objects[0] != AgentObject() || !slices.Contains(all[0].Objects, agentPodOn(node3)) {
		t.Error(text(all))
	}
	some := findings(t, "ICNI206", func(s *snapshot.Snapshot) {
		waiting(s, node1, crashLoop, 4)
		waiting(s, node3, crashLoop, 4)
	})
	if len(some) != 2 || some[0].Root != RootAgentOn(node1) || some[1].Root != RootAgentOn(node3) {
		t.Error(text(some))
	}
}

func TestAFewLogsAreEnough(t *testing.T) {
	many := func(s *snapshot.Snapshot) {
		s.AgentPods.Value = nil
		for i := range 9 {
			name := "aks-nodepool1-10000001-vmss00001" + string(rune('0'+i))
			addNode(s, snapshot.Node{Name: name, OS: "linux", Ready: true})
			s.AgentPods.Value = append(s.AgentPods.Value, snapshot.AgentPod{Name: mesh.AgentDaemonSet + "-x" + string(rune('a'+i)), Node: name, Running: true})
		}
	}
	s := healthy()
	many(s)
	rule, _ := ByID("ICNI204")
	requests, err := LogRequests(s, []*Rule{rule})
	if err != nil || len(requests) != mostAgentLogs {
		t.Errorf("%d logs, %v", len(requests), err)
	}
	report := ask(t, rule, func(s *snapshot.Snapshot) {
		many(s)
		for _, request := range requests {
			addLog(s, request, stamp(ago(time.Second))+"info\tstarting\n")
		}
	})
	if report.Outcome != Cannot {
		t.Errorf("four agents were not looked at: %s", text(report))
	}
}

// An agent that has been unready for long needs no log to be told.
func TestAgentUnreadyForLong(t *testing.T) {
	rule, _ := ByID("ICNI204")
	for _, test := range []struct {
		since time.Duration
		want  Outcome
	}{{time.Minute, Cannot}, {10 * time.Minute, Found}} {
		report := ask(t, rule, func(s *snapshot.Snapshot) {
			unready(s, node2)
			agentOn(s, node2).UnreadySince = ago(test.since)
		})
		if report.Outcome != test.want {
			t.Errorf("unready for %s: %s", test.since, text(report))
		}
	}
}
