package kube

import (
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// pace notes how long the API server takes to begin an answer once it was asked,
// which leaves out the time that connecting takes.
type pace struct {
	http.RoundTripper

	fastest *atomic.Int64
}

// RoundTrip passes a request on.
func (p pace) RoundTrip(r *http.Request) (*http.Response, error) {
	var asked atomic.Pointer[time.Time]
	trace := &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { now := time.Now(); asked.Store(&now) },
		GotFirstResponseByte: func() {
			if since := asked.Load(); since != nil {
				p.note(time.Since(*since))
			}
		},
	}
	return p.RoundTripper.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
}

func (p pace) note(took time.Duration) {
	for known := p.fastest.Load(); known == 0 || int64(took) < known; known = p.fastest.Load() {
		if p.fastest.CompareAndSwap(known, int64(took)) {
			return
		}
	}
}

// nearAnswer is how soon a server that is near begins to answer: from another
// machine of the same network, but over no VPN.
const nearAnswer = 20 * time.Millisecond

// encoding is how long lists are asked for. Compressing costs the server a third
// more time, over a network that is fast enough; over a slow one it saves nine
// tenths of it (docs/benchmarks.md).
func (c *Client) encoding() string {
	if fastest := time.Duration(c.fastest.Load()); fastest > 0 && fastest < nearAnswer {
		return "identity"
	}
	return "gzip"
}
