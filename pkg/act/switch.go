package act

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/azure"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/observe"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/plan"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Reporter is told what goes on.
type Reporter interface {
	// Progress is what is being waited for; it replaces what was said before.
	Progress(text string)
	// Say is something that a person should be able to read afterwards.
	Say(text string)
}

// Switch changes the redirection mechanism of a cluster in Azure.
type Switch struct {
	Observation *observe.Observation
	Target      mesh.Mechanism
	Options     plan.SwitchOptions
	// Wait follows the operation to its end.
	Wait bool
	// Confirm is asked once, before the first write.
	Confirm func(plan.Switch) error
	Report  Reporter

	confirmed, registering, written bool
	// uncertain is set while nobody knows whether Azure accepted the change.
	uncertain bool
}

// maxDecisions bounds how often a switch is decided anew because the cluster
// changed in the meantime.
const maxDecisions = 10

// Run brings the cluster's mechanism to the target. It decides anew whenever the
// cluster is not as it was when it was read, and never writes over another
// change. written tells whether it changed anything.
func (s *Switch) Run(ctx context.Context) (written bool, err error) {
	for range maxDecisions {
		next := plan.SwitchTo(s.Target, s.Observation.Snapshot, s.Options)
		if err := Blocked(s.attempt(), next.Notices); err != nil {
			return s.written, err
		}
		done, err := s.step(ctx, next)
		if err != nil || done {
			return s.written, s.interrupted(err)
		}
	}
	return s.written, &fail.Error{
		Attempt: s.attempt(), Cause: fmt.Errorf("the cluster kept changing; gave up after %d tries", maxDecisions),
		Remedy: "see what else changes the cluster, then run the same command again",
	}
}

// Blocked is the error for what forbids a change, nil if nothing does.
func Blocked(attempt string, notices plan.Notices) error {
	blocking := notices.Blocking()
	switch len(blocking) {
	case 0:
		return nil
	case 1:
		return &fail.Error{Attempt: attempt, Cause: errors.New(blocking[0].Text), Remedy: blocking[0].Remedy}
	}
	var causes []error
	for _, notice := range blocking {
		text := notice.Text
		if notice.Remedy != "" {
			text += "; " + notice.Remedy
		}
		causes = append(causes, errors.New(text))
	}
	return &fail.Error{Attempt: attempt, Cause: errors.Join(causes...), Remedy: "nothing was written"}
}

func (s *Switch) step(ctx context.Context, next plan.Switch) (done bool, err error) {
	switch next.Step {
	case plan.StepNothing:
		return true, nil
	case plan.StepWait:
		return s.wait(ctx, next)
	case plan.StepRegister:
		return false, s.register(ctx, next)
	default:
		return s.write(ctx, next)
	}
}

// wait lets the operation that runs on the cluster end. It may be this switch,
// begun by an earlier run of the program.
func (s *Switch) wait(ctx context.Context, next plan.Switch) (done bool, err error) {
	cluster, a := s.Observation.Cluster.Value, s.Observation.Azure
	if cluster.Mechanism == s.Target {
		s.Report.Say(fmt.Sprintf("The change to %s is already under way.", s.Target))
		if !s.Wait {
			return true, nil
		}
		if err := a.Client.FollowCluster(ctx, a.Identity, a.Version, s.status); err != nil {
			return false, s.unfollowed(err)
		}
		return false, s.refresh(ctx)
	}
	if err := s.confirm(next); err != nil {
		return false, err
	}
	other := fmt.Errorf("another operation is running on the cluster (%s)", cluster.ProvisioningState)
	if !s.Wait {
		return false, &fail.Error{
			Attempt: s.attempt(), Cause: other, Remedy: "run again when it has ended, or without --wait=false to wait for it",
		}
	}
	s.Report.Say(fmt.Sprintf("Another operation is running on the cluster (%s); waiting for it to end.", cluster.ProvisioningState))
	if err := a.Client.FollowCluster(ctx, a.Identity, a.Version, s.status); err != nil {
		return false, err
	}
	return false, s.refresh(ctx)
}

func (s *Switch) status(text string) { s.Report.Progress("Azure: " + text) }

func (s *Switch) register(ctx context.Context, next plan.Switch) error {
	if err := s.confirm(next); err != nil {
		return err
	}
	a := s.Observation.Azure
	s.Report.Say("Registering the preview feature " + azure.FeatureName + "; this takes minutes.")
	s.registering = true
	if err := a.Client.SetFeature(ctx, a.Identity.SubscriptionID, true, s.status); err != nil {
		return err
	}
	s.registering = false
	s.Observation.Feature = snapshot.Found(azure.FeatureRegistered)
	return nil
}

func (s *Switch) confirm(next plan.Switch) error {
	if s.confirmed {
		return nil
	}
	s.confirmed = true
	return s.Confirm(next)
}

// write sends the change, and follows it.
func (s *Switch) write(ctx context.Context, next plan.Switch) (done bool, err error) {
	if err := s.confirm(next); err != nil {
		return false, err
	}
	a := s.Observation.Azure
	change, err := a.Document.WithMechanism(s.Target)
	if err != nil {
		return false, fail.To(s.attempt(), err)
	}
	s.Report.Progress("Azure: sending the change")
	s.uncertain = true
	operation, err := a.Client.PutCluster(ctx, a.Identity, a.Version, a.Document, change)
	var conflict *azure.ConflictError
	var uncertain *azure.UncertainError
	s.uncertain = errors.As(err, &uncertain)
	switch {
	case errors.As(err, &conflict):
		s.Report.Say("Azure refused the change, because the cluster is not as it was when it was read (" + azure.Brief(conflict) + "); nothing was written.")
		return false, s.afterConflict(ctx, conflict)
	case errors.As(err, &uncertain):
		s.Report.Say("It is not known whether Azure accepted the change (" + azure.Brief(uncertain) + "); reading the cluster again to find out.")
		return false, s.afterUncertainty(ctx, uncertain)
	case err != nil:
		return false, err
	}
	s.written = true
	if !s.Wait {
		return true, nil
	}
	if err := a.Client.Follow(ctx, a.Identity, a.Version, operation, s.status); err != nil {
		return false, s.unfollowed(err)
	}
	return true, s.verify(ctx)
}

// pause before the cluster is read again after a conflict. The operation that
// caused it may not show yet in the cluster's provisioning state.
const pause = 3 * time.Second

func (s *Switch) afterConflict(ctx context.Context, conflict *azure.ConflictError) error {
	if !s.Wait {
		return &fail.Error{Cause: conflict.Cause, Remedy: "nothing was written; run the same command again"}
	}
	if err := sleep(ctx, pause); err != nil {
		return err
	}
	return s.refresh(ctx)
}

// afterUncertainty reads what became of a write. A reconciling write leaves no
// mark, so it is not repeated.
func (s *Switch) afterUncertainty(ctx context.Context, uncertain *azure.UncertainError) error {
	if err := sleep(ctx, pause); err != nil {
		return err
	}
	if err := s.refresh(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &fail.Error{Attempt: s.attempt(), Cause: errors.Join(uncertain.Cause, err), Remedy: findOut}
	}
	s.uncertain = false
	if s.Observation.Cluster.Value.Mechanism == s.Target {
		s.written = true
		s.Options.Reconcile = false
		s.Report.Say("The change was accepted.")
	}
	return nil
}

// refresh reads the cluster again.
func (s *Switch) refresh(ctx context.Context) error {
	cluster, err := s.Observation.Azure.Refresh(ctx)
	if err != nil {
		return err
	}
	s.Observation.Cluster = snapshot.Found(cluster)
	return nil
}

// verify makes sure that Azure says what was asked for.
func (s *Switch) verify(ctx context.Context) error {
	if err := s.refresh(ctx); err != nil {
		return err
	}
	if got := s.Observation.Cluster.Value.Mechanism; got != s.Target {
		return &fail.Error{
			Attempt: s.attempt(), Cause: fmt.Errorf("the operation succeeded, but Azure reports the mechanism %s", got),
			Remedy: "something else may have changed it; see `kubectl istio-cni status`",
		}
	}
	if state := s.Observation.Cluster.Value.ProvisioningState; state == "Failed" || state == "Canceled" {
		return s.unfollowed(&azure.OperationError{Status: state})
	}
	return nil
}

// unfollowed explains why following an operation ended before it did.
func (s *Switch) unfollowed(err error) error {
	attempt := "follow the change to the end"
	var failed *azure.OperationError
	switch {
	case errors.As(err, &failed):
		return &fail.Error{Attempt: s.attempt(), Cause: err, Remedy: "see `kubectl istio-cni status`, then run the same command again"}
	case errors.Is(err, context.DeadlineExceeded):
		return &fail.Error{Attempt: attempt, Cause: errors.New("it took longer than --timeout"), Code: fail.ExitTimeout, Remedy: goesOn}
	case errors.Is(err, context.Canceled):
		return &fail.Error{Attempt: attempt, Cause: errors.New("interrupted"), Code: fail.ExitInterrupted, Remedy: goesOn}
	}
	remedy := goesOn
	if first := fail.Remedy(err); first != "" {
		remedy = first + "; " + goesOn
	}
	return &fail.Error{Cause: err, Remedy: remedy}
}

const findOut = "it is not known whether Azure accepted the change; run the same command again, it finds out"

const goesOn = "the operation goes on in Azure; run the same command again to go on from there"

// interrupted says what an interruption, or running out of time, leaves behind
// where nothing was being followed.
func (s *Switch) interrupted(err error) error {
	var failure *fail.Error
	explained := errors.As(err, &failure) && failure.Code != 0
	if explained || !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	failure = &fail.Error{Attempt: s.attempt(), Cause: errors.New("interrupted"), Remedy: "nothing was written", Code: fail.ExitInterrupted}
	if errors.Is(err, context.DeadlineExceeded) {
		failure.Cause, failure.Code = errors.New("it took longer than --timeout"), fail.ExitTimeout
	}
	switch {
	case s.uncertain:
		failure.Remedy = findOut
	case s.written:
		failure.Remedy = goesOn
	case s.registering:
		failure.Remedy = "the registration goes on in Azure; run the same command again to go on from there"
	}
	return failure
}

func (s *Switch) attempt() string {
	return fmt.Sprintf("switch cluster %s to %s", s.Observation.Identity.Value.Name, s.Target)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
