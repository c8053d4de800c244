package troubleshoot

import (
	"io"
	"os"
	"strings"
)

// terminalFile is the terminal without what Bubble Tea asks it, and without the
// keyboard protocols that it turns on: an answer that comes late, as over a slow
// connection, would end up in the shell, and old terminals take
// "CSI > 4 ; 2 m" for underlining. Nothing here needs either.
type terminalFile struct {
	file *os.File
	mute *strings.Replacer
}

// quiet wraps a terminal; anything else is left as it is.
func quiet(w io.Writer) io.Writer {
	file, ok := w.(*os.File)
	if !ok {
		return w
	}
	var pairs []string
	for _, sequence := range unwanted() {
		pairs = append(pairs, sequence, "")
	}
	return &terminalFile{file, strings.NewReplacer(pairs...)}
}

// unwanted are the sequences left out, as in charmbracelet/x/ansi v0.11.9.
func unwanted() []string {
	return []string{
		// Are synchronized output and Unicode widths supported?
		"\x1b[?2026$p", "\x1b[?2027$p",
		// xterm's modifyOtherKeys: on, off, reset.
		"\x1b[>4;2m", "\x1b[>4;1m", "\x1b[>4;0m", "\x1b[>4m",
		// kitty's keyboard protocol: ask, push, pop.
		"\x1b[?u", "\x1b[>1u", "\x1b[>0u", "\x1b[>u", "\x1b[<1u", "\x1b[<u",
	}
}

// Write leaves out whole sequences: Bubble Tea writes each frame at once.
func (t *terminalFile) Write(p []byte) (int, error) {
	if _, err := t.file.WriteString(t.mute.Replace(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Read, Close and Fd make it a terminal for Bubble Tea.
func (t *terminalFile) Read(p []byte) (int, error) { return t.file.Read(p) }

// Close leaves the terminal open: it is the process's.
func (t *terminalFile) Close() error { return nil }

// Fd is the terminal's.
func (t *terminalFile) Fd() uintptr { return t.file.Fd() }
