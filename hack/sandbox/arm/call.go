package arm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A call is a request on its way through the simulator.
type call struct {
	r     *http.Request
	route route
	// params are the variable parts of the path, spelled as they were asked for.
	params  map[string]string
	version string
	body    []byte
	err     error
	started time.Time
	id      string
	// fault is what was done to the call instead of answering it.
	fault string
}

func (s *Server) newCall(w http.ResponseWriter, r *http.Request) *call {
	c := &call{r: r, id: newGUID(), started: s.now(), version: r.URL.Query().Get("api-version")}
	c.route, c.params, c.err = s.match(r)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	c.body = body
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		c.err = gatewayError(413, "RequestContentTooLarge", "The request content exceeds the maximum size of %d bytes.", maxBody)
	case err != nil:
		c.err = gatewayError(400, "InvalidRequestContent", "The request content could not be read: %v.", err)
	}
	return c
}

// base is the URL of this server, as Azure puts it into the URLs it hands out.
func (s *Server) base(r *http.Request) string {
	if s.cfg.BaseURL != "" {
		return s.cfg.BaseURL
	}
	return "http://" + r.Host
}

// json reads the body of a call.
func (c *call) json() (*value, error) {
	v, err := parseJSON(c.body)
	if err == nil && v.kind != kindObject {
		err = errors.New("an object was expected")
	}
	if err != nil {
		return nil, gatewayError(400, "InvalidRequestContent", "The request content was invalid and could not be deserialized: '%v'.", err)
	}
	return v, nil
}

// A reply is an answer that has not been sent yet.
type reply struct {
	status int
	header http.Header
	body   []byte
	// broken: the connection is reset after half the body.
	broken bool
}

func ok(v *value) (reply, error) {
	return reply{status: http.StatusOK, header: http.Header{}, body: v.bytes()}, nil
}

// decorate adds the headers that every answer of Resource Manager has.
func (s *Server) decorate(c *call, header http.Header) http.Header {
	if header == nil {
		header = http.Header{}
	}
	correlation := c.r.Header.Get("X-Ms-Correlation-Request-Id")
	if correlation == "" {
		correlation = c.id
	}
	defaults := map[string]string{
		"Cache-Control":               "no-cache",
		"Content-Type":                "application/json",
		"Expires":                     "-1",
		"Pragma":                      "no-cache",
		"Strict-Transport-Security":   "max-age=31536000; includeSubDomains",
		"X-Content-Type-Options":      "nosniff",
		"X-Ms-Correlation-Request-Id": correlation,
		"X-Ms-Request-Id":             c.id,
		"X-Ms-Routing-Request-Id":     fmt.Sprintf("SANDBOX:%s:%s", c.started.UTC().Format("20060102T150405Z"), c.id),
		remainingHeader(c.r.Method):   "16499",
	}
	for name, content := range defaults {
		if header.Get(name) == "" {
			header.Set(name, content)
		}
	}
	if id := c.r.Header.Get("X-Ms-Client-Request-Id"); id != "" && strings.EqualFold(c.r.Header.Get("X-Ms-Return-Client-Request-Id"), "true") {
		header.Set("X-Ms-Client-Request-Id", id)
	}
	return header
}

func remainingHeader(method string) string {
	if method == http.MethodGet {
		return "X-Ms-Ratelimit-Remaining-Subscription-Global-Reads"
	}
	return "X-Ms-Ratelimit-Remaining-Subscription-Global-Writes"
}

func (a reply) send(w http.ResponseWriter, c *call) {
	if a.broken {
		a.breakOff(w)
		return
	}
	for name, content := range a.header {
		w.Header()[name] = content
	}
	w.WriteHeader(a.status)
	if a.status != http.StatusNoContent && c.r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // a client that went away needs no answer
	}
}

// breakOff sends the header and half the body, and then resets the connection.
func (a reply) breakOff(w http.ResponseWriter) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	connection, _, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = connection.Close() }()
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", a.status, http.StatusText(a.status))
	a.header.Set("Content-Length", strconv.Itoa(len(a.body)))
	_ = a.header.Write(&b)
	b.WriteString("\r\n")
	b.Write(a.body[:len(a.body)/2])
	_, _ = connection.Write(b.Bytes())
	// Let the client see what was sent before the reset discards it.
	time.Sleep(20 * time.Millisecond)
	if tcp, ok := connection.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0)
	}
}
