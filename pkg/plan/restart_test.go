package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func deployment(name string) mesh.Workload {
	return mesh.Workload{Kind: "Deployment", Namespace: "shop", Name: name}
}

// switched is a cluster just after the switch to CNIChaining. The namespace shop
// is in the mesh.
func switched() *snapshot.Snapshot {
	s := ready()
	s.Cluster.Value.Mechanism = mesh.CNIChaining
	s.InjectorMechanisms = snapshot.Found(map[string]mesh.Mechanism{"asm-1-27": mesh.CNIChaining})
	s.Injectors = snapshot.Found([]mesh.Injector{{Revision: "asm-1-27", NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"istio.io/rev": "asm-1-27"}}}})
	s.Namespaces = snapshot.Found([]snapshot.Namespace{{Name: "shop", Labels: map[string]string{"istio.io/rev": "asm-1-27"}}, {Name: "plain"}, {Name: mesh.SystemNamespace}})
	s.Pods, s.Workloads, s.Budgets = snapshot.Found[[]*mesh.Pod](nil), snapshot.Found[[]snapshot.Workload](nil), snapshot.Found[[]snapshot.Budget](nil)
	return s
}

// addPods gives a workload pods: stale ones carry istio-init, fresh ones
// istio-validation.
func addPods(s *snapshot.Snapshot, w mesh.Workload, stale, fresh int) {
	for i := range stale + fresh {
		pod := &mesh.Pod{
			Namespace: w.Namespace, Name: fmt.Sprintf("%s-%d", w.Name, i), Workload: w,
			HasProxy: true, Revision: "asm-1-27", Redirect: &mesh.Redirect{Name: "istio-init"}, Privileged: []string{"istio-init"},
		}
		if i >= stale {
			pod.Redirect, pod.Privileged = &mesh.Redirect{Name: "istio-validation"}, nil
		}
		s.Pods.Value = append(s.Pods.Value, pod)
	}
}

func addSpec(s *snapshot.Snapshot, w mesh.Workload, change func(*snapshot.Workload)) {
	spec := snapshot.Workload{Workload: w, Replicas: 3, PodLabels: map[string]string{"app": w.Name}}
	if change != nil {
		change(&spec)
	}
	s.Workloads.Value = append(s.Workloads.Value, spec)
}

func restart(t *testing.T, s *snapshot.Snapshot, options RestartOptions) *Restart {
	t.Helper()
	plan, err := RestartStale(s, options)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

const hasInit = "has istio-init"

func TestOnlyStaleWorkloadsAreRestarted(t *testing.T) {
	s := switched()
	web, api, db, plain := deployment("web"), deployment("api"), mesh.Workload{Kind: "StatefulSet", Namespace: "shop", Name: "db"}, mesh.Workload{Kind: "Deployment", Namespace: "plain", Name: "tool"}
	agent := mesh.Workload{Kind: "DaemonSet", Namespace: mesh.SystemNamespace, Name: mesh.AgentDaemonSet}
	for _, w := range []mesh.Workload{web, api, db, plain, agent} {
		addSpec(s, w, nil)
	}
	addPods(s, web, 2, 1)
	addPods(s, api, 0, 2)
	addPods(s, db, 1, 0)
	s.Pods.Value = append(s.Pods.Value,
		&mesh.Pod{Namespace: "plain", Name: "tool-0", Workload: plain},
		&mesh.Pod{Namespace: agent.Namespace, Name: "agent-0", Workload: agent, Privileged: []string{"install-cni"}},
		// A pod that is going away is not counted.
		&mesh.Pod{Namespace: "shop", Name: "api-old", Workload: api, Terminating: true, HasProxy: true, Revision: "asm-1-27", Redirect: &mesh.Redirect{Name: "istio-init"}})
	want := &Restart{
		Items: []RestartItem{
			{Workload: web, Pods: 3, Stale: 2, Reason: hasInit},
			{Workload: db, Pods: 1, Stale: 1, Reason: hasInit},
		},
		Fresh: 1,
	}
	if diff := cmp.Diff(want, restart(t, s, RestartOptions{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want = &Restart{Items: []RestartItem{
		{Workload: api, Pods: 2},
		{Workload: web, Pods: 3, Stale: 2, Reason: hasInit},
		{Workload: db, Pods: 1, Stale: 1, Reason: hasInit},
	}}
	if diff := cmp.Diff(want, restart(t, s, RestartOptions{All: true})); diff != "" {
		t.Errorf("all: (-want +got):\n%s", diff)
	}
}

func TestNamedWorkloadsAreRestartedAlone(t *testing.T) {
	s := switched()
	for _, name := range []string{"web", "api"} {
		addSpec(s, deployment(name), nil)
		addPods(s, deployment(name), 1, 0)
	}
	addSpec(s, deployment("idle"), nil)
	got := restart(t, s, RestartOptions{Only: []mesh.Workload{deployment("api")}})
	want := &Restart{Items: []RestartItem{{Workload: deployment("api"), Pods: 1, Stale: 1, Reason: hasInit}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := restart(t, s, RestartOptions{Only: []mesh.Workload{deployment("idle")}, All: true}); len(got.Items)+len(got.Skipped) != 0 {
		t.Errorf("a workload without pods: got %+v", got)
	}
	_, err := RestartStale(s, RestartOptions{Only: []mesh.Workload{deployment("api"), deployment("wbe")}})
	if err == nil || !strings.Contains(err.Error(), "restart deployment/wbe in namespace shop") || !strings.Contains(fail.Remedy(err), "-n shop") {
		t.Errorf("a misspelt name: got %v, remedy %q", err, fail.Remedy(err))
	}
}

func TestWhatIsNotRestarted(t *testing.T) {
	job, pod, rollout := mesh.Workload{Kind: "Job", Namespace: "shop", Name: "it"}, mesh.Workload{Kind: "Pod", Namespace: "shop", Name: "it"}, mesh.Workload{Kind: "Rollout", Namespace: "shop", Name: "it"}
	web, sts, daemon := deployment("it"), mesh.Workload{Kind: "StatefulSet", Namespace: "shop", Name: "it"}, mesh.Workload{Kind: "DaemonSet", Namespace: "shop", Name: "it"}
	for _, test := range []struct {
		name     string
		workload mesh.Workload
		spec     func(*snapshot.Workload)
		want     string
	}{
		{"a bare pod", pod, nil, "a pod without an owner is not made again"},
		{"a Job", job, nil, "a Job's pods are not replaced"},
		{"somebody else's kind", rollout, nil, "restart a Rollout by its own means"},
		{"paused", web, func(w *snapshot.Workload) { w.Paused = true }, "it is paused"},
		{"StatefulSet on delete", sts, func(w *snapshot.Workload) { w.OnDelete = true }, "OnDelete"},
		{"DaemonSet on delete", daemon, func(w *snapshot.Workload) { w.OnDelete = true }, "OnDelete"},
		{"partitioned", sts, func(w *snapshot.Workload) { w.Partition = 2 }, "its update partition is 2"},
		{"istioctl kube-inject", web, func(w *snapshot.Workload) { w.TemplateRedirect = "istio-init" }, "its own pod template carries istio-init"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := switched()
			addPods(s, test.workload, 1, 1)
			if test.workload.Restartable() {
				addSpec(s, test.workload, test.spec)
			}
			got := restart(t, s, RestartOptions{})
			if len(got.Items) != 0 || len(got.Skipped) != 1 || got.Fresh != 0 {
				t.Fatalf("got %+v", got)
			}
			if got.Skipped[0].Workload != test.workload || !strings.Contains(got.Skipped[0].Reason, test.want) {
				t.Errorf("got %+v, want it about %q", got.Skipped[0], test.want)
			}
		})
	}
}

func TestWhatIsFreshIsNotCalledSkipped(t *testing.T) {
	s := switched()
	addPods(s, mesh.Workload{Kind: "Job", Namespace: "shop", Name: "it"}, 0, 1)
	if diff := cmp.Diff(&Restart{Fresh: 1}, restart(t, s, RestartOptions{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRestartWhereNotAllCouldBeRead(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(*snapshot.Snapshot)
		options RestartOptions
		want    string
	}{
		{"the mechanism is unknown", func(s *snapshot.Snapshot) {
			s.Cluster, s.InjectorMechanisms = snapshot.Part[snapshot.Cluster]{State: snapshot.Denied}, snapshot.Part[map[string]mesh.Mechanism]{State: snapshot.Denied}
			addPods(s, deployment("it"), 1, 0)
			addSpec(s, deployment("it"), nil)
		}, RestartOptions{}, "whether it is stale is unknown: the redirection mechanism is unknown"},
		{"namespaces are unknown", func(s *snapshot.Snapshot) {
			s.Namespaces = snapshot.Part[[]snapshot.Namespace]{State: snapshot.Denied}
			s.Pods.Value = append(s.Pods.Value, &mesh.Pod{Namespace: "shop", Name: "it-0", Workload: deployment("it")})
			addSpec(s, deployment("it"), nil)
		}, RestartOptions{}, "whether it is stale is unknown: the namespace's labels are unknown"},
		{"workloads denied", func(s *snapshot.Snapshot) {
			s.Workloads = snapshot.Part[[]snapshot.Workload]{State: snapshot.Denied, Reason: "the API server denies it"}
			addPods(s, deployment("it"), 1, 0)
		}, RestartOptions{}, "its specification is not known: the API server denies it"},
		{"the workload is gone", func(s *snapshot.Snapshot) { addPods(s, deployment("it"), 1, 0) }, RestartOptions{}, "it no longer exists"},
		{"all, and the workload is gone", func(s *snapshot.Snapshot) { addPods(s, deployment("it"), 0, 1) }, RestartOptions{All: true}, "it no longer exists"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := switched()
			test.change(s)
			got := restart(t, s, test.options)
			if len(got.Items) != 0 || len(got.Skipped) != 1 || !strings.Contains(got.Skipped[0].Reason, test.want) {
				t.Errorf("got %+v, want one skipped: %q", got, test.want)
			}
		})
	}
	t.Run("all, and staleness unknown: asked for, so done", func(t *testing.T) {
		s := switched()
		s.Cluster, s.InjectorMechanisms = snapshot.Part[snapshot.Cluster]{State: snapshot.Denied}, snapshot.Part[map[string]mesh.Mechanism]{State: snapshot.Denied}
		addPods(s, deployment("it"), 1, 0)
		addSpec(s, deployment("it"), nil)
		if got := restart(t, s, RestartOptions{All: true}); len(got.Items) != 1 || len(got.Skipped) != 0 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestTheReasonIsThatOfAStalePod(t *testing.T) {
	s := switched()
	addSpec(s, deployment("web"), nil)
	addPods(s, deployment("web"), 0, 1)
	// Undecided: injected by a revision whose injector is not known, no namespace.
	s.Namespaces.Value = nil
	s.Cluster.Value.Mechanism = mesh.Unknown
	addPods(s, deployment("web"), 0, 1)
	s.Pods.Value[1].Revision = "asm-1-26"
	addPods(s, deployment("web"), 1, 0)
	got := restart(t, s, RestartOptions{})
	want := []RestartItem{{Workload: deployment("web"), Pods: 3, Stale: 1, Reason: hasInit}}
	if diff := cmp.Diff(want, got.Items); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatARestartHurts(t *testing.T) {
	sts, daemon := mesh.Workload{Kind: "StatefulSet", Namespace: "shop", Name: "it"}, mesh.Workload{Kind: "DaemonSet", Namespace: "shop", Name: "it"}
	one := func(w *snapshot.Workload) { w.Replicas = 1 }
	budget := func(namespace string, allowed int32, selector *metav1.LabelSelector) snapshot.Budget {
		return snapshot.Budget{Namespace: namespace, Name: "keep", Selector: selector, DisruptionsAllowed: allowed}
	}
	app := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "it"}}
	const noRoom = "PodDisruptionBudget keep has no room"
	for _, test := range []struct {
		name     string
		workload mesh.Workload
		spec     func(*snapshot.Workload)
		budget   snapshot.Budget
		want     []string
	}{
		{"three replicas", deployment("it"), nil, snapshot.Budget{}, nil},
		{"one replica", deployment("it"), one, snapshot.Budget{}, []string{"one replica"}},
		{"one replica of a StatefulSet", sts, one, snapshot.Budget{}, []string{"its one replica stops before the new one starts"}},
		{"old pods stop first", deployment("it"), func(w *snapshot.Workload) { w.Recreate = true }, snapshot.Budget{}, []string{"all its pods stop before new ones start (Recreate)"}},
		{"old pods stop first, all one of them", deployment("it"), func(w *snapshot.Workload) { w.Recreate, w.Replicas = true, 1 }, snapshot.Budget{}, []string{"all its pods stop before new ones start (Recreate)"}},
		{"a DaemonSet on one node", daemon, one, snapshot.Budget{}, nil},
		{"a budget without room", deployment("it"), nil, budget("shop", 0, app), []string{noRoom}},
		{"one replica and a budget", deployment("it"), one, budget("shop", 0, app), []string{"one replica", noRoom}},
		{"a budget with room", deployment("it"), nil, budget("shop", 1, app), nil},
		{"a budget of another namespace", deployment("it"), nil, budget("plain", 0, app), nil},
		{"a budget for other pods", deployment("it"), nil, budget("shop", 0, &metav1.LabelSelector{MatchLabels: map[string]string{"app": "other"}}), nil},
		{"an empty selector selects all pods", deployment("it"), nil, budget("shop", 0, &metav1.LabelSelector{}), []string{noRoom}},
		{"a missing selector selects none", deployment("it"), nil, budget("shop", 0, nil), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := switched()
			addPods(s, test.workload, 1, 0)
			addSpec(s, test.workload, test.spec)
			s.Budgets.Value = []snapshot.Budget{test.budget}
			got := restart(t, s, RestartOptions{})
			if len(got.Items) != 1 {
				t.Fatalf("got %+v", got)
			}
			if diff := cmp.Diff(test.want, got.Items[0].Hurts); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRestartFailsOnASelectorThatCannotBeRead(t *testing.T) {
	s := switched()
	s.Injectors.Value[0].NamespaceSelector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "k", Operator: "?"}}
	if _, err := RestartStale(s, RestartOptions{}); err == nil {
		t.Error("no error")
	}
}

func TestWhatOneRestartHurts(t *testing.T) {
	s := switched()
	addSpec(s, deployment("web"), func(w *snapshot.Workload) { w.Replicas = 1 })
	for name, want := range map[string]string{"web": "one replica", "unknown": "its specification is not known"} {
		if got := strings.Join(Hurts(s, deployment(name)), "; "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
