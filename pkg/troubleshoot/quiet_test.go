package troubleshoot

import (
	"os"
	"path/filepath"
	"testing"
)

// What would be answered, or change the keyboard, does not reach the terminal.
func TestQuiet(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "terminal"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	w := quiet(file)
	text := "\x1b[?1049h\x1b[?2026$p\x1b[?2027$p\x1b[>4;2m\x1b[>1u\x1b[?ua\x1b[31mb\x1b[m\x1b[>4m\x1b[<1u\x1b[?1049l"
	if n, err := w.Write([]byte(text)); err != nil || n != len(text) {
		t.Fatal(n, err)
	}
	got, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	if want := "\x1b[?1049ha\x1b[31mb\x1b[m\x1b[?1049l"; string(got) != want {
		t.Errorf("%q", got)
	}
}
