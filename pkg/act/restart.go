package act

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/plan"
)

// Restart restarts workloads, several at once.
type Restart struct {
	Kube *kube.Client
	Plan *plan.Restart
	// MaxParallel is how many rollouts may be unfinished at once.
	MaxParallel int
	// Wait for each rollout to finish. Without it all are started at once.
	Wait bool
	// DryRun asks the API server to check the patches and change nothing.
	DryRun bool
	Now    func() time.Time
	Report Reporter
}

// parallelPatches is how many workloads are asked to restart at once where nobody
// waits for them.
const parallelPatches = 16

// mostTold workloads are told of one by one; more are only counted.
const mostTold = 50

// Run starts the rollouts and waits for them. It stops starting at the first
// that fails, and says which were not started.
func (r *Restart) Run(ctx context.Context) error {
	if r.DryRun || !r.Wait {
		return r.startAll(ctx)
	}
	rollouts, err := r.Kube.WatchRollouts(ctx, r.workloads())
	if err != nil {
		return err
	}
	defer rollouts.Stop()
	return r.roll(ctx, rollouts, func(ctx context.Context, w mesh.Workload) (int64, error) {
		return r.Kube.Restart(ctx, w, r.Now(), false)
	})
}

// rollouts are how the rollouts that were started stand; see [kube.Rollouts].
type rollouts interface {
	Expect(w mesh.Workload, generation int64)
	Next(ctx context.Context) (kube.Rollout, error)
}

// news is what roll waits for: a workload that was started, one whose rollout
// moved, or an error.
type news struct {
	started    *mesh.Workload
	generation int64
	rollout    kube.Rollout
	err        error
}

// roll starts the workloads, never leaving more unfinished than it may, and waits
// until all are done.
func (r *Restart) roll(ctx context.Context, rollouts rollouts, start func(context.Context, mesh.Workload) (int64, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	arrived := make(chan news)
	go watchRollouts(ctx, rollouts, arrived)
	p := &rollProgress{waiting: r.workloads(), unfinished: map[mesh.Workload]string{}}
	ended := ctx.Done()
	for p.done < len(r.Plan.Items) {
		for p.failed == nil && len(p.waiting) > 0 && len(p.unfinished) < max(r.MaxParallel, 1) {
			w := p.next()
			go func() {
				generation, err := start(ctx, w)
				arrived <- news{started: &w, generation: generation, err: err}
			}()
		}
		if p.failed != nil && p.starting == 0 {
			return r.stopped(p.failed, p.waiting, p.unfinished)
		}
		r.progress(p)
		select {
		case n := <-arrived:
			r.take(p, n, rollouts)
		case <-ended:
			p.fail(ctx.Err())
			ended = nil
		}
	}
	return nil
}

// watchRollouts passes on what happens to rollouts until the context ends, or
// nothing can be known any more.
func watchRollouts(ctx context.Context, rollouts rollouts, arrived chan<- news) {
	for {
		rollout, err := rollouts.Next(ctx)
		select {
		case arrived <- news{rollout: rollout, err: err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// rollProgress is how far a restart is.
type rollProgress struct {
	waiting []mesh.Workload
	// unfinished rollouts and their state; those among them that are only being
	// asked for are counted as starting.
	unfinished map[mesh.Workload]string
	starting   int
	done       int
	// failed is the first error, after which nothing more is started.
	failed error
}

// next takes a workload that is to be started.
func (p *rollProgress) next() mesh.Workload {
	w := p.waiting[0]
	p.waiting = p.waiting[1:]
	p.unfinished[w] = "started"
	p.starting++
	return w
}

func (p *rollProgress) fail(err error) {
	if p.failed == nil {
		p.failed = err
	}
}

// take in what has arrived.
func (r *Restart) take(p *rollProgress, n news, rollouts rollouts) {
	switch {
	case n.started != nil && n.err != nil:
		p.starting--
		delete(p.unfinished, *n.started)
		// It is as untouched as those that wait.
		p.waiting = append([]mesh.Workload{*n.started}, p.waiting...)
		p.fail(n.err)
	case n.started != nil:
		p.starting--
		rollouts.Expect(*n.started, n.generation)
	case n.err != nil:
		p.fail(n.err)
	default:
		r.takeRollout(p, n.rollout)
	}
}

func (r *Restart) takeRollout(p *rollProgress, rollout kube.Rollout) {
	w := rollout.Workload
	if _, ours := p.unfinished[w]; !ours {
		return
	}
	p.unfinished[w] = rollout.Status
	switch {
	case rollout.Err != nil:
		delete(p.unfinished, w)
		p.fail(fail.To(fmt.Sprintf("restart %s in namespace %s", w, w.Namespace), rollout.Err))
	case rollout.Done:
		delete(p.unfinished, w)
		p.done++
		if len(r.Plan.Items) > mostTold {
			return
		}
		r.Report.Say(fmt.Sprintf("restarted %s/%s", w.Namespace, w))
	}
}

func (r *Restart) workloads() []mesh.Workload {
	workloads := make([]mesh.Workload, len(r.Plan.Items))
	for i, item := range r.Plan.Items {
		workloads[i] = item.Workload
	}
	return workloads
}

// startAll restarts without waiting for the rollouts, or asks the API server
// whether it would.
func (r *Restart) startAll(ctx context.Context) error {
	all := r.workloads()
	started := make([]bool, len(all))
	var begun atomic.Int32
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelPatches)
	for i, workload := range all {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.Report.Progress(fmt.Sprintf("restarting workloads: %d of %d", begun.Add(1), len(all)))
			_, err := r.Kube.Restart(ctx, workload, r.Now(), r.DryRun)
			started[i] = err == nil
			return err
		})
	}
	err := group.Wait()
	if err == nil {
		return nil
	}
	var waiting []mesh.Workload
	for i, workload := range all {
		if !started[i] {
			waiting = append(waiting, workload)
		}
	}
	return r.stopped(err, waiting, nil)
}

func (r *Restart) progress(p *rollProgress) {
	rolling := fmt.Sprintf("%d rolling out", len(p.unfinished))
	if len(p.unfinished) == 1 {
		for workload, status := range p.unfinished {
			rolling = fmt.Sprintf("%s/%s: %s", workload.Namespace, workload, status)
		}
	}
	r.Report.Progress(fmt.Sprintf("%d of %d workloads restarted; %s", p.done, len(r.Plan.Items), rolling))
}

// mostNamed workloads are named, the rest counted.
const mostNamed = 20

func named(workloads []mesh.Workload) string {
	names := make([]string, len(workloads))
	for i, w := range workloads {
		names[i] = w.Namespace + "/" + w.String()
	}
	return plan.List(names, mostNamed)
}

// stopped says what an early end leaves: rollouts that go on, and workloads that
// were not touched.
func (r *Restart) stopped(err error, waiting []mesh.Workload, unfinished map[mesh.Workload]string) error {
	var left []string
	if len(unfinished) > 0 {
		left = append(left, fmt.Sprintf("%d rollouts go on by themselves", len(unfinished)))
	}
	if len(waiting) > 0 {
		left = append(left, fmt.Sprintf("%d workloads were not restarted", len(waiting)))
		r.Report.Say("Not restarted: " + named(waiting) + ".")
	}
	remedy := "run the same command again; it restarts only what is still stale"
	if len(left) > 0 {
		remedy = strings.Join(left, ", ") + "; " + remedy
	}
	if fail.Remedy(err) != "" {
		remedy = fail.Remedy(err) + "; " + remedy
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &fail.Error{Attempt: "wait for the rollouts", Cause: errors.New("it took longer than --timeout"), Remedy: remedy, Code: fail.ExitTimeout}
	case errors.Is(err, context.Canceled):
		return &fail.Error{Attempt: "wait for the rollouts", Cause: errors.New("interrupted"), Remedy: remedy, Code: fail.ExitInterrupted}
	}
	return &fail.Error{Cause: err, Remedy: remedy}
}
