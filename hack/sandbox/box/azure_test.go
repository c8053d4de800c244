package box_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
)

// azureClient speaks to the simulated Azure as any program would: by what is in
// the environment.
type azureClient struct {
	endpoint, token string
}

func signIn(t *testing.T, b *box.Box) azureClient {
	t.Helper()
	env := map[string]string{}
	for _, entry := range b.Env() {
		key, value, _ := strings.Cut(entry, "=")
		env[key] = value
	}
	query := url.Values{"api-version": {"2019-08-01"}, "resource": {b.AzureURL + "/"}}
	request := newRequest(t, http.MethodGet, env["IDENTITY_ENDPOINT"]+"?"+query.Encode(), nil)
	request.Header.Set("X-IDENTITY-HEADER", env["IDENTITY_HEADER"])
	var token struct {
		AccessToken string `json:"access_token"`
	}
	do(t, request, &token)
	return azureClient{b.AzureURL, token.AccessToken}
}

func newRequest(t *testing.T, method, url string, body []byte) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	return request
}

// do sends a request, wants it to succeed and decodes the answer.
func do(t *testing.T, request *http.Request, answer any) http.Header {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode >= 300 {
		t.Fatalf("%s %s answers %s: %s", request.Method, request.URL, response.Status, body)
	}
	if err := json.Unmarshal(body, answer); err != nil {
		t.Fatalf("%s %s: %v in %s", request.Method, request.URL, err, body)
	}
	return response.Header
}

func (a azureClient) call(t *testing.T, method, url string, body []byte, answer any) http.Header {
	t.Helper()
	request := newRequest(t, method, url, body)
	request.Header.Set("Authorization", "Bearer "+a.token)
	return do(t, request, answer)
}

// setMechanism switches the mechanism and follows the operation to its end.
func (a azureClient) setMechanism(t *testing.T, mechanism string) {
	t.Helper()
	address := fmt.Sprintf("%s/subscriptions/%s/resourceGroups/%s/providers/Microsoft.ContainerService/managedClusters/contoso-aks?api-version=2026-04-01",
		a.endpoint, box.Subscription, box.ResourceGroup)
	var document map[string]any
	a.call(t, http.MethodGet, address, nil, &document)
	properties := document["properties"].(map[string]any)
	istio := properties["serviceMeshProfile"].(map[string]any)["istio"].(map[string]any)
	components, _ := istio["components"].(map[string]any)
	if components == nil {
		components = map[string]any{}
	}
	components["proxyRedirectionMechanism"] = mechanism
	istio["components"] = components
	// Azure refuses these in a PUT.
	delete(document, "eTag")
	for _, pool := range properties["agentPoolProfiles"].([]any) {
		delete(pool.(map[string]any), "eTag")
	}
	body, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	header := a.call(t, http.MethodPut, address, body, &document)
	a.follow(t, header.Get("Azure-AsyncOperation"))
}

func (a azureClient) follow(t *testing.T, address string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var operation struct{ Status string }
		a.call(t, http.MethodGet, address, nil, &operation)
		switch operation.Status {
		case "Succeeded":
			return
		case "Failed", "Canceled":
			t.Fatalf("the operation ended %s", operation.Status)
		}
	}
	t.Fatal("the operation does not end")
}
