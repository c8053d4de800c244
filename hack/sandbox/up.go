package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/parts"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/process"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/session"
)

func newUp(name *string) *cobra.Command {
	var o box.Options
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a sandbox that goes on, and print what a shell needs to use it",
		Long: `Start a sandbox that goes on until sandbox down.

What a shell needs to use it goes to stdout, everything else to stderr:
  eval "$(sandbox up)"`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := session.Find(*name)
			if err != nil {
				return err
			}
			return up(cmd.Context(), s, arguments(cmd.Flags()), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	addFlags(cmd.Flags(), &o)
	return cmd
}

// up starts sandbox run with the same arguments, unless it runs already.
func up(ctx context.Context, s session.Session, args []string, stdout, stderr io.Writer) error {
	unlock, err := s.Lock(ctx, func() { fmt.Fprintln(stderr, "waiting for another command that is starting a sandbox") })
	if err != nil {
		return err
	}
	defer unlock()
	if s.Running() {
		fmt.Fprintf(stderr, "the sandbox %s runs already; these are its settings\n", s.Name)
	} else if err := launch(ctx, s, args, stderr); err != nil {
		return err
	}
	ready, err := s.Ready()
	if err != nil {
		return err
	}
	printExports(stdout, ready)
	return nil
}

func launch(ctx context.Context, s session.Session, args []string, stderr io.Writer) error {
	// Here rather than in the background, so that Ctrl-C ends it.
	if _, err := (parts.Builder{Log: stderr}).Build(ctx); err != nil {
		return err
	}
	// Whatever a sandbox of that name left behind when it was killed.
	if _, err := s.End(); err != nil {
		return err
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of the sandbox: %w", err)
	}
	runner, err := detach(s, args)
	if err != nil {
		return err
	}
	return runner.follow(ctx, s, stderr)
}

// runner is a sandbox run that was started here.
type runner struct {
	process.Identity
	ended chan error
}

// detach starts sandbox run in a session of its own, so that it outlives this
// command and the terminal.
func detach(s session.Session, args []string) (*runner, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	log, err := os.Create(s.Log())
	if err != nil {
		return nil, fmt.Errorf("open the sandbox's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	// It goes on when this command has ended.
	cmd := exec.CommandContext(context.Background(), self, append([]string{"run"}, args...)...)
	cmd.Stderr = log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the sandbox: %w", err)
	}
	r := &runner{ended: make(chan error, 1)}
	// One that has ended by now needs no ending.
	r.Identity, _ = process.Identify(cmd.Process.Pid)
	go func() { r.ended <- cmd.Wait() }()
	return r, nil
}

const (
	followPause       = 50 * time.Millisecond
	interruptPatience = 15 * time.Second
)

// follow shows what the sandbox says until it is ready.
func (r *runner) follow(ctx context.Context, s session.Session, stderr io.Writer) error {
	log, err := os.Open(s.Log())
	if err != nil {
		return fmt.Errorf("follow the sandbox's log: %w", err)
	}
	defer func() { _ = log.Close() }()
	for {
		_, notReady := s.Ready()
		// A log that cannot be shown is no reason to stop.
		_, _ = io.Copy(stderr, log)
		if notReady == nil {
			return nil
		}
		select {
		case err := <-r.ended:
			_, _ = io.Copy(stderr, log)
			return fmt.Errorf("the sandbox ended before it was ready (%w); its logs are in %s", err, s.Dir)
		case <-ctx.Done():
			err := r.End(interruptPatience)
			_, ended := s.End()
			return errors.Join(errors.New("start the sandbox: interrupted"), err, ended)
		case <-time.After(followPause):
		}
	}
}

// arguments are the flags that were set, as arguments.
func arguments(flags *pflag.FlagSet) []string {
	var args []string
	flags.Visit(func(f *pflag.Flag) {
		values := []string{strings.Trim(f.Value.String(), "[]")}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, value := range values {
			args = append(args, "--"+f.Name+"="+value)
		}
	})
	return args
}
