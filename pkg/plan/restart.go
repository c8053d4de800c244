package plan

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Restart is a plan to restart workloads.
type Restart struct {
	Items   []RestartItem
	Skipped []Skipped
	// Fresh is the number of the mesh's workloads that a restart would not change.
	Fresh int
}

// RestartItem is a workload to restart.
type RestartItem struct {
	Workload mesh.Workload
	// Pods of the workload, and how many of them are stale.
	Pods, Stale int
	// Reason is why the first stale pod is stale.
	Reason string
	// Hurts says what the restart may interrupt.
	Hurts []string
}

// Skipped is a workload that is left alone although its pods are stale or may be.
type Skipped struct {
	Workload mesh.Workload
	Reason   string
}

// RestartOptions are a person's wishes about a restart.
type RestartOptions struct {
	// Only these workloads; empty for all that were observed.
	Only []mesh.Workload
	// All restarts the mesh's workloads whether or not they are stale.
	All bool
}

// podsOf is what the pods of one workload amount to.
type podsOf struct {
	total, stale, unknown, inMesh int
	reason                        string
}

// RestartStale plans the restart of stale workloads.
func RestartStale(s *snapshot.Snapshot, options RestartOptions) (*Restart, error) {
	verdicts, err := s.Verdicts()
	if err != nil {
		return nil, err
	}
	byWorkload := map[mesh.Workload]*podsOf{}
	for i, pod := range s.Pods.Value {
		if pod.Terminating || mesh.IsSystemNamespace(pod.Namespace) {
			continue
		}
		if byWorkload[pod.Workload] == nil {
			byWorkload[pod.Workload] = &podsOf{}
		}
		byWorkload[pod.Workload].add(verdicts[i])
	}
	specs := map[mesh.Workload]snapshot.Workload{}
	for _, w := range s.Workloads.Value {
		specs[w.Workload] = w
	}
	if err := checkNamed(options.Only, byWorkload, specs, s.Workloads); err != nil {
		return nil, err
	}
	plan := &Restart{}
	for _, workload := range slices.SortedFunc(maps.Keys(byWorkload), mesh.Workload.Compare) {
		if len(options.Only) == 0 || slices.Contains(options.Only, workload) {
			plan.add(workload, *byWorkload[workload], specs, s, options.All)
		}
	}
	return plan, nil
}

func (p *podsOf) add(verdict mesh.Verdict) {
	p.total++
	if verdict.State != mesh.Outside && verdict.State != mesh.Exempt {
		p.inMesh++
	}
	switch verdict.Stale {
	case mesh.Stale:
		p.stale++
	case mesh.StalenessUnset:
		p.unknown++
	default:
		return
	}
	if p.reason == "" || verdict.Stale == mesh.Stale && p.stale == 1 {
		p.reason = verdict.Reason
	}
}

func checkNamed(named []mesh.Workload, byWorkload map[mesh.Workload]*podsOf, specs map[mesh.Workload]snapshot.Workload, read snapshot.Part[[]snapshot.Workload]) error {
	for _, workload := range named {
		_, hasPods := byWorkload[workload]
		_, exists := specs[workload]
		if hasPods || exists {
			continue
		}
		attempt := fmt.Sprintf("restart %s in namespace %s", workload, workload.Namespace)
		if !read.Known() {
			return fail.To(attempt, fmt.Errorf("it has no pods, and workloads are not known: %s", read.Why()))
		}
		return &fail.Error{
			Attempt: attempt,
			Cause:   errors.New("there is no such workload"),
			Remedy:  "see `kubectl get deployments,statefulsets,daemonsets -n " + workload.Namespace + "`",
		}
	}
	return nil
}

func (r *Restart) add(workload mesh.Workload, pods podsOf, specs map[mesh.Workload]snapshot.Workload, s *snapshot.Snapshot, all bool) {
	wanted := pods.stale > 0 || all && pods.inMesh > 0
	switch {
	case !wanted && pods.unknown > 0:
		r.skip(workload, "whether it is stale is unknown: "+pods.reason)
		return
	case !wanted && pods.inMesh > 0:
		r.Fresh++
		return
	case !wanted:
		return
	}
	spec, known := specs[workload]
	if reason := obstacle(workload, spec, known, s.Workloads); reason != "" {
		r.skip(workload, reason)
		return
	}
	r.Items = append(r.Items, RestartItem{
		Workload: workload, Pods: pods.total, Stale: pods.stale, Reason: pods.reason, Hurts: hurts(spec, s.Budgets),
	})
}

func (r *Restart) skip(workload mesh.Workload, reason string) {
	r.Skipped = append(r.Skipped, Skipped{workload, reason})
}

// obstacle says why a workload cannot be restarted, or why that would not help.
func obstacle(workload mesh.Workload, spec snapshot.Workload, known bool, read snapshot.Part[[]snapshot.Workload]) string {
	switch {
	case workload.Kind == "Pod":
		return "a pod without an owner is not made again; delete it and create it anew"
	case workload.Kind == "Job":
		return "a Job's pods are not replaced; let it end, or delete the Job and create it anew"
	case !workload.Restartable():
		return "restart a " + workload.Kind + " by its own means"
	case !known && !read.Known():
		return "its specification is not known: " + read.Why()
	case !known:
		return "it no longer exists; its pods are left over"
	case spec.Paused:
		return "it is paused; resume it with `kubectl rollout resume`, which rolls out a restart too"
	case spec.OnDelete:
		return "its update strategy is OnDelete; delete its pods one by one"
	case spec.Partition > 0:
		return fmt.Sprintf("its update partition is %d, so pods below that ordinal would stay as they are", spec.Partition)
	case spec.TemplateRedirect != "":
		return "its own pod template carries " + spec.TemplateRedirect + "; deploy the manifest from before `istioctl kube-inject`"
	}
	return ""
}

// Hurts says what restarting one workload may interrupt.
func Hurts(s *snapshot.Snapshot, workload mesh.Workload) []string {
	for _, spec := range s.Workloads.Value {
		if spec.Workload == workload {
			return hurts(spec, s.Budgets)
		}
	}
	return []string{"its specification is not known"}
}

// hurts says what a rolling restart of a workload may interrupt.
func hurts(spec snapshot.Workload, budgets snapshot.Part[[]snapshot.Budget]) []string {
	var hurts []string
	switch {
	case spec.Recreate:
		hurts = append(hurts, "all its pods stop before new ones start (Recreate)")
	case spec.Replicas == 1 && spec.Kind == "StatefulSet":
		hurts = append(hurts, "its one replica stops before the new one starts")
	case spec.Replicas == 1 && spec.Kind == "Deployment":
		hurts = append(hurts, "one replica")
	}
	if !budgets.Known() && budgets.State != snapshot.NotAsked {
		hurts = append(hurts, "PodDisruptionBudgets are not known")
	}
	for _, budget := range budgets.Value {
		if budget.DisruptionsAllowed == 0 && covers(budget, spec) {
			hurts = append(hurts, "PodDisruptionBudget "+budget.Name+" has no room")
		}
	}
	return hurts
}

func covers(budget snapshot.Budget, spec snapshot.Workload) bool {
	selector, err := metav1.LabelSelectorAsSelector(budget.Selector)
	return err == nil && budget.Namespace == spec.Namespace && selector.Matches(labels.Set(spec.PodLabels))
}
