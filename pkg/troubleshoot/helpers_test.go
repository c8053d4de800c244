package troubleshoot

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

var update = flag.Bool("update", false, "write what the tests get into testdata")

// hostile clears the screen, sets the title, reorders text and breaks the line.
const hostile = "\x1b[2J\x1b]0;owned\x07\u202eevil\u202c\r\nx\u0000\u009b31m"

// The names in the tests' cluster.
const (
	node1, node2 = "aks-nodepool1-10000001-vmss000000", "aks-nodepool1-10000001-vmss000001"
	shop         = "shop"
)

func taken() time.Time { return time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC) }

// cluster has two nodes, of which the second has no agent, and a pod on each.
func cluster() *snapshot.Snapshot {
	s := snapshot.New(taken())
	s.Context = snapshot.Context{Name: "contoso-aks", Server: "contoso-aks-1a2b3c4d.hcp.westeurope.azmk8s.io"}
	s.Nodes = snapshot.Found([]snapshot.Node{
		{Name: node1, OS: "linux", OSImage: "Microsoft Azure Linux 3.0", Ready: true},
		{Name: node2, OS: "linux", OSImage: "Microsoft Azure Linux 3.0", Ready: true, Taints: []snapshot.Taint{{Key: "dedicated", Value: "gpu", Effect: "NoSchedule"}}},
	})
	s.AgentPods = snapshot.Found([]snapshot.AgentPod{{Name: mesh.AgentDaemonSet + "-a", Node: node1, Phase: "Running", Ready: true, Running: true, Restarts: 2}})
	s.Pods = snapshot.Found([]*mesh.Pod{pod("web-7d4b9c6f5d-aaaaa", node1), failing("web-7d4b9c6f5d-bbbbb", node2), pod("api-5c6d7e8f9a-ccccc", node1)})
	s.Pods.Value[2].Workload.Name = "api"
	return s
}

func pod(name, node string) *mesh.Pod {
	return &mesh.Pod{
		Namespace: shop, Name: name, Node: node, Phase: corev1.PodRunning, Workload: mesh.Workload{Kind: "Deployment", Namespace: shop, Name: "web"},
		Revision: "asm-1-27", HasProxy: true, Redirect: &mesh.Redirect{Name: mesh.ValidationContainer},
	}
}

func failing(name, node string) *mesh.Pod {
	p := pod(name, node)
	p.Phase = corev1.PodPending
	p.Failures = []mesh.Failure{{Container: mesh.ValidationContainer, ExitCode: 126, Restarts: 5, Waiting: "CrashLoopBackOff"}}
	return p
}

// labels is a finding with a safe fix.
func labels() check.Finding {
	return check.Finding{
		Rule: "ICNI402", Title: "a namespace has both labels", Area: check.AreaNamespaces, Severity: check.Medium,
		Objects:  []check.Object{check.NamespaceObject(shop)},
		Evidence: []string{"namespace shop has istio-injection=enabled and istio.io/rev=asm-1-27"},
		Cause:    "istio-injection was left when the revision label was set", Link: "https://learn.microsoft.com/azure/aks/istio-deploy-addon",
		Remedy: []check.Step{{Text: "Remove the legacy label", Command: "kubectl label namespace shop istio-injection-"}},
		Fix:    &check.Fix{Action: check.FixLabelNamespace, Object: check.NamespaceObject(shop), Remove: map[string]string{"istio-injection": "enabled"}},
	}
}

// findings are a cause with what it explains, labels, and something unknown.
func findings(*snapshot.Snapshot) (*check.Result, error) {
	cause := check.Finding{
		Rule: "ICNI203", Title: "a node has no node agent", Area: check.AreaAgent, Severity: check.High,
		Objects:  []check.Object{check.NodeObject(node2), check.AgentObject()},
		Evidence: []string{"no pod of " + mesh.AgentDaemonSet + " is on node " + node2, "the node has the taint dedicated=gpu:NoSchedule"},
		Cause:    "a taint that the DaemonSet does not tolerate keeps the agent off the node", Link: "https://istio.io/latest/docs/setup/additional-setup/cni",
		Remedy: []check.Step{{Text: "Remove the taint, if nothing else depends on it", Command: "kubectl taint node " + node2 + " dedicated=gpu:NoSchedule-"}},
	}
	explained := check.Finding{
		Rule: "ICNI301", Title: "traffic is not redirected", Area: check.AreaPods, Severity: check.Critical,
		Objects:  []check.Object{{Kind: "Pod", Namespace: shop, Name: "web-7d4b9c6f5d-bbbbb"}},
		Evidence: []string{"istio-validation ended with exit code 126: " + hostile},
		Cause:    "the node agent did not set up the pod", Link: "https://istio.io/latest/docs/ops/diagnostic-tools/cni",
		Remedy: []check.Step{{Text: "Delete the pod once the agent is ready", Command: "kubectl delete pod -n shop web-7d4b9c6f5d-bbbbb"}},
	}
	wide := check.Finding{
		Rule: "ICNI305", Title: "容器的流量没有被重定向到代理服务器", Area: check.AreaPods, Severity: check.Low,
		Objects:  []check.Object{{Kind: "Pod", Namespace: shop, Name: hostile}, {Kind: "Deployment", Namespace: shop, Name: "api"}},
		Evidence: []string{"证据：" + strings.Repeat("很长的消息", 30)},
		Cause:    hostile, Link: hostile, Remedy: []check.Step{{Text: hostile, Command: "echo " + hostile}},
	}
	denied := check.Unknown{What: "events", State: snapshot.Denied, Reason: "the API server denies it", Needs: "the permission to list events (cluster-wide)"}
	report := func(f check.Finding) check.Report {
		return check.Report{ID: f.Rule, Title: f.Title, Area: f.Area, Severity: f.Severity, Outcome: check.Found, Findings: []check.Finding{f}}
	}
	return &check.Result{
		Reports: []check.Report{
			report(cause), report(explained), report(wide), report(labels()),
			{ID: "ICNI310", Title: "the plugin is missing", Outcome: check.Cannot, Unknowns: []check.Unknown{denied}},
		},
		Groups: []check.Group{{Finding: cause, Explains: []check.Finding{explained}}, {Finding: labels()}, {Finding: wide}},
	}, nil
}

// healthy finds nothing.
func healthy(*snapshot.Snapshot) (*check.Result, error) {
	return &check.Result{Reports: []check.Report{{ID: "ICNI203", Title: "a node has no node agent", Outcome: check.OK}}}, nil
}

// plain options, for a terminal without colour.
func options() Options {
	return Options{
		Terminal: &terminal.Terminal{}, Snapshot: cluster(), Judge: findings,
		Observe: func(context.Context, func(string)) (*snapshot.Snapshot, error) { return cluster(), nil },
		Log: func(_ context.Context, r snapshot.LogRequest) snapshot.Part[string] {
			return snapshot.Found("2026-11-02T07:59:00Z\tinfo\tlog of " + r.Container + "\n" + hostile + "\n")
		},
		Prepare: func(*snapshot.Snapshot, check.Fix) (Change, error) {
			return Change{
				Method: "PATCH", Path: "/api/v1/namespaces/shop?fieldManager=kubectl-istio-cni", ContentType: "application/json-patch+json",
				Body: "[\n  {\"op\":\"test\",\"path\":\"/metadata/labels/istio-injection\",\"value\":\"enabled\"},\n  {\"op\":\"remove\",\"path\":\"/metadata/labels/istio-injection\"}\n]",
				Send: func(context.Context) error { return nil },
			}, nil
		},
		Export:     func(string, *snapshot.Snapshot, *check.Result) error { return nil },
		ExportName: func(*snapshot.Snapshot) string { return "findings.txt" },
	}
}

// driver runs a model without a terminal.
type driver struct {
	*testing.T
	*model
	quit bool
}

func drive(t *testing.T, o Options, width, height int) *driver {
	t.Helper()
	m, err := newModel(o)
	if err != nil {
		t.Fatal(err)
	}
	d := &driver{T: t, model: m}
	m.do = func(work func(context.Context) tea.Msg) tea.Cmd {
		return func() tea.Msg { return work(t.Context()) }
	}
	m.after = func(_ time.Duration, msg tea.Msg) tea.Cmd { return func() tea.Msg { return msg } }
	d.send(tea.WindowSizeMsg{Width: width, Height: height})
	return d
}

// send has the model take a message, and all that follow from it.
func (d *driver) send(msg tea.Msg) {
	d.Helper()
	for msg != nil {
		if _, end := msg.(tea.QuitMsg); end {
			d.quit = true
			return
		}
		_, cmd := d.Update(msg)
		d.sound()
		if cmd == nil {
			return
		}
		msg = cmd()
	}
}

// once has the model take a message and returns what follows.
func (d *driver) once(msg tea.Msg) tea.Cmd {
	d.Helper()
	_, cmd := d.Update(msg)
	d.sound()
	return cmd
}

// sound fails the test if the screen is not filled exactly, or holds anything
// that a terminal would obey.
func (d *driver) sound() {
	d.Helper()
	lines := d.draw()
	if len(lines) > d.height {
		d.Fatalf("%d lines on %d:\n%s", len(lines), d.height, strings.Join(lines, "\n"))
	}
	for _, l := range lines {
		if terminal.CleanLine(l) != l {
			d.Fatalf("not harmless: %q", l)
		}
		if terminal.Width(l) != d.width {
			d.Fatalf("%d columns on %d: %q", terminal.Width(l), d.width, l)
		}
	}
}

// press presses keys by their names; other texts are typed.
func (d *driver) press(keys ...string) *driver {
	d.Helper()
	for _, key := range keys {
		d.send(keyMsg(key))
	}
	return d
}

func keyMsg(key string) tea.KeyPressMsg {
	named := map[string]tea.KeyPressMsg{
		"up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown}, "left": {Code: tea.KeyLeft}, "right": {Code: tea.KeyRight},
		"enter": {Code: tea.KeyEnter}, "esc": {Code: tea.KeyEscape}, "tab": {Code: tea.KeyTab}, "pgup": {Code: tea.KeyPgUp}, "pgdown": {Code: tea.KeyPgDown},
		"backspace": {Code: tea.KeyBackspace}, "ctrl+c": {Code: 'c', Mod: tea.ModCtrl}, "ctrl+u": {Code: 'u', Mod: tea.ModCtrl}, "home": {Code: tea.KeyHome}, "end": {Code: tea.KeyEnd},
	}
	if msg, ok := named[key]; ok {
		return msg
	}
	return tea.KeyPressMsg{Code: []rune(key)[0], Text: key}
}

func (d *driver) text() string {
	var b strings.Builder
	for _, l := range d.draw() {
		b.WriteString(strings.TrimRight(l, " ") + "\n")
	}
	return b.String()
}

// has fails the test unless all texts are on the screen.
func (d *driver) has(texts ...string) *driver {
	d.Helper()
	for _, text := range texts {
		if !strings.Contains(d.text(), text) {
			d.Errorf("%q is missing on\n%s", text, d.text())
		}
	}
	return d
}

func (d *driver) hasNot(texts ...string) {
	d.Helper()
	for _, text := range texts {
		if strings.Contains(d.text(), text) {
			d.Errorf("%q should not be on\n%s", text, d.text())
		}
	}
}

// golden compares the screen with a file.
func (d *driver) golden(name string) {
	d.Helper()
	path := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(d.text()), 0o644); err != nil {
			d.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		d.Fatalf("%v; run `go test ./pkg/troubleshoot -update`", err)
	}
	if diff := cmp.Diff(string(want), d.text()); diff != "" {
		d.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
