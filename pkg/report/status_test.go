package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/status"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

func statusOf(t *testing.T, at situation) *status.Status {
	t.Helper()
	s := contoso()
	at.change(s)
	judged, err := status.From(s)
	if err != nil {
		t.Fatal(err)
	}
	return judged
}

func TestStatusScreens(t *testing.T) {
	for _, at := range situations() {
		t.Run(at.name, func(t *testing.T) {
			judged := statusOf(t, at)
			screen := written(t, func(b *bytes.Buffer) error { return Status(b, judged, plain()) })
			checkGolden(t, "status "+at.name, screen)
			if i := strings.IndexFunc(screen, func(r rune) bool { return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) }); i >= 0 {
				t.Errorf("%q can do something to a terminal", screen[i:min(i+20, len(screen))])
			}
			for line := range strings.Lines(screen) {
				if text := strings.TrimSuffix(line, "\n"); strings.TrimRight(text, " ") != text {
					t.Errorf("blanks at the end of %q", text)
				}
			}
			narrow := written(t, func(b *bytes.Buffer) error { return Status(b, judged, &terminal.Terminal{Width: 80}) })
			if narrow != screen {
				checkGolden(t, "status "+at.name+" in 80 columns", narrow)
			}
			if got, want := strings.Join(strings.Fields(narrow), " "), strings.Join(strings.Fields(screen), " "); got != want {
				t.Errorf("in 80 columns it says something else:\n%s", narrow)
			}
			// Colours paint the same screen.
			painted := written(t, func(b *bytes.Buffer) error { return Status(b, judged, &terminal.Terminal{Colour: true}) })
			if painted == screen || unpaint(painted) != screen {
				t.Errorf("with colours it reads\n%s", painted)
			}
		})
	}
}

// unpaint takes the colours off.
func unpaint(text string) string {
	for _, colour := range []terminal.Colour{terminal.Good, terminal.Bad, terminal.Warn, terminal.Dim, terminal.Bold} {
		text = strings.ReplaceAll(text, "\x1b["+string(colour)+"m", "")
	}
	return strings.ReplaceAll(text, "\x1b[0m", "")
}

func TestStatusPaintsWhatMatters(t *testing.T) {
	screen := func(name string) string {
		for _, at := range situations() {
			if at.name == name {
				return written(t, func(b *bytes.Buffer) error { return Status(b, statusOf(t, at), &terminal.Terminal{Colour: true}) })
			}
		}
		t.Fatalf("no situation %q", name)
		return ""
	}
	for _, test := range []struct{ situation, want string }{
		{"switched and restarted", "\x1b[32mCNIChaining\x1b[0m (Azure"},
		{"switched and restarted", "\x1b[32mready on 3 of 3 Linux nodes\x1b[0m"},
		{"before the switch", "\x1b[33mInitContainers\x1b[0m (Azure"},
		{"before the switch", "\x1b[1mkubectl istio-cni enable\x1b[0m"},
		{"node agent not everywhere", "\x1b[31mready on 1 of 3 Linux nodes\x1b[0m"},
		{"nodes denied", "\x1b[33mnodes: the API server denies it\x1b[0m"},
	} {
		if got := screen(test.situation); !strings.Contains(got, test.want) {
			t.Errorf("%s: no %q in\n%q", test.situation, test.want, got)
		}
	}
}

func TestStatusAsJSON(t *testing.T) {
	for _, at := range situations() {
		switch at.name {
		case "switched but not restarted", "one namespace readable and no Azure":
		default:
			continue
		}
		t.Run(at.name, func(t *testing.T) {
			text, err := json.MarshalIndent(NewStatusJSON(statusOf(t, at)), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			checkGolden(t, "json status "+at.name, string(text)+"\n")
		})
	}
}
