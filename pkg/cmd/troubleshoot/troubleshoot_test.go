package troubleshoot

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/check"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/mesh"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/snapshot"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

const node = "aks-nodepool1-10000001-vmss000000"

// saved is the file of a snapshot in which a node has no agent.
func saved(t *testing.T) string {
	t.Helper()
	s := snapshot.New(time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC))
	s.Context = snapshot.Context{Name: "contoso-aks"}
	s.Cluster = snapshot.Found(snapshot.Cluster{Mechanism: mesh.CNIChaining, KnowsMechanism: true, ProvisioningState: "Succeeded"})
	s.Nodes = snapshot.Found([]snapshot.Node{{Name: node, OS: "linux", Ready: true}})
	s.Agent = snapshot.Found(snapshot.Agent{Current: true})
	s.AgentPods = snapshot.Found([]snapshot.AgentPod{})
	s.Workloads = snapshot.Found([]snapshot.Workload{{Workload: mesh.Workload{Kind: "Deployment", Namespace: "shop", Name: "empty"}}})
	s.Pods = snapshot.Found([]*mesh.Pod{
		{Namespace: "shop", Name: "web-1", Node: node, Workload: mesh.Workload{Kind: "Deployment", Namespace: "shop", Name: "web"}},
		{Namespace: "shop", Name: "web-2", Workload: mesh.Workload{Kind: "Deployment", Namespace: "shop", Name: "web"}},
	})
	var packed bytes.Buffer
	if err := s.Save(&packed); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "snapshot.json.gz")
	if err := os.WriteFile(file, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func run(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	flags := genericclioptions.NewConfigFlags(true)
	f := &factory.Factory{
		Terminal: &terminal.Terminal{In: strings.NewReader(""), Out: &out, Err: &errs},
		Kube:     flags, Getenv: func(string) string { return "" },
		Now: func() time.Time { return time.Date(2026, 11, 2, 8, 5, 0, 0, time.UTC) },
	}
	root := &cobra.Command{Use: "test", SilenceErrors: true, SilenceUsage: true}
	flags.ClusterName = nil
	flags.AddFlags(root.PersistentFlags())
	root.AddCommand(New(f))
	root.SetArgs(append([]string{"troubleshoot"}, args...))
	err = root.ExecuteContext(t.Context())
	return out.String(), errs.String(), err
}

// Without a terminal, what concerns the object is printed, and the exit code is 0.
func TestPrint(t *testing.T) {
	file := saved(t)
	for _, test := range []struct {
		name  string
		args  []string
		finds bool
	}{
		{"everything", nil, true},
		{"the node", []string{"node/" + node}, true},
		{"a pod on the node", []string{"pod/web-1", "-n", "shop"}, true},
		{"its bare name", []string{"web-1", "-n", "shop"}, true},
		{"in two words", []string{"po", "web-1", "-n", "shop"}, true},
		{"a pod elsewhere", []string{"pods/web-2", "-n", "shop"}, false},
		{"its workload", []string{"deployment.apps/web", "-n", "shop"}, true},
		{"a workload without pods", []string{"deploy/empty", "-n", "shop"}, false},
		{"a namespace", []string{"-n", "shop"}, true},
		{"another namespace", []string{"-n", "other"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, errs, err := run(t, append(test.args, "--from", file)...)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(out, "ICNI203") != test.finds {
				t.Errorf("stdout:\n%s", out)
			}
			if (len(test.args) > 0) != strings.Contains(errs, "Only what concerns") || !strings.Contains(errs, "as it was 5m0s ago") {
				t.Errorf("stderr:\n%s", errs)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	file := saved(t)
	for _, test := range []struct {
		args []string
		want string
		code int
	}{
		{[]string{"service/web"}, `"service/web" is not a pod, workload or node`, fail.ExitUsage},
		{[]string{"pod/"}, "name one object, such as pod/NAME", fail.ExitUsage},
		{[]string{"pod/a/b"}, "name one object", fail.ExitUsage},
		{[]string{"pod/web-1", "-A"}, "leave out --all-namespaces", fail.ExitUsage},
		{[]string{"a", "b", "c"}, "accepts at most 2 arg(s)", fail.ExitError},
		{[]string{"pod/web-3", "-n", "shop", "--from", file}, "cannot find pod/web-3 in shop: there is no such pod", fail.ExitError},
		{[]string{"web-1", "--from", file}, "cannot find pod/web-1 in default", fail.ExitError},
		{[]string{"node/other", "--from", file}, "there is no such node", fail.ExitError},
		{[]string{"sts/web", "-n", "shop", "--from", file}, "there is no such statefulset", fail.ExitError},
	} {
		_, _, err := run(t, test.args...)
		if err == nil || !strings.Contains(err.Error(), test.want) || fail.ExitCode(err) != test.code {
			t.Errorf("%v: %v, exit code %d", test.args, err, fail.ExitCode(err))
		}
	}
}

func TestExport(t *testing.T) {
	dir := t.TempDir()
	s := snapshot.New(time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC))
	s.Context.Name = "contoso\x1b[2J"
	result := &check.Result{}
	for name, want := range map[string]string{"f.txt": `Context contoso\u001b[2J as of 2026-11-02T08:00:00Z`, "f.JSON": `"kind": "CheckReport"`} {
		file := filepath.Join(dir, name)
		if err := export(file, s, result); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%v: %s", err, text)
		}
		if err := export(file, s, result); err == nil || !strings.Contains(err.Error(), "it exists") {
			t.Errorf("a second time: %v", err)
		}
	}
}

// While the program has the screen, nothing is written across it.
func TestDetour(t *testing.T) {
	var direct bytes.Buffer
	d := &detour{to: &direct}
	var around []string
	end := d.divert(func(line string) { around = append(around, line) })
	for _, text := range []string{"Warning: deprecated\n", "\n"} {
		if n, err := d.Write([]byte(text)); n != len(text) || err != nil {
			t.Error(n, err)
		}
	}
	end()
	if _, err := d.Write([]byte("after\n")); err != nil {
		t.Error(err)
	}
	if len(around) != 1 || around[0] != "Warning: deprecated" || direct.String() != "after\n" {
		t.Errorf("around %q, direct %q", around, direct.String())
	}
}
