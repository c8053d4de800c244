package factory

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/azure"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/observe"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// FromFlag is --from: a saved snapshot in place of the cluster.
type FromFlag struct{ File string }

// AddTo adds the flag to a command.
func (f *FromFlag) AddTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.File, "from", "", "Judge the snapshot in `FILE`, as the command snapshot saves it, instead of the cluster; - for stdin")
}

// Given reports whether a snapshot is to be used.
func (f *FromFlag) Given() bool { return f.File != "" }

// Load reads the snapshot, and says on stderr how old it is.
func (f *FromFlag) Load(factory *Factory) (*snapshot.Snapshot, error) {
	attempt := "use the snapshot " + f.File
	in := factory.Terminal.In
	if f.File != "-" {
		file, err := os.Open(f.File)
		if err != nil {
			return nil, fail.To(attempt, err)
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	s, err := snapshot.Load(in)
	if err != nil {
		return nil, &fail.Error{Attempt: attempt, Cause: err, Remedy: "make one with `kubectl istio-cni snapshot`"}
	}
	factory.Terminal.Say("Context %s as it was %s ago, at %s.", s.Context.Name,
		factory.Now().Sub(s.Taken).Round(time.Second), s.Taken.Format(time.RFC3339))
	return s, nil
}

// Diagnosis observes what rules need.
type Diagnosis struct {
	Factory *Factory
	Client  *kube.Client
	// Scope of the pods and workloads.
	Scope kube.Scope
	Rules []*check.Rule
	// Progress is told what takes a while.
	Progress func(string)

	observer *observe.Observer
}

// Observe reads everything once, and then the logs that the rules ask for. Called
// again, it goes on with the same sign-in.
func (d *Diagnosis) Observe(ctx context.Context) (*observe.Observation, error) {
	observer, err := d.reader()
	if err != nil {
		return nil, err
	}
	d.Progress("reading the cluster and its Azure resource")
	observation := observer.Observe(ctx, observe.Wants{Nodes: true, Azure: true, Pods: &d.Scope, Workloads: true, Diagnosis: true})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err := observation.Reachable(); err != nil {
		return nil, err
	}
	requests, err := check.LogRequests(observation.Snapshot, d.Rules)
	if err != nil {
		return nil, fail.To("judge the cluster", err)
	}
	if len(requests) > 0 {
		d.Progress(fmt.Sprintf("reading %d logs", len(requests)))
		observer.ReadLogs(ctx, observation.Snapshot, requests)
	}
	return observation, ctx.Err()
}

// reader makes the observer, which keeps its sign-ins.
func (d *Diagnosis) reader() (*observe.Observer, error) {
	if d.observer != nil {
		return d.observer, nil
	}
	observer, err := d.Factory.Observer(d.Client, func(text string) { d.Progress(text) })
	if err != nil {
		return nil, err
	}
	type connection struct {
		client *azure.Client
		cloud  azure.Cloud
	}
	connect, known := observer.Azure.Connect, map[string]connection{}
	observer.Azure.Connect = func(ctx context.Context, subscription string) (*azure.Client, azure.Cloud, error) {
		if c, ok := known[subscription]; ok {
			return c.client, c.cloud, nil
		}
		client, cloud, err := connect(ctx, subscription)
		if err == nil {
			known[subscription] = connection{client, cloud}
		}
		return client, cloud, err
	}
	d.observer = observer
	return observer, nil
}

// EverywhereFlag is -A where it is the default: all namespaces unless
// --namespace names one.
type EverywhereFlag struct{ all bool }

// AddTo adds the flag to a command.
func (e *EverywhereFlag) AddTo(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&e.all, "all-namespaces", "A", false, "All namespaces, which is the default unless --namespace is given")
}

// Namespace is the one to look at, "" for all.
func (e *EverywhereFlag) Namespace(cmd *cobra.Command, f *Factory) string {
	if e.all || !cmd.Flags().Changed("namespace") {
		return ""
	}
	return *f.Kube.Namespace
}

// Diagnose observes what rules need of a namespace, or of all for "", and shows
// on stderr what takes a while.
func (f *Factory) Diagnose(ctx context.Context, namespace string, rules []*check.Rule) (*observe.Observation, error) {
	client, err := f.KubeClient()
	if err != nil {
		return nil, err
	}
	reporter := f.Reporter()
	defer reporter.Close()
	diagnosis := &Diagnosis{Factory: f, Client: client, Scope: kube.Scope{Namespace: namespace}, Rules: rules, Progress: reporter.Progress}
	return diagnosis.Observe(ctx)
}
