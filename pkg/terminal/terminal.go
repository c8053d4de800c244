// Package terminal is the only part of the program that touches the terminal:
// its streams, whether a person watches them, colour, width, prompts and
// progress.
package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
)

// Terminal is what the program reads from and writes to. Out carries the answer,
// Err everything else.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
	// InTTY, OutTTY and ErrTTY tell which of them a person is at.
	InTTY, OutTTY, ErrTTY bool
	// Dumb terminals cannot move the cursor.
	Dumb bool
	// Colour, decided for Out.
	Colour bool
	// Width and ErrWidth are the columns that Out and Err have, 0 where nobody looks.
	Width, ErrWidth int
}

// System is the process's own terminal.
func System(getenv func(string) string) *Terminal {
	t := &Terminal{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InTTY: isTTY(os.Stdin), OutTTY: isTTY(os.Stdout), ErrTTY: isTTY(os.Stderr),
		Dumb: getenv("TERM") == "dumb",
	}
	t.Width, t.ErrWidth = width(os.Stdout), width(os.Stderr)
	t.Colour = t.OutTTY && !t.Dumb && getenv("NO_COLOR") == ""
	return t
}

func isTTY(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// width is 0 for what is not a terminal.
func width(f *os.File) int {
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// ColourModes are the values of --color.
func ColourModes() []string { return []string{"auto", "always", "never"} }

// SetColour applies the value of --color. "auto" leaves the decision to the
// surroundings.
func (t *Terminal) SetColour(mode string) error {
	switch mode {
	case "auto":
	case "always":
		t.Colour = true
	case "never":
		t.Colour = false
	default:
		return fail.Usage("--color %s: use one of %s", mode, strings.Join(ColourModes(), ", "))
	}
	return nil
}

// CanAsk reports whether a person is there to answer a question.
func (t *Terminal) CanAsk() bool { return t.InTTY && t.ErrTTY }

// ClearScreen makes room for a screen that is shown again and again. Where Out is
// no terminal, screens follow each other.
func (t *Terminal) ClearScreen() {
	if t.OutTTY && !t.Dumb {
		fmt.Fprint(t.Out, "\x1b[H\x1b[2J")
	}
}

// Say writes a line for the person, not for a pipe.
func (t *Terminal) Say(format string, args ...any) {
	fmt.Fprintln(t.Err, Clean(fmt.Sprintf(format, args...)))
}

// Colour is one of the few colours used, by meaning.
type Colour string

// The colours, as ANSI SGR codes that every terminal maps to its own palette.
const (
	Good Colour = "32"
	Bad  Colour = "31"
	Warn Colour = "33"
	Dim  Colour = "2"
	Bold Colour = "1"
)

// Paint colours text if colours are wanted.
func (t *Terminal) Paint(colour Colour, text string) string {
	if !t.Colour || text == "" || colour == "" {
		return text
	}
	return "\x1b[" + string(colour) + "m" + text + "\x1b[0m"
}

// Clean makes text from elsewhere safe to show: control characters, and those
// that reorder or hide text, become visible, so that no name or message can move
// the cursor, change the title or pretend to be something else. Line feeds and
// tabs stay.
func Clean(text string) string {
	if isPlain(text) {
		return text
	}
	text = strings.ToValidUTF8(text, "\ufffd")
	if !strings.ContainsFunc(text, unsafeRune) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unsafeRune(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isPlain reports whether text is printable ASCII, as almost all is.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

func unsafeRune(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp))
}

// CleanLine is Clean for text that must stay on one line.
func CleanLine(text string) string {
	if isPlain(text) {
		return text
	}
	return strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(Clean(text))
}

// widths counts columns the same way on every machine: what is wide in some
// locales only is taken to be narrow.
func widths() *runewidth.Condition { return &runewidth.Condition{} }

// Width is the number of columns that text takes.
func Width(text string) int {
	if isPlain(text) {
		return len(text)
	}
	return widths().StringWidth(text)
}

// Wrap breaks text at blanks into lines of at most so many columns; words that
// are longer keep a line of their own. Where there is no width, it is one line.
func Wrap(text string, columns int) []string {
	if columns <= 0 || Width(text) <= columns {
		return []string{text}
	}
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && Width(line)+1+Width(word) > columns {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// Truncate shortens text to a number of columns, with an ellipsis.
func Truncate(text string, columns int) string { return widths().Truncate(text, columns, "…") }
