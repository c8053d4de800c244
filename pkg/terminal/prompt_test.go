package terminal

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
)

// asked is a terminal with a person who types answer.
func asked(answer string) (*Terminal, *strings.Builder) {
	stderr := &strings.Builder{}
	return &Terminal{In: strings.NewReader(answer), Err: stderr, InTTY: true, ErrTTY: true}, stderr
}

func TestConfirm(t *testing.T) {
	for _, test := range []struct {
		answer string
		yes    bool
	}{
		{"y\n", true}, {"Y\n", true}, {"yes\n", true}, {"YES\n", true}, {"  y \r\n", true}, {"y", true},
		{"n\n", false}, {"no\n", false}, {"\n", false}, {"yess\n", false}, {"ja\n", false}, {"y n\n", false}, {"yes please", false},
		{"", false}, // end of input
	} {
		t.Run(test.answer, func(t *testing.T) {
			terminal, stderr := asked(test.answer)
			err := terminal.Confirm(t.Context(), "Change the cluster's Azure resource?")
			if test.yes && err != nil || !test.yes && !errors.Is(err, ErrDeclined) {
				t.Errorf("got %v", err)
			}
			if !strings.HasPrefix(stderr.String(), "Change the cluster's Azure resource? [y/N] ") {
				t.Errorf("asked %q", stderr)
			}
			if test.answer == "" && !strings.HasSuffix(stderr.String(), "\n") {
				t.Error("the next line would stand behind the question")
			}
		})
	}
}

func TestNobodyToAsk(t *testing.T) {
	for name, terminal := range map[string]*Terminal{
		"pipe for stdin":  {ErrTTY: true, OutTTY: true},
		"pipe for stderr": {InTTY: true, OutTTY: true},
		"neither":         {},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr strings.Builder
			terminal.In, terminal.Err = unreadable{t}, &stderr
			err := terminal.Confirm(t.Context(), "Restart 3 workloads?")
			if fail.ExitCode(err) != fail.ExitUsage || errors.Is(err, ErrDeclined) || !strings.Contains(fail.Remedy(err), "--yes") {
				t.Errorf("confirm: got %v (%q)", err, fail.Remedy(err))
			}
			_, err = terminal.Choose(t.Context(), "revisions and tags", []string{"asm-1-27", "prod"}, "--revision")
			if fail.ExitCode(err) != fail.ExitUsage || !strings.Contains(err.Error(), "revisions and tags (asm-1-27, prod)") || !strings.Contains(err.Error(), "--revision") {
				t.Errorf("choose: got %v", err)
			}
			if stderr.Len() != 0 {
				t.Errorf("asked all the same: %q", stderr.String())
			}
		})
	}
}

// unreadable is a stdin that must not be read.
type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("stdin was read")
	return 0, io.EOF
}

func TestChoose(t *testing.T) {
	choices := []string{"asm-1-27", "asm-1-28", "prod\x1b[2J"}
	for _, test := range []struct {
		answer, want string
	}{
		{"1\n", "asm-1-27"}, {"2\n", "asm-1-28"}, {" 3 \n", "prod\x1b[2J"},
		{"0\n", ""}, {"4\n", ""}, {"-1\n", ""}, {"\n", ""}, {"asm-1-27\n", ""}, {"1.0\n", ""}, {"", ""},
	} {
		t.Run(test.answer, func(t *testing.T) {
			terminal, stderr := asked(test.answer)
			got, err := terminal.Choose(t.Context(), "revisions and tags", choices, "--revision")
			if got != test.want || (test.want == "") != errors.Is(err, ErrDeclined) {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
			const list = "revisions and tags:\n  1) asm-1-27\n  2) asm-1-28\n  3) prod\\u001b[2J\n"
			if !strings.Contains(stderr.String(), list) || !strings.Contains(stderr.String(), "[1-3] ") {
				t.Errorf("asked %q, want %q", stderr, list)
			}
		})
	}
}

// Whoever is asked and presses Ctrl-C is not kept waiting for the answer.
func TestInterruptedQuestions(t *testing.T) {
	stdin, typing := io.Pipe()
	defer func() { _ = typing.Close() }()
	var stderr strings.Builder
	terminal := &Terminal{In: stdin, Err: &stderr, InTTY: true, ErrTTY: true}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := terminal.Confirm(ctx, "Restart 3 workloads?")
	if !errors.Is(err, context.Canceled) || fail.ExitCode(err) != fail.ExitInterrupted {
		t.Errorf("got %v", err)
	}
	if stderr.String() != "Restart 3 workloads? [y/N] \n" {
		t.Errorf("asked %q", stderr.String())
	}
}

func TestQuestionsAreClean(t *testing.T) {
	terminal, stderr := asked("y\n")
	if err := terminal.Confirm(t.Context(), "Restart web\x1b[2J?"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(stderr.String(), "\x1b") {
		t.Errorf("asked %q", stderr)
	}
}
