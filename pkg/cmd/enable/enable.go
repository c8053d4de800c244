// Package enable is the commands enable and disable: the switch of the mesh's
// redirection mechanism, from the first look to the proof.
package enable

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/act"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/restart"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/observe"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/plan"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/report"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// Options are the commands'.
type Options struct {
	Factory *factory.Factory
	Target  mesh.Mechanism
	Switch  plan.SwitchOptions
	Restart bool
	Wait    bool
	Yes     bool
	DryRun  factory.DryRun
	Timeout time.Duration

	client   *kube.Client
	observer *observe.Observer
	reporter *factory.Reporter
}

// NewEnable makes the command enable.
func NewEnable(f *factory.Factory) *cobra.Command {
	cmd := newCommand(f, mesh.CNIChaining, &cobra.Command{
		Use:   "enable",
		Short: "Switch the mesh to the CNI node agent, and prove it",
		Long: `Switch the cluster's Istio add-on from privileged init containers to the CNI
node agent, by one change of the cluster's Azure resource.

First the cluster is checked, and what the change means is shown. After you
agree, the change is sent, Azure's operation is followed, and the node agent is
awaited on every Linux node. Existing pods keep istio-init until they are
restarted, which is offered last.

It is safe to interrupt and to run again: it goes on from where things stand,
and writes nothing if nothing is left to change.`,
		Example: `  # Switch the cluster of the current context
  kubectl istio-cni enable

  # See what would be sent to Azure, and send nothing
  kubectl istio-cni enable --dry-run

  # In a script: do not ask, restart what is stale
  kubectl istio-cni enable --yes --restart`,
	})
	return cmd
}

// NewDisable makes the command disable.
func NewDisable(f *factory.Factory) *cobra.Command {
	return newCommand(f, mesh.InitContainers, &cobra.Command{
		Use:   "disable",
		Short: "Switch the mesh back to privileged init containers",
		Long: `Switch the cluster's Istio add-on from the CNI node agent back to privileged
init containers, by one change of the cluster's Azure resource.

Pods that are left with istio-validation keep working only until they are
started anew on a node without the agent, so they are listed first and should be
restarted promptly.`,
		Example: `  # Switch back, and restart what is stale
  kubectl istio-cni disable --restart`,
	})
}

func newCommand(f *factory.Factory, target mesh.Mechanism, cmd *cobra.Command) *cobra.Command {
	o := &Options{Factory: f, Target: target}
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.complete(); err != nil {
			return err
		}
		defer o.reporter.Close()
		return o.run(cmd.Context())
	}
	flags := cmd.Flags()
	flags.BoolVarP(&o.Yes, "yes", "y", false, "Do not ask before changing anything")
	o.DryRun.AddTo(cmd, "the change of the Azure resource as a diff and sends nothing", false)
	flags.BoolVar(&o.Restart, "restart", false, "Restart the stale workloads of all namespaces afterwards")
	flags.BoolVar(&o.Wait, "wait", true, "Follow the operation and wait for the cluster to settle")
	flags.DurationVar(&o.Timeout, "timeout", 30*time.Minute, "How long to wait in all")
	flags.BoolVar(&o.Switch.Reconcile, "reconcile", false, "Send the change even if Azure already says so, to make it put the node agent right")
	if target == mesh.CNIChaining {
		flags.BoolVar(&o.Switch.RegisterFeature, "register-feature", false, "Register the preview feature first, where the cloud still needs it")
	}
	f.AddAzureFlags(cmd)
	return cmd
}

func (o *Options) complete() error {
	if o.Restart && !o.Wait {
		return fail.Usage("--restart needs the wait; leave out --wait=false")
	}
	var err error
	if o.client, err = o.Factory.KubeClient(); err != nil {
		return err
	}
	o.reporter = o.Factory.Reporter()
	o.observer, err = o.Factory.Observer(o.client, o.reporter.Progress)
	return err
}

func (o *Options) run(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	observation, err := o.observe(ctx)
	if err != nil {
		return err
	}
	if o.DryRun.Any() {
		return o.dryRun(observation)
	}
	change := &act.Switch{
		Observation: observation, Target: o.Target, Options: o.Switch, Wait: o.Wait, Report: o.reporter,
		Confirm: func(p plan.Switch) error { return o.confirm(ctx, observation, p) },
	}
	written, err := change.Run(ctx)
	if errors.Is(err, terminal.ErrDeclined) {
		o.reporter.Say("Nothing was changed.")
		return nil
	}
	if err != nil {
		return err
	}
	o.sayOutcome(observation, written)
	if !o.Wait {
		return nil
	}
	if err := o.settle(ctx, observation, written); err != nil {
		return err
	}
	return o.finish(ctx)
}

// settlePatience is how long the cluster may take to follow a change that this
// run did not make. A change that was made gets all of --timeout.
const settlePatience = 2 * time.Minute

func (o *Options) settle(ctx context.Context, observation *observe.Observation, written bool) error {
	if !written {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, settlePatience)
		defer cancel()
	}
	return act.Settle(ctx, o.client, o.Target, observation.Snapshot, o.reporter)
}

// observe reads the cluster, its Azure resource and its pods.
func (o *Options) observe(ctx context.Context) (*observe.Observation, error) {
	o.reporter.Progress("reading the cluster and its Azure resource")
	observation := o.observer.Observe(ctx, observe.Wants{Nodes: true, Azure: true, Pods: &kube.Scope{}})
	o.reporter.Close()
	if ctx.Err() != nil {
		return nil, &fail.Error{Attempt: "read the cluster", Cause: ctx.Err(), Remedy: "nothing was written; run the same command again"}
	}
	if err := observation.Reachable(); err != nil {
		return nil, err
	}
	return observation, observation.AzureErr
}

func (o *Options) dryRun(observation *observe.Observation) error {
	p := plan.SwitchTo(o.Target, observation.Snapshot, o.Switch)
	o.show(observation, p)
	if err := act.Blocked("switch cluster "+observation.Identity.Value.Name+" to "+o.Target.String(), p.Notices); err != nil {
		return err
	}
	if p.Step == plan.StepNothing {
		o.reporter.Say(fmt.Sprintf("The mechanism already is %s; there is nothing to send.", o.Target))
		return nil
	}
	change, err := observation.Azure.Document.WithMechanism(o.Target)
	if err != nil {
		return fail.To("prepare the change", err)
	}
	diff, err := change.Diff(observation.Identity.Value.Name)
	if err != nil {
		return err
	}
	t := o.Factory.Terminal
	if err := report.Diff(t.Out, diff, t); err != nil {
		return err
	}
	t.Say("Would send: PUT %s?api-version=%s with If-Match %s", observation.Identity.Value.ID, observation.Cluster.Value.APIVersion, observation.Azure.Document.ETag())
	t.Say("Not sent back, because only Azure sets them:")
	for _, line := range terminal.Wrap(strings.Join(change.Removed, ", "), 76) {
		t.Say("  %s", line)
	}
	t.Say("Dry run: nothing was sent.")
	return nil
}

// confirm shows what will happen and asks.
func (o *Options) confirm(ctx context.Context, observation *observe.Observation, p plan.Switch) error {
	o.reporter.Close()
	o.show(observation, p)
	if o.Yes {
		return nil
	}
	return o.Factory.Terminal.Confirm(ctx, "Change the cluster's Azure resource?")
}

// show says what the change means.
func (o *Options) show(observation *observe.Observation, p plan.Switch) {
	t, cluster := o.Factory.Terminal, observation.Cluster.Value
	t.Say("Context     %s", observation.Context.Name)
	t.Say("Cluster     %s, resource group %s, %s", observation.Identity.Value.Name, observation.Identity.Value.ResourceGroup, cluster.Location)
	if proof := observation.Identity.Value.Proof; proof != "" {
		t.Say("            %s", proof)
	}
	if cluster.Mechanism == o.Target {
		t.Say("Mechanism   %s", o.Target)
	} else {
		t.Say("Mechanism   %s -> %s", cluster.Mechanism, o.Target)
	}
	t.Say("            revision %s, api-version %s", strings.Join(cluster.Revisions, " and "), cluster.APIVersion)
	for _, notice := range p.Notices.Warnings() {
		t.Say("Warning     %s", notice.Text)
		if notice.Remedy != "" {
			t.Say("            %s", notice.Remedy)
		}
	}
	o.showLeftBehind(p)
}

// showLeftBehind says which pods keep the other mechanism, and why that matters.
func (o *Options) showLeftBehind(p plan.Switch) {
	t := o.Factory.Terminal
	if len(p.LeftBehind) == 0 {
		return
	}
	const most = 10
	if o.Target == mesh.CNIChaining {
		t.Say("Pods        %d keep istio-init until they are restarted", len(p.LeftBehind))
		return
	}
	t.Say("Pods        %d are left with istio-validation. They work on as they are, but when", len(p.LeftBehind))
	t.Say("            such a pod's sandbox is made anew, as after a node's reboot, nothing")
	t.Say("            redirects its traffic, and istio-validation blocks the pod.")
	t.Say("            Restart them promptly, for instance with --restart:")
	for i, pod := range p.LeftBehind {
		if i == most {
			t.Say("              … and %d more", len(p.LeftBehind)-most)
			break
		}
		t.Say("              %s/%s", pod.Namespace, pod.Name)
	}
}

func (o *Options) sayOutcome(observation *observe.Observation, written bool) {
	name := observation.Identity.Value.Name
	switch {
	case written && o.Wait:
		o.reporter.Say(fmt.Sprintf("Azure has switched %s to %s.", name, o.Target))
	case written:
		o.reporter.Say(fmt.Sprintf("Azure has accepted the change of %s to %s. Follow it with `kubectl istio-cni status --watch`.", name, o.Target))
	default:
		o.reporter.Say(fmt.Sprintf("The mechanism of %s is %s; nothing was written.", name, o.Target))
	}
}

// finish offers the restart and shows the proof.
func (o *Options) finish(ctx context.Context) error {
	restarter := &restart.Options{
		Factory: o.Factory, Client: o.client, Observer: o.observer, Reporter: o.reporter,
		Scope: factory.ScopeFlags{AllNamespaces: true}, Yes: o.Restart, Wait: true, MaxParallel: restart.DefaultMaxParallel,
		Offer: !o.Restart, OfferOnly: o.Yes,
	}
	if err := restarter.Run(ctx); err != nil {
		return err
	}
	return o.proof(ctx)
}

// proof prints the how-to's table of the mesh's pods.
func (o *Options) proof(ctx context.Context) error {
	observation := o.observer.Observe(ctx, observe.Wants{Pods: &kube.Scope{}})
	o.reporter.Close()
	verdicts, err := observation.Verdicts()
	if err != nil {
		return fail.To("judge the pods", err)
	}
	var rows []report.PodRow
	left := 0
	for i, pod := range observation.Pods.Value {
		inMesh := slices.Contains([]mesh.State{mesh.Secured, mesh.Privileged, mesh.Bypassing, mesh.NotInjected}, verdicts[i].State)
		if !inMesh || pod.Terminating || mesh.IsSystemNamespace(pod.Namespace) {
			continue
		}
		rows = append(rows, report.PodRow{Pod: pod, Verdict: verdicts[i]})
		if verdicts[i].Stale == mesh.Stale {
			left++
		}
	}
	t := o.Factory.Terminal
	if len(rows) == 0 && observation.Pods.Known() {
		t.Say("No pods are in the mesh yet; put a namespace into it with `kubectl istio-cni label NAMESPACE`.")
		return nil
	}
	if !observation.Pods.Whole() {
		t.Say("Note: not all pods are known: %s.", observation.Pods.Why())
	}
	if !observation.Pods.Known() {
		return nil
	}
	if left > 0 {
		t.Say("%d pods are stale; restart them with `kubectl istio-cni restart -A`.", left)
	}
	return report.PodTable(t.Out, rows, report.PodColumns{Namespace: true}, t)
}
