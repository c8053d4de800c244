package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// Bell is an HTTP server before an API server that notes when the first request
// arrives, and the first one for what is waited for. It never answers the latter.
type Bell struct {
	// Address is on the loopback interface.
	Address string

	suffix string
	server *http.Server
	pass   http.Handler
	rung   chan struct{}

	mu    sync.Mutex
	times Times
}

// Times are when requests arrived.
type Times struct{ First, Wanted time.Time }

// StartBell listens on the loopback interface, and passes what is not waited for
// on to the API server. It waits for a path with a suffix.
func StartBell(ctx context.Context, api *rest.Config, suffix string) (*Bell, error) {
	transport, err := rest.TransportFor(api)
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(api.Host)
	if err != nil {
		return nil, err
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for clients: %w", err)
	}
	b := &Bell{
		Address: listener.Addr().String(), suffix: suffix, rung: make(chan struct{}),
		pass: &httputil.ReverseProxy{
			Transport: transport,
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
			// Clients end without waiting for answers.
			ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		},
	}
	b.server = &http.Server{Handler: b, ReadHeaderTimeout: time.Minute}
	go func() { _ = b.server.Serve(listener) }()
	return b, nil
}

// ServeHTTP notes when a request arrived.
func (b *Bell) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b.note(strings.HasSuffix(r.URL.Path, b.suffix), time.Now()) {
		<-r.Context().Done()
		return
	}
	b.pass.ServeHTTP(w, r)
}

// note reports whether the request is not to be answered.
func (b *Bell) note(wanted bool, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.times.First.IsZero() {
		b.times.First = now
	}
	if wanted && b.times.Wanted.IsZero() {
		b.times.Wanted = now
		close(b.rung)
	}
	return wanted
}

// Wait waits until both have arrived.
func (b *Bell) Wait(ctx context.Context, patience time.Duration) (Times, error) {
	select {
	case <-b.rung:
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.times, nil
	case <-ctx.Done():
		return Times{}, ctx.Err()
	case <-time.After(patience):
		return Times{}, errors.New("the request that is waited for does not come")
	}
}

// Close stops listening.
func (b *Bell) Close() error { return b.server.Close() }
