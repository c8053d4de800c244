package arm

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A fault is what a line asks for: see [CheckFault].
type fault struct {
	spec      string
	operation string
	kind      string
	status    int
	times     int
	after     int
	applied   bool
	delay     time.Duration
	// retryAfter is in seconds, negative for none.
	retryAfter int
	code       string
	shape      string

	// seen counts the requests that it was for, struck those that it hit.
	seen, struck int
}

func (f *fault) String() string { return f.spec }

// kinds of faults besides status=N and delay=D.
const (
	kindReset        = "reset"
	kindExpired      = "expired-token"
	kindForbidden    = "forbidden"
	kindNotAllowed   = "operation-not-allowed"
	kindEtagMismatch = "etag-mismatch"
	kindPrecondition = "precondition-failed"
	kindStatus       = "status"
	kindFailed       = "failed"
	kindCanceled     = "canceled"
	kindNever        = "never"
)

// Operations are the names that a fault can strike.
func Operations() []string {
	return []string{
		opAny, opGetCluster, opPutCluster, opPoll, opOperation, opAbort, opListClusters,
		opGetProvider, opRegisterProvider, opGetFeature, opListFeatures, opRegisterFeature, opUnregisterFeature,
		opGetGroup, opListGroups, opGetSubscription, opListSubscriptions,
		opRevisions, opUpgrades, opCredentials, opGraph, opToken,
	}
}

// CheckFault reports what is wrong with a fault. A fault is one line:
//
//	OPERATION:KIND[:OPTION]...
//
// OPERATION is what it strikes: get-cluster, put-cluster, poll, any, and the
// other names that [Operations] lists. "operation" strikes the long-running
// operation that an accepted PUT starts.
//
// KIND is one of
//
//	status=N             an error with that HTTP status, in Azure's words (400 to 599)
//	reset                the connection is reset in the middle of the answer
//	expired-token        401 ExpiredAuthenticationToken
//	forbidden            403 AuthorizationFailed
//	operation-not-allowed  409 OperationNotAllowed
//	etag-mismatch        409 EtagMismatch
//	precondition-failed  412 PreConditionFailed
//	delay=DURATION       a late answer, such as delay=2s; goes with any other kind
//
// or, for the operation named operation, one of
//
//	failed               it ends Failed
//	canceled             it ends Canceled
//	never                it never ends, unless it is aborted
//
// OPTION is any of
//
//	times=N              how often, times=always until it is removed; once if left out
//	after=N              leave the first N requests alone
//	applied              the request takes effect, only its answer is lost; for an
//	                     operation: the change is carried out before it fails
//	retry-after=SECONDS  a Retry-After header; 429 has one of a second without it
//	code=CODE            another error code than the usual one
//	shape=flat, shape=wrapped  the body of the other speaker, where Azure's is not known
//
// Examples: put-cluster:status=503:times=2, any:status=429:retry-after=1,
// put-cluster:reset:applied, operation:failed.
func CheckFault(line string) error {
	_, err := parseFault(line)
	return err
}

func parseFaults(lines []string) ([]*fault, error) {
	var faults []*fault
	for _, line := range lines {
		f, err := parseFault(line)
		if err != nil {
			return nil, err
		}
		faults = append(faults, f)
	}
	return faults, nil
}

func parseFault(line string) (*fault, error) {
	parts := strings.Split(strings.TrimSpace(line), ":")
	f := &fault{spec: strings.TrimSpace(line), operation: parts[0], times: 1, retryAfter: -1}
	if !slices.Contains(Operations(), f.operation) {
		return nil, fmt.Errorf("fault %q: %q is no operation; there are %s", line, f.operation, strings.Join(Operations(), ", "))
	}
	for _, part := range parts[1:] {
		name, content, _ := strings.Cut(part, "=")
		if err := f.set(name, content); err != nil {
			return nil, fmt.Errorf("fault %q: %s: %w", line, part, err)
		}
	}
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("fault %q: %w", line, err)
	}
	return f, nil
}

func (f *fault) set(name, content string) (err error) {
	switch name {
	case kindStatus:
		f.status, err = numberWithin(content, 400, 599)
		return errors.Join(err, f.setKind(kindStatus))
	case kindReset, kindExpired, kindForbidden, kindNotAllowed, kindEtagMismatch, kindPrecondition, kindFailed, kindCanceled, kindNever:
		return f.setKind(name)
	case "delay":
		f.delay, err = time.ParseDuration(content)
	case "times":
		if content == "always" {
			f.times = -1
			return nil
		}
		f.times, err = numberWithin(content, 1, 1_000_000)
	case "after":
		f.after, err = numberWithin(content, 0, 1_000_000)
	case "applied":
		if content == "" {
			content = "true"
		}
		f.applied, err = strconv.ParseBool(content)
	case "retry-after":
		f.retryAfter, err = numberWithin(content, 0, 3600)
	case "code":
		f.code = content
	case "shape":
		f.shape = content
		if content != "flat" && content != "wrapped" {
			return errors.New("must be flat or wrapped")
		}
	default:
		return errors.New("is neither a kind nor an option")
	}
	return err
}

func (f *fault) setKind(kind string) error {
	if f.kind != "" {
		return fmt.Errorf("the kind is %s already", f.kind)
	}
	f.kind = kind
	return nil
}

func (f *fault) check() error {
	ofOperation := slices.Contains([]string{kindFailed, kindCanceled, kindNever}, f.kind)
	switch {
	case f.kind == "" && f.delay == 0:
		return errors.New("it has no kind")
	case ofOperation != (f.operation == opOperation):
		return fmt.Errorf("failed, canceled and never are the kinds of %s, and it has no others", opOperation)
	}
	return nil
}

func numberWithin(s string, least, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("must be a number from %d to %d", least, most)
	}
	return n, nil
}

// strike counts a request that the fault is for, and reports whether it is hit.
func (f *fault) strike() bool {
	f.seen++
	if f.seen <= f.after || f.times >= 0 && f.struck >= f.times {
		return false
	}
	f.struck++
	return true
}

// takeFault finds the first fault that strikes an operation. Faults behind it
// do not count the request. The caller holds the lock.
func (s *Server) takeFault(operation string) *fault {
	for _, f := range s.faults {
		meant := f.operation == operation || f.operation == opAny && operation != opOperation && operation != opToken
		if meant && f.strike() {
			return f
		}
	}
	return nil
}

func (s *Server) nextFault(operation string) *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.takeFault(operation)
}

// nextOutcome is how the operation that is about to start shall end. The caller
// holds the lock.
func (s *Server) nextOutcome() outcome {
	f := s.takeFault(opOperation)
	if f == nil {
		return outcome{}
	}
	status := map[string]string{kindFailed: "Failed", kindCanceled: "Canceled", kindNever: never}[f.kind]
	return outcome{status: status, code: f.code, applied: f.applied}
}

// A FaultState is a fault that was asked for, and what became of it.
type FaultState struct {
	// Fault is its line.
	Fault string `json:"fault"`
	// Seen counts the requests that it was for, Struck those that it hit.
	Seen   int `json:"seen"`
	Struck int `json:"struck"`
}

// AddFaults adds faults behind those that there are; none if one is wrong.
func (s *Server) AddFaults(lines ...string) error {
	faults, err := parseFaults(lines)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
	return nil
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Faults are the faults that were asked for, spent ones as well.
func (s *Server) Faults() []FaultState {
	s.mu.Lock()
	defer s.mu.Unlock()
	states := []FaultState{}
	for _, f := range s.faults {
		states = append(states, FaultState{f.spec, f.seen, f.struck})
	}
	return states
}
