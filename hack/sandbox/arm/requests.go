package arm

import (
	"net/http"
	"slices"
	"time"
)

const (
	// maxRequests bounds the request log, maxBodies those of its requests whose
	// bodies are kept.
	maxRequests = 4096
	maxBodies   = 64
)

// A Request is what is remembered of one. It never has a token, nor the
// signature of an operation's URL.
type Request struct {
	Time       time.Time `json:"time"`
	Method     string    `json:"method"`
	Path       string    `json:"path"`
	Operation  string    `json:"operation"`
	APIVersion string    `json:"apiVersion,omitempty"`
	IfMatch    string    `json:"ifMatch,omitempty"`
	UserAgent  string    `json:"userAgent,omitempty"`
	Status     int       `json:"status"`
	// Fault is the line of the fault that struck.
	Fault string `json:"fault,omitempty"`
	// Body is that of a PUT, while it is one of the last.
	Body string `json:"body,omitempty"`
}

// requestLog holds the last requests.
type requestLog struct{ requests []Request }

func (s *Server) record(c *call, answer reply) {
	request := Request{
		Time: c.started, Method: c.r.Method, Path: c.r.URL.Path, Operation: c.route.operation,
		APIVersion: c.version, IfMatch: c.r.Header.Get("If-Match"), UserAgent: c.r.UserAgent(),
		Status: answer.status, Fault: c.fault,
	}
	if c.r.Method == http.MethodPut {
		request.Body = string(c.body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log.add(request)
}

func (l *requestLog) add(r Request) {
	if len(l.requests) == maxRequests {
		l.requests = slices.Delete(l.requests, 0, maxRequests/4)
	}
	l.requests = append(l.requests, r)
	if r.Body == "" {
		return
	}
	kept := 0
	for i := len(l.requests) - 1; i >= 0 && kept <= maxBodies; i-- {
		if l.requests[i].Body == "" {
			continue
		}
		if kept++; kept > maxBodies {
			l.requests[i].Body = ""
		}
	}
}

// Requests are the last requests to the simulated Azure, oldest first.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request{}, s.log.requests...)
}

// ClearRequests empties the request log.
func (s *Server) ClearRequests() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = requestLog{}
}
