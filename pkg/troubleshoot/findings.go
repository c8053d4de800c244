package troubleshoot

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// findingsScreen is the list of findings, and beside it the detail of one.
type findingsScreen struct {
	rows   []row
	list   list
	detail scroll
	// inDetail is set while keys move the detail, wide while it has the whole
	// width.
	inDetail, wide bool

	// page and total are the detail's lines, as last drawn.
	page, total int
}

// narrowest is the width from which list and detail fit beside each other.
const narrowest = 70

func (s *findingsScreen) selected() row {
	if len(s.rows) == 0 {
		return row{}
	}
	return s.rows[s.list.cursor]
}

func (s *findingsScreen) place() string {
	return s.detail.place(s.page, s.total)
}

func (s *findingsScreen) renew(*model) {}

func (s *findingsScreen) title(m *model) string {
	var limits []string
	if name := m.filters[m.filter].name; name != "" {
		limits = append(limits, "only "+name)
	}
	if m.search != "" {
		limits = append(limits, fmt.Sprintf("with %q", m.search))
	}
	return strings.TrimSpace("Findings " + s.count() + strings.Join(limits, ", "))
}

// count says which of how many findings is selected.
func (s *findingsScreen) count() string {
	n := len(s.rows)
	if n > 0 && s.rows[n-1].finding == nil {
		n--
	}
	if s.list.cursor >= n {
		return ""
	}
	return fmt.Sprintf("%d/%d ", s.list.cursor+1, n)
}

func (s *findingsScreen) key(m *model, key string) tea.Cmd {
	switch key {
	case "tab":
		s.inDetail = !s.inDetail
	case "right":
		s.inDetail = true
	case "left":
		s.inDetail = false
	case "z":
		s.wide = !s.wide
		s.inDetail = s.wide
	case "esc":
		s.leave(m)
	case "f":
		m.filter = (m.filter + 1) % len(m.filters)
		m.arrange()
	case "/":
		m.prompt = searchPrompt(m)
	case "a":
		m.widen()
	case "enter":
		if f := s.selected().finding; f != nil {
			m.push(newObjectsScreen(m, f))
		} else {
			s.inDetail = true
		}
	case "l":
		return s.logs(m)
	case "e":
		m.prompt = exportPrompt(m)
	case "x":
		m.offerFix(s.selected().finding)
	default:
		s.move(key)
	}
	s.wide = s.wide && s.inDetail
	return nil
}

func (s *findingsScreen) move(key string) {
	if s.inDetail {
		s.detail.key(key, s.page, s.total)
		return
	}
	before := s.list.cursor
	if s.list.key(key); s.list.cursor != before {
		s.detail.top = 0
	}
}

// leave goes back by one: from the detail, then from what limits the list.
func (s *findingsScreen) leave(m *model) {
	switch {
	case s.inDetail:
		s.inDetail = false
	case m.search != "" || m.filter != 0:
		m.search, m.filter = "", 0
		m.arrange()
	}
}

// widen shows all findings, or those that concern the focus again.
func (m *model) widen() {
	if focused(m) {
		m.everything = !m.everything
		m.arrange()
	}
}

func focused(m *model) bool { return m.o.Focus.Kind != "" }

// logs shows those of the first pod that the finding is about.
func (s *findingsScreen) logs(m *model) tea.Cmd {
	if f := s.selected().finding; f != nil {
		for _, entry := range newObjectsScreen(m, f).entries {
			if len(entry.logs) > 0 {
				return m.readLogs(entry)
			}
		}
	}
	m.note = note{"No pod of this finding has logs to show.", terminal.Warn}
	return nil
}

func (s *findingsScreen) hints(m *model) []string {
	var hints []string
	f := s.selected().finding
	if f != nil && f.Fix != nil && m.o.Prepare != nil {
		hints = append(hints, "x fix")
	}
	if f != nil {
		hints = append(hints, "enter pods")
	}
	switch {
	case s.wide:
		hints = append(hints, "left list", "z beside")
	case s.inDetail && m.width < narrowest:
		hints = append(hints, "left list")
	case s.inDetail:
		hints = append(hints, "left list", "z wide")
	default:
		hints = append(hints, "right detail")
	}
	if focused(m) && m.everything {
		hints = append(hints, "a narrow")
	} else if focused(m) {
		hints = append(hints, "a all")
	}
	if len(m.result.Groups) > 0 {
		hints = append(hints, "/ search", "f filter")
	}
	if m.o.Observe != nil {
		hints = append(hints, "r refresh")
	}
	if f != nil {
		hints = append(hints, "l logs")
	}
	return append(hints, "e export")
}

func (s *findingsScreen) body(m *model, width, height int) []string {
	s.page, s.total = 0, 0
	if width < narrowest || s.wide {
		if s.inDetail {
			return s.drawDetail(m, width, height)
		}
		return s.drawList(m, width, height)
	}
	left := leftWidth(width)
	right := width - left - len(divider)
	list, detail := s.drawList(m, left, height), s.drawDetail(m, right, height)
	lines := make([]string, height)
	for i := range lines {
		lines[i] = list[i] + m.o.Terminal.Paint(terminal.Dim, dividerText) + detail[i]
	}
	return lines
}

const (
	// divider has the columns of dividerText.
	divider     = "   "
	dividerText = " │ "
)

func leftWidth(width int) int { return min(max(width*45/100, 30), 60) }

func (s *findingsScreen) drawList(m *model, width, height int) []string {
	var lines []string
	for _, l := range wrapAll(s.emptiness(m), width) {
		lines = append(lines, m.render(l, width, ""))
	}
	lines = lines[:min(len(lines), height)]
	items := s.list.window(height-len(lines), func(i int) []line {
		return s.rows[i].lines(m.result, width, i == s.list.cursor)
	})
	return append(lines, m.drawItems(items, width, height-len(lines), s.inDetail)...)
}

// emptiness says why there is no finding in the list, nothing if there is one.
func (s *findingsScreen) emptiness(m *model) []paragraph {
	p := paragraph{text: "Nothing found.", colour: terminal.Good}
	switch {
	case s.selected().finding != nil || len(s.rows) > 1:
		return nil
	case len(m.result.Groups) > 0:
		p = paragraph{text: "Nothing like that; esc shows all.", colour: terminal.Warn}
	case len(s.rows) > 0:
		p = paragraph{text: "Nothing found in what is known.", colour: terminal.Warn}
	}
	return []paragraph{p, {}}
}

// drawItems draws a list. What is selected stands out, unless keys move
// something else.
func (m *model) drawItems(items []item, width, height int, elsewhere bool) []string {
	var lines []string
	for _, item := range items {
		over := terminal.Colour("")
		if item.selected && !elsewhere {
			over = reverse
		}
		for _, l := range item.lines {
			lines = append(lines, m.render(l, width, over))
		}
	}
	for len(lines) < height {
		lines = append(lines, m.render(nil, width, ""))
	}
	return lines
}

func (s *findingsScreen) drawDetail(m *model, width, height int) []string {
	paragraphs := m.detail(s.selected())
	if len(paragraphs) == 0 {
		paragraphs = []paragraph{{text: fmt.Sprintf("None of %s found anything, and nothing that they need is unknown.", checks(len(m.result.Reports)))}}
	}
	lines := wrapAll(paragraphs, width)
	s.page, s.total = height, len(lines)
	return m.pad(s.detail.window(lines, height), width, height)
}

// pad renders lines and fills what is left of the height.
func (m *model) pad(lines []line, width, height int) []string {
	rendered := make([]string, height)
	for i := range rendered {
		l := line(nil)
		if i < len(lines) {
			l = lines[i]
		}
		rendered[i] = m.render(l, width, "")
	}
	return rendered
}
