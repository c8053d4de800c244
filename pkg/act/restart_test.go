package act

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/plan"
)

// fleet is a cluster in which patches and rollouts take a while.
type fleet struct {
	// refused workloads cannot be patched, stuck ones fail, slow ones never end.
	refused, stuck, slow map[string]bool

	mu         sync.Mutex
	started    []string
	unfinished int
	most       int
	events     chan kube.Rollout
}

const (
	patchTime   = 40 * time.Millisecond
	rolloutTime = time.Second
)

func (f *fleet) start(ctx context.Context, w mesh.Workload) (int64, error) {
	f.mu.Lock()
	f.started = append(f.started, w.Name)
	f.unfinished++
	f.most = max(f.most, f.unfinished)
	f.mu.Unlock()
	select {
	case <-time.After(patchTime):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if f.refused[w.Name] {
		f.finish()
		return 0, errors.New("denied by a policy")
	}
	return 2, nil
}

func (f *fleet) finish() {
	f.mu.Lock()
	f.unfinished--
	f.mu.Unlock()
}

// Expect rolls a workload out.
func (f *fleet) Expect(w mesh.Workload, _ int64) {
	go func() {
		f.events <- kube.Rollout{Workload: w, Status: "Waiting"}
		if f.slow[w.Name] {
			return
		}
		time.Sleep(rolloutTime)
		f.finish()
		if f.stuck[w.Name] {
			f.events <- kube.Rollout{Workload: w, Err: errors.New("it exceeded its progress deadline")}
			return
		}
		f.events <- kube.Rollout{Workload: w, Done: true}
	}()
}

// Next waits for news.
func (f *fleet) Next(ctx context.Context) (kube.Rollout, error) {
	select {
	case rollout := <-f.events:
		return rollout, nil
	case <-ctx.Done():
		return kube.Rollout{}, ctx.Err()
	}
}

type silence struct{ said []string }

func (s *silence) Progress(string) {}
func (s *silence) Say(text string) { s.said = append(s.said, text) }

// roll restarts n workloads in a bubble of fake time.
func roll(t *testing.T, n, parallel int, f *fleet, limit time.Duration) (took time.Duration, said []string, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		f.events = make(chan kube.Rollout, 2*n)
		p := &plan.Restart{}
		for i := range n {
			w := mesh.Workload{Kind: "Deployment", Namespace: "shop", Name: fmt.Sprintf("web-%03d", i)}
			p.Items = append(p.Items, plan.RestartItem{Workload: w})
		}
		report := &silence{}
		begun := time.Now()
		err = (&Restart{Plan: p, MaxParallel: parallel, Report: report}).roll(ctx, f, f.start)
		took, said = time.Since(begun), report.said
		cancel()
		time.Sleep(time.Hour)
	})
	return took, said, err
}

func TestRestartNeverLeavesMoreUnfinished(t *testing.T) {
	for _, parallel := range []int{0, 1, 7, 50, 600} {
		f := &fleet{}
		took, _, err := roll(t, 500, parallel, f, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		at := max(parallel, 1)
		if f.most > at || f.most < min(at, 500) {
			t.Errorf("%d at once: %d were unfinished", parallel, f.most)
		}
		if len(f.started) != 500 {
			t.Errorf("%d were started", len(f.started))
		}
		// Patches go out beside each other, so a round takes one patch and one rollout.
		rounds := time.Duration((500 + at - 1) / at)
		if most := rounds * (patchTime + rolloutTime); took > most {
			t.Errorf("%d at once took %s, more than %s", parallel, took, most)
		}
	}
}

func TestRestartTellsOfEachWhereTheyAreFew(t *testing.T) {
	if _, said, err := roll(t, 3, 2, &fleet{}, time.Hour); err != nil || len(said) != 3 {
		t.Errorf("said %q, %v", said, err)
	}
	if _, said, err := roll(t, 200, 20, &fleet{}, time.Hour); err != nil || len(said) != 0 {
		t.Errorf("said %d lines, %v", len(said), err)
	}
}

func TestRestartStopsAtTheFirstFailure(t *testing.T) {
	for name, test := range map[string]struct {
		fleet *fleet
		limit time.Duration
		want  []string
		code  int
	}{
		"refused":  {&fleet{refused: map[string]bool{"web-012": true}}, time.Hour, []string{"denied by a policy", "rollouts go on by themselves", "were not restarted", "run the same command again"}, fail.ExitError},
		"stuck":    {&fleet{stuck: map[string]bool{"web-003": true}}, time.Hour, []string{"restart deployment/web-003 in namespace shop", "progress deadline", "workloads were not restarted"}, fail.ExitError},
		"too slow": {&fleet{slow: map[string]bool{"web-001": true}}, 30 * time.Second, []string{"--timeout", "1 rollouts go on by themselves"}, fail.ExitTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := roll(t, 100, 5, test.fleet, test.limit)
			if err == nil {
				t.Fatal("it did not fail")
			}
			text := err.Error() + "; " + fail.Remedy(err)
			for _, want := range test.want {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in %q", want, text)
				}
			}
			if code := fail.ExitCode(err); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			names := slices.Sorted(slices.Values(test.fleet.started))
			if len(slices.Compact(names)) != len(test.fleet.started) {
				t.Error("something was started twice")
			}
		})
	}
}
