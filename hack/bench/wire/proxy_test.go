package wire

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// get reads a text of n bytes through a proxy.
func get(t *testing.T, n int, link Link) (*Proxy, time.Duration) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", n))
	}))
	t.Cleanup(server.Close)
	proxy, err := Start(t.Context(), server.Listener.Addr().String(), link)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + proxy.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || len(text) != n {
		t.Fatalf("got %d bytes, %v", len(text), err)
	}
	took := time.Since(begun)
	if err := proxy.Close(); err != nil {
		t.Error(err)
	}
	return proxy, took
}

func TestProxyCounts(t *testing.T) {
	proxy, _ := get(t, 100_000, Link{})
	if got := proxy.Received(); got < 100_000 || got > 101_000 {
		t.Errorf("received %d bytes", got)
	}
}

func TestProxyIsAsSlowAsTheLink(t *testing.T) {
	// 100 ms for the text, and a round trip each for the handshake and the request.
	_, took := get(t, 125_000, Link{Rate: 10_000_000, RoundTrip: 20 * time.Millisecond})
	if took < 140*time.Millisecond || took > time.Second {
		t.Errorf("took %s", took)
	}
}
