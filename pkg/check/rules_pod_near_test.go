package check

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// agentSays writes a line about a pod into the log of its node's agent.
func agentSays(s *snapshot.Snapshot, pod *mesh.Pod, at time.Time, text string) {
	logOf(s, pod.Node, false, stamp(at)+"info\tcni-repair\t"+text+"\tpod="+pod.Namespace+"/"+pod.Name+"\n")
}

// onInit makes a pod's own init container fail before a classic sidecar runs.
func onInit(s *snapshot.Snapshot, failures ...mesh.Failure) *mesh.Pod {
	pod := s.Pods.Value[0]
	pod.NativeSidecar, pod.Failures = false, failures
	return pod
}

// The same symptom has another cause, or nothing is wrong.
func TestPodNearMisses(t *testing.T) {
	migrate := mesh.Failure{Container: "migrate", ExitCode: 7}
	for _, test := range []struct {
		name, rule string
		change     func(*snapshot.Snapshot)
	}{
		{"the plugin leaves a gateway alone", "ICNI510", func(s *snapshot.Snapshot) {
			s.Pods.Value[0].InterceptionMode, s.Pods.Value[0].Template = "NONE", "gateway"
		}},
		{"the plugin leaves the namespace alone", "ICNI510", func(s *snapshot.Snapshot) {
			s.Pods.Value[0].InterceptionMode = "NONE"
			s.AgentConfig.Value.ExcludedNamespaces = []string{shop}
		}},
		{"the Job has gone on", "ICNI507", func(s *snapshot.Snapshot) {
			failed := *crashOn(s, node2, asJob)
			next := failed
			next.Name, next.Phase, next.Created, next.Failures = failed.Name+"-2", corev1.PodSucceeded, ago(5*time.Minute), nil
			addPods(s, &next)
		}},
		{"the pod has yet to be tried again", "ICNI508", func(s *snapshot.Snapshot) {
			agentSays(s, crashOn(s, node2), ago(30*time.Second), "pod repaired")
		}},
		{"an earlier pod of the name was repaired", "ICNI508", func(s *snapshot.Snapshot) {
			agentSays(s, crashOn(s, node2), ago(time.Hour), "pod repaired")
		}},
		{"a pod with a longer name was repaired", "ICNI508", func(s *snapshot.Snapshot) {
			pod := *crashOn(s, node2)
			pod.Name += "-0"
			agentSays(s, &pod, ago(5*time.Minute), "pod repaired")
		}},
		{"the Deployment has replaced the pod", "ICNI504", func(s *snapshot.Snapshot) {
			crashOn(s, node2).Phase = corev1.PodFailed
		}},
		{"the event is an hour old", "ICNI509", func(s *snapshot.Snapshot) {
			s.Pods.Value[0].Phase = corev1.PodPending
			addEvent(s, sandboxNotMade, "Pod", shop, s.Pods.Value[0].Name, istioText+"annotation value error for value includePorts")
			s.Events.Value[0].Last = ago(time.Hour)
		}},
		{"the pod is gone", "ICNI509", func(s *snapshot.Snapshot) {
			addEvent(s, sandboxNotMade, "Pod", shop, "gone-1", istioText+"annotation value error for value includePorts")
		}},
		{"istio-validation fails too", "ICNI514", func(s *snapshot.Snapshot) {
			onInit(s, mesh.Failure{Container: mesh.ValidationContainer, ExitCode: mesh.ValidationFailed}, migrate)
		}},
		{"its traffic is not redirected", "ICNI514", func(s *snapshot.Snapshot) {
			onInit(s, migrate).InitAsProxyUser = []string{"migrate"}
		}},
		{"istio-init comes after it", "ICNI514", func(s *snapshot.Snapshot) {
			initContainers(s)
			onInit(s, migrate)
		}},
		{"hostNetwork keeps the sidecar away", "ICNI516", func(s *snapshot.Snapshot) {
			pod := plainPod("exporter", 1, node1)
			pod.Namespace, pod.Workload.Namespace, pod.Labels = "default", "default", map[string]string{mesh.InjectLabel: "true"}
			pod.HostNetwork = true
			addPods(s, pod)
		}},
		{"they belong to another Istio", "ICNI520", func(s *snapshot.Snapshot) {
			s.Pods.Value[0].Revision = "stable"
			other := injectorsOf("stable", "stable")
			for i := range other {
				other[i].Service = "istio-system/istiod"
			}
			s.Injectors.Value = append(s.Injectors.Value, other...)
		}},
		{"the injector does not follow yet", "ICNI512", func(s *snapshot.Snapshot) {
			s.Pods.Value[0] = privilegedPod("web", 1, node1)
			s.InjectorMechanisms.Value[revision] = mesh.InitContainers
		}},
	} {
		t.Run(test.rule+" "+test.name, func(t *testing.T) {
			rule, _ := ByID(test.rule)
			if report := ask(t, rule, test.change); report.Outcome != OK {
				t.Errorf("got %s", text(report))
			}
		})
	}
}

// Whether pods are stale depends on what is not known.
func TestPodsThatCannotBeJudged(t *testing.T) {
	twoMechanisms := func(s *snapshot.Snapshot) {
		s.Cluster.Value.Mechanism = mesh.Unknown
		s.InjectorMechanisms.Value["asm-1-26"] = mesh.InitContainers
	}
	for _, test := range []struct {
		name, rule, want string
		change           func(*snapshot.Snapshot)
	}{
		{"the injectors differ", "ICNI513", "the redirection mechanism", twoMechanisms},
		{"the injectors differ, and there is istio-init", "ICNI512", "the redirection mechanism", func(s *snapshot.Snapshot) {
			twoMechanisms(s)
			s.Pods.Value[0] = privilegedPod("web", 1, node1)
		}},
		{"who injected them is not known", "ICNI512", "pod/web-7d4b9c6f5d-b in shop and 1 pod more should be restarted", func(s *snapshot.Snapshot) {
			s.Pods.Value = []*mesh.Pod{privilegedPod("web", 1, node1), privilegedPod("web", 2, node2)}
			s.Pods.Value[0].Revision, s.Pods.Value[1].Revision = "", ""
		}},
		{"the agent's settings", "ICNI504", "the node agent's settings", func(s *snapshot.Snapshot) {
			crashOn(s, node2)
			deny(t, s, PartAgentConfig)
		}},
	} {
		t.Run(test.rule+" "+test.name, func(t *testing.T) {
			rule, _ := ByID(test.rule)
			report := ask(t, rule, test.change)
			if !slices.ContainsFunc(report.Unknowns, func(u Unknown) bool { return strings.Contains(u.What, test.want) }) {
				t.Errorf("%q is not among what is unknown: %s", test.want, text(report))
			}
		})
	}
}

// Whatever the mechanism and the kind of sidecar, nothing is wrong with a cluster
// that is healthy, with what has ended or goes, nor during a switch.
func TestPodRulesAreSilent(t *testing.T) {
	classic := func(s *snapshot.Snapshot) {
		for i := range s.Pods.Value {
			s.Pods.Value[i].NativeSidecar = false
		}
	}
	for name, change := range map[string]func(*snapshot.Snapshot){
		"native": unchanged, "classic": classic, "init containers": initContainers,
		"classic init containers": func(s *snapshot.Snapshot) { initContainers(s); classic(s) },
		"a switch begins": func(s *snapshot.Snapshot) {
			initContainers(s)
			s.Cluster.Value.ProvisioningState = "Updating"
		},
		"what has ended": func(s *snapshot.Snapshot) {
			done, plain, going := privilegedPod("job", 1, node1), plainPod("job", 2, node2), privilegedPod("old", 3, node1)
			done.Phase, plain.Phase, going.Terminating = corev1.PodSucceeded, corev1.PodFailed, true
			addPods(s, done, plain, going)
		},
		"gateways": func(s *snapshot.Snapshot) {
			gateway := meshPod("gateway", 1, node1)
			gateway.Redirect, gateway.Template = nil, "gateway"
			addPods(s, gateway)
		},
		"the add-on's own": func(s *snapshot.Snapshot) {
			gateway := meshPod("aks-istio-ingressgateway", 1, node1)
			gateway.Redirect, gateway.Namespace, gateway.Revision = nil, "aks-istio-ingress", "asm-1-26"
			addPods(s, gateway)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, rule := range podRules() {
				if report := ask(t, rule, change); report.Outcome != OK {
					t.Errorf("%s", text(report))
				}
			}
		})
	}
}

// Many pods of one workload are one finding, which names no more than a few.
func TestOneFindingForEachWorkload(t *testing.T) {
	for rule, change := range map[string]func(*mesh.Pod){
		"ICNI507": asJob,
		"ICNI506": asUser(2000),
		"ICNI509": func(*mesh.Pod) {},
		"ICNI515": func(p *mesh.Pod) { p.AsProxyUser = []string{"app"} },
	} {
		t.Run(rule, func(t *testing.T) {
			rule, _ := ByID(rule)
			report := ask(t, rule, func(s *snapshot.Snapshot) {
				for range 8 {
					pod := crashOn(s, node2, change)
					addEvent(s, sandboxNotMade, "Pod", shop, pod.Name, istioText+"annotation value error for value includePorts")
				}
			})
			if len(report.Findings) != 1 {
				t.Fatalf("%d findings: %s", len(report.Findings), text(report))
			}
			finding := report.Findings[0]
			pods := 0
			for _, o := range finding.Objects {
				if o.Kind == "Pod" && o.Namespace == shop {
					pods++
				}
			}
			if finding.Objects[0].Kind == "Pod" || pods != mostPods {
				t.Errorf("got %s", text(finding))
			}
		})
	}
}

// What the agent took for an earlier pod is not repaired, whenever it says so.
func TestTakenForAnEarlierPod(t *testing.T) {
	rule, _ := ByID("ICNI508")
	report := ask(t, rule, func(s *snapshot.Snapshot) {
		agentSays(s, crashOn(s, node2), ago(time.Second), "Skipping pod, already repaired with an unexpected UID 1 vs 2")
	})
	if report.Outcome != Found || !strings.Contains(report.Findings[0].Cause, "earlier one of the same name") {
		t.Errorf("got %s", text(report))
	}
}

// A restart waits for the agent, and for the operation on the cluster.
func TestStaleFixWaits(t *testing.T) {
	rule, _ := ByID("ICNI512")
	for name, change := range map[string]func(*snapshot.Snapshot){
		"the agent is not ready":   func(s *snapshot.Snapshot) { unready(s, node3) },
		"the agent is not known":   func(s *snapshot.Snapshot) { deny(t, s, PartAgent) },
		"an operation is going on": func(s *snapshot.Snapshot) { s.Cluster.Value.ProvisioningState = "Updating" },
	} {
		t.Run(name, func(t *testing.T) {
			report := ask(t, rule, func(s *snapshot.Snapshot) {
				s.Pods.Value[0] = privilegedPod("web", 1, node1)
				change(s)
			})
			if report.Outcome != Found || report.Findings[0].Fix != nil {
				t.Errorf("got %s", text(report))
			}
		})
	}
}
