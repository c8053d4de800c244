// Package troubleshoot is the terminal program in which a person looks for what
// is wrong with redirection. It reads and changes nothing by itself: all that
// concerns the cluster or files comes in as functions.
//
// Everything shown passes through render, which makes text from the cluster
// harmless.
package troubleshoot

import (
	"context"
	"errors"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// Options are what the program is given.
type Options struct {
	// Terminal to run at, whose In and Out must be terminals.
	Terminal *terminal.Terminal
	// Snapshot to begin with.
	Snapshot *snapshot.Snapshot
	// Judge says what is wrong in it, and in those after it.
	Judge func(s *snapshot.Snapshot) (*check.Result, error)
	// Focus is the pod, workload or node to begin with, the zero value for all.
	Focus check.Object
	// Saved names the file that the snapshot is from, "" for a live cluster.
	Saved string

	// Observe reads the cluster again; nil for a saved snapshot.
	Observe func(ctx context.Context, progress func(string)) (*snapshot.Snapshot, error)
	// Log reads the end of a container's log.
	Log func(ctx context.Context, request snapshot.LogRequest) snapshot.Part[string]
	// Prepare turns a fix of what was found in a snapshot into the request that makes
	// it; nil for a saved snapshot.
	Prepare func(s *snapshot.Snapshot, fix check.Fix) (Change, error)
	// Export writes findings to a new file.
	Export func(name string, s *snapshot.Snapshot, result *check.Result) error
	// ExportName proposes a name for it.
	ExportName func(s *snapshot.Snapshot) string
	// Divert has lines that would go to stderr go to a function until the one
	// that it returns is called; may be nil.
	Divert func(to func(line string)) func()
}

// Change is a request as it will be sent.
type Change struct {
	Method, Path, ContentType, Body string
	// Hurts says what it may interrupt.
	Hurts []string
	// Send sends it.
	Send func(ctx context.Context) error
}

// Run runs the program until its user ends it.
func Run(ctx context.Context, o Options) error {
	m, err := newModel(o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	program := tea.NewProgram(m,
		tea.WithContext(ctx), tea.WithoutSignalHandler(),
		tea.WithInput(o.Terminal.In), tea.WithOutput(quiet(o.Terminal.Out)),
		// Looking for the profile would run other programs.
		tea.WithColorProfile(profile(o.Terminal)),
	)
	m.do = func(work func(context.Context) tea.Msg) tea.Cmd {
		return func() tea.Msg { return work(ctx) }
	}
	m.notify = program.Send
	if o.Divert != nil {
		defer o.Divert(func(line string) { program.Send(noteMsg(line)) })()
	}
	if _, err := program.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fail.To("run at this terminal", err)
	}
	return m.outcome()
}

func profile(t *terminal.Terminal) colorprofile.Profile {
	if t.Colour {
		return colorprofile.ANSI
	}
	return colorprofile.ASCII
}

// outcome is an error only if Ctrl-C ended something before it was done.
func (m *model) outcome() error {
	switch m.interrupted {
	case sending:
		return &fail.Error{
			Attempt: "wait for the answer to the change", Cause: errors.New("interrupted; it may have been made or not"),
			Remedy: "run the same command again to see", Code: fail.ExitInterrupted,
		}
	case observing:
		return &fail.Error{Attempt: "finish reading the cluster", Cause: errors.New("interrupted"), Remedy: "nothing was changed; run the same command again", Code: fail.ExitInterrupted}
	case idle:
	}
	return nil
}
