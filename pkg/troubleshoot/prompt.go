package troubleshoot

import (
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// prompt is a line being typed.
type prompt struct {
	label, text, hint string
	// changed is told what is typed so far; done what it came to.
	changed func(text string)
	done    func(text string) tea.Cmd
}

// add takes the first line of what is typed or pasted.
func (p *prompt) add(text string) {
	text, _, _ = strings.Cut(strings.ReplaceAll(text, "\r", "\n"), "\n")
	p.text += text
	p.tell()
}

func (p *prompt) tell() {
	if p.changed != nil {
		p.changed(p.text)
	}
}

func (p *prompt) key(m *model, msg tea.KeyPressMsg) tea.Cmd {
	switch msg.String() {
	case "enter":
		m.prompt = nil
		return p.done(p.text)
	case "esc":
		m.prompt = nil
		p.text = ""
		p.tell()
	case "backspace":
		if runes := []rune(p.text); len(runes) > 0 {
			p.text = string(runes[:len(runes)-1])
			p.tell()
		}
	case "ctrl+u":
		p.text = ""
		p.tell()
	default:
		p.add(msg.Text)
	}
	return nil
}

// draw shows the end of the text, where the typing goes on.
func (p *prompt) draw(m *model) string {
	text := []rune(terminal.CleanLine(p.text))
	room := max(m.width-terminal.Width(p.label)-1, 1)
	for len(text) > 0 && terminal.Width(string(text)) > room {
		text = text[1:]
	}
	return m.render(line{{p.label, terminal.Bold}, {text: string(text) + "_"}}, m.width, "")
}

// searchPrompt searches while it is typed.
func searchPrompt(m *model) *prompt {
	return &prompt{
		label: "Search: ", text: m.search, hint: "in titles, ids, objects and evidence; enter keeps it, esc shows all",
		changed: func(text string) {
			m.search = text
			m.arrange()
		},
		done: func(string) tea.Cmd { return nil },
	}
}

// exportPrompt asks for the name of a file.
func exportPrompt(m *model) *prompt {
	return &prompt{
		label: "Save findings as: ", text: m.o.ExportName(m.snapshot), hint: "enter saves, as JSON if the name ends in .json; esc does not; ctrl+u clears the name",
		done: func(name string) tea.Cmd {
			if name == "" {
				return nil
			}
			s, result := m.snapshot, m.result
			return m.do(func(context.Context) tea.Msg {
				return exportedMsg{name, m.o.Export(name, s, result)}
			})
		},
	}
}
