package observe

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

func (o *Observer) readDiagnosis(ctx context.Context, s *snapshot.Snapshot, wants Wants) {
	namespace := wants.namespace()
	var group sync.WaitGroup
	group.Go(func() { s.Istiods = bounded(ctx, o.Kube.Istiods) })
	group.Go(func() { s.Endpoints = bounded(ctx, o.Kube.Endpoints) })
	group.Go(func() { s.Events = o.readEvents(ctx, namespace) })
	group.Wait()
}

// readEvents reads the events of the namespaces asked for and of the add-on's. If
// those of all namespaces may not be read, the context's own are.
func (o *Observer) readEvents(ctx context.Context, namespace string) snapshot.Part[[]snapshot.Event] {
	read := func(namespace string) snapshot.Part[[]snapshot.Event] {
		return bounded(ctx, func(ctx context.Context) snapshot.Part[[]snapshot.Event] { return o.Kube.Events(ctx, namespace) })
	}
	events := read(namespace)
	if namespace == "" && events.State == snapshot.Denied {
		own := o.Kube.Context().Namespace
		if some := read(own); some.State == snapshot.Read {
			some.Reason, some.Needs = "only namespace "+own+" could be read", events.Needs
			return some
		}
		return events
	}
	if namespace == "" || namespace == mesh.SystemNamespace || events.State != snapshot.Read {
		return events
	}
	system := read(mesh.SystemNamespace)
	events.Value = append(events.Value, system.Value...)
	if !system.Known() {
		events.Reason, events.Needs = "the events of "+mesh.SystemNamespace+" could not be read", system.Needs
	}
	return events
}

const (
	// mostLogs are read at most, parallelLogs of them at once.
	mostLogs     = 24
	parallelLogs = 6
)

// ReadLogs adds the logs asked for to a snapshot. Those beyond the bound are
// noted as not asked for.
func (o *Observer) ReadLogs(ctx context.Context, s *snapshot.Snapshot, requests []snapshot.LogRequest) {
	requests = requests[:min(len(requests), mostLogs)]
	s.Logs = make([]snapshot.Log, len(requests))
	var group errgroup.Group
	group.SetLimit(parallelLogs)
	for i, request := range requests {
		group.Go(func() error {
			s.Logs[i] = snapshot.Log{LogRequest: request, Text: bounded(ctx, func(ctx context.Context) snapshot.Part[string] {
				return o.Kube.Log(ctx, request)
			})}
			return nil
		})
	}
	// Nothing in the group returns an error.
	_ = group.Wait()
}
