package act

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

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
	waiting, unfinished, done := r.workloads(), map[mesh.Workload]string{}, 0
	for done < len(r.Plan.Items) {
		for len(waiting) > 0 && len(unfinished) < max(r.MaxParallel, 1) {
			next := waiting[0]
			generation, err := r.Kube.Restart(ctx, next, r.Now(), false)
			if err != nil {
				return r.stopped(err, waiting, unfinished)
			}
			rollouts.Expect(next, generation)
			waiting = waiting[1:]
			unfinished[next] = "started"
		}
		r.progress(done, unfinished)
		event, err := rollouts.Next(ctx)
		if err != nil {
			return r.stopped(err, waiting, unfinished)
		}
		if _, ours := unfinished[event.Workload]; !ours {
			continue
		}
		unfinished[event.Workload] = event.Status
		switch {
		case event.Err != nil:
			delete(unfinished, event.Workload)
			err := fail.To(fmt.Sprintf("restart %s in namespace %s", event.Workload, event.Workload.Namespace), event.Err)
			return r.stopped(err, waiting, unfinished)
		case event.Done:
			delete(unfinished, event.Workload)
			done++
			r.Report.Say(fmt.Sprintf("restarted %s/%s", event.Workload.Namespace, event.Workload))
		}
	}
	return nil
}

func (r *Restart) workloads() []mesh.Workload {
	workloads := make([]mesh.Workload, len(r.Plan.Items))
	for i, item := range r.Plan.Items {
		workloads[i] = item.Workload
	}
	return workloads
}

func (r *Restart) startAll(ctx context.Context) error {
	for i, workload := range r.workloads() {
		r.Report.Progress(fmt.Sprintf("restarting %s (%d of %d)", workload, i+1, len(r.Plan.Items)))
		if _, err := r.Kube.Restart(ctx, workload, r.Now(), r.DryRun); err != nil {
			return r.stopped(err, r.workloads()[i:], nil)
		}
	}
	return nil
}

func (r *Restart) progress(done int, unfinished map[mesh.Workload]string) {
	rolling := fmt.Sprintf("%d rolling out", len(unfinished))
	if len(unfinished) == 1 {
		for workload, status := range unfinished {
			rolling = fmt.Sprintf("%s/%s: %s", workload.Namespace, workload, status)
		}
	}
	r.Report.Progress(fmt.Sprintf("%d of %d workloads restarted; %s", done, len(r.Plan.Items), rolling))
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
