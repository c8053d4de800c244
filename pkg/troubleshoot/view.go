package troubleshoot

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// mostNoteLines are taken by what the program has to say.
const mostNoteLines = 3

// View draws the screen.
func (m *model) View() tea.View {
	view := tea.NewView(strings.Join(m.draw(), "\n"))
	view.AltScreen = true
	return view
}

// draw gives the lines of the screen, from its size on none too many.
func (m *model) draw() []string {
	if m.width == 0 || m.height == 0 {
		return nil
	}
	status := m.status()
	const others = 4
	// The body comes first: what stands around it depends on what of it is seen.
	body := m.top().body(m, m.width, max(m.height-others-len(status), 1))
	lines := []string{m.render(m.heading(), m.width, ""), m.render(plain(m.summary()), m.width, ""), m.rule()}
	lines = append(append(lines, body...), status...)
	lines = append(lines, m.render(m.hintLine(), m.width, ""))
	return lines[:min(len(lines), m.height)]
}

// heading says what is looked at, and since when it may have changed.
func (m *model) heading() line {
	source := ""
	if m.o.Saved != "" {
		source = " (" + m.o.Saved + ")"
	}
	l := line{{m.snapshot.Context.Name, terminal.Bold}, {text: source + "  as of " + m.snapshot.Taken.UTC().Format(time.DateTime) + " UTC"}}
	switch {
	case focused(m) && m.everything:
		l = append(l, span{"  all findings", terminal.Dim})
	case focused(m):
		l = append(l, span{"  only about " + m.o.Focus.String(), terminal.Warn})
	case m.snapshot.Context.Namespace != "":
		l = append(l, span{"  pods of " + m.snapshot.Context.Namespace, terminal.Warn})
	}
	return l
}

// summary counts findings by severity, and what is unknown.
func (m *model) summary() string {
	var parts []string
	for _, severity := range check.Severities() {
		if n := m.result.Findings(severity); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, severity))
		}
	}
	found := "nothing found"
	if len(parts) > 0 {
		found = strings.Join(parts, ", ")
	}
	return fmt.Sprintf("%s; %d of %s unknown", found, m.result.Undecided(), checks(len(m.result.Reports)))
}

// rule separates the heading from the screen, and has its title.
func (m *model) rule() string {
	const end = "──"
	title := "── " + terminal.CleanLine(m.top().title(m)) + " "
	if place := m.top().place(); place != "" && terminal.Width(title)+len(place) < m.width {
		place = " " + place + " " + end
		title += strings.Repeat("─", max(m.width-terminal.Width(title)-terminal.Width(place), 0)) + place
	}
	title = truncate(title, m.width)
	return m.o.Terminal.Paint(terminal.Dim, title+strings.Repeat("─", max(m.width-terminal.Width(title), 0)))
}

// status is what is asked, done or said.
func (m *model) status() []string {
	text := paragraph{text: m.note.text, colour: m.note.colour}
	switch {
	case m.prompt != nil:
		return []string{m.prompt.draw(m)}
	case m.activity == observing:
		text = paragraph{text: "Refreshing: " + m.progress + " …", colour: terminal.Warn}
	case m.activity == sending:
		text = paragraph{text: "Sending the change …", colour: terminal.Warn}
	}
	lines := text.lines(m.width)
	var drawn []string
	for _, l := range lines[:min(len(lines), mostNoteLines)] {
		drawn = append(drawn, m.render(l, m.width, ""))
	}
	return drawn
}

// hintLine has as many keys as there is room for, and always the last two.
func (m *model) hintLine() line {
	if m.prompt != nil {
		return line{{m.prompt.hint, terminal.Dim}}
	}
	const always = "? help  q quit"
	var text strings.Builder
	left := m.width - len(always)
	for _, hint := range m.top().hints(m) {
		if left -= len(hint) + 2; left < 0 {
			break
		}
		text.WriteString(hint + "  ")
	}
	if _, asking := m.top().(*confirmScreen); !asking {
		text.WriteString(always)
	}
	return line{{text.String(), terminal.Dim}}
}
