package troubleshoot

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// mostObjects are named in the detail of a finding; all are in the list of its
// objects.
const mostObjects = 20

// detail is what the right side says of a row.
func (m *model) detail(r row) []paragraph {
	switch {
	case r.finding != nil:
		return m.findingDetail(r)
	case len(m.result.Unknowns()) > 0:
		return unknownDetail(m.result)
	}
	return nil
}

// page collects paragraphs under headings.
type page []paragraph

func (p *page) heading(text string) {
	if len(*p) > 0 {
		*p = append(*p, paragraph{})
	}
	*p = append(*p, paragraph{text: text, colour: terminal.Bold})
}

func (p *page) text(first, text string) {
	*p = append(*p, paragraph{first: "  " + first, rest: "  " + strings.Repeat(" ", len(first)), text: text})
}

// exact is shown whole, whatever room there is.
func (p *page) exact(indent, text string) {
	*p = append(*p, paragraph{first: indent, rest: indent, text: text, colour: terminal.Good, exact: true})
}

func (m *model) findingDetail(r row) []paragraph {
	f := r.finding
	p := page{
		{text: strings.ToUpper(string(f.Severity)) + " " + f.Rule + ", " + string(f.Area), colour: severityColour(f.Severity)},
		{text: f.Title, colour: terminal.Bold},
	}
	p.heading("Where")
	for i, object := range f.Objects {
		if i == mostObjects {
			p.text("", fmt.Sprintf("and %d more; enter lists them", len(f.Objects)-i))
			break
		}
		p.text("", object.String())
	}
	p.heading("Evidence")
	for _, evidence := range f.Evidence {
		p.text("- ", evidence)
	}
	p.heading("Cause")
	p.text("", f.Cause)
	if r.explained {
		p.text("", "It should go away with the finding above it.")
	}
	if len(r.explains) > 0 {
		p.heading("Explains")
		for i := range r.explains {
			p.text("- ", fmt.Sprintf("%s %s: %s", r.explains[i].Rule, r.explains[i].Title, firstObject(&r.explains[i])))
		}
	}
	p.heading("Remedy")
	for i, step := range f.Remedy {
		p.text(fmt.Sprintf("%d. ", i+1), step.Text)
		if step.Command != "" {
			p.exact("     ", step.Command)
		}
	}
	p.heading("Safe fix")
	p.text("", m.fixText(f))
	p.heading("More")
	p.exact("  ", f.Link)
	return p
}

func (m *model) fixText(f *check.Finding) string {
	switch {
	case f.Fix == nil:
		return "none that this program makes by itself"
	case m.o.Prepare == nil:
		return "there is one; run the program on the cluster instead of a saved snapshot"
	}
	return "x " + fixEffect(f.Fix) + ", after showing the request and asking"
}

// fixEffect says what a fix does, as it reads after its key.
func fixEffect(fix *check.Fix) string {
	switch fix.Action {
	case check.FixRestart:
		return "restarts " + fix.Object.String()
	case check.FixDeletePod:
		return "deletes " + fix.Object.String() + ", whose controller makes a new one"
	case check.FixLabelNamespace:
		var changes []string
		for _, key := range slices.Sorted(maps.Keys(fix.Remove)) {
			changes = append(changes, "removes the label "+key+"="+fix.Remove[key])
		}
		for _, key := range slices.Sorted(maps.Keys(fix.Set)) {
			changes = append(changes, "sets the label "+key+"="+fix.Set[key])
		}
		return strings.Join(changes, " and ") + " of " + fix.Object.String()
	}
	return string(fix.Action) + " " + fix.Object.String()
}

// unknownDetail says what could not be read, what that would take, and which
// checks it leaves open.
func unknownDetail(result *check.Result) []paragraph {
	p := page{
		{text: "UNKNOWN", colour: terminal.Warn},
		{text: "What could not be read, and so could not be decided. It is not the same as being fine.", colour: terminal.Bold},
	}
	for _, unknown := range result.Unknowns() {
		p.heading(unknown.What)
		why := string(unknown.State)
		if unknown.Reason != "" {
			why = unknown.Reason
		}
		p.text("", why)
		if unknown.Needs != "" {
			p.text("", "it takes "+unknown.Needs)
		}
	}
	p.heading("Checks that it leaves open")
	for i := range result.Reports {
		if r := &result.Reports[i]; r.Outcome == check.Cannot {
			p.text("- ", r.ID+" "+r.Title+"?")
		}
	}
	return p
}
