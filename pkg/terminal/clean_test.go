package terminal

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestClean(t *testing.T) {
	for _, test := range []struct{ name, text, want, line string }{
		{"nothing", "", "", ""},
		{"plain text", "web-0: ready (2 of 2), 100% · … ✓", "web-0: ready (2 of 2), 100% · … ✓", "web-0: ready (2 of 2), 100% · … ✓"},
		{"other scripts", "契約 Ünïcode עברית हिन्दी 한국어 😀", "契約 Ünïcode עברית हिन्दी 한국어 😀", "契約 Ünïcode עברית हिन्दी 한국어 😀"},
		{"combining accents", "cafe\u0301", "cafe\u0301", "cafe\u0301"},
		{"line feeds and tabs", "a\tb\nc\n", "a\tb\nc\n", `a\tb\nc\n`},
		{"a backslash of its own", `a\nb`, `a\nb`, `a\nb`},
		{"carriage return, which writes over the line", "harmless\rrm -rf", `harmless\u000drm -rf`, `harmless\u000drm -rf`},
		{"Windows line ends", "a\r\nb", "a\\u000d\nb", `a\u000d\nb`},
		{"colour", "\x1b[31mred\x1b[0m", `\u001b[31mred\u001b[0m`, `\u001b[31mred\u001b[0m`},
		{"cursor movement and erasure", "\x1b[2J\x1b[H", `\u001b[2J\u001b[H`, `\u001b[2J\u001b[H`},
		{"window title", "\x1b]0;owned\a", `\u001b]0;owned\u0007`, `\u001b]0;owned\u0007`},
		{"clipboard", "\x1b]52;c;cm0gLXJm\x1b\\", `\u001b]52;c;cm0gLXJm\u001b\`, `\u001b]52;c;cm0gLXJm\u001b\`},
		{"hyperlink", "\x1b]8;;https://evil.example\x1b\\here", `\u001b]8;;https://evil.example\u001b\here`, `\u001b]8;;https://evil.example\u001b\here`},
		{"control sequence of one character (C1)", "\u009b31m\u0085", `\u009b31m\u0085`, `\u009b31m\u0085`},
		{"backspace and delete", "a\b\x7fb", `a\u0008\u007fb`, `a\u0008\u007fb`},
		{"NUL, bell, vertical tab, form feed", "\x00\a\v\f", `\u0000\u0007\u000b\u000c`, `\u0000\u0007\u000b\u000c`},
		{"bidirectional overrides and isolates", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c\u200e\u200f",
			`\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c\u200e\u200f`, `\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c\u200e\u200f`},
		{"zero width", "kube\u200b-\u200csys\u200dtem\ufeff\u2060", `kube\u200b-\u200csys\u200dtem\ufeff\u2060`, `kube\u200b-\u200csys\u200dtem\ufeff\u2060`},
		{"soft hyphen and invisible operators", "a\u00ad\u2061\u2063", `a\u00ad\u2061\u2063`, `a\u00ad\u2061\u2063`},
		{"tag characters", "a\U000e0041", `a\ue0041`, `a\ue0041`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Clean(test.text); got != test.want {
				t.Errorf("Clean: got %q, want %q", got, test.want)
			}
			if got := CleanLine(test.text); got != test.line {
				t.Errorf("CleanLine: got %q, want %q", got, test.line)
			}
		})
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"plain", "\x1b[31mred\x1b[0m", "a\tb\r\nc", "\u202e\u200b", "\U000e0041", "\u0085\u009b", "契約", "\xff\xfe\x9b", `\u001b`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		clean, line := Clean(text), CleanLine(text)
		for _, r := range clean {
			if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
				t.Fatalf("Clean leaves %U in %q", r, clean)
			}
		}
		for _, r := range line {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				t.Fatalf("CleanLine leaves %U in %q", r, line)
			}
		}
		if again := Clean(clean); again != clean {
			t.Fatalf("cleaning %q again gives %q", clean, again)
		}
		if again := CleanLine(line); again != line {
			t.Fatalf("cleaning %q again gives %q", line, again)
		}
		if utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) && (clean != text || line != text) {
			t.Fatalf("clean text was changed: %q became %q and %q", text, clean, line)
		}
	})
}

func TestPaint(t *testing.T) {
	colours, none := &Terminal{Colour: true}, &Terminal{}
	for _, test := range []struct {
		t      *Terminal
		colour Colour
		text   string
		want   string
	}{
		{colours, Good, "ready", "\x1b[32mready\x1b[0m"},
		{colours, Bad, "gone", "\x1b[31mgone\x1b[0m"},
		{colours, Warn, "unknown", "\x1b[33munknown\x1b[0m"},
		{colours, Dim, "id", "\x1b[2mid\x1b[0m"},
		{colours, Bold, "Next", "\x1b[1mNext\x1b[0m"},
		{colours, Good, "", ""},
		{colours, "", "plain", "plain"},
		{none, Good, "ready", "ready"},
	} {
		if got := test.t.Paint(test.colour, test.text); got != test.want {
			t.Errorf("%q: got %q, want %q", test.text, got, test.want)
		}
	}
}

func TestWidth(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "plain": 5, "契約": 4, "cafe\u0301": 4, "ｗｉｄｅ": 8, "한국어": 6, "😀": 2,
	} {
		if got := Width(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		name, text string
		columns    int
		want       []string
	}{
		{"nothing", "", 10, []string{""}},
		{"short enough", "one two", 7, []string{"one two"}},
		{"too long", "one two three four", 9, []string{"one two", "three", "four"}},
		{"nobody looks", "one two three four", 0, []string{"one two three four"}},
		{"no room at all", "one two three four", -5, []string{"one two three four"}},
		{"a long word keeps its line", "see /subscriptions/0000/resourceGroups/contoso for it", 12, []string{"see", "/subscriptions/0000/resourceGroups/contoso", "for it"}},
		{"a long word comes first", "/subscriptions/0000 is it", 10, []string{"/subscriptions/0000", "is it"}},
		{"wide characters", "契約 番号 店舗", 9, []string{"契約 番号", "店舗"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Wrap(test.text, test.columns)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzWrap(f *testing.F) {
	f.Add("one two three four", 9)
	f.Add("契約 番号", 3)
	f.Add("", 1)
	f.Fuzz(func(t *testing.T, text string, columns int) {
		lines := Wrap(text, columns)
		if got, want := strings.Join(strings.Fields(strings.Join(lines, " ")), " "), strings.Join(strings.Fields(text), " "); got != want {
			t.Fatalf("%q in %d columns loses words: %q", text, columns, lines)
		}
		for _, line := range lines {
			if columns > 0 && Width(line) > columns && len(strings.Fields(line)) > 1 {
				t.Fatalf("%q in %d columns: %q is too long", text, columns, line)
			}
		}
	})
}

func TestTruncate(t *testing.T) {
	for _, test := range []struct {
		text    string
		columns int
		want    string
	}{
		{"short", 10, "short"},
		{"exactly", 7, "exactly"},
		{"too long by far", 8, "too lon…"},
		{"契約者番号", 6, "契約…"},
		{"契約者番号", 10, "契約者番号"},
	} {
		got := Truncate(test.text, test.columns)
		// Where the locale is East Asian the ellipsis takes two columns.
		if got != test.want && Width("…") == 1 {
			t.Errorf("%q in %d columns: got %q, want %q", test.text, test.columns, got, test.want)
		}
		if Width(got) > test.columns {
			t.Errorf("%q takes %d columns, more than %d", got, Width(got), test.columns)
		}
	}
}
