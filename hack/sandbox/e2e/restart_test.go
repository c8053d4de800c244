package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
)

const (
	manyDeployments = 40
	atOnce          = 8
)

// However many Deployments are restarted: one list of each kind to plan by, one list
// and one watch of Deployments to follow them, one patch each, and never more
// unfinished at once than was asked for.
func TestRestartOfMany(t *testing.T) {
	t.Parallel()
	b := start(t, box.Options{})
	s := sessionOn(t, b)
	objects := namespace("many", "istio.io/rev: asm-1-27")
	for i := range manyDeployments {
		objects += deployment("many", fmt.Sprintf("web-%02d", i), "")
	}
	s.apply(objects)
	until(t, func() string { return s.notReady("many") })
	s.plugin("enable", "--yes").must(t, 0)

	counter := countRequests(t, b)
	counted := s.with("KUBECONFIG=" + counter.kubeconfig)
	unfinished := watchUnfinished(t, b, "many")
	r := counted.plugin("restart", "-n", "many", "--yes", "--max-parallel", fmt.Sprint(atOnce)).must(t, 0)
	has(t, r.stderr, fmt.Sprintf("Restarted %d workloads.", manyDeployments))
	for i := range manyDeployments {
		has(t, r.stderr, fmt.Sprintf("many/deployment/web-%02d", i))
	}
	if lines := strings.Count(r.stderr, "\n"); lines > 2*manyDeployments+10 {
		t.Errorf("%d lines for %d Deployments:\n%s", lines, manyDeployments, r.stderr)
	}
	want := map[string]int{
		"GET version": 1, "GET namespaces/many": 1, "LIST pods": 1, "LIST configmaps": 1, "LIST mutatingwebhookconfigurations": 1,
		"LIST poddisruptionbudgets": 1, "LIST deployments": 2, "LIST statefulsets": 1, "LIST daemonsets": 1,
		"WATCH deployments": 1, "PATCH deployments": manyDeployments,
	}
	if diff := cmp.Diff(want, counter.take()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if worst := unfinished(); worst > atOnce || worst < 2 {
		t.Errorf("%d rollouts were unfinished at once, want several and at most %d", worst, atOnce)
	}

	// The API server's check, and a restart that is not waited for, follow nothing.
	delete(want, "WATCH deployments")
	want["LIST deployments"] = 1
	for _, flag := range []string{"--dry-run=server", "--wait=false"} {
		counted.plugin("restart", "-n", "many", "--all", "--yes", flag).must(t, 0)
		if diff := cmp.Diff(want, counter.take()); diff != "" {
			t.Errorf("requests with %s (-want +got):\n%s", flag, diff)
		}
	}
}

// counter is a proxy before the API server that counts what passes.
type counter struct {
	kubeconfig string

	mu     sync.Mutex
	counts map[string]int
}

// countRequests starts a counter. Who speaks to it speaks as the administrator.
func countRequests(t *testing.T, b *box.Box) *counter {
	t.Helper()
	target, err := url.Parse(b.Config.Host)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(b.Config)
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{counts: map[string]int{}, kubeconfig: filepath.Join(t.TempDir(), "counted.kubeconfig")}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, Transport: transport, FlushInterval: -1,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.count(r)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	text := `{apiVersion: v1, kind: Config, current-context: counted, contexts: [{name: counted, context: {cluster: counted}}], clusters: [{name: counted, cluster: {server: "` + server.URL + `"}}]}`
	if err := os.WriteFile(c.kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *counter) count(r *http.Request) {
	var what string
	verb := r.Method
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	// api/v1/... or apis/GROUP/VERSION/..., perhaps namespaces/NAME/, then the
	// resource and perhaps a name.
	skip := map[string]int{"api": 2, "apis": 3}[path[0]]
	path = path[min(skip, len(path)):]
	if len(path) > 2 && path[0] == "namespaces" {
		path = path[2:]
	}
	switch {
	case verb == http.MethodGet && r.URL.Query().Get("watch") != "":
		verb, what = "WATCH", path[0]
	case verb == http.MethodGet && skip > 0 && len(path) == 1:
		verb, what = "LIST", path[0]
	case verb == http.MethodPatch:
		what = path[0]
	default:
		what = strings.Join(path, "/")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[verb+" "+what]++
}

func (c *counter) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := c.counts
	c.counts = map[string]int{}
	return counts
}

// watchUnfinished watches Deployments in the order of what happens to them. The
// function that it returns says how many rollouts were unfinished at once at
// most, once there has been nothing new for a while.
func watchUnfinished(t *testing.T, b *box.Box, ns string) func() int {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	list, err := b.Client.AppsV1().Deployments(ns).List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := b.Client.AppsV1().Deployments(ns).Watch(ctx, metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	if err != nil {
		t.Fatal(err)
	}
	// They are taken off the connection at once: the server drops slow readers.
	events := make(chan watch.Event, 100*manyDeployments)
	go func() {
		for event := range stream.ResultChan() {
			events <- event
		}
	}()
	return func() int {
		unfinished, worst := map[string]bool{}, 0
		for {
			select {
			case event := <-events:
				d, ok := event.Object.(*appsv1.Deployment)
				if !ok {
					t.Fatalf("the watch of Deployments ended: %v", event.Object)
				}
				delete(unfinished, d.Name)
				if s := d.Status; s.ObservedGeneration < d.Generation || s.UpdatedReplicas < 1 || s.Replicas > s.UpdatedReplicas || s.AvailableReplicas < 1 {
					unfinished[d.Name] = true
				}
				worst = max(worst, len(unfinished))
			case <-time.After(time.Second):
				return worst
			}
		}
	}
}
