package azure

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Operation is a long-running operation of Azure. It goes on whether or not
// anybody follows it.
type Operation struct {
	// url is opaque and signed. It is empty if Azure named none; then only the
	// cluster itself tells how the operation goes.
	url string
}

// operation finds the operation in the header of an answer. A URL that does not
// lead to the Resource Manager is not followed: the token would go with it.
func (c *Client) operation(header http.Header) *Operation {
	location := header.Get("Azure-AsyncOperation")
	target, err := url.Parse(location)
	own, ownErr := url.Parse(c.cloud.ResourceManager())
	if err != nil || ownErr != nil || target.Scheme != own.Scheme || target.Host != own.Host {
		return &Operation{}
	}
	return &Operation{location}
}

// Progress is told what Azure says it is doing, whenever that may have changed.
type Progress func(status string)

// Pace of polling. The service names none (it sends no Retry-After). It allows two
// requests a second for the operations of a subscription and one a second for a
// cluster, beside a burst (learn.microsoft.com/azure/aks/quotas-skus-regions), so
// that this much is polite, and the end of an operation is seen within two seconds.
const (
	firstPoll = time.Second
	pollPace  = 1500 * time.Millisecond
	// patience is how long a lost network or a faulty service is put up with
	// before following an operation ends. The operation does not end with it.
	patience = 2 * time.Minute
)

// pace says how long to wait before the nth poll, counted from 0.
func pace(n int) time.Duration {
	return min(firstPoll<<min(n/3, 10), pollPace)
}

// OperationError is an operation that ended other than Succeeded.
type OperationError struct {
	Status  string
	Code    string
	Message string
}

// Error is what Azure said about it.
func (e *OperationError) Error() string {
	text := "the operation ended " + e.Status
	if e.Code != "" {
		text += ": " + e.Code
	}
	if e.Message != "" {
		text += ": " + strings.Join(strings.Fields(e.Message), " ")
	}
	return text
}

type operationStatus struct {
	Status string     `json:"status"`
	Error  *errorBody `json:"error"`
}

// Follow polls an operation until it ends. Statuses that are not known as final
// mean that it goes on.
func (c *Client) Follow(ctx context.Context, id snapshot.Identity, version APIVersion, operation *Operation, progress Progress) error {
	if operation == nil || operation.url == "" {
		return c.FollowCluster(ctx, id, version, progress)
	}
	return c.poll(ctx, progress, func(ctx context.Context) (bool, string, time.Duration, error) {
		resp, err := c.do(ctx, request{method: http.MethodGet, path: operation.url})
		if err != nil {
			return false, "", 0, explain(describe("follow the operation on", id), err)
		}
		var status operationStatus
		if err := decode(resp.body, &status); err != nil {
			return false, "", 0, fail.To(describe("follow the operation on", id), err)
		}
		done, err := status.ended()
		return done, status.Status, retryAfter(resp.header), err
	})
}

func (s operationStatus) ended() (bool, error) {
	switch {
	case strings.EqualFold(s.Status, "Succeeded"):
		return true, nil
	case strings.EqualFold(s.Status, "Failed"), strings.EqualFold(s.Status, "Canceled"):
		failed := &OperationError{Status: s.Status}
		if s.Error != nil {
			failed.Code, failed.Message = s.Error.Code, s.Error.Message
		}
		return true, failed
	}
	return false, nil
}

// FollowCluster waits until no operation runs on a cluster, by the cluster's
// provisioning state alone. It does not fail because an operation did.
func (c *Client) FollowCluster(ctx context.Context, id snapshot.Identity, version APIVersion, progress Progress) error {
	return c.poll(ctx, progress, func(ctx context.Context) (bool, string, time.Duration, error) {
		document, err := c.Cluster(ctx, id, version)
		if err != nil {
			return false, "", 0, err
		}
		cluster := document.Cluster(version)
		return !cluster.InTransition(), cluster.ProvisioningState, 0, nil
	})
}

// poll calls look until it is done. It puts up with faults for a while, counted
// from the last answer; an error other than *OperationError says nothing about
// how the operation goes, and it goes on.
func (c *Client) poll(ctx context.Context, progress Progress, look func(context.Context) (done bool, status string, wait time.Duration, err error)) error {
	lastAnswer := time.Now()
	for n := 0; ; n++ {
		done, status, wait, err := look(ctx)
		var failed *OperationError
		switch {
		case errors.As(err, &failed):
			progress(status)
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && (!isTransient(err) || time.Since(lastAnswer) > patience):
			return err
		case err != nil:
			progress("no good answer (" + Brief(err) + "), trying again")
		default:
			lastAnswer = time.Now()
			progress(status)
		}
		if done {
			return nil
		}
		if err := sleep(ctx, max(wait, pace(n))); err != nil {
			return err
		}
	}
}

// isTransient reports whether the same request may well succeed a little later.
func isTransient(err error) bool {
	if isSignIn(err) {
		return false
	}
	e, ok := serviceError(err)
	return !ok || e.Status >= 500 || e.Status == http.StatusTooManyRequests
}

func rootCause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, time.Minute)
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
