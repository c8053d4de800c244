package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/session"
)

func newRun(name *string) *cobra.Command {
	var o box.Options
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run a sandbox in the foreground until Ctrl-C",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := session.Find(*name)
			if err != nil {
				return err
			}
			o.Name, o.Log = *name, cmd.ErrOrStderr()
			return run(cmd.Context(), s, o, cmd.OutOrStdout())
		},
	}
	addFlags(cmd.Flags(), &o)
	return cmd
}

// run runs a sandbox until the context ends or one of its programs does.
func run(ctx context.Context, s session.Session, o box.Options, stdout io.Writer) error {
	if s.Running() {
		return fmt.Errorf("the sandbox %s runs already; end it with: sandbox down --name %s", s.Name, s.Name)
	}
	o.Dir = s.BoxDir()
	if err := os.RemoveAll(o.Dir); err != nil {
		return fmt.Errorf("remove what an earlier sandbox left: %w", err)
	}
	if err := s.Claim(); err != nil {
		return err
	}
	b, err := box.Start(ctx, o)
	if err != nil {
		return err
	}
	ready := session.Ready{Env: b.Env(), Kubectl: filepath.Dir(b.Kubectl), AzureURL: b.AzureURL}
	if err := s.SetReady(ready); err != nil {
		return errors.Join(err, b.Close())
	}
	printExports(stdout, ready)
	select {
	case failed := <-b.Failed():
		// The files stay, for whoever wants to know why.
		return errors.Join(failed, b.Close())
	case <-ctx.Done():
	}
	if err := b.Close(); err != nil {
		return err
	}
	return os.RemoveAll(s.Dir)
}
