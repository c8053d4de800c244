package check

import (
	"slices"
	"testing"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// crashRules are the rules that tell why istio-validation finds no redirection.
func crashRules() []string {
	return []string{"ICNI405", "ICNI503", "ICNI504", "ICNI505", "ICNI506", "ICNI507", "ICNI508"}
}

// A crash has one cause.
func TestOneCauseForEachCrash(t *testing.T) {
	repaired := func(s *snapshot.Snapshot, pod *mesh.Pod) {
		addLog(s, agentLog(agentOn(s, pod.Node), false), "pod repaired pod=shop/"+pod.Name)
	}
	for _, test := range []struct {
		name, want string
		change     func(*snapshot.Snapshot)
	}{
		{"the agent was ready before", "ICNI504", func(s *snapshot.Snapshot) { crashOn(s, node1) }},
		{"the agent became ready after", "ICNI503", func(s *snapshot.Snapshot) {
			crashOn(s, node1)
			agentOn(s, node1).ReadySince = ago(time.Minute)
		}},
		{"the agent is not ready", "ICNI503", func(s *snapshot.Snapshot) {
			crashOn(s, node1)
			agentOn(s, node1).Ready = false
		}},
		{"the node has no agent", "ICNI503", func(s *snapshot.Snapshot) {
			crashOn(s, node1)
			withoutAgent(s, node1)
		}},
		{"no node has one", "ICNI505", func(s *snapshot.Snapshot) {
			crashOn(s, node1)
			s.Agent, s.AgentPods = snapshot.Missing[snapshot.Agent](), snapshot.Found([]snapshot.AgentPod{})
		}},
		{"another uid", "ICNI506", func(s *snapshot.Snapshot) {
			crashOn(s, node1, asUser(2000))
			withoutAgent(s, node1)
		}},
		{"istio-init as well", "ICNI504", func(s *snapshot.Snapshot) {
			pod := crashOn(s, node1)
			pod.Redirect = privilegedPod("api", 1, node1).Redirect
		}},
		{"a Job with another uid", "ICNI506", func(s *snapshot.Snapshot) { crashOn(s, node1, asJob, asUser(2000)) }},
		{"an excluded namespace", "ICNI405", func(s *snapshot.Snapshot) {
			crashOn(s, node1)
			s.AgentConfig.Value.ExcludedNamespaces = []string{shop}
		}},
		{"a Job without any agent", "ICNI505", func(s *snapshot.Snapshot) {
			crashOn(s, node1, asJob)
			s.Agent, s.AgentPods = snapshot.Missing[snapshot.Agent](), snapshot.Found([]snapshot.AgentPod{})
		}},
		{"repaired and not yet tried again", "ICNI504", func(s *snapshot.Snapshot) {
			agentSays(s, crashOn(s, node1), ago(time.Second), "pod repaired")
		}},
		{"a Job", "ICNI507", func(s *snapshot.Snapshot) { crashOn(s, node1, asJob) }},
		{"a Job that came too early", "ICNI507", func(s *snapshot.Snapshot) {
			crashOn(s, node1, asJob)
			agentOn(s, node1).ReadySince = ago(time.Minute)
		}},
		{"repaired", "ICNI508", func(s *snapshot.Snapshot) { repaired(s, crashOn(s, node1)) }},
		{"repaired, but only just", "ICNI504", func(s *snapshot.Snapshot) {
			pod := crashOn(s, node1)
			pod.Failures[0].Restarts = 1
			repaired(s, pod)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := healthy()
			test.change(s)
			var got []string
			for _, report := range run(t, s).Reports {
				if report.Outcome == Found && slices.Contains(crashRules(), report.ID) {
					got = append(got, report.ID)
				}
			}
			if !slices.Equal(got, []string{test.want}) {
				t.Errorf("got %v, want %s", got, test.want)
			}
		})
	}
}

func run(t *testing.T, s *snapshot.Snapshot) *Result {
	t.Helper()
	result, err := Run(s, Rules())
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// A node without an agent explains the pods that crash on it.
func TestOneRootForCrashesOnANode(t *testing.T) {
	s := healthy()
	withoutAgent(s, node2)
	for range 20 {
		crashOn(s, node2)
	}
	result := run(t, s)
	if len(result.Groups) != 1 || result.Groups[0].Rule != "ICNI203" || len(result.Groups[0].Explains) != 1 {
		t.Fatalf("got %s", text(result.Groups))
	}
	if f := result.Groups[0].Explains[0]; f.Rule != "ICNI503" || !slices.Contains(f.Evidence, "and so did 17 pods more") {
		t.Errorf("got %s", text(f))
	}
}

// What the program would do by itself is safe, and does what the remedy says.
func TestPodFixes(t *testing.T) {
	for _, test := range []struct {
		name, rule string
		change     func(*snapshot.Snapshot)
		want       *Fix
	}{
		{"a stale Deployment", "ICNI512", func(s *snapshot.Snapshot) { s.Pods.Value[0] = privilegedPod("web", 1, node1) },
			&Fix{Action: FixRestart, Object: WorkloadObject(webShop)}},
		{"a stale bare pod", "ICNI512", func(s *snapshot.Snapshot) {
			s.Pods.Value[0] = privilegedPod("debug", 1, node1)
			s.Pods.Value[0].Workload = mesh.Workload{Kind: "Pod", Namespace: shop, Name: s.Pods.Value[0].Name}
		}, nil},
		{"one pod of a Deployment", "ICNI503", func(s *snapshot.Snapshot) {
			crashOn(s, node1)
			agentOn(s, node1).ReadySince = ago(time.Minute)
		}, &Fix{Action: FixDeletePod, Object: Object{"Pod", shop, "api-7d4b9c6f5d-d"}, UID: "0b5f0e2e-0000-4000-8000-000000000001"}},
		{"its agent is not ready", "ICNI503", func(s *snapshot.Snapshot) {
			crashOn(s, node1)
			agentOn(s, node1).Ready = false
		}, nil},
		{"stale while the switch goes on", "ICNI513", func(s *snapshot.Snapshot) {
			initContainers(s)
			s.Pods.Value[0] = meshPod("web", 1, node1)
			s.Cluster.Value.ProvisioningState = "Updating"
		}, nil},
		{"no webhook would inject it again", "ICNI520", func(s *snapshot.Snapshot) {
			s.Pods.Value[0].Revision = "asm-1-25"
			s.Namespaces.Value[3].Labels = map[string]string{mesh.RevisionLabel: "asm-1-25"}
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			rule, _ := ByID(test.rule)
			report := ask(t, rule, test.change)
			if len(report.Findings) != 1 {
				t.Fatalf("got %s", text(report))
			}
			got := report.Findings[0].Fix
			if (got == nil) != (test.want == nil) || got != nil && (got.Action != test.want.Action || got.Object != test.want.Object || got.UID != test.want.UID) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// Before CNIChaining is enabled, mode NONE is worth knowing and no more.
func TestModeNoneBeforeTheSwitch(t *testing.T) {
	rule, _ := ByID("ICNI510")
	report := ask(t, rule, func(s *snapshot.Snapshot) {
		initContainers(s)
		s.Pods.Value[0].InterceptionMode = "NONE"
	})
	if report.Outcome != Found || report.Findings[0].Severity != Low {
		t.Errorf("got %s", text(report))
	}
}
