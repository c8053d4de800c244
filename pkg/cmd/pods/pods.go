// Package pods is the command pods.
package pods

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/output"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/observe"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/report"
)

// Options are the command's.
type Options struct {
	Factory *factory.Factory
	Output  *output.Flags
	Scope   factory.ScopeFlags
	From    factory.FromFlag
	// Names of the pods asked for; none for all.
	Names  []string
	Verify bool
	Watch  bool

	client *kube.Client
}

// New makes the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{Factory: f, Output: output.New(output.Table, output.Wide, output.Name)}
	cmd := &cobra.Command{
		Use:   "pods [NAME...]",
		Short: "Show each pod's redirect container and its capabilities",
		Long: `Show each pod's redirect container and its capabilities, as the command in
Microsoft's how-to prints them, but found by name wherever the container stands.

With --verify the exit code is 3 if any pod of the mesh has a container that may
change the network, bypasses its proxy, or has no proxy although it should, and
1 if that could not be decided for some pod.`,
		Example: `  # The pods of the current namespace
  kubectl istio-cni pods

  # Every pod, with its state, workload, revision and node
  kubectl istio-cni pods -A -o wide

  # Prove that no pod of the mesh is privileged
  kubectl istio-cni pods -A --verify

  # Names of the pods that still have istio-init
  kubectl istio-cni pods -o jsonpath='{.items[?(@.redirect.name=="istio-init")].metadata.name}'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Names = args
			if err := o.complete(); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.Output.AddTo(cmd)
	o.Scope.AddTo(cmd, "pods")
	o.Scope.AddFieldSelector(cmd)
	o.From.AddTo(cmd)
	cmd.Flags().BoolVar(&o.Verify, "verify", false, "Exit with 3 if any pod of the mesh is privileged, bypassing or uninjected")
	cmd.Flags().BoolVarP(&o.Watch, "watch", "w", false, "After the table, show each pod again when it changes, until interrupted")
	return cmd
}

func (o *Options) complete() error {
	if err := o.Output.Validate(); err != nil {
		return err
	}
	switch {
	case o.Watch && o.Verify:
		return fail.Usage("use either --watch or --verify")
	case o.Watch && (!o.Output.Human() || o.Output.Format == output.Name):
		return fail.Usage("--watch goes with the tables only")
	case len(o.Names) > 0 && o.Scope.AllNamespaces:
		return fail.Usage("pods are named within one namespace; leave out --all-namespaces")
	case len(o.Names) > 0 && o.Scope.Selector != "":
		return fail.Usage("use either names or --selector")
	}
	if err := o.Scope.Validate(); err != nil {
		return err
	}
	o.Names = trimPrefixes(o.Names)
	if o.From.Given() {
		return o.completeFrom()
	}
	var err error
	o.client, err = o.Factory.KubeClient()
	return err
}

func (o *Options) completeFrom() error {
	switch {
	case o.Watch:
		return fail.Usage("a snapshot does not change; leave out --watch")
	case o.Scope.Selector != "" || o.Scope.FieldSelector != "":
		return fail.Usage("a snapshot does not hold what selectors look at; leave out --selector and --field-selector")
	}
	return nil
}

// trimPrefixes takes names as kubectl prints them, such as pod/web-0.
func trimPrefixes(names []string) []string {
	trimmed := make([]string, len(names))
	for i, name := range names {
		_, after, found := strings.Cut(name, "/")
		if trimmed[i] = name; found {
			trimmed[i] = after
		}
	}
	return trimmed
}

func (o *Options) run(ctx context.Context) error {
	observation, scope, err := o.observe(ctx)
	if err != nil {
		return err
	}
	rows, err := o.rows(ctx, observation, scope)
	if err != nil {
		return err
	}
	if err := o.print(rows, o.Output.NoHeaders); err != nil {
		return err
	}
	o.note(observation, scope, rows)
	if o.Watch {
		return o.watch(ctx, observation, scope)
	}
	if o.Verify {
		return verify(rows, observation)
	}
	return nil
}

func (o *Options) observe(ctx context.Context) (*observe.Observation, kube.Scope, error) {
	if o.From.Given() {
		return o.load()
	}
	reporter := o.Factory.Reporter()
	defer reporter.Close()
	observer, err := o.Factory.Observer(o.client, reporter.Progress)
	if err != nil {
		return nil, kube.Scope{}, err
	}
	scope := o.Scope.Scope(o.client)
	if len(o.Names) == 1 {
		scope.FieldSelector = joinSelectors(scope.FieldSelector, "metadata.name="+o.Names[0])
	}
	return observer.Observe(ctx, observe.Wants{Pods: &scope}), scope, nil
}

// load takes the pods from a snapshot: those of --namespace, or all that it has.
func (o *Options) load() (*observe.Observation, kube.Scope, error) {
	s, err := o.From.Load(o.Factory)
	if err != nil {
		return nil, kube.Scope{}, err
	}
	scope := kube.Scope{Namespace: *o.Factory.Kube.Namespace}
	if o.Scope.AllNamespaces {
		scope.Namespace = ""
	}
	// Names of namespaces are shown where several can be meant.
	o.Scope.AllNamespaces = scope.Namespace == ""
	s.Pods.Value = slices.DeleteFunc(s.Pods.Value, func(p *mesh.Pod) bool {
		return scope.Namespace != "" && p.Namespace != scope.Namespace
	})
	return &observe.Observation{Snapshot: s}, scope, nil
}

func joinSelectors(a, b string) string {
	if a == "" {
		return b
	}
	return a + "," + b
}

// rows are the pods asked for, with their verdicts, by namespace and name.
func (o *Options) rows(ctx context.Context, observation *observe.Observation, scope kube.Scope) ([]report.PodRow, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	attempt := "list pods"
	if scope.Namespace != "" {
		attempt += " in namespace " + scope.Namespace
	}
	if err := observe.PartError(attempt, observation.Pods); err != nil {
		return nil, err
	}
	verdicts, err := observation.Verdicts()
	if err != nil {
		return nil, fail.To("judge the pods", err)
	}
	rows := make([]report.PodRow, 0, len(observation.Pods.Value))
	found := map[string]bool{}
	for i, pod := range observation.Pods.Value {
		if len(o.Names) > 0 {
			if !slices.Contains(o.Names, pod.Name) {
				continue
			}
			found[pod.Name] = true
		}
		rows = append(rows, report.PodRow{Pod: pod, Verdict: verdicts[i]})
	}
	for _, name := range o.Names {
		if !found[name] {
			return nil, fail.To("show pod "+name, fmt.Errorf("there is none of that name in namespace %s", scope.Namespace))
		}
	}
	return rows, nil
}

func (o *Options) print(rows []report.PodRow, noHeaders bool) error {
	t := o.Factory.Terminal
	switch {
	case !o.Output.Human():
		return o.Output.Print(t.Out, report.PodList(rows))
	case o.Output.Format == output.Name:
		for _, name := range report.PodNames(rows) {
			if _, err := fmt.Fprintln(t.Out, name); err != nil {
				return err
			}
		}
		return nil
	case len(rows) == 0:
		return nil
	}
	columns := report.PodColumns{Namespace: o.Scope.AllNamespaces, Wide: o.Output.Format == output.Wide, NoHeaders: noHeaders}
	return report.PodTable(t.Out, rows, columns, t)
}

// note says on stderr what the table does not.
func (o *Options) note(observation *observe.Observation, scope kube.Scope, rows []report.PodRow) {
	t := o.Factory.Terminal
	if len(rows) == 0 && o.Output.Human() {
		where := ""
		if scope.Namespace != "" {
			where = " in namespace " + scope.Namespace
		}
		t.Say("No pods found%s.", where)
	}
	if !observation.Pods.Whole() {
		t.Say("Note: not all pods are known: %s.", observation.Pods.Why())
	}
	if o.Output.Format != output.Wide && !o.Verify {
		return
	}
	for _, note := range observation.InjectionNotes() {
		t.Say("%s", note)
	}
}

// verify turns the rows into the answer to "is every pod as it should be?".
func verify(rows []report.PodRow, observation *observe.Observation) error {
	count := map[mesh.State]int{}
	for _, row := range rows {
		if !row.Pod.Terminating {
			count[row.Verdict.State]++
		}
	}
	bad := count[mesh.Privileged] + count[mesh.Bypassing] + count[mesh.NotInjected]
	if bad > 0 {
		return fail.NotAsWanted("not verified: %d privileged, %d bypassing their proxy, %d uninjected, of %d pods",
			count[mesh.Privileged], count[mesh.Bypassing], count[mesh.NotInjected], len(rows))
	}
	if count[mesh.Undecided] > 0 || !observation.Pods.Whole() {
		return &fail.Error{
			Attempt: "verify all pods", Cause: fmt.Errorf("%d could not be decided, and %s", count[mesh.Undecided], readAll(observation)),
			Remedy: "see the notes above for the permissions that it takes",
		}
	}
	return nil
}

func readAll(observation *observe.Observation) string {
	if !observation.Pods.Whole() {
		return observation.Pods.Reason
	}
	return "all pods were read"
}
