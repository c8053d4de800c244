package troubleshoot

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// The screens at the two sizes that must do.
func TestScreens(t *testing.T) {
	for _, size := range []struct {
		name          string
		width, height int
	}{{"80x24", 80, 24}, {"60x15", 60, 15}} {
		for _, test := range []struct {
			name string
			keys []string
		}{
			{"findings", nil},
			{"explained", []string{"down", "right", "pgdown"}},
			{"wide", []string{"z"}},
			{"labels", []string{"down", "down", "right", "end"}},
			{"hostile", []string{"down", "down", "down", "right"}},
			{"unknown", []string{"G", "tab"}},
			{"objects", []string{"enter", "down"}},
			{"objects of a namespace", []string{"down", "down", "enter", "down"}},
			{"logs", []string{"enter", "down", "l"}},
			{"search", []string{"/", "t", "a", "i", "n", "t"}},
			{"filter", []string{"f"}},
			{"fix", []string{"down", "down", "x"}},
			{"export", []string{"e"}},
			{"help", []string{"?"}},
		} {
			t.Run(test.name+" "+size.name, func(t *testing.T) {
				drive(t, options(), size.width, size.height).press(test.keys...).golden(test.name + " " + size.name)
			})
		}
		t.Run("nothing found "+size.name, func(t *testing.T) {
			o := options()
			o.Judge = healthy
			drive(t, o, size.width, size.height).golden("nothing found " + size.name)
		})
		t.Run("saved "+size.name, func(t *testing.T) {
			o := options()
			o.Saved, o.Observe, o.Prepare = "contoso.json.gz", nil, nil
			d := drive(t, o, size.width, size.height).press("G", "up", "up", "x")
			d.golden("saved " + size.name)
			d.press("r").has("does not change")
		})
	}
}

// Whatever is pressed and however large the screen is, it stays whole.
func TestAnyKeys(t *testing.T) {
	keys := []string{"up", "down", "left", "right", "enter", "esc", "tab", "pgup", "pgdown", "g", "G", "z", "f", "/", "a", "x", "l", "e", "r", "?", "n", "w", "界", "backspace", "end"}
	random := rand.New(rand.NewPCG(1, 2))
	o := options()
	o.Focus = check.Object{Kind: "Pod", Namespace: shop, Name: "web-7d4b9c6f5d-bbbbb"}
	d := drive(t, o, 80, 24)
	for range 3000 {
		if random.IntN(20) == 0 {
			d.send(tea.WindowSizeMsg{Width: 1 + random.IntN(130), Height: 1 + random.IntN(40)})
		}
		d.press(keys[random.IntN(len(keys))])
	}
}

// With colour too, nothing but colours reaches the terminal.
func TestColour(t *testing.T) {
	o := options()
	o.Terminal = &terminal.Terminal{Colour: true}
	m, err := newModel(o)
	if err != nil {
		t.Fatal(err)
	}
	m.width, m.height = 80, 24
	text := strings.Join(m.draw(), "")
	for _, code := range []string{"31", "33", "2", "1", "7", "0"} {
		text = strings.ReplaceAll(text, "\x1b["+code+"m", "")
	}
	if terminal.CleanLine(text) != text {
		t.Errorf("not harmless: %q", text)
	}
	if !strings.Contains(m.draw()[3], "\x1b[7m> HIGH a node has no node agent") {
		t.Errorf("the selection is not marked: %q", m.draw()[3])
	}
}

func TestFocus(t *testing.T) {
	for _, test := range []struct {
		name    string
		focus   check.Object
		has     []string
		hasNot  []string
		widened string
	}{
		{
			"a pod with its node's trouble", check.Object{Kind: "Pod", Namespace: shop, Name: "web-7d4b9c6f5d-bbbbb"},
			[]string{"only about pod/web-7d4b9c6f5d-bbbbb in shop", "ICNI203", "ICNI301", "ICNI402"}, []string{"ICNI305"}, "ICNI305",
		},
		{"a pod elsewhere", check.Object{Kind: "Pod", Namespace: shop, Name: "web-7d4b9c6f5d-aaaaa"}, []string{"ICNI402"}, []string{"ICNI203", "ICNI301", "ICNI305"}, "ICNI203"},
		{"a workload", check.Object{Kind: "Deployment", Namespace: shop, Name: "api"}, []string{"ICNI305", "ICNI402"}, []string{"ICNI203"}, "ICNI203"},
		{"a node", check.NodeObject(node2), []string{"ICNI203", "ICNI301"}, []string{"ICNI402", "ICNI305"}, "ICNI402"},
		{"a namespace", check.NamespaceObject(shop), []string{"ICNI203", "ICNI301", "ICNI402", "ICNI305"}, nil, "ICNI203"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := options()
			o.Focus = test.focus
			d := drive(t, o, 120, 40)
			d.has(test.has...)
			d.hasNot(test.hasNot...)
			d.press("a").has(test.widened, "all findings")
			d.press("a").hasNot(test.hasNot...)
		})
	}
}

func TestSearchAndFilter(t *testing.T) {
	d := drive(t, options(), 100, 30)
	d.press("/", "C", "P", "U").has("Nothing like that", "Search: CPU_")
	d.press("ctrl+u", "1", "2", "6").has("Search: 126_", "traffic is not redirected", "a node has no node agent")
	d.hasNot("both labels")
	d.press("enter").has(`with "126"`)
	d.press("esc").hasNot(`with "126"`)
	d.press("f").has("only critical", "traffic is not redirected").press("f").has("only high").press("f").has("only medium", "both labels")
	d.hasNot("traffic is not redirected")
	d.press("f", "f").has("only agent")
	d.press("esc").hasNot("only")
	d.send(tea.PasteMsg{Content: "x\ny"})
	d.hasNot("Safe fix of")
	d.press("/")
	d.send(tea.PasteMsg{Content: "gpu" + hostile})
	d.has("Search: gpu")
}

// A refresh keeps what is selected, although it moves.
func TestRefresh(t *testing.T) {
	o := options()
	var reported []string
	o.Observe = func(_ context.Context, progress func(string)) (*snapshot.Snapshot, error) {
		progress("reading 2 logs")
		return cluster(), nil
	}
	d := drive(t, o, 80, 24)
	d.notify = func(msg tea.Msg) { reported = append(reported, string(msg.(progressMsg))) }
	d.press("down", "down")
	cmd := d.once(keyMsg("r"))
	d.has("Refreshing: reading the cluster")
	if again := d.once(keyMsg("r")); again != nil {
		t.Error("it is read twice at once")
	}
	d.once(progressMsg("reading 2 logs"))
	d.has("Refreshing: reading 2 logs")
	d.o.Judge = func(s *snapshot.Snapshot) (*check.Result, error) {
		result, err := findings(s)
		result.Groups = result.Groups[1:]
		return result, err
	}
	d.send(cmd())
	d.has("> MEDIUM a namespace has both labels")
	d.hasNot("Refreshing", "ICNI203")
	if len(reported) != 1 {
		t.Errorf("reported %q", reported)
	}

	d.o.Observe = func(context.Context, func(string)) (*snapshot.Snapshot, error) {
		return nil, &fail.Error{Attempt: "reach the API server", Cause: errors.New("refused" + hostile), Remedy: "check the network"}
	}
	d.press("r").has("Error: cannot reach the API server:", "refused", "check the network", "MEDIUM")
	d.press("down").hasNot("refused")
}

func TestFix(t *testing.T) {
	o := options()
	var sent []string
	prepare := o.Prepare
	o.Prepare = func(s *snapshot.Snapshot, fix check.Fix) (Change, error) {
		change, err := prepare(s, fix)
		change.Send = func(context.Context) error {
			sent = append(sent, change.Body)
			return nil
		}
		return change, err
	}
	d := drive(t, o, 80, 24)
	d.press("x").has("no fix for this")
	d.press("down", "down", "x").has("PATCH /api/v1/namespaces/shop?fieldManager=kubectl-istio-cni", "On context contoso-aks", `{"op":"test"`)
	for _, no := range []string{"n", "esc", "enter", "q", "r"} {
		d.press(no).has("Nothing was changed.", "> MEDIUM")
		d.press("x")
	}
	if len(sent) != 0 || d.quit {
		t.Fatalf("sent %q", sent)
	}
	d.o.Judge = func(s *snapshot.Snapshot) (*check.Result, error) {
		result, err := findings(s)
		result.Groups = append(result.Groups[:1], result.Groups[2])
		return result, err
	}
	d.press("y").has("The change was made, and ICNI402 on namespace/shop is gone.")
	if len(sent) != 1 {
		t.Errorf("sent %q", sent)
	}
}

// Who is asked about a restart knows what it may interrupt.
func TestFixThatHurts(t *testing.T) {
	o := options()
	o.Prepare = func(*snapshot.Snapshot, check.Fix) (Change, error) {
		return Change{
			Method: "PATCH", Path: "/apis/apps/v1/namespaces/shop/deployments/web?fieldManager=kubectl-istio-cni", ContentType: "application/merge-patch+json",
			Body: `{"spec":{}}`, Hurts: []string{"one replica", "PodDisruptionBudget guard has no room"},
		}, nil
	}
	o.Judge = func(s *snapshot.Snapshot) (*check.Result, error) {
		result, err := findings(s)
		result.Groups[2].Fix = &check.Fix{Action: check.FixRestart, Object: check.Object{Kind: "Deployment", Namespace: "shop", Name: "web"}}
		return result, err
	}
	drive(t, o, 80, 24).press("down", "down", "x").golden("fix that hurts 80x24")
}

// Nothing is sent before all of it was on the screen.
func TestFixIsReadFirst(t *testing.T) {
	d := drive(t, options(), 60, 15).press("down", "down", "x")
	d.press("y").has("There is more of it below")
	d.press("pgdown").has("Send it? [y/N]", "y send it")
	d.press("pgup", "y").has("The change was made")
}

func TestFixThatDoesNotHelp(t *testing.T) {
	o := options()
	observed := 0
	o.Observe = func(context.Context, func(string)) (*snapshot.Snapshot, error) {
		observed++
		return cluster(), nil
	}
	d := drive(t, o, 80, 24).press("down", "down", "x", "y")
	d.has("is still there", "r looks again")
	if observed != 1+len(pauses()) {
		t.Errorf("looked %d times", observed)
	}

	d.o.Judge = func(s *snapshot.Snapshot) (*check.Result, error) {
		result, err := findings(s)
		result.Groups = result.Groups[:1]
		result.Reports[3].Unknowns = []check.Unknown{{What: "namespaces", State: snapshot.TimedOut}}
		return result, err
	}
	d.press("x", "y").has("could not be decided")

	d = drive(t, options(), 80, 24)
	d.o.Prepare = func(*snapshot.Snapshot, check.Fix) (Change, error) {
		return Change{Send: func(context.Context) error { return errors.New("somebody has changed its labels") }}, nil
	}
	d.press("down", "down", "x", "y").has("Error: somebody has changed its labels")
}

func TestEnds(t *testing.T) {
	d := drive(t, options(), 80, 24).press("q")
	if err := d.outcome(); !d.quit || err != nil {
		t.Errorf("q: %v", err)
	}
	d = drive(t, options(), 80, 24).press("ctrl+c")
	if err := d.outcome(); !d.quit || err != nil {
		t.Errorf("ctrl+c: %v", err)
	}
	d = drive(t, options(), 80, 24)
	d.once(keyMsg("r"))
	if err := d.press("ctrl+c").outcome(); fail.ExitCode(err) != fail.ExitInterrupted {
		t.Errorf("while reading: %v", err)
	}
	d = drive(t, options(), 80, 24).press("down", "down", "x")
	d.once(keyMsg("y"))
	if err := d.press("ctrl+c").outcome(); fail.ExitCode(err) != fail.ExitInterrupted || !strings.Contains(err.Error(), "may have been made or not") {
		t.Errorf("while sending: %v", err)
	}
}

func TestExport(t *testing.T) {
	o := options()
	var name string
	var exported *check.Result
	o.Export = func(n string, _ *snapshot.Snapshot, result *check.Result) error {
		name, exported = n, result
		return nil
	}
	o.Focus = check.NodeObject(node2)
	d := drive(t, o, 80, 24).press("e").press("ctrl+u", "f", ".", "j", "s", "o", "n", "enter")
	d.has("Saved f.json.")
	if name != "f.json" || len(exported.Groups) != 1 {
		t.Errorf("%s: %v", name, exported)
	}
	d.o.Export = func(string, *snapshot.Snapshot, *check.Result) error { return errors.New("it exists") }
	d.press("e", "enter").has("Error: it exists")
	name = ""
	d.press("e", "esc")
	if name != "" {
		t.Error("it was saved all the same")
	}
}

// The logs read are those of the failed container, and of its node's agent.
func TestLogs(t *testing.T) {
	o := options()
	var asked []string
	o.Log = func(_ context.Context, r snapshot.LogRequest) snapshot.Part[string] {
		asked = append(asked, r.Pod+"/"+r.Container)
		return snapshot.Part[string]{State: snapshot.Denied, Reason: "the API server denies it", Needs: "the permission to get pods/log"}
	}
	o.Snapshot.AgentPods.Value[0].Node = node2
	d := drive(t, o, 120, 30).press("l")
	d.has("unknown: the API server denies it; it takes the permission to get pods/log")
	if want := []string{mesh.AgentDaemonSet + "-a/install-cni", mesh.AgentDaemonSet + "-a/install-cni"}; strings.Join(asked, " ") != strings.Join(want, " ") {
		t.Errorf("asked for %q", asked)
	}
	asked = nil
	d.press("esc", "down", "l").has("istio-validation of pod web-7d4b9c6f5d-bbbbb in shop", "before its last restart")
	if len(asked) != 3 || asked[0] != "web-7d4b9c6f5d-bbbbb/istio-validation" {
		t.Errorf("asked for %q", asked)
	}
	d.press("esc", "G", "l").has("No pod of this finding")
}

func TestFold(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""}, {"abcdef", "abc|def"}, {"界界界", "界|界|界"}, {"a界b", "a界|b"},
	} {
		if got := strings.Join(fold(test.text, 3), "|"); got != test.want {
			t.Errorf("%q: %q", test.text, got)
		}
	}
	if got := strings.Join(wrap("pod azure-service-mesh is on it", 10), "|"); got != "pod|azure-|service-|mesh is on|it" {
		t.Error(got)
	}
	if got := middle("aks-nodepool1-10000001-vmss000002", 20); got != "aks-nodep…vmss000002" {
		t.Error(got)
	}
}
