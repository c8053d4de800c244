// Package describe is the command describe.
package describe

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/output"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/observe"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/report"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Options are the command's.
type Options struct {
	Factory *factory.Factory
	Output  *output.Flags
	From    factory.FromFlag
	Name    string
}

// New makes the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{Factory: f, Output: output.New(output.Table)}
	cmd := &cobra.Command{
		Use:   "describe pod/NAME",
		Short: "Show a pod's whole redirection on one screen",
		Long: `Show a pod's whole redirection on one screen: who injected it, which webhook
would inject it today and by which selector, its redirect container with its
security context, what failed in it, the node agent on its node, its events, and
what the checks find.`,
		Example: `  # Why does this pod not start?
  kubectl istio-cni describe pod/web-7d4b9c6f5d-x2x9p

  # The same of a colleague's snapshot
  kubectl istio-cni describe pod/web-7d4b9c6f5d-x2x9p -n shop --from contoso-aks.json.gz`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.Output.AddTo(cmd)
	o.From.AddTo(cmd)
	f.AddAzureFlags(cmd)
	return cmd
}

// complete takes pod/NAME, pod NAME and NAME.
func (o *Options) complete(args []string) error {
	kind, name, found := strings.Cut(strings.Join(args, "/"), "/")
	if !found {
		kind, name = "pod", kind
	}
	switch strings.ToLower(kind) {
	case "pod", "pods", "po":
		o.Name = name
	default:
		return fail.Usage("only pods can be described, such as pod/web-0; not %s", kind)
	}
	if o.Name == "" || strings.Contains(o.Name, "/") {
		return fail.Usage("name one pod, such as pod/web-0")
	}
	return o.Output.Validate()
}

func (o *Options) run(ctx context.Context) error {
	s, namespace, err := o.observe(ctx)
	if err != nil {
		return err
	}
	attempt := "describe pod " + o.Name + " in namespace " + namespace
	if err := observe.PartError(attempt, s.Pods); err != nil {
		return err
	}
	story, err := check.Story(s, namespace, o.Name)
	if err != nil {
		return fail.To(attempt, err)
	}
	if story == nil {
		return fail.To(attempt, errors.New("there is no such pod"))
	}
	t := o.Factory.Terminal
	if !o.Output.Human() {
		return o.Output.Print(t.Out, report.NewPodDescription(story))
	}
	return report.DescribePod(t.Out, story, s.Taken, t)
}

// observe reads the pod's whole namespace: what is wrong with one pod shows in
// what is wrong with its neighbours.
func (o *Options) observe(ctx context.Context) (*snapshot.Snapshot, string, error) {
	namespace := *o.Factory.Kube.Namespace
	if o.From.Given() {
		s, err := o.From.Load(o.Factory)
		return s, cmp.Or(namespace, "default"), err
	}
	if namespace == "" {
		client, err := o.Factory.KubeClient()
		if err != nil {
			return nil, "", err
		}
		namespace = client.Context().Namespace
	}
	observation, err := o.Factory.Diagnose(ctx, namespace, check.Rules())
	if err != nil {
		return nil, "", err
	}
	return observation.Snapshot, namespace, nil
}
