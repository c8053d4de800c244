package act

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// agentPace is how often the cluster is looked at while it follows Azure. The
// reads are small: one DaemonSet, and the injectors' ConfigMaps.
const agentPace = 2 * time.Second

// Settle waits until the cluster has followed a change of the mechanism: the
// node agent is ready on every Linux node, or gone, and every injector gives new
// pods the target's redirect container.
func Settle(ctx context.Context, client *kube.Client, target mesh.Mechanism, s *snapshot.Snapshot, report Reporter) error {
	if target == mesh.CNIChaining {
		if err := waitUntil(ctx, report, func() (bool, string, error) { return agentReady(ctx, client, s) }); err != nil {
			return settleError("wait for the node agent", err)
		}
		if err := agentEverywhere(ctx, client, s, report); err != nil {
			return err
		}
	} else {
		if err := waitUntil(ctx, report, func() (bool, string, error) { return agentGone(ctx, client) }); err != nil {
			return settleError("wait for the node agent to go", err)
		}
		report.Say("The node agent is gone.")
	}
	err := waitUntil(ctx, report, func() (bool, string, error) { return injectorsFollow(ctx, client, target) })
	return settleError("wait for the injectors", err)
}

func settleError(attempt string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return &fail.Error{Attempt: attempt, Cause: fmt.Errorf("it took longer than --timeout (%w)", err), Code: fail.ExitTimeout,
			Remedy: "the mechanism is switched in Azure; see `kubectl istio-cni status`, or run the same command again to go on waiting; with --reconcile Azure puts the node agent right"}
	case errors.Is(err, context.Canceled):
		return &fail.Error{Attempt: attempt, Cause: errors.New("interrupted"), Code: fail.ExitInterrupted,
			Remedy: "the mechanism is switched in Azure; run the same command again to go on"}
	}
	return &fail.Error{Attempt: attempt, Cause: err, Remedy: "the mechanism is switched in Azure; the cluster's own state could not be confirmed"}
}

// waitUntil looks again and again until look is done. look says what it sees.
func waitUntil(ctx context.Context, report Reporter, look func() (done bool, seen string, err error)) error {
	for {
		done, seen, err := look()
		if err != nil {
			return err
		}
		report.Progress(seen)
		if done {
			return nil
		}
		if err := sleep(ctx, agentPace); err != nil {
			return fmt.Errorf("last seen: %s: %w", seen, err)
		}
	}
}

func agentReady(ctx context.Context, client *kube.Client, s *snapshot.Snapshot) (bool, string, error) {
	part := client.Agent(ctx)
	if err := partError(ctx, part); err != nil {
		return false, "", err
	}
	if part.State == snapshot.Absent {
		return false, "node agent: not there yet", nil
	}
	agent := part.Value
	wanted := int(agent.Desired)
	if s.Nodes.Known() {
		wanted = max(wanted, len(s.LinuxNodes()))
	}
	ready := agent.Current && agent.Desired > 0 && agent.Ready >= agent.Desired && agent.Updated >= agent.Desired
	return ready, fmt.Sprintf("node agent: ready on %d of %d nodes", agent.Ready, wanted), nil
}

// agentEverywhere makes sure that no Linux node is without an agent, which the
// DaemonSet's own figures do not tell: it does not count nodes that it may not
// run on.
func agentEverywhere(ctx context.Context, client *kube.Client, s *snapshot.Snapshot, report Reporter) error {
	s.Nodes, s.AgentPods = client.Nodes(ctx), client.AgentPods(ctx)
	ready, wanted, byNode := s.AgentReady()
	switch {
	case !byNode:
		why := s.Nodes.Why()
		if s.Nodes.Known() {
			why = s.AgentPods.Why()
		}
		report.Say("The node agent is ready on all nodes that it is wanted on; whether those are all Linux nodes is not known: " + why + ".")
		return nil
	case ready >= wanted:
		report.Say(fmt.Sprintf("The node agent is ready on %d of %d Linux nodes.", ready, wanted))
		return nil
	}
	return &fail.Error{
		Attempt: "put the node agent on every Linux node", Cause: fmt.Errorf("it is ready on %d of %d", ready, wanted),
		Remedy: "pods of the mesh do not start on the other nodes; see `kubectl istio-cni status`",
	}
}

func agentGone(ctx context.Context, client *kube.Client) (bool, string, error) {
	part := client.Agent(ctx)
	if err := partError(ctx, part); err != nil {
		return false, "", err
	}
	if part.State == snapshot.Absent {
		return true, "node agent: gone", nil
	}
	return false, fmt.Sprintf("node agent: still on %d nodes", part.Value.Desired), nil
}

func injectorsFollow(ctx context.Context, client *kube.Client, target mesh.Mechanism) (bool, string, error) {
	part := client.InjectorMechanisms(ctx)
	if err := partError(ctx, part); err != nil {
		return false, "", err
	}
	if part.State != snapshot.Read {
		return false, "injectors: not readable (" + cmp.Or(part.Reason, string(part.State)) + ")", nil
	}
	var behind []string
	for _, revision := range slices.Sorted(maps.Keys(part.Value)) {
		if part.Value[revision] != target {
			behind = append(behind, revision)
		}
	}
	if len(behind) > 0 {
		return false, "injectors still to follow: " + strings.Join(behind, ", "), nil
	}
	return true, "injectors: " + target.String(), nil
}

// partError is the error of a part that could not be read. A server that does
// not answer for a moment is not an error while something is waited for.
func partError[T any](ctx context.Context, part snapshot.Part[T]) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case part.State == snapshot.Denied:
		return errors.New(part.Why())
	}
	return nil
}
