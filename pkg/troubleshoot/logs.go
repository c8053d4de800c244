package troubleshoot

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// textScreen is text to read.
type textScreen struct {
	name string
	text []paragraph
	// sections are the places in text that tab goes to.
	sections []int

	at          scroll
	page, total int
	// starts are where the sections begin, as last drawn.
	starts []int
}

type logsMsg struct {
	screen *textScreen
	text   *textScreen
}

func (s *textScreen) title(*model) string { return s.name }

func (s *textScreen) place() string {
	return s.at.place(s.page, s.total)
}

func (s *textScreen) renew(*model) {}

func (s *textScreen) hints(*model) []string {
	if len(s.sections) > 1 {
		return []string{"esc back", "tab next log", "G end"}
	}
	return []string{"esc back"}
}

func (s *textScreen) key(m *model, key string) tea.Cmd {
	switch key {
	case "left", "backspace":
		m.pop()
	case "tab", "right":
		s.next()
	default:
		s.at.key(key, s.page, s.total)
	}
	return nil
}

// next goes to the next section, from the last one to the first.
func (s *textScreen) next() {
	to := 0
	for _, start := range s.starts {
		if start > s.at.top && s.at.top < s.total-s.page {
			to = start
			break
		}
	}
	s.at.top = to
	s.at.fit(s.page, s.total)
}

func (s *textScreen) body(m *model, width, height int) []string {
	var lines []line
	s.starts = nil
	for i, p := range s.text {
		for _, section := range s.sections {
			if section == i {
				s.starts = append(s.starts, len(lines))
			}
		}
		lines = append(lines, p.lines(width)...)
	}
	s.page, s.total = height, len(lines)
	return m.pad(s.at.window(lines, height), width, height)
}

// show takes the text of another screen, once it is there.
func (s *textScreen) show(text *textScreen) { s.text, s.sections = text.text, text.sections }

// readLogs opens the logs of an object, and reads them.
func (m *model) readLogs(e entry) tea.Cmd {
	open := &textScreen{name: "Logs of " + e.object.String(), text: []paragraph{{text: "reading …", colour: terminal.Warn}}}
	m.push(open)
	return m.do(func(ctx context.Context) tea.Msg {
		read := &textScreen{}
		for _, request := range e.logs {
			read.log(request, m.o.Log(ctx, request))
		}
		return logsMsg{open, read}
	})
}

// log adds a log to the text.
func (s *textScreen) log(request snapshot.LogRequest, part snapshot.Part[string]) {
	if len(s.text) > 0 {
		s.text = append(s.text, paragraph{})
	}
	s.sections = append(s.sections, len(s.text))
	title := request.Container + " of pod " + request.Pod + " in " + request.Namespace
	if request.Previous {
		title += ", before its last restart"
	}
	s.text = append(s.text, paragraph{text: title, colour: terminal.Bold})
	switch {
	case !part.Known():
		s.text = append(s.text, paragraph{text: "unknown: " + part.Why(), colour: terminal.Warn})
	case part.State == snapshot.Absent:
		s.text = append(s.text, paragraph{text: "there is none", colour: terminal.Warn})
	case strings.TrimSpace(part.Value) == "":
		s.text = append(s.text, paragraph{text: "it is empty", colour: terminal.Dim})
	}
	for l := range strings.Lines(part.Value) {
		// Istio separates the parts of a line by tabs.
		s.text = append(s.text, paragraph{rest: "  ", text: strings.ReplaceAll(strings.TrimRight(l, "\r\n"), "\t", "  "), exact: true})
	}
}

// helpScreen lists the keys.
func helpScreen(m *model) *textScreen {
	s := &textScreen{name: "Keys"}
	for _, key := range [][2]string{
		{"up down j k", "select a finding, or scroll; PgUp PgDn g G go further"},
		{"right, left", "go to the detail, and back to the list; tab does both"},
		{"z", "give the detail the whole width, and back"},
		{"enter", "list the pods and other objects of the finding"},
		{"l", "read the log of the pod's failed container and of its node's agent"},
		{"x", "apply the safe fix, after showing the request and asking"},
		{"/", "search in titles, ids, objects and evidence"},
		{"f", "show the findings of one severity, then of one area; esc shows all"},
		{"a", "all findings, or only those about what the program was started with"},
		{"r", "observe the cluster again"},
		{"e", "save the findings shown to a new file"},
		{"esc", "go back"},
		{"ctrl+l", "draw the screen anew"},
		{"q", "quit"},
	} {
		s.text = append(s.text, paragraph{first: key[0] + strings.Repeat(" ", 13-len(key[0])), rest: strings.Repeat(" ", 13), text: key[1]})
	}
	s.text = append(s.text, paragraph{}, paragraph{text: "A finding that others stand below is their cause: they should go away with it. What is unknown is listed last, with the permission that it takes."})
	if m.o.Saved != "" {
		s.text = append(s.text, paragraph{}, paragraph{text: "This is a saved snapshot: nothing can be applied or refreshed, and only the logs that were saved with it can be read.", colour: terminal.Warn})
	}
	return s
}
