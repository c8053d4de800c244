package snapshot

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

var taken = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)

// Every part of a new snapshot says that it was not asked for. A part whose
// state is "" would be neither known nor unknown.
func TestNothingWasAskedOfANewSnapshot(t *testing.T) {
	value := reflect.ValueOf(*New(taken))
	parts := 0
	for i := range value.NumField() {
		state := value.Field(i)
		if state.Kind() != reflect.Struct || !state.FieldByName("State").IsValid() {
			continue
		}
		parts++
		if got := state.FieldByName("State").Interface(); got != NotAsked {
			t.Errorf("%s: state %q", value.Type().Field(i).Name, got)
		}
	}
	if parts < 13 {
		t.Errorf("only %d parts found", parts)
	}
}

func TestWhatIsKnown(t *testing.T) {
	for state, want := range map[State]bool{
		Read: true, Absent: true,
		NotAsked: false, Denied: false, TimedOut: false, Unreachable: false, Failed: false, "": false, "something new": false,
	} {
		if got := (Part[int]{State: state}).Known(); got != want {
			t.Errorf("%q: got %v, want %v", state, got, want)
		}
	}
	if part := Found(7); !part.Known() || part.Value != 7 {
		t.Errorf("found: %+v", part)
	}
	if part := Missing[int](); !part.Known() || part.State != Absent {
		t.Errorf("missing: %+v", part)
	}
}

// A snapshot can be saved and loaded.
func TestSnapshotsSurviveTheirJSON(t *testing.T) {
	s := New(taken)
	s.Context = Context{Name: "contoso-aks", Server: "contoso-1234.hcp.westeurope.azmk8s.io", Namespace: "shop"}
	s.Cluster = Found(Cluster{Location: "westeurope", ProvisioningState: "Succeeded", MeshMode: "Istio", Revisions: []string{"asm-1-27"}, Mechanism: mesh.CNIChaining, KnowsMechanism: true, APIVersion: "2026-01-01"})
	s.Nodes = Part[[]Node]{State: Denied, Reason: "the API server denies it", Needs: "list nodes (cluster-wide)"}
	s.Agent = Missing[Agent]()
	s.InjectorMechanisms = Found(map[string]mesh.Mechanism{"asm-1-27": mesh.CNIChaining})
	s.Injectors = Found([]mesh.Injector{{Configuration: "c", Webhook: "w", Revision: "asm-1-27", NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"istio.io/rev": "asm-1-27"}}}})
	s.Namespaces = Found([]Namespace{{Name: "shop", Labels: map[string]string{"istio.io/rev": "asm-1-27"}}})
	uid := int64(0)
	s.Pods = Found([]*mesh.Pod{{Namespace: "shop", Name: "web-1", Created: taken, HasProxy: true, Redirect: &mesh.Redirect{Name: "istio-init", Capabilities: "{}", RunAsUser: &uid}}})
	s.Workloads = Found([]Workload{{Workload: mesh.Workload{Kind: "Deployment", Namespace: "shop", Name: "web"}, Replicas: 3}})
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	loaded := &Snapshot{}
	if err := json.Unmarshal(text, loaded); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, loaded); diff != "" {
		t.Errorf("(-saved +loaded):\n%s", diff)
	}
}

func TestInjectorMechanism(t *testing.T) {
	for _, test := range []struct {
		name string
		part Part[map[string]mesh.Mechanism]
		want mesh.Mechanism
	}{
		{"one", Found(map[string]mesh.Mechanism{"asm-1-27": mesh.CNIChaining}), mesh.CNIChaining},
		{"two that agree", Found(map[string]mesh.Mechanism{"asm-1-27": mesh.InitContainers, "asm-1-28": mesh.InitContainers}), mesh.InitContainers},
		{"two that differ", Found(map[string]mesh.Mechanism{"asm-1-27": mesh.InitContainers, "asm-1-28": mesh.CNIChaining}), mesh.Unknown},
		{"three, one of which differs", Found(map[string]mesh.Mechanism{"a": mesh.CNIChaining, "b": mesh.InitContainers, "c": mesh.CNIChaining}), mesh.Unknown},
		{"none", Missing[map[string]mesh.Mechanism](), mesh.Unknown},
		{"denied", Part[map[string]mesh.Mechanism]{State: Denied}, mesh.Unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := New(taken)
			s.InjectorMechanisms = test.part
			// The order of a map is another one each time.
			for range 20 {
				if got := s.InjectorMechanism(); got != test.want {
					t.Fatalf("got %q, want %q", got, test.want)
				}
			}
		})
	}
}

func TestAgentReady(t *testing.T) {
	linux := func(names ...string) []Node {
		var nodes []Node
		for _, name := range names {
			nodes = append(nodes, Node{Name: name, OS: "linux"})
		}
		return nodes
	}
	ready, notReady := func(node string) AgentPod { return AgentPod{Node: node, Ready: true} }, func(node string) AgentPod { return AgentPod{Node: node} }
	agent := Found(Agent{Desired: 5, Ready: 4})
	for _, test := range []struct {
		name          string
		nodes         Part[[]Node]
		pods          Part[[]AgentPod]
		ready, wanted int
		byNode        bool
	}{
		{"everywhere", Found(linux("a", "b")), Found([]AgentPod{ready("a"), ready("b")}), 2, 2, true},
		{"a node without an agent pod counts", Found(linux("a", "b", "c")), Found([]AgentPod{ready("a"), ready("b")}), 2, 3, true},
		{"a pod that is not ready does not", Found(linux("a", "b")), Found([]AgentPod{ready("a"), notReady("b")}), 1, 2, true},
		{"two pods on a node are one node", Found(linux("a", "b")), Found([]AgentPod{ready("a"), notReady("a"), ready("a")}), 1, 2, true},
		{"pods of nodes that are gone", Found(linux("a")), Found([]AgentPod{ready("a"), ready("gone")}), 1, 1, true},
		{"Windows and virtual nodes have no agent", Found(append(linux("a"), Node{Name: "w", OS: "windows"}, Node{Name: "v", OS: "linux", Virtual: true})), Found([]AgentPod{ready("a")}), 1, 1, true},
		{"a node whose system is unknown should have one", Found([]Node{{Name: "a"}}), Found([]AgentPod{}), 0, 1, true},
		{"nodes denied: the DaemonSet's own figures", Part[[]Node]{State: Denied}, Found([]AgentPod{ready("a")}), 4, 5, false},
		{"agent pods timed out: the DaemonSet's own figures", Found(linux("a")), Part[[]AgentPod]{State: TimedOut}, 4, 5, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := New(taken)
			s.Agent, s.Nodes, s.AgentPods = agent, test.nodes, test.pods
			before := len(s.Nodes.Value)
			gotReady, gotWanted, byNode := s.AgentReady()
			if gotReady != test.ready || gotWanted != test.wanted || byNode != test.byNode {
				t.Errorf("got %d of %d, by node %v, want %d of %d, %v", gotReady, gotWanted, byNode, test.ready, test.wanted, test.byNode)
			}
			if len(s.Nodes.Value) != before {
				t.Error("the snapshot's nodes changed")
			}
		})
	}
}

func TestClustersInTransition(t *testing.T) {
	for state, want := range map[string]bool{
		"Succeeded": false, "succeeded": false, "Failed": false, "Canceled": false, "": false,
		"Updating": true, "Creating": true, "Upgrading": true, "ReconcilingAddons": true, "Deleting": true, "Something New": true,
	} {
		if got := (Cluster{ProvisioningState: state}).InTransition(); got != want {
			t.Errorf("%q: got %v, want %v", state, got, want)
		}
	}
}

// What was not read stays unknown on the way to the verdicts.
func TestVerdictsRestOnWhatWasRead(t *testing.T) {
	injector := mesh.Injector{Revision: "asm-1-27", NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"istio.io/rev": "asm-1-27"}}}
	full := func() *Snapshot {
		s := New(taken)
		s.Cluster = Found(Cluster{Mechanism: mesh.CNIChaining})
		s.InjectorMechanisms = Found(map[string]mesh.Mechanism{"asm-1-27": mesh.CNIChaining})
		s.Injectors = Found([]mesh.Injector{injector})
		s.Namespaces = Found([]Namespace{{Name: "shop", Labels: map[string]string{"istio.io/rev": "asm-1-27"}}})
		s.Pods = Found([]*mesh.Pod{
			{Namespace: "shop", Name: "old", HasProxy: true, Revision: "asm-1-27", Redirect: &mesh.Redirect{Name: "istio-init"}, Privileged: []string{"istio-init"}},
			{Namespace: "shop", Name: "bare"},
		})
		return s
	}
	type brief struct {
		State mesh.State
		Stale mesh.Staleness
	}
	for _, test := range []struct {
		name   string
		change func(*Snapshot)
		want   []brief
	}{
		{"all was read", func(*Snapshot) {}, []brief{{mesh.Privileged, mesh.Stale}, {mesh.NotInjected, mesh.Stale}}},
		{"injectors denied", func(s *Snapshot) { s.Injectors = Part[[]mesh.Injector]{State: Denied} },
			[]brief{{mesh.Privileged, mesh.Stale}, {mesh.NotInjected, mesh.StalenessUnset}}},
		{"namespaces denied", func(s *Snapshot) { s.Namespaces = Part[[]Namespace]{State: Denied} },
			[]brief{{mesh.Privileged, mesh.Stale}, {mesh.Undecided, mesh.StalenessUnset}}},
		{"the namespace is not among those read", func(s *Snapshot) { s.Namespaces = Found([]Namespace{{Name: "other"}}) },
			[]brief{{mesh.Privileged, mesh.Stale}, {mesh.Undecided, mesh.StalenessUnset}}},
		{"Azure denied", func(s *Snapshot) { s.Cluster = Part[Cluster]{State: Denied} },
			[]brief{{mesh.Privileged, mesh.Stale}, {mesh.NotInjected, mesh.Stale}}},
		{"no word on the mechanism", func(s *Snapshot) {
			s.Cluster, s.InjectorMechanisms = Part[Cluster]{State: Denied}, Part[map[string]mesh.Mechanism]{State: TimedOut}
		}, []brief{{mesh.Privileged, mesh.StalenessUnset}, {mesh.NotInjected, mesh.Stale}}},
		{"no injectors", func(s *Snapshot) { s.Injectors = Found[[]mesh.Injector](nil) },
			[]brief{{mesh.Privileged, mesh.Fresh}, {mesh.NotInjected, mesh.Fresh}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := full()
			test.change(s)
			verdicts, err := s.Verdicts()
			if err != nil {
				t.Fatal(err)
			}
			var got []brief
			for _, v := range verdicts {
				got = append(got, brief{v.State, v.Stale})
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestVerdictsFailOnASelectorThatCannotBeRead(t *testing.T) {
	s := New(taken)
	s.Injectors = Found([]mesh.Injector{{NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "k", Operator: "?"}}}}})
	if _, err := s.Verdicts(); err == nil {
		t.Error("no error")
	}
}
