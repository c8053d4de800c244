package check

import (
	"testing"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// situation is what one rule must say of a change of the healthy snapshot.
type situation struct {
	name   string
	id     string
	change func(*snapshot.Snapshot)
	want   Outcome
	// severity is that of the first finding, if it matters.
	severity Severity
}

func tryAll(t *testing.T, situations []situation) {
	t.Helper()
	for _, test := range situations {
		t.Run(test.id+" "+test.name, func(t *testing.T) {
			rule, ok := ByID(test.id)
			if !ok {
				t.Fatal("no such rule")
			}
			report := ask(t, rule, test.change)
			if report.Outcome != test.want {
				t.Fatalf("want %s: %s", test.want, text(report))
			}
			if test.severity != "" && report.Findings[0].Severity != test.severity {
				t.Errorf("want %s: %s", test.severity, text(report))
			}
		})
	}
}

func TestAzureRules(t *testing.T) {
	tryAll(t, []situation{
		{"without Azure, by the control planes", "ICNI101", withoutAzure, OK, ""},
		{"without Azure and a control plane", "ICNI101", func(s *snapshot.Snapshot) { withoutAzure(s); s.Istiods.Value = nil }, Found, Critical},
		{"without Azure, an old control plane", "ICNI102", func(s *snapshot.Snapshot) { revisions(s, "asm-1-24"); withoutAzure(s) }, Found, Critical},
		{"a revision that is none", "ICNI102", func(s *snapshot.Snapshot) { revisions(s, "contoso") }, Cannot, ""},
		{"without Azure, two control planes", "ICNI103", func(s *snapshot.Snapshot) { revisions(s, "asm-1-27", "asm-1-28"); withoutAzure(s) }, Found, Medium},
		{"a control plane without a revision besides", "ICNI103", func(s *snapshot.Snapshot) {
			s.Istiods.Value = append(s.Istiods.Value, snapshot.Istiod{Name: "istiod"})
			withoutAzure(s)
		}, OK, ""},
		{"the mesh is off", "ICNI104", func(s *snapshot.Snapshot) {
			s.Cluster.Value.MeshMode, s.Cluster.Value.KnowsMechanism, s.Cluster.Value.Mechanism = "", false, mesh.Unknown
		}, OK, ""},
		{"an operation is running", "ICNI105", func(s *snapshot.Snapshot) { s.Cluster.Value.ProvisioningState = "Updating" }, Found, Medium},
		{"the cluster is stopped", "ICNI105", func(s *snapshot.Snapshot) { s.Cluster.Value.PowerState = "Stopped" }, Found, High},
		{"the operation was aborted", "ICNI105", func(s *snapshot.Snapshot) { s.Cluster.Value.ProvisioningState = "Canceled" }, Found, High},
		{"no state", "ICNI105", func(s *snapshot.Snapshot) { s.Cluster.Value.ProvisioningState = "" }, OK, ""},
	})
}

func TestTheUpgradeThatBringsCNIIsToBeCompleted(t *testing.T) {
	rule, _ := ByID("ICNI102")
	report := ask(t, rule, func(s *snapshot.Snapshot) { revisions(s, "asm-1-24", "asm-1-25") })
	if len(report.Findings) != 1 || len(report.Findings[0].Remedy) != 1 || report.Findings[0].Remedy[0].Command != "az aks mesh upgrade complete --resource-group contoso-rg --name contoso-aks" {
		t.Error(text(report))
	}
}

// All rules of the three areas are silent on healthy clusters of other shapes.
func TestNoFalseAlarms(t *testing.T) {
	for name, change := range map[string]func(*snapshot.Snapshot){
		"CNI":           unchanged,
		"CNI off":       initContainers,
		"no Azure":      withoutAzure,
		"off, no Azure": func(s *snapshot.Snapshot) { initContainers(s); withoutAzure(s) },
		"Windows node": func(s *snapshot.Snapshot) {
			addNode(s, snapshot.Node{Name: "akswin000000", OS: "windows", OSImage: "Windows Server 2022 Datacenter", KubeletVersion: "v1.30.0", Ready: true})
		},
		"virtual node": func(s *snapshot.Snapshot) {
			addNode(s, snapshot.Node{Name: "virtual-node-aci-linux", OS: "linux", KubeletVersion: "v1.25.0", Ready: true, Virtual: true})
		},
		"new node": func(s *snapshot.Snapshot) {
			addNode(s, snapshot.Node{Name: "aks-nodepool1-10000001-vmss000003", OS: "linux", KubeletVersion: "v1.35.4"})
		},
		"agent replaced": func(s *snapshot.Snapshot) { agentOn(s, node2).Terminating, agentOn(s, node2).Ready = true, false },
		"agent is about to be made": func(s *snapshot.Snapshot) {
			withoutAgent(s, node2)
			s.Agent.Value.Desired, s.Agent.Value.Updated = 3, 3
		},
		"agent's container is being created": func(s *snapshot.Snapshot) { waiting(s, node2, "ContainerCreating", 0) },
		"CNI is being disabled": func(s *snapshot.Snapshot) {
			s.Cluster.Value.Mechanism, s.Agent.Value.Deleting = mesh.InitContainers, true
			waiting(s, node2, crashLoop, 9)
			agentOn(s, node3).Terminating = true
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, area := range []Area{AreaAzure, AreaAgent, AreaNodes} {
				rules, err := Select(Selection{Only: []string{string(area)}})
				if err != nil {
					t.Fatal(err)
				}
				for _, rule := range rules {
					report := ask(t, rule, change)
					if report.Outcome == Found {
						t.Errorf("it fires: %s", text(report))
					}
				}
			}
		})
	}
}

func addNode(s *snapshot.Snapshot, node snapshot.Node) { s.Nodes.Value = append(s.Nodes.Value, node) }
