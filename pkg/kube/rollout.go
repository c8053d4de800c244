package kube

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/cache"

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
	stores map[string]cache.Store
	// wake holds a token while there may be something for Next to look at.
	wake chan struct{}

	mu sync.Mutex
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
		client: c, cancel: cancel, wake: make(chan struct{}, 1), stores: map[string]cache.Store{},
		expected: map[mesh.Workload]int64{}, changed: map[mesh.Workload]bool{}, stalls: map[mesh.Workload]stall{},
	}
	namespace := commonNamespace(workloads)
	for _, w := range workloads {
		if r.stores[w.Kind] != nil {
			continue
		}
		informer, err := r.follow(w.Kind, namespace)
		if err != nil {
			r.Stop()
			return nil, err
		}
		r.group.Go(func() { informer.RunWithContext(ctx) })
		err = wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(context.Context) (bool, error) {
			return informer.HasSynced(), r.failure()
		})
		if err != nil {
			r.Stop()
			return nil, err
		}
	}
	return r, nil
}

// follow prepares the informer of a kind.
func (r *Rollouts) follow(kind, namespace string) (cache.SharedIndexInformer, error) {
	informer, err := newInformer(r.client, kind, namespace)
	if err != nil {
		return nil, err
	}
	r.stores[kind] = informer.GetStore()
	resource := strings.ToLower(kind) + "s.apps"
	onError := func(_ context.Context, _ *cache.Reflector, err error) {
		// An informer tries again by itself; only a refusal is final.
		if apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
			r.fail(Explain("watch "+resource, err, Permission{"list and watch", resource, namespace}))
		}
	}
	mark := func(object any) {
		if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
			object = tombstone.Obj
		}
		if m, ok := object.(metav1.Object); ok {
			r.mark(mesh.Workload{Kind: kind, Namespace: m.GetNamespace(), Name: m.GetName()})
		}
	}
	_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: mark, UpdateFunc: func(_, object any) { mark(object) }, DeleteFunc: mark,
	})
	return informer, errors.Join(err, informer.SetWatchErrorHandlerWithContext(onError))
}

// Expect begins to follow a workload towards the generation that restarting it
// brought about.
func (r *Rollouts) Expect(w mesh.Workload, generation int64) {
	r.mu.Lock()
	r.expected[w] = generation
	r.stalls[w] = stall{begun: time.Now(), since: time.Now()}
	r.mu.Unlock()
	r.mark(w)
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
	if _, followed := r.expected[w]; followed {
		r.changed[w] = true
	}
	r.mu.Unlock()
	r.signal()
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

// look judges a workload. ok is false while the store has not seen the restart.
func (r *Rollouts) look(ctx context.Context, w mesh.Workload, generation int64) (rollout Rollout, ok bool) {
	object, exists, _ := r.stores[w.Kind].GetByKey(w.Namespace + "/" + w.Name)
	if !exists {
		rollout = Rollout{Workload: w, Err: errors.New("it was deleted")}
	} else {
		if m, isObject := object.(metav1.Object); !isObject || m.GetGeneration() < generation {
			return Rollout{}, false
		}
		rollout = judgeRollout(w, object)
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

// judgeRollout judges by kubectl's rules.
func judgeRollout(w mesh.Workload, object any) Rollout {
	rollout := Rollout{Workload: w}
	rollout.Status, rollout.Done, rollout.Err = rolloutStatus(object)
	return rollout
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
