package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// Findings writes everything that was found, by root cause and worst first, with
// evidence, cause and remedy; then what is unknown, and a line that sums it up.
func Findings(w io.Writer, result *check.Result, term *terminal.Terminal) error {
	p := &page{term: term}
	for left := result.Groups; len(left) > 0; {
		n := slices.IndexFunc(left, func(g check.Group) bool { return g.Rule != left[0].Rule })
		if n < 0 {
			n = len(left)
		}
		p.alike(left[:n])
		left = left[n:]
	}
	p.unknowns(result)
	p.line("", Summary(result))
	_, err := io.WriteString(w, p.String())
	return err
}

// page is text in which what belongs to a finding is indented.
type page struct {
	strings.Builder
	term *terminal.Terminal
}

// indents of a finding's parts, and of what stands beside their titles.
const (
	indent     = "  "
	titleWidth = 10
)

// line writes a line under an indent.
func (p *page) line(indent, text string) { fmt.Fprintf(p, "%s%s\n", indent, text) }

// item writes text of any length beside a title, wrapped.
func (p *page) item(title, text string, colour terminal.Colour) {
	for _, line := range terminal.Wrap(terminal.CleanLine(text), p.width()) {
		padding := strings.Repeat(" ", max(titleWidth-len(title), 1))
		p.line(indent, p.term.Paint(terminal.Dim, title)+padding+p.term.Paint(colour, line))
		title = ""
	}
}

// command writes a command, which is never wrapped so that it can be copied.
func (p *page) command(text string) {
	p.line(indent+strings.Repeat(" ", titleWidth), p.term.Paint(terminal.Bold, terminal.CleanLine(text)))
}

func (p *page) width() int {
	if p.term.Width == 0 {
		return 0
	}
	return max(p.term.Width-len(indent)-titleWidth, 20)
}

// mostAlike findings of one check are told in full, the others counted: in a large
// cluster one cause makes hundreds.
const mostAlike = 5

// alike writes the findings of one check.
func (p *page) alike(groups []check.Group) {
	full := min(len(groups), mostAlike)
	for _, group := range groups[:full] {
		p.group(group)
	}
	if full == len(groups) {
		return
	}
	first := groups[0].Finding
	p.line("", p.term.Paint(severityColour(first.Severity), strings.ToUpper(string(first.Severity)))+" "+
		p.term.Paint(terminal.Bold, terminal.CleanLine(fmt.Sprintf("%s %s: %d more", first.Rule, first.Title, len(groups)-full))))
	var objects []check.Object
	for _, group := range groups[full:] {
		objects = append(objects, group.Objects[:min(len(group.Objects), 1)]...)
	}
	p.item("Where", objectsText(objects), "")
	p.item("All", "with -o table, short or json", terminal.Dim)
	p.line("", "")
}

func (p *page) group(group check.Group) {
	p.finding(group.Finding)
	title := "Explains"
	for i, explained := range group.Explains {
		if i == mostAlike && len(group.Explains) > mostAlike+1 {
			p.item(title, fmt.Sprintf("and %d more", len(group.Explains)-mostAlike), "")
			break
		}
		p.item(title, fmt.Sprintf("%s %s: %s", explained.Rule, explained.Title, objectsText(explained.Objects)), "")
		title = ""
	}
	p.line("", "")
}

// mostObjects of a finding are named in one line.
const mostObjects = 4

func objectsText(objects []check.Object) string {
	var names []string
	for i, object := range objects {
		if i == mostObjects {
			names = append(names, fmt.Sprintf("%d more", len(objects)-mostObjects))
			break
		}
		names = append(names, object.String())
	}
	return strings.Join(names, ", ")
}

func (p *page) finding(f check.Finding) {
	p.line("", p.term.Paint(severityColour(f.Severity), strings.ToUpper(string(f.Severity)))+" "+
		p.term.Paint(terminal.Bold, terminal.CleanLine(f.Rule+" "+f.Title)))
	p.item("Where", objectsText(f.Objects), "")
	title := "Evidence"
	for _, line := range f.Evidence {
		p.item(title, line, "")
		title = ""
	}
	p.item("Cause", f.Cause, "")
	title = "Remedy"
	for _, step := range f.Remedy {
		p.item(title, step.Text, "")
		if step.Command != "" {
			p.command(step.Command)
		}
		title = ""
	}
	p.item("More", f.Link, terminal.Dim)
}

func (p *page) unknowns(result *check.Result) {
	unknowns := result.Unknowns()
	if len(unknowns) == 0 {
		return
	}
	p.line("", p.term.Paint(terminal.Warn, "UNKNOWN "+checks(result.Undecided())))
	for _, unknown := range unknowns {
		for i, line := range terminal.Wrap(terminal.CleanLine(unknown.String()), max(p.term.Width-2*len(indent), 0)) {
			p.line(indent+strings.Repeat(" ", 2*min(i, 1)), line)
		}
	}
	p.line("", "")
}

func checks(n int) string {
	if n == 1 {
		return "1 check"
	}
	return fmt.Sprintf("%d checks", n)
}

func severityColour(severity check.Severity) terminal.Colour {
	switch severity {
	case check.Critical, check.High:
		return terminal.Bad
	case check.Medium:
		return terminal.Warn
	default:
		return terminal.Dim
	}
}

// Summary is one line about all checks.
func Summary(result *check.Result) string {
	var parts []string
	for _, severity := range check.Severities() {
		if n := result.Findings(severity); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	found := "nothing found"
	if len(parts) > 0 {
		found = "found " + strings.Join(parts, ", ")
	}
	text := fmt.Sprintf("%s: %s", checks(len(result.Reports)), found)
	if n := result.Undecided(); n > 0 {
		text += fmt.Sprintf("; %d could not be decided", n)
	}
	return text + "."
}

// CheckTable lays out findings, those that another explains below it.
func CheckTable(result *check.Result) *Table {
	table := &Table{Header: []string{"SEVERITY", "CHECK", "OBJECT", "FINDING"}}
	add := func(f check.Finding, mark string) {
		table.Rows = append(table.Rows, []Cell{
			{string(f.Severity), severityColour(f.Severity)}, {Text: mark + f.Rule}, {Text: objectsText(f.Objects[:min(len(f.Objects), 1)])}, {Text: f.Title},
		})
	}
	for _, group := range result.Groups {
		add(group.Finding, "")
		for _, explained := range group.Explains {
			add(explained, "└ ")
		}
	}
	for i := range result.Reports {
		if r := &result.Reports[i]; r.Outcome == check.Cannot {
			table.Rows = append(table.Rows, []Cell{{"unknown", terminal.Warn}, {Text: r.ID}, {}, {Text: r.Title + "? " + r.Unknowns[0].String()}})
		}
	}
	return table
}

// CheckShort is one line for each finding and each check that is unknown, for
// logs.
func CheckShort(w io.Writer, result *check.Result) error {
	var b strings.Builder
	line := func(severity, id, text string) {
		fmt.Fprintln(&b, terminal.CleanLine(fmt.Sprintf("%s %s %s", severity, id, text)))
	}
	for _, group := range result.Groups {
		for _, f := range append([]check.Finding{group.Finding}, group.Explains...) {
			line(string(f.Severity), f.Rule, objectsText(f.Objects)+": "+f.Title)
		}
	}
	for i := range result.Reports {
		if r := &result.Reports[i]; r.Outcome == check.Cannot {
			line("unknown", r.ID, r.Title+"? "+r.Unknowns[0].String())
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
