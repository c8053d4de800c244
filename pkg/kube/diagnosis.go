package kube

import (
	"context"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

// Istiods reads the control planes in the add-on's namespace.
func (c *Client) Istiods(ctx context.Context) snapshot.Part[[]snapshot.Istiod] {
	list, err := c.AppsV1().Deployments(mesh.SystemNamespace).List(ctx, metav1.ListOptions{LabelSelector: "app=istiod"})
	if err != nil {
		return Part[[]snapshot.Istiod](nil, err, Permission{"list", "deployments.apps", mesh.SystemNamespace})
	}
	istiods := make([]snapshot.Istiod, 0, len(list.Items))
	for i := range list.Items {
		istiods = append(istiods, istiodFrom(&list.Items[i]))
	}
	return snapshot.Found(istiods)
}

func istiodFrom(d *appsv1.Deployment) snapshot.Istiod {
	istiod := snapshot.Istiod{
		Name: d.Name, Revision: d.Labels[mesh.RevisionLabel], Wanted: replicas(d.Spec.Replicas), Ready: d.Status.ReadyReplicas,
	}
	for _, container := range d.Spec.Template.Spec.Containers {
		for _, variable := range container.Env {
			if variable.Name == "ENABLE_NATIVE_SIDECARS" {
				istiod.NativeSidecars = variable.Value
			}
		}
	}
	return istiod
}

// Endpoints counts the ready endpoints of each Service in the add-on's namespace.
func (c *Client) Endpoints(ctx context.Context) snapshot.Part[map[string]int] {
	list, err := c.DiscoveryV1().EndpointSlices(mesh.SystemNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return Part[map[string]int](nil, err, Permission{"list", "endpointslices.discovery.k8s.io", mesh.SystemNamespace})
	}
	ready := map[string]int{}
	for i := range list.Items {
		service := list.Items[i].Labels[discoveryv1.LabelServiceName]
		// A Service without a ready endpoint is in the map as well.
		ready[service] += 0
		for _, endpoint := range list.Items[i].Endpoints {
			// A condition that is not set counts as true (discovery.k8s.io/v1).
			if endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready {
				ready[service]++
			}
		}
	}
	return snapshot.Found(ready)
}

// eventReasons are the reasons of the events that are read: by those alone the
// server can leave out the many that say nothing of redirection.
func eventReasons() []string {
	return []string{"FailedCreatePodSandBox", "FailedKillPod", "FailedCreate"}
}

// eventWords tell that an event concerns redirection or injection. Events of the
// add-on's own namespace all do.
func eventWords() []string {
	return []string{
		"istio", "cni", "iptables", "nft", "xtables", "webhook", "PodSecurity", "capabilities", "admission", "annotation value error",
	}
}

const (
	// mostEvents are kept of each reason, the latest.
	mostEvents = 500
	// mostEventPages are read of each reason.
	mostEventPages = 20
	// messageBytes of an event are kept.
	messageBytes = 1024
)

// Events reads the events in a namespace, or in all for "", that tell why pods
// are not created, not started or not stopped.
func (c *Client) Events(ctx context.Context, namespace string) snapshot.Part[[]snapshot.Event] {
	var all []snapshot.Event
	for _, reason := range eventReasons() {
		events, err := c.eventsFor(ctx, namespace, reason)
		if err != nil {
			return Part(all, err, Permission{"list", "events", namespace})
		}
		all = append(all, events...)
	}
	return snapshot.Found(all)
}

func (c *Client) eventsFor(ctx context.Context, namespace, reason string) ([]snapshot.Event, error) {
	var events []snapshot.Event
	options := metav1.ListOptions{Limit: PageSize, FieldSelector: "reason=" + reason}
	for range mostEventPages {
		page, err := c.CoreV1().Events(namespace).List(ctx, options)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			if concernsMesh(&page.Items[i]) {
				events = append(events, eventFrom(&page.Items[i]))
			}
		}
		if options.Continue = page.Continue; options.Continue == "" {
			break
		}
	}
	slices.SortStableFunc(events, func(a, b snapshot.Event) int { return b.Last.Compare(a.Last) })
	return events[:min(len(events), mostEvents)], nil
}

func concernsMesh(e *corev1.Event) bool {
	return e.InvolvedObject.Namespace == mesh.SystemNamespace ||
		slices.ContainsFunc(eventWords(), func(word string) bool { return strings.Contains(e.Message, word) })
}

func eventFrom(e *corev1.Event) snapshot.Event {
	event := snapshot.Event{
		Namespace: e.InvolvedObject.Namespace, Kind: e.InvolvedObject.Kind, Name: e.InvolvedObject.Name,
		Reason: e.Reason, Message: bounded(e.Message), Count: max(e.Count, 1), Last: e.LastTimestamp.Time,
	}
	if e.Series != nil {
		event.Count, event.Last = e.Series.Count, e.Series.LastObservedTime.Time
	}
	if event.Last.IsZero() {
		event.Last = e.EventTime.Time
	}
	return event
}

// bounded keeps a message short and free of what looks like a token.
func bounded(message string) string {
	message = withoutTokens(message)
	if len(message) <= messageBytes {
		return message
	}
	cut := messageBytes
	for cut > 0 && !utf8.RuneStart(message[cut]) {
		cut--
	}
	return message[:cut] + "…"
}

// withoutTokens takes out JSON web tokens and bearer tokens.
func withoutTokens(text string) string {
	text = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?`).ReplaceAllString(text, "(token)")
	return regexp.MustCompile(`(?i)(bearer\s+)[A-Za-z0-9._~+/=-]{8,}`).ReplaceAllString(text, "${1}(token)")
}

const (
	logLines = 200
	logBytes = 32 << 10
)

// Log reads the end of a container's log.
func (c *Client) Log(ctx context.Context, request snapshot.LogRequest) snapshot.Part[string] {
	lines, bytes := int64(logLines), int64(logBytes)
	stream, err := c.CoreV1().Pods(request.Namespace).GetLogs(request.Pod, &corev1.PodLogOptions{
		Container: request.Container, Previous: request.Previous, TailLines: &lines, LimitBytes: &bytes,
	}).Stream(ctx)
	needs := Permission{"get", "pods/log", request.Namespace}
	if err != nil {
		return Part("", err, needs)
	}
	defer stream.Close()
	text, err := io.ReadAll(io.LimitReader(stream, logBytes))
	return Part(withoutTokens(strings.ToValidUTF8(string(text), "\ufffd")), err, needs)
}
