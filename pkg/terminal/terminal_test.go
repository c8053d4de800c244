package terminal

import (
	"strings"
	"testing"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
)

func TestSetColour(t *testing.T) {
	for _, test := range []struct {
		mode         string
		before, want bool
	}{
		{"auto", true, true}, {"auto", false, false},
		{"always", false, true}, {"always", true, true},
		{"never", true, false}, {"never", false, false},
	} {
		terminal := &Terminal{Colour: test.before}
		if err := terminal.SetColour(test.mode); err != nil || terminal.Colour != test.want {
			t.Errorf("%s from %v: got %v, %v, want %v", test.mode, test.before, terminal.Colour, err, test.want)
		}
	}
	for _, mode := range []string{"", "yes", "Always"} {
		terminal := &Terminal{Colour: true}
		err := terminal.SetColour(mode)
		if fail.ExitCode(err) != fail.ExitUsage || !strings.Contains(err.Error(), "auto, always, never") {
			t.Errorf("%q: got %v", mode, err)
		}
		if !terminal.Colour {
			t.Errorf("%q changed the colour", mode)
		}
	}
}

// The process's own streams are no terminal in a test, so nothing may be painted
// whatever the environment says.
func TestSystemPaintsTerminalsOnly(t *testing.T) {
	for _, environment := range []map[string]string{{}, {"TERM": "xterm-256color"}, {"TERM": "dumb"}, {"NO_COLOR": "1"}} {
		terminal := System(func(name string) string { return environment[name] })
		want := terminal.OutTTY && !terminal.Dumb && environment["NO_COLOR"] == ""
		if terminal.Colour != want || !terminal.OutTTY && terminal.Width != 0 {
			t.Errorf("%v: colour %v, width %d", environment, terminal.Colour, terminal.Width)
		}
		if want := environment["TERM"] == "dumb"; terminal.Dumb != want {
			t.Errorf("%v: dumb %v", environment, terminal.Dumb)
		}
	}
}

func TestClearScreen(t *testing.T) {
	for _, test := range []struct {
		name     string
		terminal Terminal
		want     string
	}{
		{"terminal", Terminal{OutTTY: true}, "\x1b[H\x1b[2J"},
		{"dumb terminal", Terminal{OutTTY: true, Dumb: true}, ""},
		{"pipe", Terminal{ErrTTY: true}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			test.terminal.Out = &out
			test.terminal.ClearScreen()
			if out.String() != test.want {
				t.Errorf("got %q, want %q", out.String(), test.want)
			}
		})
	}
}

func TestSayWritesCleanLinesToStderr(t *testing.T) {
	var out, err strings.Builder
	terminal := &Terminal{Out: &out, Err: &err}
	terminal.Say("pod %s is gone", "web\x1b[2J")
	if want := "pod web\\u001b[2J is gone\n"; err.String() != want || out.Len() != 0 {
		t.Errorf("stderr %q, want %q; stdout %q", err.String(), want, out.String())
	}
}
