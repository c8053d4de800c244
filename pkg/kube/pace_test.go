package kube

import (
	"errors"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// answerAfter is a server, that far away.
type answerAfter struct {
	delay time.Duration
	err   error
}

func (a answerAfter) RoundTrip(r *http.Request) (*http.Response, error) {
	trace := httptrace.ContextClientTrace(r.Context())
	time.Sleep(time.Second) // connecting
	if a.err != nil {
		return nil, a.err
	}
	trace.WroteRequest(httptrace.WroteRequestInfo{})
	time.Sleep(a.delay)
	trace.GotFirstResponseByte()
	return &http.Response{Body: http.NoBody}, nil
}

func TestListsAreCompressedUnlessTheServerIsNear(t *testing.T) {
	ms := time.Millisecond
	for name, test := range map[string]struct {
		answers []answerAfter
		want    string
	}{
		"nothing was asked yet":     {nil, "gzip"},
		"near":                      {[]answerAfter{{delay: 3 * ms}}, "identity"},
		"near, one answer was slow": {[]answerAfter{{delay: 400 * ms}, {delay: 3 * ms}, {delay: 90 * ms}}, "identity"},
		"over a VPN":                {[]answerAfter{{delay: 41 * ms}, {delay: 60 * ms}}, "gzip"},
		"a quick failure":           {[]answerAfter{{delay: ms, err: errors.New("connection refused")}}, "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &Client{fastest: &atomic.Int64{}}
				for _, answer := range test.answers {
					if response, err := (pace{answer, c.fastest}).RoundTrip(&http.Request{}); err == nil {
						_ = response.Body.Close()
					}
				}
				if got := c.encoding(); got != test.want {
					t.Errorf("lists are asked for as %s, want %s", got, test.want)
				}
			})
		})
	}
}
