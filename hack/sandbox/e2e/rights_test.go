package e2e

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/arm"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
)

func rule(group, resource string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: []string{resource}, Verbs: verbs}
}

// everythingButNodes is what the plugin reads, nodes left out.
func everythingButNodes() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		rule("", "pods", "get", "list", "watch"), rule("", "namespaces", "get", "list"), rule("", "configmaps", "list"),
		rule("apps", "daemonsets", "get", "list"), rule("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "list"),
	}
}

// With few rights, and without a sign-in, what can be answered is answered, and
// what cannot is unknown, with the permission that would tell.
func TestFewRights(t *testing.T) {
	t.Parallel()
	b := start(t, box.Options{Mechanism: arm.CNIChaining})
	admin := sessionOn(t, b)
	admin.plugin("label", "default", "--yes").must(t, 0)
	deploySample(t, admin)
	as := func(u box.User) session {
		file, err := b.KubeconfigFor(context.Background(), u)
		if err != nil {
			t.Fatal(err)
		}
		return admin.with("KUBECONFIG=" + file)
	}
	byName := as(box.User{Name: "no-nodes-by-name", ClusterRules: everythingButNodes(), ByName: true})
	noNodes := as(box.User{Name: "no-nodes", ClusterRules: everythingButNodes()})
	oneNamespace := as(box.User{Name: "one-namespace", Namespace: "default", Rules: []rbacv1.PolicyRule{rule("", "pods", "list", "watch")}})
	nobody := as(box.User{Name: "nobody"})
	noSignIn := admin.with("IDENTITY_ENDPOINT=", "IDENTITY_HEADER=", "PATH="+programs)
	id := "/subscriptions/" + box.Subscription + "/resourceGroups/" + box.ResourceGroup + "/providers/Microsoft.ContainerService/managedClusters/contoso-aks"
	neighbour := "/subscriptions/" + box.Subscription + "/resourceGroups/fabrikam-rg/providers/Microsoft.ContainerService/managedClusters/fabrikam-aks"

	for _, test := range []struct {
		name string
		s    session
		args []string
		code int
	}{
		{"no nodes, status by server name", byName, []string{"status"}, 0},
		{"no nodes, enable by server name", byName, []string{"enable", "--yes"}, 0},
		{"no nodes, status", noNodes, []string{"status"}, 0},
		{"no nodes, enable", noNodes, []string{"enable", "--yes"}, 1},
		{"no nodes, a named cluster", noNodes, []string{"disable", "--dry-run", "--cluster-id", id}, 0},
		{"one namespace, status", oneNamespace, []string{"status"}, 0},
		{"one namespace, pods", oneNamespace, []string{"pods"}, 0},
		{"one namespace, pods wide", oneNamespace, []string{"pods", "-o", "wide"}, 0},
		{"one namespace, all pods", oneNamespace, []string{"pods", "-A"}, 0},
		{"one namespace, verify", oneNamespace, []string{"pods", "--verify"}, 0},
		{"one namespace, verify all", oneNamespace, []string{"pods", "-A", "--verify"}, 1},
		{"one namespace, restart", oneNamespace, []string{"restart"}, 0},
		{"one namespace, label", oneNamespace, []string{"label", "default"}, 1},
		{"nobody, status", nobody, []string{"status"}, 0},
		{"nobody, pods", nobody, []string{"pods"}, 1},
		{"nobody, enable", nobody, []string{"enable", "--yes"}, 1},
		{"no sign-in, status", noSignIn, []string{"status"}, 0},
		{"no sign-in, pods", noSignIn, []string{"pods"}, 0},
		{"no sign-in, enable", noSignIn, []string{"enable", "--yes"}, 1},
		{"no sign-in, revisions", noSignIn, []string{"revisions"}, 1},
		{"another cluster by id", admin, []string{"disable", "--yes", "--cluster-id", neighbour}, 1},
		{"another cluster by name", admin, []string{"disable", "--yes", "--subscription", box.Subscription, "--resource-group", "fabrikam-rg", "--cluster", "fabrikam-aks"}, 1},
		{"no such cluster", admin, []string{"disable", "--yes", "--cluster-id", strings.Replace(id, "contoso-aks", "contoso-gone", 1)}, 1},
		{"dead server", admin.with("KUBECONFIG=" + deadServer(t)), []string{"status"}, 1},
		{"dead server, pods", admin.with("KUBECONFIG=" + deadServer(t)), []string{"pods"}, 1},
		{"dead server, enable", admin.with("KUBECONFIG=" + deadServer(t)), []string{"enable", "--yes"}, 1},
		{"no kubeconfig", admin.with("KUBECONFIG=/nonexistent/config"), []string{"pods"}, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			b.ARM.ClearRequests()
			r := session{t, test.s.env}.plugin(test.args...)
			golden(t, "rights/"+test.name, r)
			r.must(t, test.code)
			if n := acceptedPuts(b); n != 0 {
				t.Errorf("%d changes were sent to Azure", n)
			}
		})
	}
}

// deadServer is a kubeconfig whose server nobody listens at.
func deadServer(t *testing.T) string {
	t.Helper()
	config := map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "dead",
		"contexts": []any{map[string]any{"name": "dead", "context": map[string]any{"cluster": "dead", "user": "dead"}}},
		"clusters": []any{map[string]any{"name": "dead", "cluster": map[string]any{"server": "https://127.0.0.1:1"}}},
		"users":    []any{map[string]any{"name": "dead", "user": map[string]any{}}},
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
