package azure

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	armruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/arm/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/streaming"
)

// Client speaks to the Resource Manager of one cloud.
type Client struct {
	cloud    Cloud
	pipeline runtime.Pipeline
}

// ClientOptions are what a client may be told besides its cloud and credential.
type ClientOptions struct {
	// Version of the program, for the user agent.
	Version string
	// Retrying is told when a request is throttled or fails and will be sent
	// again; may be nil.
	Retrying func(message string)
	// RetryDelay before the first retry where the service names none; zero means
	// one second. Tests shorten it.
	RetryDelay time.Duration
}

const (
	// maxRetries and the delays bound how long one read may take: about half a
	// minute, if the service does not ask for more patience by Retry-After.
	maxRetries    = 4
	tryTimeout    = time.Minute
	maxRetryDelay = 5 * time.Minute
	// maxBody bounds what is read of an answer; cluster documents have some 20 KB.
	maxBody = 32 << 20
)

// NewClient makes a client. It sends nothing.
func NewClient(cloud Cloud, credential azcore.TokenCredential, options ClientOptions) (*Client, error) {
	if options.RetryDelay == 0 {
		options.RetryDelay = time.Second
	}
	pipeline, err := armruntime.NewPipeline("kubectl-istio-cni", options.Version, credential,
		runtime.PipelineOptions{PerRetry: []policy.Policy{retryNotice{options.Retrying}}},
		&arm.ClientOptions{
			ClientOptions: policy.ClientOptions{
				Cloud:                           cloud.Configuration,
				InsecureAllowCredentialWithHTTP: cloud.plainHTTP(),
				Retry: policy.RetryOptions{
					MaxRetries: maxRetries, RetryDelay: options.RetryDelay, MaxRetryDelay: maxRetryDelay, TryTimeout: tryTimeout,
				},
			},
			// A provider is registered when a person asks for it, never in passing.
			DisableRPRegistration: true,
		})
	if err != nil {
		return nil, fmt.Errorf("prepare the Azure client: %w", err)
	}
	return &Client{cloud: cloud, pipeline: pipeline}, nil
}

// request is one call of the Resource Manager.
type request struct {
	method string
	// path below the Resource Manager's endpoint, or a whole URL on it.
	path       string
	apiVersion string
	body       []byte
	ifMatch    string
	// once forbids sending the request again after a failure that leaves open
	// whether it took effect.
	once bool
}

// response is the answer to a request that succeeded.
type response struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request and returns its answer, or a *ServiceError for any status
// but 2xx.
func (c *Client) do(ctx context.Context, r request) (*response, error) {
	if r.once {
		ctx = policy.WithRetryOptions(ctx, policy.RetryOptions{
			MaxRetries: maxRetries, MaxRetryDelay: maxRetryDelay, TryTimeout: tryTimeout,
			// A throttled request was not looked at, so it alone is safe to repeat.
			ShouldRetry: func(resp *http.Response, err error) bool {
				return err == nil && resp.StatusCode == http.StatusTooManyRequests
			},
		})
	}
	req, err := c.newRequest(ctx, r)
	if err != nil {
		return nil, err
	}
	resp, err := c.pipeline.Do(req)
	if err != nil {
		return nil, withoutQuery(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return nil, withoutQuery(err)
	}
	if resp.StatusCode/100 != 2 {
		return nil, newServiceError(resp, body)
	}
	return &response{resp.StatusCode, resp.Header, body}, nil
}

func (c *Client) newRequest(ctx context.Context, r request) (*policy.Request, error) {
	url := r.path
	if strings.HasPrefix(url, "/") {
		url = c.cloud.ResourceManager() + url
	}
	req, err := runtime.NewRequest(ctx, r.method, url)
	if err != nil {
		return nil, withoutQuery(err)
	}
	if r.apiVersion != "" {
		query := req.Raw().URL.Query()
		query.Set("api-version", r.apiVersion)
		req.Raw().URL.RawQuery = query.Encode()
	}
	if r.ifMatch != "" {
		req.Raw().Header.Set("If-Match", r.ifMatch)
	}
	req.Raw().Header.Set("Accept", "application/json")
	if r.body != nil {
		return req, req.SetBody(streaming.NopCloser(strings.NewReader(string(r.body))), "application/json")
	}
	return req, nil
}

// get reads JSON into v.
func (c *Client) get(ctx context.Context, path, apiVersion string, v any) error {
	resp, err := c.do(ctx, request{method: http.MethodGet, path: path, apiVersion: apiVersion})
	if err != nil {
		return err
	}
	return decode(resp.body, v)
}

func decode(body []byte, v any) error {
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("the answer is not the JSON that was expected: %w", err)
	}
	return nil
}

// retryNotice says so when the service makes a request wait.
type retryNotice struct{ notify func(string) }

func (p retryNotice) Do(req *policy.Request) (*http.Response, error) {
	resp, err := req.Next()
	if p.notify == nil || err != nil {
		return resp, err
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		message := "Azure is throttling requests (429)"
		if after := resp.Header.Get("Retry-After"); after != "" {
			message += ", it asks to wait " + after + " s"
		}
		p.notify(message)
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		p.notify("Azure answered " + resp.Status)
	}
	return resp, err
}
