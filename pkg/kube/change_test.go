package kube

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
)

// clientOf makes a client for a server below a path, as behind a proxy.
func clientOf(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "config")
	config := `{"apiVersion": "v1", "kind": "Config", "current-context": "c",
"contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
"clusters": [{"name": "c", "cluster": {"server": "` + server.URL + `/behind/a/proxy"}}],
"users": [{"name": "u", "user": {}}]}`
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := genericclioptions.NewConfigFlags(true)
	flags.KubeConfig = &file
	client, err := NewClient(flags, Options{UserAgent: "test", Warnings: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// What is shown is what is sent.
func TestSend(t *testing.T) {
	restart, err := RestartChange(mesh.Workload{Kind: "Deployment", Namespace: "shop", Name: "web"}, time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range []Change{
		restart,
		DeletePodChange("shop", "web-1", "0b5f"),
		LabelNamespaceChange("shop", map[string]string{"istio.io/rev": "asm-1-27"}, map[string]string{"istio-injection": "enabled"}),
	} {
		t.Run(change.String(), func(t *testing.T) {
			var got Change
			client := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
				var body bytes.Buffer
				if _, err := body.ReadFrom(r.Body); err != nil {
					t.Error(err)
				}
				got = Change{
					Method: r.Method, Path: strings.TrimPrefix(r.URL.RequestURI(), "/behind/a/proxy"), ContentType: r.Header.Get("Content-Type"), Body: body.String(),
					attempt: change.attempt, needs: change.needs,
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"kind": "Status", "apiVersion": "v1", "status": "Success"}`)
			})
			if err := client.Send(t.Context(), change); err != nil {
				t.Fatal(err)
			}
			if got != change {
				t.Errorf("sent %+v\nnot  %+v", got, change)
			}
		})
	}
}

func TestSendIsRefused(t *testing.T) {
	label := LabelNamespaceChange("shop", nil, map[string]string{"istio-injection": "enabled"})
	for _, test := range []struct {
		name         string
		change       Change
		code         int
		reason       string
		want, remedy string
	}{
		{"forbidden", label, 403, "Forbidden", "cannot label namespace shop: ", "patch namespaces (cluster-wide)"},
		{"a label changed", label, 422, "Invalid", "somebody has changed its labels meanwhile; nothing was changed", changedMeanwhile},
		{"another pod", DeletePodChange("shop", "web-1", "0b5f"), 409, "Conflict", "cannot delete pod web-1 in namespace shop: nothing was changed", changedMeanwhile},
		{"no pod", DeletePodChange("shop", "web-1", "0b5f"), 404, "NotFound", "it does not exist any more", changedMeanwhile},
	} {
		t.Run(test.name, func(t *testing.T) {
			client := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(test.code)
				_, _ = io.WriteString(w, `{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "`+test.reason+`", "message": "no"}`)
			})
			err := client.Send(t.Context(), test.change)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(fail.Remedy(err), test.remedy) {
				t.Errorf("%v; remedy %q", err, fail.Remedy(err))
			}
		})
	}
}
