package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/wire"
)

const (
	// mostFailures in a row, without a new object between them, end the reading.
	mostFailures = 4
	// failurePause grows with every failure in a row.
	failurePause = 250 * time.Millisecond
)

// listRequest says which list to read, and what of its objects.
type listRequest struct {
	// API is the client of the resource's group and version.
	API rest.Interface
	// Encoding that is asked for, gzip or identity.
	Encoding string
	Resource string
	Scope    Scope
	// Fields of an object that are looked at; nil for all.
	Fields wire.Fields
	// Whole asks for the whole list in one answer.
	Whole bool
}

// list reads a list, in one answer or page after page. After a failure it goes on
// in pages, so that what is read again is never more than one of them.
type list struct {
	listRequest

	// visit is given each object, as protobuf.
	visit func(object []byte) error
	// limit of a page, 0 for none.
	limit int64
	// next is the token of the page to ask for.
	next string
	// version of the first answer. What changed while a later one was read is seen
	// again by a watch from there, and not missed.
	version string
	// seen objects by namespace and name.
	seen map[string]map[string]bool
	// lean is the space for what is kept of an object.
	lean []byte
}

// each gives every object of a list to visit, as protobuf that must not be kept,
// and returns the resource version that a watch can go on from. If the connection
// dies or the server drops the list's state in the middle, reading goes on, at a
// later state of the cluster, and no object is lost or seen twice.
func each(ctx context.Context, request listRequest, visit func(object []byte) error) (resourceVersion string, err error) {
	l := &list{listRequest: request, visit: visit, seen: map[string]map[string]bool{}}
	if !request.Whole {
		l.limit = PageSize
	}
	err = l.read(ctx)
	return l.version, err
}

// message is a type of the Kubernetes API.
type message[T any] interface {
	*T
	Unmarshal(text []byte) error
}

// eachObject is [each] for objects that are decoded. The object must not be kept,
// but its strings may be.
func eachObject[T any, M message[T]](ctx context.Context, request listRequest, visit func(*T)) (resourceVersion string, err error) {
	var space T
	return each(ctx, request, func(text []byte) error {
		var empty T
		space = empty
		if err := M(&space).Unmarshal(text); err != nil {
			return fmt.Errorf("one of the %s in the list: %w", request.Resource, err)
		}
		visit(&space)
		return nil
	})
}

func (l *list) read(ctx context.Context) error {
	failures := 0
	for {
		before := l.count()
		more, err := l.readPage(ctx)
		switch {
		case err == nil && !more:
			return nil
		case err == nil:
			failures = 0
			continue
		case l.resumeAfterExpiry(err):
			continue
		case l.version == "" || ctx.Err() != nil || !isInterruption(err):
			return err
		}
		if failures++; l.count() > before {
			failures = 1
		}
		if failures > mostFailures {
			return fmt.Errorf("the connection broke %d times in a row, the last time: %w", failures, err)
		}
		l.limit = PageSize
		if err := sleep(ctx, time.Duration(failures)*failurePause); err != nil {
			return err
		}
	}
}

// isInterruption reports whether an error says that an answer was cut off, or
// that the server was not there to give one, and not that it refused.
func isInterruption(err error) bool {
	var status apierrors.APIStatus
	return !errors.As(err, &status) || apierrors.IsInternalError(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsTooManyRequests(err)
}

// resumeAfterExpiry takes the token that the server offers in place of one that
// expired.
func (l *list) resumeAfterExpiry(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsResourceExpired(err) || !errors.As(err, &status) {
		return false
	}
	next := status.Status().Continue
	if next == "" || next == l.next {
		return false
	}
	l.next = next
	return true
}

func sleep(ctx context.Context, pause time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pause):
		return nil
	}
}

func (l *list) count() int {
	n := 0
	for _, names := range l.seen {
		n += len(names)
	}
	return n
}

// readPage reads one answer of the server's, and reports whether there are more.
func (l *list) readPage(ctx context.Context) (more bool, err error) {
	body, err := l.open(ctx)
	if err != nil {
		return false, err
	}
	defer body.Close()
	answer, err := wire.NewList(body)
	if err != nil {
		return false, err
	}
	next := ""
	for {
		message, isItem, err := answer.Next()
		switch {
		case errors.Is(err, io.EOF):
			l.next = next
			return next != "", nil
		case err != nil:
			return false, err
		case isItem:
			err = l.see(message)
		default:
			next, err = l.begin(message)
		}
		if err != nil {
			return false, err
		}
	}
}

func (l *list) open(ctx context.Context) (io.ReadCloser, error) {
	options := l.Scope.listOptions()
	options.Limit, options.Continue = l.limit, l.next
	return l.API.Get().
		NamespaceIfScoped(l.Scope.Namespace, l.Scope.Namespace != "").Resource(l.Resource).
		VersionedParams(&options, scheme.ParameterCodec).
		SetHeader("Accept", runtime.ContentTypeProtobuf).
		SetHeader("Accept-Encoding", l.Encoding).
		Stream(ctx)
}

// begin reads an answer's metadata, which stand before its objects.
func (l *list) begin(message []byte) (next string, err error) {
	var meta metav1.ListMeta
	if err := meta.Unmarshal(message); err != nil {
		return "", fmt.Errorf("the list's metadata: %w", err)
	}
	if l.version == "" {
		l.version = meta.ResourceVersion
	}
	return meta.Continue, nil
}

func (l *list) see(object []byte) error {
	namespace, name, err := wire.Name(object)
	if err != nil {
		return err
	}
	names := l.seen[namespace]
	if names == nil {
		names = map[string]bool{}
		l.seen[namespace] = names
	}
	if names[name] {
		return nil
	}
	names[name] = true
	if l.lean, err = l.Fields.Append(l.lean[:0], object); err != nil {
		return err
	}
	return l.visit(l.lean)
}
