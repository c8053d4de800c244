package troubleshoot

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// row is one entry of the list: a finding, or what is unknown.
type row struct {
	// finding is nil in the row of what is unknown.
	finding *check.Finding
	// explained findings stand below their cause; explains are those of a cause.
	explained bool
	explains  []check.Finding
	// last marks the last of those explained.
	last bool
}

// filter leaves some of the findings.
type filter struct {
	name string
	by   func(f *check.Finding) bool
}

// filters are those that leave something, the first being none.
func filters(result *check.Result) []filter {
	all := []filter{{"", func(*check.Finding) bool { return true }}}
	add := func(name string, by func(f *check.Finding) bool) {
		if slices.ContainsFunc(result.Groups, func(g check.Group) bool { return groupHas(&g, by) }) {
			all = append(all, filter{name, by})
		}
	}
	for _, severity := range check.Severities() {
		add(string(severity), func(f *check.Finding) bool { return f.Severity == severity })
	}
	for _, area := range check.Areas() {
		add(string(area), func(f *check.Finding) bool { return f.Area == area })
	}
	return all
}

func groupHas(g *check.Group, by func(f *check.Finding) bool) bool {
	if by(&g.Finding) {
		return true
	}
	for i := range g.Explains {
		if by(&g.Explains[i]) {
			return true
		}
	}
	return false
}

// matches reports whether a finding has a text in its id, title, objects or
// evidence, upper and lower case being the same.
func matches(f *check.Finding, text string) bool {
	text = strings.ToLower(text)
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
	return has(f.Rule) || has(f.Title) || slices.ContainsFunc(f.Evidence, has) ||
		slices.ContainsFunc(f.Objects, func(o check.Object) bool { return has(o.String()) })
}

// rowsOf are the entries of the list. A cause stays where one of the findings
// that it explains does.
func rowsOf(result *check.Result, wanted func(f *check.Finding) bool) []row {
	var rows []row
	for i := range result.Groups {
		group := &result.Groups[i]
		var explained []row
		for j := range group.Explains {
			if f := &group.Explains[j]; wanted(f) {
				explained = append(explained, row{finding: f, explained: true})
			}
		}
		if len(explained) == 0 && !wanted(&group.Finding) {
			continue
		}
		if len(explained) > 0 {
			explained[len(explained)-1].last = true
		}
		rows = append(rows, row{finding: &group.Finding, explains: group.Explains})
		rows = append(rows, explained...)
	}
	if result.Undecided() > 0 || len(result.Unknowns()) > 0 {
		rows = append(rows, row{})
	}
	return rows
}

func (r row) identity() string {
	if r.finding == nil {
		return ""
	}
	return identity(r.finding)
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

// lines of a row in the list: severity and title, then id and object.
func (r row) lines(result *check.Result, columns int, selected bool) []line {
	mark := "  "
	if selected {
		mark = "> "
	}
	if r.finding == nil {
		return []line{
			{{text: mark}, {fmt.Sprintf("UNKNOWN (%d)", len(result.Unknowns())), terminal.Warn}},
			{{text: "  " + checks(result.Undecided()) + " could not be decided", colour: terminal.Dim}},
		}
	}
	branch, stem := "", ""
	if r.explained {
		branch, stem = "├ ", "│ "
		if r.last {
			branch, stem = "└ ", "  "
		}
	}
	f := r.finding
	begin := "  " + stem + f.Rule + " "
	return []line{
		{{text: mark + branch}, {strings.ToUpper(string(f.Severity)), severityColour(f.Severity)}, {text: " " + f.Title}},
		{{begin + middle(firstObject(f), columns-terminal.Width(begin)), terminal.Dim}},
	}
}

func firstObject(f *check.Finding) string {
	switch len(f.Objects) {
	case 0:
		return ""
	case 1:
		return f.Objects[0].String()
	}
	return fmt.Sprintf("%s +%d", f.Objects[0], len(f.Objects)-1)
}

func checks(n int) string {
	if n == 1 {
		return "1 check"
	}
	return fmt.Sprintf("%d checks", n)
}
