// Package label is the command label.
package label

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/act"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/observe"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/plan"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/report"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// Options are the command's.
type Options struct {
	Factory *factory.Factory

	Namespaces   []string
	AllInjected  bool
	Selector     string
	Revision     string
	RemoveLegacy bool
	Yes          bool
	DryRun       factory.DryRun

	client   *kube.Client
	reporter *factory.Reporter
}

// New makes the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{Factory: f}
	cmd := &cobra.Command{
		Use:   "label [NAMESPACE...]",
		Short: "Put namespaces into the mesh by labelling them with its revision",
		Long: `Label namespaces with istio.io/rev and the mesh's revision, so that new pods in
them get a sidecar. Without a name it is the current namespace.

A namespace with the label istio-injection gets no sidecars on AKS, whatever its
value; that label is removed only with --remove-legacy-label. With two revisions
or with revision tags, say which one with --revision.`,
		Example: `  # Put a namespace into the mesh
  kubectl istio-cni label shop

  # Move every namespace of the mesh to another revision
  kubectl istio-cni label --all-injected --revision asm-1-27

  # Replace the label that other Istio installations use
  kubectl istio-cni label shop --remove-legacy-label`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Namespaces = args
			if err := o.complete(); err != nil {
				return err
			}
			defer o.reporter.Close()
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.AllInjected, "all-injected", false, "All namespaces that carry a label for injection already")
	flags.StringVarP(&o.Selector, "selector", "l", "", "All namespaces whose labels match, such as team=shop")
	flags.StringVar(&o.Revision, "revision", "", "The revision or revision tag to label with")
	flags.BoolVar(&o.RemoveLegacy, "remove-legacy-label", false, "Remove the label istio-injection, which keeps the injector away")
	flags.BoolVarP(&o.Yes, "yes", "y", false, "Do not ask before labelling anything")
	o.DryRun.AddTo(cmd, "what would be labelled", true)
	return cmd
}

func (o *Options) complete() error {
	given := 0
	for _, is := range []bool{len(o.Namespaces) > 0, o.AllInjected, o.Selector != ""} {
		if is {
			given++
		}
	}
	if given > 1 {
		return fail.Usage("use one of namespace names, --all-injected and --selector")
	}
	var err error
	if o.client, err = o.Factory.KubeClient(); err != nil {
		return err
	}
	if given == 0 {
		o.Namespaces = []string{o.client.Context().Namespace}
	}
	o.reporter = o.Factory.Reporter()
	return nil
}

func (o *Options) run(ctx context.Context) error {
	s, err := o.observe(ctx)
	if err != nil {
		return err
	}
	value, err := o.revision(ctx, s)
	if errors.Is(err, terminal.ErrDeclined) {
		o.reporter.Say("Nothing was labelled.")
		return nil
	}
	if err != nil {
		return err
	}
	names, err := o.selected(s)
	if err != nil {
		return err
	}
	p, err := plan.LabelNamespaces(s, plan.LabelOptions{Namespaces: names, Value: value, RemoveLegacy: o.RemoveLegacy})
	if err != nil {
		return err
	}
	if err := act.Blocked("label the namespaces", p.Notices); err != nil {
		return err
	}
	return o.carryOut(ctx, p)
}

// observe reads the namespaces and the injectors. One namespace is read by its
// name, which needs less than listing all.
func (o *Options) observe(ctx context.Context) (*snapshot.Snapshot, error) {
	observer, err := o.Factory.Observer(o.client, o.reporter.Progress)
	if err != nil {
		return nil, err
	}
	wants := observe.Wants{}
	if len(o.Namespaces) == 1 {
		wants.Namespace = o.Namespaces[0]
	}
	o.reporter.Progress("reading the injectors")
	observation := observer.Observe(ctx, wants)
	o.reporter.Close()
	return observation.Snapshot, ctx.Err()
}

// revision decides what to label with.
func (o *Options) revision(ctx context.Context, s *snapshot.Snapshot) (string, error) {
	choices, err := plan.RevisionChoices(s)
	if err != nil {
		return "", fail.To("find the mesh's revisions", err)
	}
	switch {
	case o.Revision != "" && len(choices) == 0 && !s.Injectors.Known():
		o.reporter.Say("Note: " + o.Revision + " was not checked, because the mesh's revisions are not known: " + s.Injectors.Why() + ".")
		return o.Revision, nil
	case o.Revision != "":
		return o.Revision, plan.CheckRevision(o.Revision, choices)
	case len(choices) == 1:
		return choices[0], nil
	case len(choices) == 0 && !s.Injectors.Known():
		return "", observe.PartError("find the mesh's revision", s.Injectors)
	case len(choices) == 0:
		return "", &fail.Error{
			Attempt: "find the mesh's revision", Cause: errors.New("there is no injector"),
			Remedy: "enable the Istio add-on: `az aks mesh enable`",
		}
	}
	return o.Factory.Terminal.Choose(ctx, "revisions and tags", choices, "--revision")
}

// selected are the namespaces to label.
func (o *Options) selected(s *snapshot.Snapshot) ([]string, error) {
	if len(o.Namespaces) > 0 {
		return o.Namespaces, nil
	}
	if !s.Namespaces.Whole() {
		return nil, &fail.Error{Attempt: "list namespaces", Cause: errors.New(s.Namespaces.Why()), Remedy: "or name the namespaces"}
	}
	selector, err := labels.Parse(o.Selector)
	if err != nil {
		return nil, fail.Usage("--selector: %w", err)
	}
	var names []string
	for _, ns := range s.Namespaces.Value {
		matches := selector.Matches(labels.Set(ns.Labels)) && (!o.AllInjected || mesh.AsksForInjection(ns.Labels))
		if matches && !mesh.IsSystemNamespace(ns.Name) {
			names = append(names, ns.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func (o *Options) carryOut(ctx context.Context, p *plan.Label) error {
	t := o.Factory.Terminal
	for _, name := range p.Unchanged {
		t.Say("namespace/%s already has the label", name)
	}
	if len(p.Steps) == 0 {
		if len(p.Unchanged) == 0 {
			t.Say("No namespaces match.")
		}
		return nil
	}
	w := t.Err
	if o.DryRun.Any() {
		w = t.Out
	}
	if err := report.LabelPlan(w, p, t); err != nil {
		return err
	}
	if o.DryRun.Client() {
		return nil
	}
	if !o.DryRun.Any() && !o.Yes {
		err := t.Confirm(ctx, fmt.Sprintf("Change the labels of %d namespaces?", len(p.Steps)))
		if errors.Is(err, terminal.ErrDeclined) {
			t.Say("Nothing was labelled.")
			return nil
		}
		if err != nil {
			return err
		}
	}
	suffix := ""
	if o.DryRun.Server() {
		suffix = " (server dry run)"
	}
	err := act.Label(ctx, o.client, p.Steps, o.DryRun.Server(), func(step plan.LabelStep) {
		t.Say("namespace/%s labelled %s=%s%s", step.Namespace, mesh.RevisionLabel, step.Value, suffix)
	})
	if err == nil && !o.DryRun.Any() {
		t.Say("Pods that are already there get their sidecar when they are restarted: kubectl istio-cni restart")
	}
	return err
}
