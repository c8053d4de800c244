package arm

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// maxOperations bounds how many operations are remembered.
const maxOperations = 256

// An operation is a long-running operation on a cluster.
type operation struct {
	id      string
	cluster *cluster
	started time.Time
	ended   time.Time
	status  string
	// failure is the error that the operation ended with.
	failure *serviceError
	outcome outcome
	// cancel aborts the operation.
	cancel context.CancelFunc
	// aborts is the operation that this one aborts, nil for an update.
	aborts *operation
}

// An outcome says how an operation shall end. The zero outcome is success.
type outcome struct {
	// status is Failed, Canceled, or never.
	status, code string
	// applied: the change takes effect all the same.
	applied bool
}

// never is the status of an outcome that does not come.
const never = "never"

// start begins an update's operation. The caller holds the lock.
func (w *world) start(c *cluster, result outcome) *operation {
	op := w.add(&operation{cluster: c, outcome: result})
	c.running = op
	var ctx context.Context
	ctx, op.cancel = context.WithCancel(context.Background())
	if !w.stopped {
		w.running.Go(func() { op.run(ctx, w) })
	}
	return op
}

func (w *world) add(op *operation) *operation {
	op.id, op.started, op.status = newGUID(), time.Now(), "InProgress"
	w.operations[op.id] = op
	w.recent = append(w.recent, op.id)
	if len(w.recent) > maxOperations {
		delete(w.operations, w.recent[0])
		w.recent = w.recent[1:]
	}
	return op
}

// current is the status as a poll shows it. That of an abort follows from the
// operation it aborts.
func (o *operation) current() (status string, ended time.Time) {
	if o.aborts == nil {
		return o.status, o.ended
	}
	if !o.aborts.ended.IsZero() {
		return "Succeeded", o.aborts.ended
	}
	return "InProgress", time.Time{}
}

// run takes the operation through the statuses that were recorded: InProgress,
// ProvisioningControlPlane, ReconcilingAddons and the final one.
func (o *operation) run(ctx context.Context, w *world) {
	defer o.cancel()
	failure := o.steps(ctx, w)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped {
		return
	}
	switch {
	case ctx.Err() != nil:
		o.end("Canceled", providerError(409, "OperationPreempted", "The operation was aborted by a request to abort the latest operation."))
	case failure != nil:
		o.end("Failed", failure)
	case o.outcome.status != "":
		o.end(o.outcome.status, o.outcome.failure())
	default:
		o.end("Succeeded", nil)
	}
}

func (o *operation) steps(ctx context.Context, w *world) *serviceError {
	lasts := w.cfg.Timing.Operation
	if !sleep(ctx, lasts/5) {
		return nil
	}
	o.report(w, "ProvisioningControlPlane")
	if !sleep(ctx, lasts*2/5) {
		return nil
	}
	o.report(w, "ReconcilingAddons")
	if o.outcome.status == "" || o.outcome.applied {
		if err := o.reconcile(ctx, w); err != nil {
			return providerError(500, "ReconcileAddonsFailed", "Reconcile addons failed. Details: %v", err)
		}
	}
	if o.outcome.status == never {
		<-ctx.Done()
	}
	sleep(ctx, lasts*2/5)
	return nil
}

func (o *operation) report(w *world, status string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o.status = status
}

// reconcile makes the real cluster follow the document, if it does not yet.
func (o *operation) reconcile(ctx context.Context, w *world) error {
	w.mu.Lock()
	mechanism, applied := mechanismOf(o.cluster.document), o.cluster.applied
	w.mu.Unlock()
	if mechanism == applied {
		return nil
	}
	if mechanism != "" && o.cluster.Reconcile != nil {
		if err := o.cluster.Reconcile(ctx, mechanism); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	o.cluster.applied = mechanism
	return nil
}

// end brings the operation to a final status, and its cluster to the state that
// goes with it. A cluster keeps what it was asked to become when that failed,
// with its old eTag (unverified).
func (o *operation) end(status string, failure *serviceError) {
	o.status, o.failure, o.ended = status, failure, time.Now()
	o.cluster.running = nil
	if status == "Succeeded" {
		o.cluster.succeed()
		return
	}
	o.cluster.setState(status)
}

func (o outcome) failure() *serviceError {
	code, message := "InternalOperationError", "Internal server error"
	if o.status == "Canceled" {
		code, message = "OperationPreempted", "This operation has been preempted by a later operation."
	}
	if o.code != "" {
		code = o.code
	}
	return providerError(500, code, "%s", message)
}

// sleep reports whether the time passed, rather than the context ending.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// timestamp spells a time as the resource provider does, to 100 nanoseconds.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.9999999Z") }

// poll answers the URL in Azure-AsyncOperation. An operation that failed is not
// a failed request.
func (s *Server) poll(c *call) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	op, err := s.operation(c)
	if err != nil {
		return reply{}, err
	}
	status, ended := op.current()
	body := newObject(
		newMember("name", newText(op.id)),
		newMember("status", newText(status)),
		newMember("startTime", newText(timestamp(op.started))))
	if !ended.IsZero() {
		body.set(newText(timestamp(ended)), "endTime")
	}
	if op.failure != nil {
		body.set(newObject(
			newMember("code", newText(op.failure.code)),
			newMember("message", newText(op.failure.message))), "error")
	}
	return ok(body)
}

// operationResult answers the URL in Location: 202 while the operation runs.
func (s *Server) operationResult(c *call) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	op, err := s.operation(c)
	if err != nil {
		return reply{}, err
	}
	if _, ended := op.current(); !ended.IsZero() {
		return reply{status: http.StatusNoContent}, nil
	}
	header := http.Header{"Location": {s.operationURL(c.r, op, "operationresults")}}
	return reply{status: http.StatusAccepted, header: header}, nil
}

// operation finds the operation of a signed URL.
func (s *Server) operation(c *call) (*operation, error) {
	if err := s.world.checkSubscription(c.params["subscription"]); err != nil {
		return nil, err
	}
	if !s.isSigned(c.r.URL) {
		return nil, gatewayError(403, "InvalidAsyncOperationSignature", "The signature of the asynchronous operation's URL is not valid.")
	}
	op := s.world.operations[strings.ToLower(c.params["id"])]
	if op == nil {
		return nil, providerError(404, "NotFound", "The operation '%s' could not be found.", c.params["id"])
	}
	return op, nil
}

// abort ends the latest operation, which ends Canceled.
func (s *Server) abort(c *call) (reply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.world.cluster(c)
	if err != nil {
		return reply{}, err
	}
	if found.running == nil {
		// Azure documents a 409 for an operation that ended before it could be aborted;
		// its body is unverified.
		return reply{}, providerError(409, "OperationNotAllowed", "There is no operation in progress on the managed cluster that could be aborted.")
	}
	aborting := s.world.add(&operation{cluster: found, aborts: found.running})
	found.setState("Canceling")
	found.running.cancel()
	header := http.Header{}
	header.Set("Azure-Asyncoperation", s.operationURL(c.r, aborting, "operations"))
	header.Set("Location", s.operationURL(c.r, aborting, "operationresults"))
	return reply{status: http.StatusAccepted, header: header}, nil
}
