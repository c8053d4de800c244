package kube

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

// Rollout is how the rollout of a workload stands.
type Rollout struct {
	Workload mesh.Workload
	// Status is kubectl's sentence about it.
	Status string
	Done   bool
	// Err says that the rollout failed.
	Err error
}

// Rollouts follows many rollouts by one list and one watch for each kind of
// workload, however many workloads there are.
type Rollouts struct {
	client *Client
	cancel context.CancelFunc
	group  sync.WaitGroup
	// wake holds a token while there may be something for Next to look at.
	wake chan struct{}

	mu sync.Mutex
	// latest state of every workload of the kinds that are watched.
	latest map[mesh.Workload]metav1.Object
	// expected is the generation that each restarted workload must have reached.
	expected map[mesh.Workload]int64
	changed  map[mesh.Workload]bool
	stalls   map[mesh.Workload]stall
	failed   error
}

// WatchRollouts begins to watch the kinds that the workloads are of, in their
// namespace if they share one.
func (c *Client) WatchRollouts(ctx context.Context, workloads []mesh.Workload) (*Rollouts, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &Rollouts{
		client: c, cancel: cancel, wake: make(chan struct{}, 1), latest: map[mesh.Workload]metav1.Object{},
		expected: map[mesh.Workload]int64{}, changed: map[mesh.Workload]bool{}, stalls: map[mesh.Workload]stall{},
	}
	namespace := commonNamespace(workloads)
	followed := map[string]bool{}
	for _, w := range workloads {
		if followed[w.Kind] {
			continue
		}
		followed[w.Kind] = true
		kind, err := c.rolloutKind(w.Kind, namespace)
		if err != nil {
			r.Stop()
			return nil, err
		}
		version, err := r.list(ctx, kind)
		if err != nil {
			r.Stop()
			return nil, kind.explain("list", err)
		}
		r.group.Go(func() { r.follow(ctx, kind, version) })
	}
	return r, nil
}

// watchPause keeps a server that ends every watch at once from being asked
// without pause.
const watchPause = time.Second

// follow watches a kind from a version on, until the context ends or the server
// refuses. A watch that ends, as each does after some minutes, goes on where it
// was; only if the server has forgotten that is everything listed again.
func (r *Rollouts) follow(ctx context.Context, kind *rolloutKind, version string) {
	for {
		var err error
		if version, err = r.watch(ctx, kind, version); err == nil && version == "" {
			version, err = r.list(ctx, kind)
		}
		if ctx.Err() != nil {
			return
		}
		if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
			r.fail(kind.explain("watch", err))
			return
		}
		if sleep(ctx, watchPause) != nil {
			return
		}
	}
}

// list reads all workloads of a kind, and forgets those that are gone.
func (r *Rollouts) list(ctx context.Context, kind *rolloutKind) (version string, err error) {
	present := map[mesh.Workload]metav1.Object{}
	version, err = kind.each(ctx, func(object metav1.Object) { present[kind.workload(object)] = object })
	if err != nil {
		return "", err
	}
	r.mu.Lock()
	for w := range r.latest {
		if w.Kind == kind.name && present[w] == nil {
			delete(r.latest, w)
			r.markLocked(w)
		}
	}
	for w, object := range present {
		r.latest[w] = object
		r.markLocked(w)
	}
	r.mu.Unlock()
	r.signal()
	return version, nil
}

// watch takes in what changes until the server ends the watch, and returns the
// version to go on from: "" if the server no longer knows it.
func (r *Rollouts) watch(ctx context.Context, kind *rolloutKind, version string) (string, error) {
	if version == "" {
		return "", nil
	}
	watcher, err := kind.watch(ctx, metav1.ListOptions{ResourceVersion: version, AllowWatchBookmarks: true})
	if isForgotten(err) {
		return "", nil
	}
	if err != nil {
		return version, err
	}
	defer watcher.Stop()
	for event := range watcher.ResultChan() {
		if event.Type == watch.Error {
			if err := apierrors.FromObject(event.Object); !isForgotten(err) {
				return version, err
			}
			return "", nil
		}
		if object, ok := event.Object.(metav1.Object); ok {
			version = object.GetResourceVersion()
			r.see(kind, object, event.Type)
		}
	}
	return version, nil
}

func isForgotten(err error) bool { return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) }

func (r *Rollouts) see(kind *rolloutKind, object metav1.Object, event watch.EventType) {
	if event == watch.Bookmark {
		return
	}
	w := kind.workload(object)
	r.mu.Lock()
	if event == watch.Deleted {
		delete(r.latest, w)
	} else {
		r.latest[w] = kind.lean(object)
	}
	r.markLocked(w)
	r.mu.Unlock()
	r.signal()
}

// Expect begins to follow a workload towards the generation that restarting it
// brought about.
func (r *Rollouts) Expect(w mesh.Workload, generation int64) {
	r.mu.Lock()
	r.expected[w] = generation
	r.stalls[w] = stall{begun: time.Now(), since: time.Now()}
	r.markLocked(w)
	r.mu.Unlock()
	r.signal()
}

// Next waits for news of a workload that is followed. When a rollout is done or
// failed, it is no longer followed.
func (r *Rollouts) Next(ctx context.Context) (Rollout, error) {
	for {
		if err := r.failure(); err != nil {
			return Rollout{}, err
		}
		if w, generation, ok := r.takeChanged(); ok {
			if rollout, ok := r.look(ctx, w, generation); ok {
				return rollout, nil
			}
			continue
		}
		select {
		case <-ctx.Done():
			return Rollout{}, ctx.Err()
		case <-r.wake:
		}
	}
}

// Stop ends the watches.
func (r *Rollouts) Stop() {
	r.cancel()
	r.group.Wait()
}

func (r *Rollouts) mark(w mesh.Workload) {
	r.mu.Lock()
	r.markLocked(w)
	r.mu.Unlock()
	r.signal()
}

func (r *Rollouts) markLocked(w mesh.Workload) {
	if _, followed := r.expected[w]; followed {
		r.changed[w] = true
	}
}

func (r *Rollouts) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Rollouts) fail(err error) {
	r.mu.Lock()
	r.failed = err
	r.mu.Unlock()
	r.signal()
}

func (r *Rollouts) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *Rollouts) takeChanged() (mesh.Workload, int64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for w := range r.changed {
		delete(r.changed, w)
		return w, r.expected[w], true
	}
	return mesh.Workload{}, 0, false
}

// look judges a workload. ok is false while the watch has not seen the restart.
func (r *Rollouts) look(ctx context.Context, w mesh.Workload, generation int64) (rollout Rollout, ok bool) {
	r.mu.Lock()
	object := r.latest[w]
	r.mu.Unlock()
	rollout.Workload = w
	switch {
	case object == nil:
		rollout.Err = errors.New("it was deleted")
	case object.GetGeneration() < generation:
		return Rollout{}, false
	default:
		rollout.Status, rollout.Done, rollout.Err = rolloutStatus(object)
		if !rollout.Done && rollout.Err == nil {
			rollout.Err = r.judgeStall(ctx, rollout, object)
		}
	}
	if rollout.Done || rollout.Err != nil {
		r.mu.Lock()
		delete(r.expected, w)
		r.mu.Unlock()
	}
	return rollout, true
}

// commonNamespace is the namespace that all workloads share, "" if they do not.
func commonNamespace(workloads []mesh.Workload) string {
	namespace := ""
	for i, w := range workloads {
		if i > 0 && w.Namespace != namespace {
			return ""
		}
		namespace = w.Namespace
	}
	return namespace
}

// resourceOf is the resource of a kind of workload.
func resourceOf(kind string) string { return strings.ToLower(kind) + "s" }
