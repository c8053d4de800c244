package troubleshoot

import (
	"strings"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// reverse marks what is selected, where there is colour.
const reverse terminal.Colour = "7"

// span is text in one colour, line one line of the screen.
type (
	span struct {
		text   string
		colour terminal.Colour
	}
	line []span
)

func plain(text string) line { return line{{text: text}} }

// render lays a line out on exactly so many columns. Everything on the screen
// passes here, and what is not harmless becomes visible. If over is given, the
// whole line has that colour.
func (m *model) render(l line, columns int, over terminal.Colour) string {
	var painted, all strings.Builder
	left := columns
	for _, s := range l {
		text := terminal.CleanLine(s.text)
		if terminal.Width(text) > left {
			text = truncate(text, left)
		}
		left -= terminal.Width(text)
		painted.WriteString(m.o.Terminal.Paint(s.colour, text))
		all.WriteString(text)
	}
	padding := strings.Repeat(" ", max(left, 0))
	if over != "" && m.o.Terminal.Colour {
		return m.o.Terminal.Paint(over, all.String()+padding)
	}
	return painted.String() + padding
}

// paragraph is text of any length.
type paragraph struct {
	// first and rest begin its first line and the others.
	first, rest string
	text        string
	colour      terminal.Colour
	// exact text is broken anywhere rather than at blanks, so that all of it and
	// nothing else is shown.
	exact bool
}

func (p paragraph) lines(columns int) []line {
	text := terminal.CleanLine(p.text)
	room := max(columns-terminal.Width(p.rest), 1)
	var pieces []string
	if p.exact {
		pieces = fold(text, room)
	} else {
		pieces = wrap(text, room)
	}
	lines := make([]line, len(pieces))
	for i, piece := range pieces {
		begin := p.rest
		if i == 0 {
			begin = p.first
		}
		lines[i] = line{{text: begin}, {piece, p.colour}}
	}
	return lines
}

// wrap breaks text at blanks, and words that are longer than a line within.
func wrap(text string, columns int) []string {
	var lines []string
	current := ""
	for word := range strings.FieldsSeq(text) {
		if current != "" && terminal.Width(current)+1+terminal.Width(word) > columns {
			lines, current = append(lines, current), ""
		}
		if current != "" {
			current += " "
		}
		current += word
		for terminal.Width(current) > columns {
			begin := breakWord(current, columns)
			lines, current = append(lines, begin), current[len(begin):]
		}
	}
	return append(lines, current)
}

// breakWord gives the part of a word that fits, up to one of the characters that
// separate the parts of names if there is one in its second half.
func breakWord(word string, columns int) string {
	begin := fold(word, columns)[0]
	if i := strings.LastIndexAny(begin, "-./,:=_"); i >= len(begin)/2 {
		return begin[:i+1]
	}
	return begin
}

func wrapAll(paragraphs []paragraph, columns int) []line {
	var lines []line
	for _, p := range paragraphs {
		lines = append(lines, p.lines(columns)...)
	}
	return lines
}

// fold breaks text after so many columns.
func fold(text string, columns int) []string {
	if terminal.Width(text) <= columns {
		return []string{text}
	}
	var pieces []string
	var piece strings.Builder
	width := 0
	for _, r := range text {
		w := terminal.Width(string(r))
		if width+w > columns && piece.Len() > 0 {
			pieces = append(pieces, piece.String())
			piece.Reset()
			width = 0
		}
		piece.WriteRune(r)
		width += w
	}
	return append(pieces, piece.String())
}

// truncate leaves nothing where there is no room at all.
func truncate(text string, columns int) string {
	if columns <= 0 {
		return ""
	}
	return terminal.Truncate(text, columns)
}

// middle shortens a name, whose end tells most: of nodes it is the number.
func middle(text string, columns int) string {
	text = terminal.CleanLine(text)
	if terminal.Width(text) <= columns || columns < 5 {
		return truncate(text, columns)
	}
	tail := []rune(text)
	for terminal.Width(string(tail)) > columns/2 {
		tail = tail[1:]
	}
	return terminal.Truncate(text, columns-terminal.Width(string(tail))) + string(tail)
}
