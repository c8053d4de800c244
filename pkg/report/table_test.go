package report

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/plan"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// starts are the columns that words stand in, on a screen where wide characters
// take two.
func starts(line string) []int {
	var columns []int
	column, blanks := 0, 2
	for _, r := range line {
		if r != ' ' && blanks >= 2 {
			columns = append(columns, column)
		}
		if blanks++; r != ' ' {
			blanks = 0
		}
		column += terminal.Width(string(r))
	}
	return columns
}

func TestColumnsStayAligned(t *testing.T) {
	table := &Table{Header: []string{"NAME", "VALUE", "LAST"}}
	for _, name := range []string{
		"plain", "契約", "ｗｉｄｅ", "e\u0301le\u0300ve", "한국어이름", "\x1b[31mred\x1b[0m", "zero\u200bwidth", "\u202eright-to-left", "two\nlines", "tab\tbed", "\u00adsoft",
	} {
		table.Add(name, "v "+name, "end")
	}
	for _, colour := range []bool{false, true} {
		got := unpaint(written(t, func(b *bytes.Buffer) error { return table.Write(b, &terminal.Terminal{Colour: colour}) }))
		lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
		if len(lines) != 1+len(table.Rows) {
			t.Fatalf("%d lines for %d rows:\n%s", len(lines), len(table.Rows), got)
		}
		want := starts(lines[0])
		for _, line := range lines[1:] {
			columns := starts(line)
			if len(columns) != 3 || columns[1] != want[1] || columns[2] != want[2] {
				t.Errorf("columns at %v, the header's at %v: %q", columns, want, line)
			}
			if i := strings.IndexFunc(line, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }); i >= 0 {
				t.Errorf("%q is not made visible", line)
			}
		}
	}
}

func TestTables(t *testing.T) {
	for _, test := range []struct {
		name  string
		table Table
		want  string
	}{
		{"nothing", Table{}, ""},
		{"only a header", Table{Header: []string{"A", "B"}}, "A   B\n"},
		{"no header", Table{Rows: [][]Cell{{{Text: "a"}, {Text: "b"}}, {{Text: "long"}, {Text: "c"}}}}, "a      b\nlong   c\n"},
		{"the header is the widest", Table{Header: []string{"LONG", "B"}, Rows: [][]Cell{{{Text: "a"}, {Text: "b"}}}}, "LONG   B\na      b\n"},
		{"rows of several lengths", Table{Header: []string{"A", "B"}, Rows: [][]Cell{{{Text: "a"}}, {{Text: "a"}, {Text: "b"}, {Text: "c"}}}}, "A   B\na\na   b   c\n"},
		{"wide characters take two columns, and no more", Table{Rows: [][]Cell{{{Text: "契約者番号"}, {Text: "b"}}, {{Text: "a"}, {Text: "b"}}}}, "契約者番号   b\na            b\n"},
		{"combining accents take none", Table{Rows: [][]Cell{{{Text: "cafe\u0301"}, {Text: "b"}}, {{Text: "tea"}, {Text: "b"}}}}, "cafe\u0301   b\ntea    b\n"},
		{"an empty cell in the middle", Table{Rows: [][]Cell{{{Text: "a"}, {}, {Text: "c"}}, {{Text: "a"}, {Text: "b"}, {Text: "c"}}}}, "a       c\na   b   c\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := written(t, func(b *bytes.Buffer) error { return test.table.Write(b, plain()) }); got != test.want {
				t.Errorf("got\n%q\nwant\n%q", got, test.want)
			}
		})
	}
}

// A large table is written piece by piece, and whole.
func TestLargeTablesAreWhole(t *testing.T) {
	table := &Table{Header: []string{"NAME", "TEXT"}}
	for range 5000 {
		table.Add("name", strings.Repeat("x", 40))
	}
	got := written(t, func(b *bytes.Buffer) error { return table.Write(b, plain()) })
	if lines := strings.Count(got, "\n"); lines != 5001 {
		t.Errorf("%d lines, want 5001", lines)
	}
	if rest := strings.ReplaceAll(got, "name   "+strings.Repeat("x", 40)+"\n", ""); rest != "NAME   TEXT\n" {
		t.Errorf("besides the rows: %q", rest)
	}
}

type closedPipe struct{}

var errClosed = errors.New("closed pipe")

func (closedPipe) Write([]byte) (int, error) { return 0, errClosed }

func TestFailuresToWriteAreReported(t *testing.T) {
	large := &Table{}
	for range 5000 {
		large.Add(strings.Repeat("x", 40))
	}
	for name, err := range map[string]error{
		"table":        (&Table{Header: []string{"A"}}).Write(closedPipe{}, plain()),
		"large table":  large.Write(closedPipe{}, plain()),
		"status":       Status(closedPipe{}, statusOf(t, situations()[0]), plain()),
		"restart plan": RestartPlan(closedPipe{}, &plan.Restart{Items: []plan.RestartItem{{}}}, plain()),
		"skipped":      RestartPlan(closedPipe{}, &plan.Restart{Skipped: []plan.Skipped{{}}}, plain()),
		"label plan":   LabelPlan(closedPipe{}, &plan.Label{}, plain()),
		"diff":         Diff(closedPipe{}, "+a\n", plain()),
	} {
		if !errors.Is(err, errClosed) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestRestartPlans(t *testing.T) {
	workload := func(kind, namespace, name string) mesh.Workload {
		return mesh.Workload{Kind: kind, Namespace: namespace, Name: name}
	}
	const stale = "has istio-init"
	items := []plan.RestartItem{
		{Workload: workload("Deployment", "default", "productpage"), Pods: 3, Stale: 3, Reason: stale},
		{Workload: workload("StatefulSet", "shop", "db"), Pods: 1, Stale: 1, Reason: stale, Hurts: []string{
			"its one replica stops before the new one starts", "PodDisruptionBudget db has no room"}},
		{Workload: workload("Deployment", "shop", "web"), Pods: 12, Stale: 2, Reason: "injected by asm-1-26, not asm-1-27"},
		{Workload: workload("Deployment", "店舗", "api"), Pods: 1, Stale: 0, Hurts: []string{"one replica"}},
	}
	skipped := []plan.Skipped{
		{Workload: workload("Pod", "default", "debug"), Reason: "a pod without an owner is not made again; delete it and create it anew"},
		{Workload: workload("Deployment", "shop", "paused\x1b[2J"), Reason: "it is paused; resume it with `kubectl rollout resume`, which rolls out a restart too"},
	}
	for name, p := range map[string]*plan.Restart{
		"restart plan":                   {Items: items, Skipped: skipped, Fresh: 4},
		"restart plan with nothing left": {Items: items[:1]},
		"restart plan that skips all":    {Skipped: skipped},
	} {
		t.Run(name, func(t *testing.T) {
			checkGolden(t, name, written(t, func(b *bytes.Buffer) error { return RestartPlan(b, p, plain()) }))
		})
	}
	if got := written(t, func(b *bytes.Buffer) error { return RestartPlan(b, &plan.Restart{Fresh: 4}, plain()) }); got != "" {
		t.Errorf("nothing to restart: got %q", got)
	}
}

func TestLabelPlans(t *testing.T) {
	checkGolden(t, "label plan", written(t, func(b *bytes.Buffer) error {
		return LabelPlan(b, &plan.Label{Steps: []plan.LabelStep{
			{Namespace: "default", Value: "asm-1-27"},
			{Namespace: "shop", Value: "asm-1-27", Previous: "asm-1-26"},
			{Namespace: "legacy", Value: "asm-1-27", Legacy: "istio-injection=enabled"},
			{Namespace: "both", Value: "asm-1-27", Previous: "prod", Legacy: "istio-injection=disabled"},
		}}, plain())
	}))
}

func TestDiffs(t *testing.T) {
	const diff = "diff contoso-aks as read contoso-aks as it would be sent\n" +
		"--- contoso-aks as read\n+++ contoso-aks as it would be sent\n@@ -1,4 +1,4 @@\n {\n" +
		"-\t\"proxyRedirectionMechanism\": \"InitContainers\",\n+\t\"proxyRedirectionMechanism\": \"CNIChaining\",\n" +
		" \t\"tags\": {\"owner\": \"\x1b[2Jgone\u202e\"},\n }\n"
	checkGolden(t, "diff", written(t, func(b *bytes.Buffer) error { return Diff(b, diff, plain()) }))

	painted := written(t, func(b *bytes.Buffer) error { return Diff(b, diff, &terminal.Terminal{Colour: true}) })
	for _, want := range []string{
		"\x1b[31m-\t\"proxyRedirectionMechanism\": \"InitContainers\",\x1b[0m\n",
		"\x1b[32m+\t\"proxyRedirectionMechanism\": \"CNIChaining\",\x1b[0m\n",
		"\n {\n",
	} {
		if !strings.Contains(painted, want) {
			t.Errorf("no %q in\n%q", want, painted)
		}
	}
	if strings.Contains(painted, "\x1b[2J") {
		t.Error("what the document says moves the cursor")
	}
	if got := written(t, func(b *bytes.Buffer) error { return Diff(b, "-a\n+b", plain()) }); got != "-a\n+b\n" && got != "-a\n+b" {
		t.Errorf("no line feed at the end: got %q", got)
	}
}
