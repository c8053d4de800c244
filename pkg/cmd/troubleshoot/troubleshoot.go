// Package troubleshoot is the command troubleshoot.
package troubleshoot

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/act"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/plan"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/report"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
	program "github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/troubleshoot"
)

// Deadlines of single requests made from within the program.
const (
	logTimeout    = 20 * time.Second
	changeTimeout = 30 * time.Second
)

// Options are the command's.
type Options struct {
	Factory    *factory.Factory
	From       factory.FromFlag
	Everywhere factory.EverywhereFlag
	// Focus is what the arguments name, the zero value for everything.
	Focus check.Object

	errors    *detour
	client    *kube.Client
	diagnosis *factory.Diagnosis
}

// New makes the command.
func New(f *factory.Factory) *cobra.Command {
	o := &Options{Factory: f}
	cmd := &cobra.Command{
		Use:   "troubleshoot [POD|WORKLOAD|NODE]",
		Short: "Find the cause of a problem in a terminal program, and mend it",
		Long: `Look for the cause of a problem in a terminal program: what the checks find, by
root cause and worst first, each with its evidence, cause and remedy; the pods
that it concerns, and their logs. A remedy that is safe can be applied: the
request is shown as it will be sent, and sent only after asking. The key ? lists
the keys.

With pod/NAME, deployment/NAME, statefulset/NAME, daemonset/NAME, job/NAME or
node/NAME it begins with what concerns that object; a bare NAME is a pod. Pods
and workloads are looked for in the namespace of the context or of --namespace;
without a name, and for a node, all namespaces are looked at unless --namespace
is given.

Without a terminal the same is printed as plain text, with the exit code 0
whatever is found; the command check is for scripts.`,
		Example: `  # What is wrong with redirection?
  kubectl istio-cni troubleshoot

  # Why does this pod not start?
  kubectl istio-cni troubleshoot pod/web-7d4b9c6f5d-x2x9p -n shop

  # A colleague's snapshot
  kubectl istio-cni troubleshoot node/aks-nodepool1-10000001-vmss000002 --from contoso-aks.json.gz`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(cmd, args); err != nil {
				return err
			}
			return o.run(cmd)
		},
	}
	o.Everywhere.AddTo(cmd)
	o.From.AddTo(cmd)
	f.AddAzureFlags(cmd)
	return cmd
}

// complete reads the arguments: KIND/NAME, KIND NAME or NAME.
func (o *Options) complete(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := strings.Join(args, "/")
	kind, name, found := strings.Cut(text, "/")
	if !found {
		kind, name = "pod", text
	}
	o.Focus = check.Object{Kind: kinds()[strings.TrimSuffix(strings.ToLower(kind), ".apps")], Name: name}
	switch {
	case o.Focus.Kind == "":
		return fail.Usage("%q is not a pod, workload or node; name one as pod/NAME, deployment/NAME, statefulset/NAME, daemonset/NAME, job/NAME or node/NAME", text)
	case name == "" || strings.Contains(name, "/"):
		return fail.Usage("name one object, such as %s/NAME", strings.ToLower(kind))
	case o.Focus.Kind != "Node" && cmd.Flags().Changed("all-namespaces"):
		return fail.Usage("pods and workloads are named within one namespace; leave out --all-namespaces")
	}
	return nil
}

// kinds are the names that kubectl has for what can be named.
func kinds() map[string]string {
	return map[string]string{
		"pod": "Pod", "pods": "Pod", "po": "Pod",
		"node": "Node", "nodes": "Node", "no": "Node",
		"deployment": "Deployment", "deployments": "Deployment", "deploy": "Deployment",
		"statefulset": "StatefulSet", "statefulsets": "StatefulSet", "sts": "StatefulSet",
		"daemonset": "DaemonSet", "daemonsets": "DaemonSet", "ds": "DaemonSet",
		"job": "Job", "jobs": "Job",
	}
}

func (o *Options) run(cmd *cobra.Command) error {
	t := o.Factory.Terminal
	o.errors = &detour{to: t.Err}
	t.Err = o.errors
	defer func() { t.Err = o.errors.to }()

	s, err := o.observe(cmd)
	if err != nil {
		return err
	}
	if err := o.exists(s); err != nil {
		return err
	}
	if !t.InTTY || !t.OutTTY || t.Dumb || klog.V(1).Enabled() {
		return o.print(s)
	}
	return program.Run(cmd.Context(), o.program(s))
}

// observe gives the first observation.
func (o *Options) observe(cmd *cobra.Command) (*snapshot.Snapshot, error) {
	if o.From.Given() {
		return o.load(cmd)
	}
	var err error
	if o.client, err = o.Factory.KubeClient(); err != nil {
		return nil, err
	}
	namespace := o.Everywhere.Namespace(cmd, o.Factory)
	if o.namespaced() {
		namespace = o.client.Context().Namespace
		o.Focus.Namespace = namespace
	}
	reporter := o.Factory.Reporter()
	defer reporter.Close()
	o.diagnosis = &factory.Diagnosis{
		Factory: o.Factory, Client: o.client, Scope: kube.Scope{Namespace: namespace}, Rules: check.Rules(), Progress: reporter.Progress,
	}
	observation, err := o.diagnosis.Observe(cmd.Context())
	if err != nil {
		return nil, err
	}
	return observation.Snapshot, nil
}

// namespaced reports whether the arguments name something in a namespace.
func (o *Options) namespaced() bool { return o.Focus.Kind != "" && o.Focus.Kind != "Node" }

// load reads a saved snapshot, of which --namespace leaves one namespace.
func (o *Options) load(cmd *cobra.Command) (*snapshot.Snapshot, error) {
	s, err := o.From.Load(o.Factory)
	if err != nil {
		return nil, err
	}
	namespace := *o.Factory.Kube.Namespace
	switch {
	case o.namespaced():
		o.Focus.Namespace = firstOf(namespace, s.Context.Namespace, "default")
	case o.Focus.Kind == "" && cmd.Flags().Changed("namespace"):
		o.Focus = check.NamespaceObject(namespace)
	}
	return s, nil
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// exists is an error if what the arguments name is certainly not there.
func (o *Options) exists(s *snapshot.Snapshot) error {
	known := s.Pods.Whole()
	switch o.Focus.Kind {
	case "", "Namespace":
		return nil
	case "Node":
		known = s.Nodes.Whole()
		for i := range s.Nodes.Value {
			known = known && s.Nodes.Value[i].Name != o.Focus.Name
		}
	case "Pod", "Job":
	default:
		known = s.Workloads.Whole()
		for i := range s.Workloads.Value {
			known = known && check.WorkloadObject(s.Workloads.Value[i].Workload) != o.Focus
		}
	}
	if !known || len(program.PodsOf(s, o.Focus)) > 0 {
		return nil
	}
	return &fail.Error{Attempt: "find " + o.Focus.String(), Cause: fmt.Errorf("there is no such %s", strings.ToLower(o.Focus.Kind)), Remedy: "see `kubectl get " + strings.ToLower(o.Focus.Kind) + "`"}
}

func judge(s *snapshot.Snapshot) (*check.Result, error) {
	result, err := check.Run(s, check.Rules())
	return result, fail.To("judge the cluster", err)
}

// print is what stands in for the program where there is no terminal for it.
func (o *Options) print(s *snapshot.Snapshot) error {
	result, err := judge(s)
	if err != nil {
		return err
	}
	t := o.Factory.Terminal
	if o.Focus.Kind != "" {
		t.Say("Only what concerns %s, with its causes; leave out the name to see everything.", o.Focus)
	}
	return report.Findings(t.Out, program.Narrow(s, result, o.Focus), t)
}

// program is what the terminal program needs to reach the cluster and files.
func (o *Options) program(s *snapshot.Snapshot) program.Options {
	options := program.Options{
		Terminal: o.Factory.Terminal, Snapshot: s, Judge: judge, Focus: o.Focus, Divert: o.errors.divert,
		Export:     export,
		ExportName: func(s *snapshot.Snapshot) string { return factory.FileName(s, "istio-cni-findings", ".txt") },
	}
	if o.From.Given() {
		options.Saved = o.From.File
		options.Log = func(_ context.Context, request snapshot.LogRequest) snapshot.Part[string] {
			log := s.Log(request)
			if log.State == snapshot.NotAsked {
				log.Reason = "it was not saved with the snapshot"
			}
			return log
		}
		return options
	}
	options.Observe, options.Log, options.Prepare = o.again, o.log, o.prepare
	return options
}

// again observes once more.
func (o *Options) again(ctx context.Context, progress func(string)) (*snapshot.Snapshot, error) {
	o.diagnosis.Progress = progress
	observation, err := o.diagnosis.Observe(ctx)
	if err != nil {
		return nil, err
	}
	return observation.Snapshot, nil
}

func (o *Options) log(ctx context.Context, request snapshot.LogRequest) snapshot.Part[string] {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	return o.client.Log(ctx, request)
}

// prepare decides on the request once, so that what is shown is what is sent.
func (o *Options) prepare(s *snapshot.Snapshot, fix check.Fix) (program.Change, error) {
	change, err := act.FixChange(fix, o.Factory.Now())
	if err != nil {
		return program.Change{}, err
	}
	var hurts []string
	if fix.Action == check.FixRestart {
		hurts = plan.Hurts(s, mesh.Workload{Kind: fix.Object.Kind, Namespace: fix.Object.Namespace, Name: fix.Object.Name})
	}
	return program.Change{
		Hurts:  hurts,
		Method: change.Method, Path: change.Path, ContentType: change.ContentType, Body: change.Body,
		Send: func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, changeTimeout)
			defer cancel()
			return o.client.Send(ctx, change)
		},
	}, nil
}

// export writes findings to a new file, as JSON if its name says so.
func export(name string, s *snapshot.Snapshot, result *check.Result) error {
	var text bytes.Buffer
	if strings.HasSuffix(strings.ToLower(name), ".json") {
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(report.NewCheckJSON(s, result)); err != nil {
			return fail.To("write "+name, err)
		}
		return factory.WriteNew(name, &text)
	}
	fmt.Fprintf(&text, "Context %s as of %s\n\n", terminal.CleanLine(s.Context.Name), s.Taken.UTC().Format(time.RFC3339))
	if err := report.Findings(&text, result, &terminal.Terminal{}); err != nil {
		return fail.To("write "+name, err)
	}
	return factory.WriteNew(name, &text)
}
