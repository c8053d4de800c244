package troubleshoot

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// confirmScreen shows a request as it will be sent, and asks.
type confirmScreen struct {
	finding check.Finding
	change  Change

	at          scroll
	page, total int
	// read is set once the end was on the screen.
	read bool
}

// Messages of a fix.
type (
	sentMsg struct {
		finding check.Finding
		err     error
	}
	lookAgainMsg struct{}
)

// watch looks whether a finding is gone after its fix.
type watch struct {
	finding check.Finding
	// waits are the pauses before looking again.
	waits []time.Duration
}

// pauses are how long to wait before looking again: what controllers have to do
// takes a while.
func pauses() []time.Duration {
	return []time.Duration{3 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second}
}

// offerFix shows what the fix of a finding would send.
func (m *model) offerFix(f *check.Finding) {
	switch {
	case f == nil || f.Fix == nil:
		m.note = note{"This program makes no fix for this by itself; see the remedy.", terminal.Warn}
		return
	case m.o.Prepare == nil:
		m.note = note{"This is a saved snapshot; fixes are applied on a live cluster only.", terminal.Warn}
		return
	case m.activity == sending:
		return
	}
	change, err := m.o.Prepare(m.snapshot, *f.Fix)
	if err != nil {
		m.failed(err)
		return
	}
	m.note = note{}
	m.push(&confirmScreen{finding: *f, change: change})
}

func (s *confirmScreen) title(*model) string { return "Safe fix of " + s.finding.Rule }

func (s *confirmScreen) place() string {
	return s.at.place(s.page, s.total)
}

func (s *confirmScreen) renew(*model) {}

func (s *confirmScreen) hints(*model) []string {
	if !s.read {
		return []string{"PgDn the rest of it", "n or esc do not send it"}
	}
	return []string{"y send it", "n or esc do not"}
}

func (s *confirmScreen) body(m *model, width, height int) []string {
	lines := wrapAll(s.request(m), width)
	s.page, s.total = height, len(lines)
	window := s.at.window(lines, height)
	s.read = s.read || s.at.top+len(window) == len(lines)
	return m.pad(window, width, height)
}

func (s *confirmScreen) request(m *model) []paragraph {
	p := page{{text: "It " + fixEffect(s.finding.Fix) + "."}}
	if len(s.change.Hurts) > 0 {
		p = append(p, paragraph{text: "What it hurts: " + strings.Join(s.change.Hurts, "; ") + ".", colour: terminal.Warn})
	}
	p = append(p, page{
		{},
		{text: "On context " + m.snapshot.Context.Name + ", server " + m.snapshot.Context.Server + ", this will be sent:", colour: terminal.Bold},
		{},
		{rest: "    ", text: s.change.Method + " " + s.change.Path, exact: true},
		{rest: "    ", text: "Content-Type: " + s.change.ContentType, exact: true},
		{},
	}...)
	for l := range strings.SplitSeq(s.change.Body, "\n") {
		p = append(p, paragraph{rest: "    ", text: l, exact: true})
	}
	return append(p, paragraph{}, paragraph{text: "Send it? [y/N]", colour: terminal.Warn})
}

// key takes anything but yes and what scrolls as a no, and a yes only once all of
// the request was on the screen.
func (s *confirmScreen) key(m *model, key string) tea.Cmd {
	if yes := key == "y" || key == "Y"; yes && !s.read {
		m.note = note{"There is more of it below; PgDn shows the rest.", terminal.Warn}
		return nil
	} else if yes {
		m.pop()
		return m.send(s.finding, s.change)
	}
	if s.at.key(key, s.page, s.total) {
		return nil
	}
	m.pop()
	m.note = note{text: "Nothing was changed."}
	return nil
}

func (m *model) send(f check.Finding, change Change) tea.Cmd {
	if m.activity != idle {
		m.note = note{"Nothing was changed: the cluster is just being read. Try again when that is done.", terminal.Warn}
		return nil
	}
	m.activity = sending
	return m.do(func(ctx context.Context) tea.Msg { return sentMsg{f, change.Send(ctx)} })
}

// sent looks at once what the change has brought about, or what stood in its way.
func (m *model) sent(msg sentMsg) tea.Cmd {
	m.activity = idle
	if msg.err != nil {
		m.failed(msg.err)
		return nil
	}
	m.watched = &watch{finding: msg.finding, waits: pauses()}
	m.note = note{text: "The change was made."}
	return m.observe()
}

// judgeFix says whether the finding is gone, and looks again if it is not.
func (m *model) judgeFix() tea.Cmd {
	w := m.watched
	name := w.finding.Rule + " on " + firstObject(&w.finding)
	switch {
	case m.stillFound(&w.finding):
	case m.undecided(w.finding.Rule):
		m.watched = nil
		m.note = note{"The change was made, but whether " + name + " is gone could not be decided: see what is unknown.", terminal.Warn}
		return nil
	default:
		m.watched = nil
		m.note = note{"The change was made, and " + name + " is gone.", terminal.Good}
		return nil
	}
	if len(w.waits) == 0 {
		m.watched = nil
		m.note = note{"The change was made, but " + name + " is still there. It may take longer; r looks again.", terminal.Warn}
		return nil
	}
	wait := w.waits[0]
	w.waits = w.waits[1:]
	m.note = note{fmt.Sprintf("The change was made; %s is still there, looking again in %s.", name, wait), terminal.Warn}
	return m.after(wait, lookAgainMsg{})
}

func (m *model) stillFound(f *check.Finding) bool {
	same := func(other *check.Finding) bool { return identity(other) == identity(f) }
	return slices.ContainsFunc(m.all.Groups, func(g check.Group) bool { return groupHas(&g, same) })
}

func (m *model) undecided(rule string) bool {
	return slices.ContainsFunc(m.all.Reports, func(r check.Report) bool {
		return r.ID == rule && len(r.Unknowns) > 0
	})
}
