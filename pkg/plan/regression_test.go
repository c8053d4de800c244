package plan

import (
	"strings"
	"testing"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func TestNamespacesThatWereNotRead(t *testing.T) {
	s := ready()
	s.Namespaces = snapshot.Part[[]snapshot.Namespace]{State: snapshot.Read, Value: []snapshot.Namespace{{Name: "shop"}}, Reason: "only namespace shop could be read", Needs: "list namespaces (cluster-wide)"}
	_, err := LabelNamespaces(s, LabelOptions{Namespaces: []string{"shop", "pay"}, Value: "asm-1-27"})
	if err == nil || strings.Contains(err.Error(), "there is no such namespace") {
		t.Errorf("got %v", err)
	}
}

func TestAllOldPoolsAreNamed(t *testing.T) {
	s := ready()
	s.Nodes = snapshot.Part[[]snapshot.Node]{State: snapshot.Denied, Reason: "denied", Needs: "list nodes"}
	s.Cluster.Value.Pools = []snapshot.Pool{{Name: "one", NodeImageVersion: "AKSUbuntu-2004cvmcontainerd-1"}, {Name: "two", NodeImageVersion: "AKSUbuntu-gen2-2004fipscontainerd-1"}}
	if got := SwitchTo(mesh.CNIChaining, s, SwitchOptions{}).Notices; !strings.Contains(got[0].Text, "pool one, pool two") {
		t.Errorf("got %+v", got)
	}
}

func TestRemediesWithoutAnEnd(t *testing.T) {
	s := ready()
	timedOut := "the API server did not answer in time"
	s.Nodes = snapshot.Part[[]snapshot.Node]{State: snapshot.TimedOut, Reason: timedOut}
	s.Pods = snapshot.Part[[]*mesh.Pod]{State: snapshot.TimedOut, Reason: timedOut}
	s.Feature, s.Cluster.Value.APIVersion = snapshot.Part[string]{State: snapshot.TimedOut, Reason: timedOut}, "2025-08-02-preview"
	for _, n := range SwitchTo(mesh.CNIChaining, s, SwitchOptions{}).Notices {
		if strings.HasSuffix(n.Remedy, " ") {
			t.Errorf("%q: remedy %q", n.Text, n.Remedy)
		}
	}
}

func TestWorkloadsThatWereNotRead(t *testing.T) {
	s := switched()
	s.Workloads = snapshot.Part[[]snapshot.Workload]{State: snapshot.Denied, Reason: "the API server denies it"}
	_, err := RestartStale(s, RestartOptions{Only: []mesh.Workload{deployment("idle")}})
	if err == nil || strings.Contains(err.Error(), "there is no such workload") {
		t.Errorf("got %v", err)
	}
}

func TestAnUnknownMechanismIsOverwrittenSilently(t *testing.T) {
	s := ready()
	s.Cluster.Value.Mechanism = "Ambient"
	if got := SwitchTo(mesh.CNIChaining, s, SwitchOptions{}); len(got.Notices) == 0 {
		t.Errorf("got %+v", got)
	}
}

func TestAnEvictedPodKeepsItsWorkloadStale(t *testing.T) {
	s := switched()
	addSpec(s, deployment("web"), nil)
	addPods(s, deployment("web"), 1, 2)
	s.Pods.Value[0].Phase = "Failed"
	if got := restart(t, s, RestartOptions{}); len(got.Items) != 0 {
		t.Errorf("restarted again and again: %+v", got.Items)
	}
}

func TestNamespacesGivenTwice(t *testing.T) {
	got, err := LabelNamespaces(namespaces(snapshot.Namespace{Name: "shop"}), LabelOptions{Namespaces: []string{"shop", "shop"}, Value: "asm-1-27"})
	if err != nil || len(got.Steps) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestAnUnprovenClusterIsNotAlreadySo(t *testing.T) {
	s := ready()
	s.Identity.Value.Proof = ""
	if got := SwitchTo(mesh.InitContainers, s, SwitchOptions{}); len(got.Notices.Blocking()) == 0 {
		t.Errorf("said of a cluster that may be another: %+v", got)
	}
}

func TestBudgetsThatWereNotRead(t *testing.T) {
	s := switched()
	addSpec(s, deployment("web"), nil)
	addPods(s, deployment("web"), 1, 0)
	s.Budgets = snapshot.Part[[]snapshot.Budget]{State: snapshot.Denied, Reason: "the API server denies it"}
	if got := restart(t, s, RestartOptions{}); len(got.Items[0].Hurts) == 0 {
		t.Errorf("nothing is said about budgets: %+v", got)
	}
}
