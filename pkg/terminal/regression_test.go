package terminal

import (
	"testing"
	"unicode/utf8"
)

func TestInvalidUTF8(t *testing.T) {
	const csi = "\x9b31mred" // C1 CSI as one byte
	if got := Clean(csi); !utf8.ValidString(got) {
		t.Errorf("got %q", got)
	}
}

func TestLineSeparators(t *testing.T) {
	for _, r := range []string{"\u2028", "\u2029"} {
		if got := CleanLine("a" + r + "b"); got == "a"+r+"b" {
			t.Errorf("%q stays", r)
		}
	}
}
