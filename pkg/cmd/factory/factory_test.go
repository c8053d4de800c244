package factory

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/azure"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/kube"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

const clusterID = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/contoso-rg/providers/Microsoft.ContainerService/managedClusters/contoso-aks"

func TestTheClusterThatTheFlagsName(t *testing.T) {
	named := azure.ClusterID("00000000-0000-0000-0000-000000000001", "contoso-rg", "contoso-aks")
	for _, test := range []struct {
		name string
		args []string
		want *snapshot.Identity
		err  string
	}{
		{"none", nil, nil, ""},
		{"by its id", []string{"--cluster-id", clusterID}, &named, ""},
		{"by its id in another spelling", []string{"--cluster-id", strings.ReplaceAll(clusterID, "resourceGroups", "resourcegroups")}, &named, ""},
		{"by its parts", []string{"--subscription", named.SubscriptionID, "--resource-group", "contoso-rg", "--cluster", "contoso-aks"}, &named, ""},
		{"both", []string{"--cluster-id", clusterID, "--cluster", "contoso-aks"}, nil, "use either --cluster-id or --subscription, --resource-group and --cluster"},
		{"a part", []string{"--cluster", "contoso-aks"}, nil, "--subscription, --resource-group and --cluster belong together"},
		{"two parts", []string{"--subscription", "s", "--cluster", "contoso-aks"}, nil, "belong together"},
		{"not an id", []string{"--cluster-id", "contoso-aks"}, nil, "--cluster-id: "},
		{"the id of something else", []string{"--cluster-id", "/subscriptions/s/resourceGroups/contoso-rg"}, nil, "not an AKS cluster"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := &Factory{}
			cmd := &cobra.Command{Use: "it"}
			f.AddAzureFlags(cmd)
			if err := cmd.ParseFlags(test.args); err != nil {
				t.Fatal(err)
			}
			got, err := f.Azure.identity()
			if test.err != "" && (fail.ExitCode(err) != fail.ExitUsage || !strings.Contains(err.Error(), test.err)) || test.err == "" && err != nil {
				t.Fatalf("got error %v, want %q", err, test.err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// kubeClient is a client of a context whose namespace is shop. It sends nothing.
func kubeClient(t *testing.T) (*Factory, *kube.Client) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	const text = `apiVersion: v1
kind: Config
current-context: contoso-aks
contexts: [{name: contoso-aks, context: {cluster: contoso-aks, user: me, namespace: shop}}]
clusters: [{name: contoso-aks, cluster: {server: "https://contoso-dns-1a2b3c4d.hcp.westeurope.azmk8s.io:443"}}]
users: [{name: me, user: {}}]
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &Factory{Terminal: &terminal.Terminal{Err: &strings.Builder{}}, Kube: genericclioptions.NewConfigFlags(true), Version: "v1.2.3", Now: time.Now}
	f.Kube.KubeConfig = &path
	client, err := f.KubeClient()
	if err != nil {
		t.Fatal(err)
	}
	return f, client
}

func TestScope(t *testing.T) {
	_, client := kubeClient(t)
	for _, test := range []struct {
		args []string
		want kube.Scope
	}{
		{nil, kube.Scope{Namespace: "shop"}},
		{[]string{"-A"}, kube.Scope{}},
		{[]string{"--all-namespaces", "-l", "app=web", "--field-selector", "spec.nodeName=node-1"}, kube.Scope{LabelSelector: "app=web", FieldSelector: "spec.nodeName=node-1"}},
		{[]string{"--selector=app=web"}, kube.Scope{Namespace: "shop", LabelSelector: "app=web"}},
	} {
		scope := &ScopeFlags{}
		cmd := &cobra.Command{Use: "it"}
		scope.AddTo(cmd, "pods")
		scope.AddFieldSelector(cmd)
		if err := cmd.ParseFlags(test.args); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, scope.Scope(client)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.args, diff)
		}
	}
}

func TestSelectorsThatCannotBeRead(t *testing.T) {
	for _, test := range []struct {
		scope ScopeFlags
		want  string
	}{
		{ScopeFlags{}, ""},
		{ScopeFlags{Selector: "app in (web,api),tier!=test", FieldSelector: "spec.nodeName=node-1,status.phase!=Failed"}, ""},
		{ScopeFlags{Selector: "app in web"}, "--selector: "},
		{ScopeFlags{Selector: "app=web=api"}, "--selector: "},
		{ScopeFlags{FieldSelector: "spec.nodeName"}, "--field-selector: "},
	} {
		err := test.scope.Validate()
		if test.want == "" && err != nil || test.want != "" && (fail.ExitCode(err) != fail.ExitUsage || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%+v: got %v, want %q", test.scope, err, test.want)
		}
	}
}

func TestObserver(t *testing.T) {
	f, client := kubeClient(t)
	f.Azure = AzureFlags{ClusterID: clusterID, APIVersion: "2026-01-01"}
	observer, err := f.Observer(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	if observer.Azure.Named == nil || observer.Azure.Named.Name != "contoso-aks" || observer.Azure.APIVersion != "2026-01-01" {
		t.Errorf("got %+v", observer.Azure)
	}
	f.Azure.Cluster = "another"
	if _, err := f.Observer(client, nil); fail.ExitCode(err) != fail.ExitUsage {
		t.Errorf("contradicting flags: got %v", err)
	}
}

func TestAzureCLIsConfiguration(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "config"), []byte("[cloud]\nname = AzureChinaCloud\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{"AZURE_CONFIG_DIR": folder}
	f := &Factory{Getenv: func(name string) string { return environment[name] }}
	if got := f.azureConfig(); !strings.Contains(got, "AzureChinaCloud") {
		t.Errorf("got %q", got)
	}
	environment["AZURE_CONFIG_DIR"] = filepath.Join(folder, "nothing")
	if got := f.azureConfig(); got != "" {
		t.Errorf("there is none, and yet %q", got)
	}
	t.Setenv("HOME", folder)
	t.Setenv("USERPROFILE", folder)
	environment["AZURE_CONFIG_DIR"] = ""
	if err := os.Mkdir(filepath.Join(folder, ".azure"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, ".azure", "config"), []byte("[cloud]\nname = AzureUSGovernment\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := f.azureConfig(); !strings.Contains(got, "AzureUSGovernment") {
		t.Errorf("in the home directory: got %q", got)
	}
}

// recorder is stderr, written to by a progress's own goroutine.
type recorder struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *recorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func TestReporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stderr := &recorder{}
		f := &Factory{Terminal: &terminal.Terminal{Err: stderr}}
		r := f.Reporter()
		r.Progress("reading the cluster")
		time.Sleep(time.Second)
		r.Progress("Azure: Updating")
		r.Say("The node agent is ready.")
		r.Say("100% of the pods")
		r.Progress("restarting")
		time.Sleep(time.Second)
		r.Close()
		r.Close() // As deferred calls do.
		time.Sleep(time.Minute)
		synctest.Wait()
		const want = "reading the cluster\nAzure: Updating (1s)\nThe node agent is ready.\n100% of the pods\nrestarting\n"
		if diff := cmp.Diff(want, stderr.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestReporterClearsTheLiveLineBeforeItSpeaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stderr := &recorder{}
		r := (&Factory{Terminal: &terminal.Terminal{Err: stderr, ErrTTY: true, ErrWidth: 80}}).Reporter()
		r.Progress("reading the cluster")
		time.Sleep(time.Second)
		r.Say("Done.")
		if !strings.HasSuffix(stderr.String(), "\r\x1b[KDone.\n") {
			t.Errorf("got %q", stderr.String())
		}
	})
}
