package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/wire"
)

const (
	// mostFailures in a row, without a new pod between them, end the reading.
	mostFailures = 4
	// failurePause grows with every failure in a row.
	failurePause = 250 * time.Millisecond
)

// podList reads a list of pods. It asks for all of it in one answer, or for page
// after page. After a failure it goes on in pages, so that what is read again is
// never more than one of them.
type podList struct {
	client  *Client
	request PodRequest
	visit   func(*corev1.Pod)

	// limit of a page, 0 for none.
	limit int64
	// next is the token of the page to ask for.
	next string
	// version of the first answer. What changed while a later one was read is seen
	// again by a watch from there, and not missed.
	version string
	// seen pods by namespace and name.
	seen map[string]map[string]bool
	// lean is the space for what is kept of a pod, and pod for the pod itself.
	lean []byte
	pod  corev1.Pod
}

func (l *podList) read(ctx context.Context) error {
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
func (l *podList) resumeAfterExpiry(err error) bool {
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

func (l *podList) count() int {
	n := 0
	for _, names := range l.seen {
		n += len(names)
	}
	return n
}

// readPage reads one answer of the server's, and reports whether there are more.
func (l *podList) readPage(ctx context.Context) (more bool, err error) {
	body, err := l.open(ctx)
	if err != nil {
		return false, err
	}
	defer body.Close()
	list, err := wire.NewList(body)
	if err != nil {
		return false, err
	}
	next := ""
	for {
		message, isItem, err := list.Next()
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

func (l *podList) open(ctx context.Context) (io.ReadCloser, error) {
	options := l.request.listOptions()
	options.Limit, options.Continue = l.limit, l.next
	return l.client.CoreV1().RESTClient().Get().
		NamespaceIfScoped(l.request.Namespace, l.request.Namespace != "").Resource("pods").
		VersionedParams(&options, scheme.ParameterCodec).
		SetHeader("Accept", runtime.ContentTypeProtobuf).
		SetHeader("Accept-Encoding", "gzip").
		Stream(ctx)
}

// begin reads an answer's metadata, which stand before its pods.
func (l *podList) begin(message []byte) (next string, err error) {
	var meta metav1.ListMeta
	if err := meta.Unmarshal(message); err != nil {
		return "", fmt.Errorf("the list's metadata: %w", err)
	}
	if l.version == "" {
		l.version = meta.ResourceVersion
	}
	return meta.Continue, nil
}

func (l *podList) see(message []byte) error {
	var err error
	if l.lean, err = l.request.Fields.Append(l.lean[:0], message); err != nil {
		return err
	}
	l.pod = corev1.Pod{}
	pod := &l.pod
	if err := pod.Unmarshal(l.lean); err != nil {
		return fmt.Errorf("a pod in the list: %w", err)
	}
	names := l.seen[pod.Namespace]
	if names == nil {
		names = map[string]bool{}
		l.seen[pod.Namespace] = names
	}
	if !names[pod.Name] {
		names[pod.Name] = true
		l.visit(pod)
	}
	return nil
}
