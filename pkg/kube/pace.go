package kube

import (
	"net/http"
	"sync/atomic"
	"time"
)

// pace notes how long the API server takes to begin an answer.
type pace struct {
	http.RoundTripper

	fastest *atomic.Int64
}

// RoundTrip passes a request on.
func (p pace) RoundTrip(r *http.Request) (*http.Response, error) {
	begun := time.Now()
	response, err := p.RoundTripper.RoundTrip(r)
	if took := int64(time.Since(begun)); err == nil {
		for known := p.fastest.Load(); known == 0 || took < known; known = p.fastest.Load() {
			if p.fastest.CompareAndSwap(known, took) {
				break
			}
		}
	}
	return response, err
}

// nearAnswer is how soon a server that is near begins to answer, even if the
// connection has yet to be made: from another machine of the same network, but
// over no VPN.
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
