package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// diagnosed is a node without its agent, which explains a pod that crashes; a
// namespace with a hostile name; and a check that could not be made.
func diagnosed() *check.Result {
	agent := check.Finding{
		Rule: "ICNI203", Title: "a node has no node agent", Area: check.AreaAgent, Severity: check.High,
		Objects:  []check.Object{{Kind: "Node", Name: "aks-nodepool1-12345678-vmss000001"}},
		Evidence: []string{"no pod of the agent is on the node", "the node has the taint contoso.example/dedicated=gpu:NoExecute"},
		Cause:    "a taint that the DaemonSet does not tolerate keeps the agent off the node",
		Remedy:   []check.Step{{Text: "Remove the taint", Command: "kubectl taint node aks-nodepool1-12345678-vmss000001 contoso.example/dedicated=gpu:NoExecute-"}},
		Root:     "mesh/agent/aks-nodepool1-12345678-vmss000001", Link: "https://learn.microsoft.com/azure/aks/istio-cni",
	}
	crash := check.Finding{
		Rule: "ICNI503", Title: "istio-validation fails before the agent is ready", Area: check.AreaPods, Severity: check.High,
		Objects:  []check.Object{{Kind: "Pod", Namespace: "shop", Name: "web-1"}, {Kind: "Pod", Namespace: "shop", Name: "web-2"}, {Kind: "Pod", Namespace: "shop", Name: "web-3"}, {Kind: "Pod", Namespace: "shop", Name: "web-4"}, {Kind: "Pod", Namespace: "shop", Name: "web-5"}},
		Evidence: []string{"exit code 126"}, Cause: "the agent is not there", Remedy: []check.Step{{Text: "Wait for the agent"}},
		Root: "mesh/agent/aks-nodepool1-12345678-vmss000001/pods", Link: "https://learn.microsoft.com/azure/aks/istio-cni",
	}
	label := check.Finding{
		Rule: "ICNI402", Title: "both labels", Area: check.AreaNamespaces, Severity: check.Medium,
		Objects:  []check.Object{{Kind: "Namespace", Name: "shop\x1b[2J\u202e"}},
		Evidence: []string{"a label of it is \x1b]0;title\x07"}, Cause: "the selector excludes it", Remedy: []check.Step{{Text: "Remove the label"}},
		Link: "https://learn.microsoft.com/azure/aks/istio-deploy-addon",
	}
	return &check.Result{
		Reports: []check.Report{
			{ID: "ICNI101", Title: "the Istio add-on is not enabled", Area: check.AreaAzure, Severity: check.Critical, Outcome: check.Cannot, Unknowns: []check.Unknown{
				{What: "the cluster's Azure resource", State: snapshot.Denied, Reason: "Azure denies it", Needs: "the permission Microsoft.ContainerService/managedClusters/read"},
			}},
			{ID: "ICNI201", Title: "the node agent is missing", Area: check.AreaAgent, Severity: check.Critical, Outcome: check.OK},
			{ID: "ICNI203", Title: agent.Title, Area: check.AreaAgent, Severity: check.High, Outcome: check.Found, Findings: []check.Finding{agent}},
			{ID: "ICNI402", Title: label.Title, Area: check.AreaNamespaces, Severity: check.Medium, Outcome: check.Found, Findings: []check.Finding{label}},
			{ID: "ICNI503", Title: crash.Title, Area: check.AreaPods, Severity: check.High, Outcome: check.Found, Findings: []check.Finding{crash}},
		},
		Groups: []check.Group{{Finding: agent, Explains: []check.Finding{crash}}, {Finding: label}},
	}
}

var diagnosedAt = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)

func TestFindings(t *testing.T) {
	write := func(term *terminal.Terminal, result *check.Result) string {
		return written(t, func(b *bytes.Buffer) error { return Findings(b, result, term) })
	}
	checkGolden(t, "check text", write(plain(), diagnosed()))
	narrow := write(&terminal.Terminal{Width: 80}, diagnosed())
	checkGolden(t, "check text 80", narrow)
	for line := range strings.Lines(narrow) {
		if terminal.Width(strings.TrimSuffix(line, "\n")) > 80 && !strings.Contains(line, "kubectl ") && !strings.Contains(line, "https://") {
			t.Errorf("wider than 80 columns: %s", line)
		}
	}
	if got, want := write(plain(), &check.Result{Reports: make([]check.Report, 55)}), "55 checks: nothing found.\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What one cause does a hundred times is told five times and counted.
func TestManyFindingsAlike(t *testing.T) {
	result := diagnosed()
	agent, label := result.Groups[0], result.Groups[1]
	for i := range 12 {
		explained := agent.Explains[0]
		explained.Objects = []check.Object{{Kind: "Pod", Namespace: "shop", Name: fmt.Sprintf("api-%d", i)}}
		agent.Explains = append(agent.Explains, explained)
	}
	result.Groups = []check.Group{agent}
	for i := range 40 {
		next := label
		next.Objects = []check.Object{{Kind: "Namespace", Name: fmt.Sprintf("team-%02d", i)}}
		result.Groups = append(result.Groups, next)
	}
	checkGolden(t, "check many", written(t, func(b *bytes.Buffer) error { return Findings(b, result, plain()) }))
}

func TestCheckLines(t *testing.T) {
	checkGolden(t, "check table", written(t, func(b *bytes.Buffer) error { return CheckTable(diagnosed()).Write(b, plain()) }))
	checkGolden(t, "check short", written(t, func(b *bytes.Buffer) error { return CheckShort(b, diagnosed()) }))
}

// No name or message from a cluster reaches a terminal as it is.
func TestFindingsShowNoControlCharacters(t *testing.T) {
	for name, write := range map[string]func(*bytes.Buffer) error{
		"text":  func(b *bytes.Buffer) error { return Findings(b, diagnosed(), plain()) },
		"table": func(b *bytes.Buffer) error { return CheckTable(diagnosed()).Write(b, plain()) },
		"short": func(b *bytes.Buffer) error { return CheckShort(b, diagnosed()) },
		"junit": func(b *bytes.Buffer) error {
			return CheckJUnit(b, snapshot.New(diagnosedAt), diagnosed(), func(check.Severity) bool { return true })
		},
	} {
		if got := written(t, write); strings.ContainsAny(got, "\x1b\x07\u202e") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestCheckJUnit(t *testing.T) {
	got := written(t, func(b *bytes.Buffer) error {
		return CheckJUnit(b, snapshot.New(diagnosedAt), diagnosed(), func(s check.Severity) bool { return s == check.High })
	})
	checkGolden(t, "check junit", got)
	var suites struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
	}
	if err := xml.Unmarshal([]byte(got), &suites); err != nil {
		t.Fatal(err)
	}
	if suites.Tests != 5 || suites.Failures != 2 || suites.Errors != 1 {
		t.Errorf("got %+v", suites)
	}
}

func TestCheckJSON(t *testing.T) {
	s := snapshot.New(diagnosedAt)
	s.Context = snapshot.Context{Name: "contoso-aks"}
	text, err := json.MarshalIndent(NewCheckJSON(s, diagnosed()), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "check json", string(text)+"\n")
}

// crashing is a pod of the mesh whose traffic is not redirected.
func crashing() *check.PodStory {
	uid := int64(1337)
	return &check.PodStory{
		Pod: mesh.Pod{
			Namespace: "shop", Name: "web-7d4b9c6f5d-x2x9p", Node: "aks-nodepool1-12345678-vmss000001", Phase: "Pending",
			Created: diagnosedAt.Add(-10 * time.Minute), Workload: mesh.Workload{Kind: "Deployment", Namespace: "shop", Name: "web"},
			HasProxy: true, NativeSidecar: true, Recorded: true, Revision: "asm-1-27", UID: "0b5f0e2e-0000-4000-8000-000000000001",
			Redirect: &mesh.Redirect{
				Name: mesh.ValidationContainer, Capabilities: `{"drop":["ALL"]}`, RunAsUser: &uid,
				SecurityContext: `{"capabilities":{"drop":["ALL"]},"privileged":false,"runAsUser":1337,"runAsGroup":1337,"runAsNonRoot":true}`,
			},
			Failures: []mesh.Failure{{Container: mesh.ValidationContainer, ExitCode: 126, Restarts: 6, Waiting: "CrashLoopBackOff", Finished: diagnosedAt.Add(-time.Minute)}},
		},
		Verdict:         mesh.Verdict{State: mesh.Secured, Stale: mesh.Fresh},
		NamespaceLabels: map[string]string{mesh.RevisionLabel: "asm-1-27"}, LabelsKnown: true,
		Injectors:      []mesh.Injector{{Configuration: "istio-sidecar-injector-asm-1-27-aks-istio-system", Webhook: "rev.namespace.sidecar-injector.istio.io", Revision: "asm-1-27"}},
		InjectorsKnown: true, Mechanism: mesh.CNIChaining, AgentState: snapshot.Read, EventsState: snapshot.Denied,
		Events:   []snapshot.Event{{Reason: "FailedCreatePodSandBox", Message: "plugin \x1b[31mfailed", Count: 3, Last: diagnosedAt.Add(-2 * time.Minute)}},
		Findings: diagnosed().Groups[0].Explains,
		Unknown:  diagnosed().Reports[0].Unknowns,
	}
}

func TestDescribePod(t *testing.T) {
	describe := func(story *check.PodStory, width int) string {
		return written(t, func(b *bytes.Buffer) error {
			return DescribePod(b, story, diagnosedAt, &terminal.Terminal{Width: width})
		})
	}
	checkGolden(t, "describe crashing", describe(crashing(), 0))
	checkGolden(t, "describe crashing 80", describe(crashing(), 80))
	fine := crashing()
	fine.Pod.Failures, fine.Findings, fine.Unknown, fine.Events, fine.EventsState = nil, nil, nil, nil, snapshot.Read
	fine.Agent = &snapshot.AgentPod{Name: "agent-1", Ready: true, ReadySince: diagnosedAt.Add(-72 * time.Hour)}
	checkGolden(t, "describe fine", describe(fine, 0))
	outside := &check.PodStory{Pod: mesh.Pod{Namespace: "tools", Name: "job-1", Created: diagnosedAt}, Verdict: mesh.Verdict{State: mesh.Undecided, Stale: mesh.StalenessUnset, Reason: "the namespace's labels are unknown"}}
	checkGolden(t, "describe unknown", describe(outside, 0))
}

func TestExplain(t *testing.T) {
	rule := &check.Rule{
		ID: "ICNI203", Title: "a node has no node agent", Area: check.AreaAgent, Severity: check.High, Pre: true,
		Needs:     []check.Need{{check.PartAgent}, {check.PartCluster, check.PartMechanisms}},
		Symptom:   "Pods of the mesh stay in Init:CrashLoopBackOff on some nodes only.",
		Detection: "A Linux node has no pod of the node agent's DaemonSet, although the DaemonSet exists.",
		Cause:     "a taint keeps the agent off the node", Remedy: "Remove the taint.",
		Links: []string{"https://learn.microsoft.com/azure/aks/istio-cni", "https://istio.io/latest/docs/setup/additional-setup/cni"},
	}
	checkGolden(t, "explain page", RulePage(rule))
	checkGolden(t, "explain", written(t, func(b *bytes.Buffer) error { return Explain(b, rule, &terminal.Terminal{Width: 80}) }))
}
