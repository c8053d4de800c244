// Package restart is the command restart.
package restart

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/act"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/observe"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/plan"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/report"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// DefaultMaxParallel is how many rollouts may be unfinished at once. It is
// modest: each rollout brings extra pods that need room on the nodes.
const DefaultMaxParallel = 5

// Options are the command's.
type Options struct {
	Factory  *factory.Factory
	Client   *kube.Client
	Observer *observe.Observer
	Reporter *factory.Reporter

	Names       []string
	Scope       factory.ScopeFlags
	All         bool
	MaxParallel int
	Wait        bool
	Yes         bool
	DryRun      factory.DryRun
	Timeout     time.Duration
	// Offer is set where the restart is the end of another command, and OfferOnly
	// if nobody is to be asked there.
	Offer, OfferOnly bool
}

// New makes the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{Factory: f}
	cmd := &cobra.Command{
		Use:   "restart [WORKLOAD...]",
		Short: "Restart the workloads whose pods are stale",
		Long: `Restart the workloads whose pods do not have the redirection that they would get
today, and only those: Deployments, StatefulSets and DaemonSets, several at
once. It stops at the first rollout that fails.

What cannot be restarted, or would not change by it, is named with the reason.`,
		Example: `  # Restart what is stale in the current namespace
  kubectl istio-cni restart

  # Everywhere, ten at a time, without asking
  kubectl istio-cni restart -A --max-parallel 10 --yes

  # One workload, stale or not
  kubectl istio-cni restart deployment/web --all

  # See what would be restarted
  kubectl istio-cni restart -A --dry-run`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Names = args
			if err := o.complete(); err != nil {
				return err
			}
			defer o.Reporter.Close()
			ctx, cancel := context.WithTimeout(cmd.Context(), o.Timeout)
			defer cancel()
			return o.Run(ctx)
		},
	}
	flags := cmd.Flags()
	o.Scope.AddTo(cmd, "workloads")
	flags.BoolVar(&o.All, "all", false, "Restart the mesh's workloads whether or not they are stale")
	flags.IntVar(&o.MaxParallel, "max-parallel", DefaultMaxParallel, "How many rollouts may be unfinished at once")
	flags.BoolVar(&o.Wait, "wait", true, "Wait for the rollouts to finish")
	flags.BoolVarP(&o.Yes, "yes", "y", false, "Do not ask before restarting anything")
	o.DryRun.AddTo(cmd, "what would be restarted", true)
	flags.DurationVar(&o.Timeout, "timeout", 30*time.Minute, "How long to wait in all")
	return cmd
}

func (o *Options) complete() error {
	switch {
	case len(o.Names) > 0 && (o.Scope.AllNamespaces || o.Scope.Selector != ""):
		return fail.Usage("use either workload names, or --all-namespaces and --selector")
	case o.MaxParallel < 1:
		return fail.Usage("--max-parallel must be at least 1")
	}
	if err := o.Scope.Validate(); err != nil {
		return err
	}
	var err error
	if o.Client, err = o.Factory.KubeClient(); err != nil {
		return err
	}
	o.Reporter = o.Factory.Reporter()
	o.Observer, err = o.Factory.Observer(o.Client, o.Reporter.Progress)
	return err
}

// Run plans the restart, shows the plan, asks and carries it out.
func (o *Options) Run(ctx context.Context) error {
	p, err := o.plan(ctx)
	if err != nil {
		return err
	}
	if o.OfferOnly && !o.Yes || o.Offer && len(p.Items) == 0 && len(p.Skipped) == 0 {
		return nil
	}
	o.show(p)
	if len(p.Items) == 0 || o.DryRun.Client() {
		return nil
	}
	if !o.DryRun.Server() && !o.Yes {
		if o.Offer && !o.Factory.Terminal.CanAsk() {
			return nil
		}
		err := o.Factory.Terminal.Confirm(ctx, fmt.Sprintf("Restart %s?", count(len(p.Items))))
		if errors.Is(err, terminal.ErrDeclined) {
			o.Reporter.Say("Nothing was restarted.")
			return nil
		}
		if err != nil {
			return err
		}
	}
	err = (&act.Restart{
		Kube: o.Client, Plan: p, MaxParallel: o.MaxParallel, Wait: o.Wait, DryRun: o.DryRun.Server(),
		Now: o.Factory.Now, Report: o.Reporter,
	}).Run(ctx)
	if err != nil {
		return err
	}
	switch {
	case o.DryRun.Server():
		o.Reporter.Say("Dry run: the API server accepts the restart of " + count(len(p.Items)) + "; nothing was changed.")
	case o.Wait:
		o.Reporter.Say("Restarted " + count(len(p.Items)) + ".")
	default:
		o.Reporter.Say("Started the restart of " + count(len(p.Items)) + ".")
	}
	return nil
}

func count(n int) string {
	if n == 1 {
		return "1 workload"
	}
	return fmt.Sprintf("%d workloads", n)
}

func (o *Options) plan(ctx context.Context) (*plan.Restart, error) {
	scope := o.Scope.Scope(o.Client)
	only, err := ParseWorkloads(o.Names, scope.Namespace)
	if err != nil {
		return nil, err
	}
	o.Reporter.Progress("looking for stale workloads")
	observation := o.Observer.Observe(ctx, observe.Wants{Pods: &scope, Workloads: true})
	o.Reporter.Close()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err := observe.PartError("list pods", observation.Pods); err != nil {
		return nil, err
	}
	if !observation.Pods.Whole() {
		o.Reporter.Say(fmt.Sprintf("Note: not all pods are known: %s.", observation.Pods.Why()))
	}
	for _, note := range observation.InjectionNotes() {
		o.Reporter.Say(note)
	}
	return plan.RestartStale(observation.Snapshot, plan.RestartOptions{Only: only, All: o.All})
}

// ParseWorkloads reads names as kubectl takes them: KIND/NAME, the kind in any
// of its spellings.
func ParseWorkloads(names []string, namespace string) ([]mesh.Workload, error) {
	kinds := map[string]string{
		"deployment": "Deployment", "deployments": "Deployment", "deploy": "Deployment",
		"statefulset": "StatefulSet", "statefulsets": "StatefulSet", "sts": "StatefulSet",
		"daemonset": "DaemonSet", "daemonsets": "DaemonSet", "ds": "DaemonSet",
	}
	var workloads []mesh.Workload
	for _, text := range names {
		kind, name, found := strings.Cut(text, "/")
		kind = strings.TrimSuffix(strings.ToLower(kind), ".apps")
		if !found || kinds[kind] == "" || name == "" {
			return nil, fail.Usage("%q is not a workload; name one as deployment/NAME, statefulset/NAME or daemonset/NAME", text)
		}
		workloads = append(workloads, mesh.Workload{Kind: kinds[kind], Namespace: namespace, Name: name})
	}
	return workloads, nil
}

// show says what will be restarted and what will not. With a dry run the plan is
// the answer.
func (o *Options) show(p *plan.Restart) {
	t := o.Factory.Terminal
	w := t.Err
	if o.DryRun.Any() {
		w = t.Out
	}
	// A plan that cannot be shown will be asked about all the same.
	_ = report.RestartPlan(w, p, t)
	if len(p.Items) == 0 && len(p.Skipped) == 0 {
		o.Reporter.Say(fmt.Sprintf("Nothing to restart: %s of the mesh, none stale.", count(p.Fresh)))
	}
}
