package troubleshoot

import "fmt"

// scroll is a place in something longer than the screen.
type scroll struct{ top int }

// key moves by a key, and reports whether it is one that moves.
func (s *scroll) key(key string, page, total int) bool {
	switch key {
	case "up", "k":
		s.top--
	case "down", "j":
		s.top++
	case "pgup", "ctrl+b":
		s.top -= page
	case "pgdown", "ctrl+f", "space":
		s.top += page
	case "home", "g":
		s.top = 0
	case "end", "G":
		s.top = total
	default:
		return false
	}
	s.fit(page, total)
	return true
}

// place says what part is on the screen, "" if that is all.
func (s *scroll) place(page, total int) string {
	if total <= page {
		return ""
	}
	return fmt.Sprintf("lines %d-%d of %d", s.top+1, min(s.top+page, total), total)
}

func (s *scroll) fit(page, total int) { s.top = max(min(s.top, total-page), 0) }

// window is what of the lines is on the screen.
func (s *scroll) window(lines []line, height int) []line {
	s.fit(height, len(lines))
	return lines[s.top:min(s.top+height, len(lines))]
}

// list is items of which one is selected. Items take one or more lines.
type list struct {
	count, cursor, top int
	// page is the number of items that a page has about.
	page int
}

// key moves the selection, if it is a key that does.
func (l *list) key(key string) {
	page := max(l.page, 1)
	to := scroll{l.cursor}
	to.key(key, 1, l.count)
	switch key {
	case "pgup", "ctrl+b":
		to.top = l.cursor - page
	case "pgdown", "ctrl+f", "space":
		to.top = l.cursor + page
	}
	l.cursor = to.top
	l.fit()
}

func (l *list) fit() { l.cursor = max(min(l.cursor, l.count-1), 0) }

// item is one that is on the screen.
type item struct {
	lines    []line
	selected bool
}

// window draws the items around the selected one, as many as there is room for.
func (l *list) window(height int, draw func(i int) []line) []item {
	l.fit()
	if l.count == 0 {
		return nil
	}
	// The selected item must be on the screen, whole.
	room, first := height-len(draw(l.cursor)), l.cursor
	for first > 0 && room >= len(draw(first-1)) {
		first--
		room -= len(draw(first))
	}
	l.top = max(min(l.top, l.cursor), first)
	var items []item
	used := 0
	for i := l.top; i < l.count && used < height; i++ {
		lines := draw(i)
		items = append(items, item{lines[:min(len(lines), height-used)], i == l.cursor})
		used += len(lines)
	}
	l.page = len(items)
	// Where the end is on the screen, what is before it may use the room.
	if used < height && l.top > 0 && l.top > first {
		l.top = first
		return l.window(height, draw)
	}
	return items
}
