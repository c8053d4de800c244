package fail

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

var errPlain = errors.New("connection refused")

func TestExitCode(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want int
	}{
		{"nothing failed", nil, 0},
		{"any error", errPlain, 1},
		{"a failure without a code", &Error{Attempt: "read the cluster", Cause: errPlain}, 1},
		{"a failure without a cause", &Error{Attempt: "nothing to do"}, 1},
		{"a mistake in the command line", Usage("--output %s: no such format", "xml"), 2},
		{"the answer is no", NotAsWanted("%d pods are privileged", 3), 3},
		{"a code of its own", &Error{Cause: errPlain, Code: 4}, 4},
		{"deadline", context.DeadlineExceeded, 124},
		{"deadline, wrapped", fmt.Errorf("list pods: %w", context.DeadlineExceeded), 124},
		{"deadline, as the cause of a failure", To("list pods", context.DeadlineExceeded), 124},
		{"interrupted", context.Canceled, 130},
		{"interrupted, deep down", To("restart", fmt.Errorf("wait: %w", To("watch", context.Canceled))), 130},
		{"interrupted while the deadline passed", errors.Join(context.DeadlineExceeded, context.Canceled), 130},
		{"usage, wrapped by an attempt", To("sign in to Azure", Usage("--auth x: no such way")), 2},
		{"usage, wrapped by both", fmt.Errorf("observe: %w", &Error{Attempt: "sign in", Cause: fmt.Errorf("connect: %w", Usage("--auth x"))}), 2},
		{"usage, joined with others", errors.Join(errPlain, Usage("--auth x")), 2},
		{"the outermost code counts", &Error{Code: 3, Cause: Usage("x")}, 3},
		{"a code hides what the cause calls for", &Error{Code: 1, Cause: context.Canceled}, 1},
		{"usage about a deadline", Usage("--timeout: %w", context.DeadlineExceeded), 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := ExitCode(test.err); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestRemedy(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"nothing failed", nil, ""},
		{"any error", errPlain, ""},
		{"none", To("read the cluster", errPlain), ""},
		{"its own", &Error{Cause: errPlain, Remedy: "check the network"}, "check the network"},
		{"of the cause", To("sign in", &Error{Cause: errPlain, Remedy: "az login"}), "az login"},
		{"of a cause deep down", fmt.Errorf("a: %w", To("b", fmt.Errorf("c: %w", &Error{Cause: errPlain, Remedy: "az login"}))), "az login"},
		{"the outermost wins", &Error{Remedy: "run it again", Cause: &Error{Cause: errPlain, Remedy: "az login"}}, "run it again"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := Remedy(test.err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestErrorsReadAsSentences(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"attempt and cause", To("read cluster contoso-aks", errPlain), "cannot read cluster contoso-aks: connection refused"},
		{"no attempt", &Error{Cause: errPlain, Remedy: "check the network"}, "connection refused"},
		{"no cause", &Error{Attempt: "the cluster is stopped"}, "the cluster is stopped"},
		{"usage", Usage("use either %s or %s", "--watch", "--verify"), "use either --watch or --verify"},
		{"not as wanted", NotAsWanted("%d of %d pods", 1, 2), "1 of 2 pods"},
		{"one within the other", To("enable", To("sign in", errPlain)), "cannot enable: cannot sign in: connection refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.err.Error(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestToKeepsItsCause(t *testing.T) {
	if err := To("read the cluster", nil); err != nil {
		t.Errorf("no cause, and yet %v", err)
	}
	if err := To("read the cluster", fmt.Errorf("dial: %w", errPlain)); !errors.Is(err, errPlain) {
		t.Errorf("%v hides its cause", err)
	}
	if err := Usage("--timeout: %w", errPlain); !errors.Is(err, errPlain) {
		t.Errorf("%v hides its cause", err)
	}
}
