package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// ready is a cluster that can be switched to CNIChaining, with nothing to say
// about it.
func ready() *snapshot.Snapshot {
	s := snapshot.New(time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC))
	s.Context = snapshot.Context{Name: "contoso-aks", Server: "contoso-1234.hcp.westeurope.azmk8s.io"}
	s.Identity = snapshot.Found(snapshot.Identity{Name: "contoso-aks", ResourceGroup: "contoso-rg", Proof: "its nodes are in resource group MC_contoso"})
	s.Cluster = snapshot.Found(snapshot.Cluster{
		Location: "westeurope", ProvisioningState: "Succeeded", SKU: "Base", PowerState: "Running", MeshMode: "Istio",
		Revisions: []string{"asm-1-27"}, Mechanism: mesh.InitContainers, APIVersion: "2026-01-01", KnowsMechanism: true,
		NodeResourceGroup: "MC_contoso", Pools: []snapshot.Pool{{Name: "nodepool1", NodeImageVersion: "AKSUbuntu-2204gen2containerd-202610.13.0"}},
	})
	s.Nodes = snapshot.Found([]snapshot.Node{{Name: "aks-nodepool1-0", OS: "linux", OSImage: "Ubuntu 22.04.5 LTS"}})
	return s
}

// cluster changes what Azure says about the cluster.
func cluster(change func(*snapshot.Cluster)) func(*snapshot.Snapshot) {
	return func(s *snapshot.Snapshot) { change(&s.Cluster.Value) }
}

// notice is how a table writes one: whether it blocks, a part of its text, and a
// part of its remedy ("" for none at all).
type notice struct {
	blocks       bool
	text, remedy string
}

func checkNotices(t *testing.T, got Notices, want ...notice) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d notices, want %d:\n%+v", len(got), len(want), got)
		return
	}
	for i, w := range want {
		if got[i].Blocks != w.blocks || !strings.Contains(got[i].Text, w.text) || !strings.Contains(got[i].Remedy, w.remedy) || (w.remedy == "") != (got[i].Remedy == "") {
			t.Errorf("notice %d: got %+v, want %+v", i, got[i], w)
		}
	}
}

func TestSwitchTo(t *testing.T) {
	const blocks, warns = true, false
	preview := func(feature snapshot.Part[string]) func(*snapshot.Snapshot) {
		return func(s *snapshot.Snapshot) {
			s.Cluster.Value.APIVersion, s.Feature = "2025-08-02-preview", feature
		}
	}
	for _, test := range []struct {
		name    string
		target  mesh.Mechanism
		change  func(*snapshot.Snapshot)
		options SwitchOptions
		step    SwitchStep
		notices []notice
	}{
		{"enable, all well", mesh.CNIChaining, nil, SwitchOptions{}, StepWrite, nil},
		{"disable, all well", mesh.InitContainers, cluster(func(c *snapshot.Cluster) { c.Mechanism = mesh.CNIChaining }), SwitchOptions{}, StepWrite, nil},

		// Nothing to do, or not yet.
		{"already so", mesh.InitContainers, nil, SwitchOptions{}, StepNothing, nil},
		{"already so, but to be put right", mesh.InitContainers, nil, SwitchOptions{Reconcile: true}, StepWrite, nil},
		{"already so, on a stopped cluster: what forbids a change does not matter", mesh.InitContainers,
			cluster(func(c *snapshot.Cluster) { c.PowerState = "Stopped" }), SwitchOptions{}, StepNothing, nil},
		{"an operation runs", mesh.CNIChaining, cluster(func(c *snapshot.Cluster) { c.ProvisioningState = "Upgrading" }), SwitchOptions{}, StepWait, nil},
		{"an operation of a kind that is not known", mesh.CNIChaining, cluster(func(c *snapshot.Cluster) { c.ProvisioningState = "ReconcilingAddons" }), SwitchOptions{}, StepWait, nil},
		{"already so, and an operation runs: it may be this one", mesh.InitContainers,
			cluster(func(c *snapshot.Cluster) { c.ProvisioningState = "Updating" }), SwitchOptions{}, StepWait, nil},

		// The cluster.
		{"unproven", mesh.CNIChaining, func(s *snapshot.Snapshot) { s.Identity.Value.Proof = "" }, SwitchOptions{}, StepWrite,
			[]notice{{blocks, "nothing proves that contoso-aks is the cluster of kube context contoso-aks", "--cluster-id"}}},
		{"unproven, but a person named it", mesh.CNIChaining, func(s *snapshot.Snapshot) {
			s.Identity.Value.Proof, s.Identity.Value.Named = "", true
		}, SwitchOptions{}, StepWrite, []notice{{warns, "nothing proves that contoso-aks is the cluster of kube context contoso-aks", ""}}},
		{"proven, and a person named it", mesh.CNIChaining, func(s *snapshot.Snapshot) { s.Identity.Value.Named = true }, SwitchOptions{}, StepWrite, nil},
		{"unproven, disable", mesh.InitContainers, func(s *snapshot.Snapshot) {
			s.Identity.Value.Proof, s.Cluster.Value.Mechanism = "", mesh.CNIChaining
		}, SwitchOptions{}, StepWrite, []notice{{blocks, "nothing proves", "list nodes"}}},
		{"an api-version that does not know the mechanism", mesh.CNIChaining, cluster(func(c *snapshot.Cluster) {
			c.KnowsMechanism, c.Mechanism, c.APIVersion = false, mesh.Unknown, "2025-10-01"
		}), SwitchOptions{}, StepWrite, []notice{{blocks, "no api-version offered here knows the redirection mechanism (newest: 2025-10-01)", "--api-version"}}},
		{"the same, disable: unknown is not off", mesh.InitContainers, cluster(func(c *snapshot.Cluster) {
			c.KnowsMechanism, c.Mechanism, c.APIVersion = false, mesh.Unknown, "2025-10-01"
		}), SwitchOptions{}, StepWrite, []notice{{blocks, "no api-version", "--api-version"}}},
		{"stopped", mesh.CNIChaining, cluster(func(c *snapshot.Cluster) { c.PowerState = "stopped" }), SwitchOptions{}, StepWrite,
			[]notice{{blocks, "the cluster is stopped", "az aks start"}}},
		{"mesh off", mesh.CNIChaining, cluster(func(c *snapshot.Cluster) { c.MeshMode, c.Revisions, c.Mechanism = "Disabled", nil, mesh.Unknown }), SwitchOptions{}, StepWrite,
			[]notice{{blocks, "not enabled on the cluster (mesh mode: Disabled)", "az aks mesh enable"}}},
		{"no mesh", mesh.CNIChaining, cluster(func(c *snapshot.Cluster) { c.MeshMode, c.Revisions, c.Mechanism = "", nil, mesh.Unknown }), SwitchOptions{}, StepWrite,
			[]notice{{blocks, "(mesh mode: absent)", "az aks mesh enable"}}},
		{"the last operation failed", mesh.CNIChaining, cluster(func(c *snapshot.Cluster) { c.ProvisioningState = "Failed" }), SwitchOptions{}, StepWrite,
			[]notice{{warns, "ended Failed", "try again"}}},
		{"the last operation was canceled", mesh.CNIChaining, cluster(func(c *snapshot.Cluster) { c.ProvisioningState = "Canceled" }), SwitchOptions{}, StepWrite,
			[]notice{{warns, "ended Canceled", "try again"}}},
		{"two revisions", mesh.CNIChaining, cluster(func(c *snapshot.Cluster) { c.Revisions = []string{"asm-1-27", "asm-1-28"} }), SwitchOptions{}, StepWrite,
			[]notice{{warns, "(asm-1-27 and asm-1-28)", ""}}},

		// Revisions.
		{"too old a revision", mesh.CNIChaining, cluster(func(c *snapshot.Cluster) { c.Revisions = []string{"asm-1-24"} }), SwitchOptions{}, StepWrite,
			[]notice{{blocks, "revision asm-1-24 does not support CNIChaining; it needs asm-1-25 or later", "az aks mesh upgrade start"}}},
		{"the oldest that supports it", mesh.CNIChaining, cluster(func(c *snapshot.Cluster) { c.Revisions = []string{"asm-1-25"} }), SwitchOptions{}, StepWrite, nil},
		{"one of two is too old", mesh.CNIChaining, cluster(func(c *snapshot.Cluster) { c.Revisions = []string{"asm-1-24", "asm-1-25"} }), SwitchOptions{}, StepWrite,
			[]notice{{warns, "upgrade of the mesh is in progress", ""}, {blocks, "asm-1-24 does not support", "upgrade"}}},
		{"a revision of another form", mesh.CNIChaining, cluster(func(c *snapshot.Cluster) { c.Revisions = []string{"asm-next"} }), SwitchOptions{}, StepWrite,
			[]notice{{warns, `"asm-next" is not a revision`, ""}}},
		{"too old a revision does not matter for disable", mesh.InitContainers, cluster(func(c *snapshot.Cluster) {
			c.Revisions, c.Mechanism = []string{"asm-1-24"}, mesh.CNIChaining
		}), SwitchOptions{}, StepWrite, nil},

		// Node images.
		{"Ubuntu 20.04 with a stable api-version", mesh.CNIChaining, func(s *snapshot.Snapshot) {
			s.Nodes.Value = append(s.Nodes.Value, snapshot.Node{Name: "aks-fips-0", OS: "linux", OSImage: "Ubuntu 20.04.6 LTS"})
		}, SwitchOptions{}, StepWrite, []notice{{warns, "incompatible with CNIChaining: node aks-fips-0", "Ubuntu 22.04 or later"}}},
		{"Ubuntu 20.04 with a preview", mesh.CNIChaining, func(s *snapshot.Snapshot) {
			s.Nodes.Value = append(s.Nodes.Value, snapshot.Node{Name: "aks-fips-0", OS: "linux", OSImage: "Ubuntu 20.04.6 LTS"})
			preview(snapshot.Found("Registered"))(s)
		}, SwitchOptions{}, StepWrite, []notice{{blocks, "node aks-fips-0", "Ubuntu 22.04 or later"}}},
		{"many old nodes", mesh.CNIChaining, func(s *snapshot.Snapshot) {
			for _, name := range []string{"a", "b", "c", "d", "e"} {
				s.Nodes.Value = append(s.Nodes.Value, snapshot.Node{Name: name, OS: "linux", OSImage: "Ubuntu 20.04.6 LTS"})
			}
		}, SwitchOptions{}, StepWrite, []notice{{warns, ": node a, node b, node c and 2 more", "22.04"}}},
		{"an old image that only Azure tells of", mesh.CNIChaining, func(s *snapshot.Snapshot) {
			s.Nodes = snapshot.Part[[]snapshot.Node]{State: snapshot.Denied, Reason: "the API server denies it", Needs: "list nodes (cluster-wide)"}
			s.Cluster.Value.Pools[0].NodeImageVersion = "AKSUbuntu-gen2-2004fipscontainerd-202610.13.0"
		}, SwitchOptions{}, StepWrite, []notice{
			{warns, "pool nodepool1", "22.04"},
			{warns, "node operating systems were not checked: the API server denies it; it takes list nodes (cluster-wide)", ""},
		}},
		{"Azure Linux and 24.04", mesh.CNIChaining, func(s *snapshot.Snapshot) {
			s.Nodes.Value = []snapshot.Node{{Name: "a", OS: "linux", OSImage: "Microsoft Azure Linux 3.0"}, {Name: "b", OS: "linux", OSImage: "Ubuntu 24.04.3 LTS"}}
		}, SwitchOptions{}, StepWrite, nil},
		{"Windows", mesh.CNIChaining, func(s *snapshot.Snapshot) {
			s.Nodes.Value = append(s.Nodes.Value, snapshot.Node{Name: "akswin0", OS: "windows", OSImage: "Windows Server 2022 Datacenter"})
		}, SwitchOptions{}, StepWrite, []notice{{warns, "Windows nodes take no part in the mesh: akswin0", ""}}},
		{"nodes are not looked at for disable", mesh.InitContainers, func(s *snapshot.Snapshot) {
			s.Cluster.Value.Mechanism = mesh.CNIChaining
			s.Nodes = snapshot.Part[[]snapshot.Node]{State: snapshot.Denied}
		}, SwitchOptions{}, StepWrite, nil},

		// Pods.
		{"TPROXY", mesh.CNIChaining, func(s *snapshot.Snapshot) {
			s.Pods = snapshot.Found([]*mesh.Pod{{Namespace: "shop", Name: "a", InterceptionMode: "REDIRECT"}, {Namespace: "shop", Name: "b", InterceptionMode: "TPROXY"}})
		}, SwitchOptions{}, StepWrite, []notice{{warns, "keep NET_ADMIN in istio-proxy: shop/b", "REDIRECT"}}},
		{"pods denied", mesh.CNIChaining, func(s *snapshot.Snapshot) {
			s.Pods = snapshot.Part[[]*mesh.Pod]{State: snapshot.Denied, Reason: "the API server denies it", Needs: "list pods (cluster-wide)"}
		}, SwitchOptions{}, StepWrite, []notice{{warns, "not all pods that the change concerns are known: the API server denies it; it takes list pods (cluster-wide)", ""}}},
		{"pods of one namespace only, disable", mesh.InitContainers, func(s *snapshot.Snapshot) {
			s.Cluster.Value.Mechanism = mesh.CNIChaining
			s.Pods = snapshot.Part[[]*mesh.Pod]{State: snapshot.Read, Reason: "only namespace shop could be read", Needs: "list pods (cluster-wide)"}
		}, SwitchOptions{}, StepWrite, []notice{{warns, "only namespace shop could be read; it takes list pods (cluster-wide)", ""}}},
		{"AKS Automatic, disable", mesh.InitContainers, cluster(func(c *snapshot.Cluster) { c.SKU, c.Mechanism = "Automatic", mesh.CNIChaining }), SwitchOptions{}, StepWrite,
			[]notice{{warns, "AKS Automatic", "stay with CNIChaining"}}},
		{"AKS Automatic, enable", mesh.CNIChaining, cluster(func(c *snapshot.Cluster) { c.SKU = "Automatic" }), SwitchOptions{}, StepWrite, nil},

		// The preview feature flag.
		{"preview, registered", mesh.CNIChaining, preview(snapshot.Found("Registered")), SwitchOptions{}, StepWrite, nil},
		{"preview, not registered", mesh.CNIChaining, preview(snapshot.Found("NotRegistered")), SwitchOptions{}, StepWrite,
			[]notice{{blocks, "(api-version 2025-08-02-preview), and its feature flag is NotRegistered", "--register-feature"}}},
		{"preview, not registered, allowed to", mesh.CNIChaining, preview(snapshot.Found("NotRegistered")), SwitchOptions{RegisterFeature: true}, StepRegister, nil},
		{"preview, registering: goes on waiting", mesh.CNIChaining, preview(snapshot.Found("Registering")), SwitchOptions{RegisterFeature: true}, StepRegister, nil},
		{"preview, in a state that is not known", mesh.CNIChaining, preview(snapshot.Found("Waiting")), SwitchOptions{}, StepWrite,
			[]notice{{blocks, "its feature flag is Waiting", "--register-feature"}}},
		{"preview, flag unreadable: it may work", mesh.CNIChaining,
			preview(snapshot.Part[string]{State: snapshot.Denied, Reason: "Azure answered 403 AuthorizationFailed", Needs: "the Azure role action Microsoft.Features/providers/features/read"}),
			SwitchOptions{RegisterFeature: true}, StepWrite,
			[]notice{{warns, "is not known: Azure answered 403 AuthorizationFailed; it takes the Azure role action Microsoft.Features", ""}}},
		{"stable: no flag is asked for", mesh.CNIChaining, nil, SwitchOptions{RegisterFeature: true}, StepWrite, nil},
		{"preview, not registered, disable needs no flag", mesh.InitContainers, func(s *snapshot.Snapshot) {
			preview(snapshot.Found("NotRegistered"))(s)
			s.Cluster.Value.Mechanism = mesh.CNIChaining
		}, SwitchOptions{}, StepWrite, nil},
		{"preview, not registered, but already so", mesh.CNIChaining, func(s *snapshot.Snapshot) {
			preview(snapshot.Found("NotRegistered"))(s)
			s.Cluster.Value.Mechanism = mesh.CNIChaining
		}, SwitchOptions{}, StepNothing, nil},

		// Several at once.
		{"all that forbids it is said at once", mesh.CNIChaining, func(s *snapshot.Snapshot) {
			s.Identity.Value.Proof = ""
			s.Cluster.Value.PowerState, s.Cluster.Value.Revisions = "Stopped", []string{"asm-1-24"}
		}, SwitchOptions{}, StepWrite, []notice{{blocks, "nothing proves", "list nodes"}, {blocks, "stopped", "az aks start"}, {blocks, "asm-1-24", "upgrade"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := ready()
			if test.change != nil {
				test.change(s)
			}
			got := SwitchTo(test.target, s, test.options)
			if got.Target != test.target || got.Step != test.step {
				t.Errorf("got step %q to %s, want %q to %s", got.Step, got.Target, test.step, test.target)
			}
			checkNotices(t, got.Notices, test.notices...)
		})
	}
}

func TestPodsThatAreLeftBehind(t *testing.T) {
	pod := func(name, redirect string) *mesh.Pod {
		p := &mesh.Pod{Namespace: "shop", Name: name, HasProxy: redirect != ""}
		if redirect != "" {
			p.Redirect = &mesh.Redirect{Name: redirect}
		}
		return p
	}
	s := ready()
	s.Pods = snapshot.Found([]*mesh.Pod{pod("old", "istio-init"), pod("new", "istio-validation"), pod("bare", "")})
	for target, want := range map[mesh.Mechanism][]string{mesh.CNIChaining: {"old"}, mesh.InitContainers: {"new"}} {
		var got []string
		for _, p := range SwitchTo(target, s, SwitchOptions{}).LeftBehind {
			got = append(got, p.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("to %s (-want +got):\n%s", target, diff)
		}
	}
	if len(s.Pods.Value) != 3 || s.Pods.Value[0].Name != "old" {
		t.Errorf("the snapshot's pods changed: %v", s.Pods.Value)
	}
}

func TestNoticesAreDivided(t *testing.T) {
	all := Notices{{true, "a", "x"}, {false, "b", ""}, {true, "c", ""}, {false, "d", "y"}}
	if diff := cmp.Diff(Notices{{true, "a", "x"}, {true, "c", ""}}, all.Blocking()); diff != "" {
		t.Errorf("blocking (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Notices{{false, "b", ""}, {false, "d", "y"}}, all.Warnings()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if len(all) != 4 || all[1].Text != "b" {
		t.Errorf("the list itself changed: %v", all)
	}
}

func TestLongListsAreCutShort(t *testing.T) {
	for _, test := range []struct {
		names []string
		most  int
		want  string
	}{
		{nil, 3, ""},
		{[]string{"a"}, 3, "a"},
		{[]string{"a", "b", "c"}, 3, "a, b, c"},
		{[]string{"a", "b", "c", "d"}, 3, "a, b, c and 1 more"},
		{[]string{"a", "b", "c", "d", "e"}, 2, "a, b and 3 more"},
	} {
		if got := List(test.names, test.most); got != test.want {
			t.Errorf("%v: got %q, want %q", test.names, got, test.want)
		}
	}
}
