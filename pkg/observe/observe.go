// Package observe fills a Snapshot from the API server and from Azure,
// concurrently and within a deadline. What cannot be read is noted as such and
// never stops the rest.
package observe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/conditions"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

const (
	// readTimeout bounds every read of the API server but those of pods, which
	// may be many.
	readTimeout = 20 * time.Second
	// azureTimeout bounds all reads of Azure together. It leaves room for being
	// throttled once.
	azureTimeout = 2 * time.Minute
)

// Observer reads a cluster.
type Observer struct {
	Kube  *kube.Client
	Azure AzureSource
	Now   func() time.Time
	// Progress is told what takes a while; may be nil.
	Progress func(string)
}

// Wants says what to read besides the injectors and namespaces.
type Wants struct {
	// Nodes asks for the nodes, the node agent and the server's version.
	Nodes bool
	// Azure asks for the Azure resource behind the context, which it takes the
	// nodes to find.
	Azure bool
	// Pods asks for the pods in a scope, nil for none. If the pods of all
	// namespaces may not be read, those of the context's are.
	Pods *kube.Scope
	// Workloads asks for what owns the pods in that scope.
	Workloads bool
	// Diagnosis asks for what explains failures: with the nodes the node agent's
	// settings, and the control planes and events.
	Diagnosis bool
	// Namespace restricts the namespaces that are read to one, where no pods are
	// asked for; "" for all.
	Namespace string
}

// namespace that the reading is restricted to, "" for all.
func (w Wants) namespace() string {
	if w.Pods != nil {
		return w.Pods.Namespace
	}
	return w.Namespace
}

// Observation is a snapshot, and what acting on it needs besides.
type Observation struct {
	*snapshot.Snapshot
	// Azure is the way to the cluster's resource, nil if it could not be read;
	// AzureErr then says why.
	Azure    *AzureCluster
	AzureErr error
	// PodsVersion is the resource version that a watch of the pods can go on from.
	PodsVersion string
}

// Observe reads what is wanted.
func (o *Observer) Observe(ctx context.Context, wants Wants) *Observation {
	result := &Observation{Snapshot: o.empty()}
	var group sync.WaitGroup
	if wants.Nodes {
		group.Go(func() { o.readAgent(ctx, result.Snapshot, wants.Diagnosis) })
		group.Go(func() {
			result.Nodes = bounded(ctx, o.Kube.Nodes)
			if wants.Azure {
				o.readAzure(ctx, result)
			}
		})
	}
	if wants.Workloads && wants.Pods != nil {
		group.Go(func() { o.readWorkloads(ctx, result.Snapshot, wants.Pods.Namespace) })
	}
	if wants.Diagnosis {
		group.Go(func() { o.readDiagnosis(ctx, result.Snapshot, wants) })
	}
	group.Go(func() { result.InjectorMechanisms = bounded(ctx, o.Kube.InjectorMechanisms) })
	group.Go(func() { result.Namespaces = o.readNamespaces(ctx, wants.namespace()) })
	group.Go(func() { o.readInjectorsAndPods(ctx, result, wants) })
	group.Wait()
	return result
}

// empty is a snapshot of which nothing was asked yet.
func (o *Observer) empty() *snapshot.Snapshot {
	s := snapshot.New(o.Now())
	kubeContext := o.Kube.Context()
	s.Context = snapshot.Context{Name: kubeContext.Name}
	if len(kubeContext.ServerNames) > 0 {
		s.Context.Server = kubeContext.ServerNames[0]
	}
	return s
}

func (o *Observer) readAgent(ctx context.Context, s *snapshot.Snapshot, config bool) {
	var group sync.WaitGroup
	group.Go(func() {
		if !config {
			s.Agent = bounded(ctx, o.Kube.Agent)
			return
		}
		ctx, cancel := context.WithTimeout(ctx, readTimeout)
		defer cancel()
		s.Agent, s.AgentConfig = o.Kube.AgentAndConfig(ctx)
	})
	group.Go(func() { s.AgentPods = bounded(ctx, o.Kube.AgentPods) })
	group.Wait()
}

// bounded gives a read its deadline.
func bounded[T any](ctx context.Context, read func(context.Context) snapshot.Part[T]) snapshot.Part[T] {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return read(ctx)
}

// readInjectorsAndPods reads the injectors first: which facts of a pod are worth
// keeping depends on their selectors. How the pods are read depends on the
// server's version.
func (o *Observer) readInjectorsAndPods(ctx context.Context, s *Observation, wants Wants) {
	var group sync.WaitGroup
	group.Go(func() { s.Injectors = bounded(ctx, o.Kube.Injectors) })
	if wants.Nodes || wants.Pods != nil {
		group.Go(func() { s.KubernetesVersion = bounded(ctx, o.Kube.KubernetesVersion) })
	}
	group.Wait()
	if wants.Pods != nil {
		o.readPods(ctx, s, *wants.Pods)
	}
}

func (o *Observer) readNamespaces(ctx context.Context, name string) snapshot.Part[[]snapshot.Namespace] {
	read := func(name string) snapshot.Part[[]snapshot.Namespace] {
		return bounded(ctx, func(ctx context.Context) snapshot.Part[[]snapshot.Namespace] { return o.Kube.Namespaces(ctx, name) })
	}
	all := read(name)
	if name != "" || all.State != snapshot.Denied {
		return all
	}
	own := o.Kube.Context().Namespace
	one := read(own)
	if one.State != snapshot.Read {
		return all
	}
	one.Reason, one.Needs = "only namespace "+own+" could be read", all.Needs
	return one
}

func (o *Observer) readPods(ctx context.Context, s *Observation, scope kube.Scope) {
	keep := (*mesh.Injectors)(nil)
	if compiled, err := mesh.CompileInjectors(s.Injectors.Value); err == nil && s.Injectors.Known() {
		keep = compiled
	}
	s.Context.Namespace = scope.Namespace
	s.Pods, s.PodsVersion = o.podsIn(ctx, scope, s.KubernetesVersion.Value, keep)
	if scope.Namespace != "" || s.Pods.State != snapshot.Denied {
		return
	}
	denied := s.Pods
	scope.Namespace = o.Kube.Context().Namespace
	if own, version := o.podsIn(ctx, scope, s.KubernetesVersion.Value, keep); own.State == snapshot.Read {
		own.Reason, own.Needs = "only namespace "+scope.Namespace+" could be read", denied.Needs
		s.Context.Namespace, s.Pods, s.PodsVersion = scope.Namespace, own, version
	}
}

func (o *Observer) podsIn(ctx context.Context, scope kube.Scope, serverVersion string, injectors *mesh.Injectors) (snapshot.Part[[]*mesh.Pod], string) {
	var pods []*mesh.Pod
	matching := conditions.Compile(injectors.All())
	request := kube.PodRequest{Scope: scope, Fields: mesh.PodFields(), ServerVersion: serverVersion}
	if matching != nil {
		// A condition may look at any field.
		request.Fields = nil
	}
	version, err := o.Kube.EachPod(ctx, request, func(p *corev1.Pod) {
		pods = append(pods, mesh.PodFrom(p, injectors.UsesLabel))
		matching.Note(pods[len(pods)-1], p)
		if len(pods)%kube.PageSize == 0 && o.Progress != nil {
			o.Progress(fmt.Sprintf("%d pods read", len(pods)))
		}
	})
	return kube.Part(pods, err, kube.PodPermission(scope)), version
}

func (o *Observer) readWorkloads(ctx context.Context, s *snapshot.Snapshot, namespace string) {
	var group sync.WaitGroup
	group.Go(func() {
		s.Workloads = bounded(ctx, func(ctx context.Context) snapshot.Part[[]snapshot.Workload] { return o.Kube.Workloads(ctx, namespace) })
	})
	group.Go(func() {
		s.Budgets = bounded(ctx, func(ctx context.Context) snapshot.Part[[]snapshot.Budget] { return o.Kube.Budgets(ctx, namespace) })
	})
	group.Wait()
}

// Reachable is an error if not even the API server's version could be read,
// because then nothing is known at all. The nodes must have been asked for.
func (o *Observation) Reachable() error {
	if o.KubernetesVersion.Known() || o.Nodes.Known() || o.Pods.Known() {
		return nil
	}
	return PartError("reach the API server "+o.Context.Server, o.KubernetesVersion)
}

// InjectionNotes say what is not known of how new pods are injected.
func (o *Observation) InjectionNotes() []string {
	var notes []string
	note := func(what, why string, whole bool) {
		if !whole {
			notes = append(notes, fmt.Sprintf("Note: %s is not known: %s.", what, why))
		}
	}
	note("which namespaces are in the mesh", o.Namespaces.Why(), o.Namespaces.Whole())
	note("which injector matches which pod", o.Injectors.Why(), o.Injectors.Whole())
	note("what the injectors give new pods", o.InjectorMechanisms.Why(), o.InjectorMechanisms.Whole())
	return notes
}

const checkNetwork = "check the kube context (`kubectl config current-context`) and the network"

// PartError is the error of a command that cannot do without a part, nil if the
// part is known.
func PartError[T any](attempt string, part snapshot.Part[T]) error {
	err := &fail.Error{Attempt: attempt, Cause: errors.New(part.Reason)}
	switch part.State {
	case snapshot.Read, snapshot.Absent:
		return nil
	case snapshot.Denied:
		err.Remedy = "it takes " + part.Needs
	case snapshot.TimedOut:
		err.Code, err.Remedy = fail.ExitTimeout, checkNetwork
	case snapshot.Unreachable:
		err.Remedy = checkNetwork
	case snapshot.Failed, snapshot.NotAsked:
	}
	return err
}
