package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// Explain writes a check's page for a terminal.
func Explain(w io.Writer, rule *check.Rule, term *terminal.Terminal) error {
	p := &page{term: term}
	p.line("", term.Paint(terminal.Bold, rule.ID+" "+rule.Title))
	p.item("Area", string(rule.Area), "")
	p.item("Severity", string(rule.Severity), severityColour(rule.Severity))
	p.item("Symptom", rule.Symptom, "")
	p.item("Detection", rule.Detection, "")
	p.item("Cause", sentence(rule.Cause), "")
	p.item("Remedy", rule.Remedy, "")
	p.item("Needs", needs(rule), "")
	title := "More"
	for _, link := range rule.Links {
		p.item(title, link, "")
		title = ""
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// RulePage is a check's page as Markdown.
func RulePage(rule *check.Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: %s\n\n", rule.ID, rule.Title)
	fmt.Fprintf(&b, "Area: %s. Severity: %s.", rule.Area, rule.Severity)
	if rule.Pre {
		b.WriteString(" Checked by `check --pre` as well.")
	}
	b.WriteString("\n")
	for _, part := range []struct{ title, text string }{
		{"Symptom", rule.Symptom}, {"How it is detected", rule.Detection}, {"Probable cause", sentence(rule.Cause)}, {"Remedy", rule.Remedy},
		{"What it needs", "To answer, the check has to read " + needs(rule) + " Otherwise its answer is *unknown*."},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", part.title, strings.Join(terminal.Wrap(part.text, pageWidth), "\n"))
	}
	b.WriteString("\n## More\n\n")
	for _, link := range rule.Links {
		fmt.Fprintf(&b, "- <%s>\n", link)
	}
	return b.String()
}

// pageWidth is the number of columns of a Markdown page's lines.
const pageWidth = 90

// RuleIndex is the list of all checks as Markdown.
func RuleIndex(rules []*check.Rule) string {
	var b strings.Builder
	b.WriteString("# Checks\n\nWhat `kubectl istio-cni check` looks for. `kubectl istio-cni explain ID` shows the same at the terminal.\n\n")
	b.WriteString("| check | severity | what is wrong |\n|---|---|---|\n")
	for _, rule := range rules {
		fmt.Fprintf(&b, "| [%s](%s.md) | %s | %s |\n", rule.ID, rule.ID, rule.Severity, rule.Title)
	}
	return b.String()
}

// RuleTable lists checks.
func RuleTable(rules []*check.Rule) *Table {
	table := &Table{Header: []string{"CHECK", "AREA", "SEVERITY", "WHAT IS WRONG"}}
	for _, rule := range rules {
		table.Rows = append(table.Rows, []Cell{
			{Text: rule.ID}, {Text: string(rule.Area)}, {string(rule.Severity), severityColour(rule.Severity)}, {Text: rule.Title},
		})
	}
	return table
}

// needs is what a check has to read, as a clause that ends the sentence.
func needs(rule *check.Rule) string {
	var all []string
	for _, need := range rule.Needs {
		var alternatives []string
		for _, part := range need {
			alternatives = append(alternatives, check.PartText(part))
		}
		all = append(all, strings.Join(alternatives, " or else "))
	}
	text := strings.Join(all, ", ")
	if rule.ReadsLogs() {
		text += "; and the log of a node agent where it looks wrong"
	}
	return text + "."
}

// sentence makes a clause one.
func sentence(clause string) string {
	if clause == "" {
		return ""
	}
	return strings.ToUpper(clause[:1]) + clause[1:] + "."
}
