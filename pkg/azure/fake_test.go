package azure

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
)

const (
	subscription = "00000000-0000-0000-0000-000000000001"
	// theToken and theSignature are secrets that no error may show.
	theToken     = "eyJ-contoso-token"
	theSignature = "contoso-signature"
)

func contoso() snapshot.Identity { return ClusterID(subscription, "contoso-rg", "contoso-aks") }

func stable() APIVersion { return ParseAPIVersion("2026-01-01") }

// credential gives out theToken, or fails.
type credential struct{ err error }

func (c credential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if c.err != nil {
		return azcore.AccessToken{}, c.err
	}
	return azcore.AccessToken{Token: theToken, ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func cloudAt(endpoint string) Cloud {
	return Cloud{"contoso", cloud.Configuration{Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
		cloud.ResourceManager: {Endpoint: endpoint, Audience: endpoint},
	}}}
}

// answer is what a service answers.
type answer struct {
	status int
	header map[string]string
	body   string
	// broken drops the connection instead: before anything is answered, or in the
	// middle of the body if there is one.
	broken bool
}

// received is what a service was sent.
type received struct {
	method, path, query, body string
	header                    http.Header
}

// service answers requests one after the other, and the last answer for good.
type service struct {
	mu       sync.Mutex
	answers  []answer
	requests []received
}

func (s *service) next(r *http.Request) answer {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, received{r.Method, r.URL.Path, r.URL.RawQuery, string(body), r.Header.Clone()})
	next := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	return next
}

func (s *service) received() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := s.next(r)
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	if a.broken {
		if a.body != "" {
			w.Header().Set("Content-Length", "100000")
			w.WriteHeader(a.status)
			_, _ = io.WriteString(w, a.body)
		}
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// listen makes a client of a service behind a real connection. Its delays before
// retries are short.
func listen(t *testing.T, s *service, options ClientOptions) *Client {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	options.RetryDelay = time.Millisecond
	client, err := NewClient(cloudAt(server.URL), credential{}, options)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Do makes a service a transport, for bubbles of fake time.
func (s *service) Do(r *http.Request) (*http.Response, error) {
	a := s.next(r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if a.broken {
		return nil, errBroken
	}
	resp := &http.Response{
		StatusCode: a.status, Status: http.StatusText(a.status), Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader(a.body)),
	}
	for name, value := range a.header {
		resp.Header.Set(name, value)
	}
	return resp, nil
}

var errBroken = errors.New("connection reset by peer")

const armEndpoint = "https://management.azure.com"

// inMemory makes a client of a service without a connection and without retries,
// so that each answer is seen.
func inMemory(s *service) *Client {
	return &Client{cloud: cloudAt(armEndpoint), pipeline: runtime.NewPipeline("test", "v0", runtime.PipelineOptions{}, &policy.ClientOptions{
		Transport: s, Retry: policy.RetryOptions{MaxRetries: -1},
	})}
}

func flat(code, message string) string {
	text, _ := json.Marshal(map[string]any{"code": code, "message": message, "subcode": "", "details": nil})
	return string(text)
}

func wrapped(code, message string) string {
	text, _ := json.Marshal(map[string]any{"error": map[string]any{"code": code, "message": message}})
	return string(text)
}

// checkNoSecrets makes sure that texts hold neither the token nor the signature
// of an operation's URL.
func checkNoSecrets(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(text, theToken) || strings.Contains(text, theSignature) {
			t.Errorf("a secret is shown: %s", text)
		}
	}
}
