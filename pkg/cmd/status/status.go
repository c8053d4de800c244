// Package status is the command status.
package status

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/output"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/observe"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/report"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	judge "github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/status"
)

// Options are the command's.
type Options struct {
	Factory *factory.Factory
	Output  *output.Flags
	From    factory.FromFlag
	Watch   bool
	// Namespace restricts pods to one, "" for all.
	Namespace string

	observer *observe.Observer
	reporter *factory.Reporter
}

// New makes the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{Factory: f, Output: output.New(output.Table)}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show where the cluster stands, and the next step",
		Long: `Show on one screen where the cluster stands between the two redirection
mechanisms: what Azure says and what the injectors do, on which nodes the node
agent is ready, which namespaces are in the mesh, how many workloads still have
a privileged container, and the one next step.

What cannot be read is listed as unknown, with the permission that would tell.`,
		Example: `  # Where does the cluster of the current context stand?
  kubectl istio-cni status

  # Follow a change live
  kubectl istio-cni status --watch

  # The answer as JSON
  kubectl istio-cni status -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.complete(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.Output.AddTo(cmd)
	o.From.AddTo(cmd)
	cmd.Flags().BoolVarP(&o.Watch, "watch", "w", false, "Show it again whenever it may have changed, until interrupted")
	f.AddAzureFlags(cmd)
	return cmd
}

func (o *Options) complete(cmd *cobra.Command) error {
	if err := o.Output.Validate(); err != nil {
		return err
	}
	if o.Watch && !o.Output.Human() {
		return fail.Usage("--watch goes with the output for people only")
	}
	if o.From.Given() {
		if o.Watch {
			return fail.Usage("a snapshot does not change; leave out --watch")
		}
		return nil
	}
	client, err := o.Factory.KubeClient()
	if err != nil {
		return err
	}
	if cmd.Flags().Changed("namespace") {
		o.Namespace = client.Context().Namespace
	}
	o.reporter = o.Factory.Reporter()
	o.observer, err = o.Factory.Observer(client, o.reporter.Progress)
	return err
}

// watchPace is how often a watched status is read again. It is slow enough for
// Azure's limits on reads: some four requests each time.
const watchPace = 10 * time.Second

func (o *Options) run(ctx context.Context) error {
	if o.From.Given() {
		s, err := o.From.Load(o.Factory)
		if err != nil {
			return err
		}
		return o.show(s)
	}
	for {
		if err := o.once(ctx); err != nil || !o.Watch {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(watchPace):
		}
	}
}

// once reads the cluster and shows it.
func (o *Options) once(ctx context.Context) error {
	o.reporter.Progress("reading the cluster and its Azure resource")
	observation := o.observer.Observe(ctx, observe.Wants{Nodes: true, Azure: true, Pods: &kube.Scope{Namespace: o.Namespace}})
	o.reporter.Close()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := observation.Reachable(); err != nil {
		return err
	}
	return o.show(observation.Snapshot)
}

func (o *Options) show(s *snapshot.Snapshot) error {
	verdict, err := judge.From(s)
	if err != nil {
		return fail.To("judge the cluster", err)
	}
	t := o.Factory.Terminal
	if !o.Output.Human() {
		return o.Output.Print(t.Out, report.NewStatusJSON(verdict))
	}
	if o.Watch {
		t.ClearScreen()
	}
	return report.Status(t.Out, verdict, t)
}
