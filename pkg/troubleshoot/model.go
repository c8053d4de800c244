package troubleshoot

import (
	"context"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// activity is what goes on behind the screen.
type activity int

const (
	idle activity = iota
	observing
	sending
)

// model is the program's state.
type model struct {
	o Options
	// do turns work into a command that can be cancelled, after sends a message
	// later, notify at once from elsewhere.
	do     func(work func(context.Context) tea.Msg) tea.Cmd
	after  func(pause time.Duration, msg tea.Msg) tea.Cmd
	notify func(tea.Msg)

	width, height int

	snapshot *snapshot.Snapshot
	// all is what was found, result what of it concerns the focus.
	all, result *check.Result
	// everything is set while the focus is widened to all.
	everything bool
	filters    []filter
	filter     int
	search     string

	// screens lie on each other; the first is that of the findings.
	screens []screen
	main    *findingsScreen
	prompt  *prompt

	note        note
	activity    activity
	progress    string
	interrupted activity
	watched     *watch
}

// note is what the program last had to say.
type note struct {
	text   string
	colour terminal.Colour
}

// screen is one of those that lie on each other.
type screen interface {
	// title stands above it, place on the right.
	title(m *model) string
	place() string
	// body draws it on so many columns and lines.
	body(m *model, width, height int) []string
	// key takes a key that is not everywhere the same.
	key(m *model, key string) tea.Cmd
	// hints are the keys that matter on it.
	hints(m *model) []string
	// renew takes in a new observation.
	renew(m *model)
}

// Messages.
type (
	observedMsg struct {
		snapshot *snapshot.Snapshot
		err      error
	}
	progressMsg string
	noteMsg     string
	exportedMsg struct {
		name string
		err  error
	}
)

func newModel(o Options) (*model, error) {
	m := &model{o: o, main: &findingsScreen{}, notify: func(tea.Msg) {}}
	m.after = func(pause time.Duration, msg tea.Msg) tea.Cmd {
		return tea.Tick(pause, func(time.Time) tea.Msg { return msg })
	}
	m.screens = []screen{m.main}
	if err := m.take(o.Snapshot); err != nil {
		return nil, err
	}
	return m, nil
}

// take judges an observation and keeps the selection.
func (m *model) take(s *snapshot.Snapshot) error {
	result, err := m.o.Judge(s)
	if err != nil {
		return err
	}
	m.snapshot, m.all = s, result
	m.arrange()
	for _, screen := range m.screens[1:] {
		screen.renew(m)
	}
	return nil
}

// arrange makes the list anew, after anything has changed that it depends on.
func (m *model) arrange() {
	selected := m.main.selected().identity()
	filterName := ""
	if len(m.filters) > 0 {
		filterName = m.filters[m.filter].name
	}
	m.result = m.all
	if !m.everything {
		m.result = Narrow(m.snapshot, m.all, m.o.Focus)
	}
	m.filters = filters(m.result)
	m.filter = max(slices.IndexFunc(m.filters, func(f filter) bool { return f.name == filterName }), 0)
	m.main.rows = rowsOf(m.result, func(f *check.Finding) bool {
		return m.filters[m.filter].by(f) && matches(f, m.search)
	})
	m.main.list.count = len(m.main.rows)
	if i := slices.IndexFunc(m.main.rows, func(r row) bool { return r.identity() == selected }); i >= 0 && selected != "" {
		m.main.list.cursor = i
	}
	m.main.list.fit()
	if m.main.selected().identity() != selected {
		m.main.detail.top = 0
	}
}

// Init starts nothing: the first observation is there.
func (m *model) Init() tea.Cmd { return nil }

// Update takes a message.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		return m, m.press(msg)
	case tea.PasteMsg:
		if m.prompt != nil {
			m.prompt.add(msg.Content)
		}
	case progressMsg:
		m.progress = string(msg)
	case noteMsg:
		m.note = note{text: string(msg)}
	case observedMsg:
		return m, m.observed(msg)
	case sentMsg:
		return m, m.sent(msg)
	case lookAgainMsg:
		if m.watched != nil {
			return m, m.observe()
		}
	case logsMsg:
		msg.screen.show(msg.text)
	case exportedMsg:
		m.note = note{"Saved " + msg.name + ".", terminal.Good}
		if msg.err != nil {
			m.failed(msg.err)
		}
	}
	return m, nil
}

func (m *model) failed(err error) {
	m.note = note{"Error: " + err.Error(), terminal.Bad}
	if remedy := fail.Remedy(err); remedy != "" {
		m.note.text += " -> " + remedy
	}
}

func (m *model) top() screen { return m.screens[len(m.screens)-1] }

func (m *model) push(s screen) { m.screens = append(m.screens, s) }

func (m *model) pop() {
	if len(m.screens) > 1 {
		m.screens = m.screens[:len(m.screens)-1]
	}
}

// press takes a key. Answers and texts that are being typed come first.
func (m *model) press(msg tea.KeyPressMsg) tea.Cmd {
	key := msg.String()
	if m.watched == nil {
		m.note = note{}
	}
	switch {
	case key == "ctrl+c":
		m.interrupted = m.activity
		return tea.Quit
	case key == "ctrl+z":
		return tea.Suspend
	case key == "ctrl+l":
		return tea.ClearScreen
	case m.prompt != nil:
		return m.prompt.key(m, msg)
	}
	if _, asking := m.top().(*confirmScreen); !asking {
		if cmd, taken := m.everywhere(key); taken {
			return cmd
		}
	}
	return m.top().key(m, key)
}

// everywhere takes the keys that are the same on all screens.
func (m *model) everywhere(key string) (cmd tea.Cmd, taken bool) {
	switch key {
	case "q":
		return tea.Quit, true
	case "?":
		if _, open := m.top().(*textScreen); !open {
			m.push(helpScreen(m))
		}
		return nil, true
	case "r":
		return m.observe(), true
	case "esc":
		if len(m.screens) > 1 {
			m.pop()
			return nil, true
		}
	}
	return nil, false
}

// observe reads the cluster again, unless that is being done.
func (m *model) observe() tea.Cmd {
	if m.o.Observe == nil {
		m.note = note{"This is a saved snapshot, which does not change.", terminal.Warn}
		return nil
	}
	if m.activity != idle {
		return nil
	}
	m.activity, m.progress = observing, "reading the cluster"
	return m.do(func(ctx context.Context) tea.Msg {
		s, err := m.o.Observe(ctx, func(text string) { m.notify(progressMsg(text)) })
		return observedMsg{s, err}
	})
}

func (m *model) observed(msg observedMsg) tea.Cmd {
	m.activity = idle
	if msg.err == nil {
		msg.err = m.take(msg.snapshot)
	}
	if msg.err != nil {
		m.watched = nil
		m.failed(msg.err)
		return nil
	}
	if m.watched != nil {
		return m.judgeFix()
	}
	return nil
}
