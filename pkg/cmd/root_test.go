package cmd

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/cmd/factory"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/fail"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

var update = flag.Bool("update", false, "write what the tests get into testdata")

// program is the program without a cluster or a terminal.
type program struct {
	*factory.Factory
	out, err bytes.Buffer
}

func newProgram(t *testing.T) *program {
	t.Helper()
	p := &program{}
	flags := genericclioptions.NewConfigFlags(true)
	flags.ClusterName = nil
	kubeconfig := filepath.Join(t.TempDir(), "config")
	// Nobody listens there.
	const text = `apiVersion: v1
kind: Config
current-context: contoso-aks
contexts: [{name: contoso-aks, context: {cluster: contoso-aks, user: me}}]
clusters: [{name: contoso-aks, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: me, user: {}}]
`
	if err := os.WriteFile(kubeconfig, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	flags.KubeConfig = &kubeconfig
	p.Factory = &factory.Factory{
		Terminal: &terminal.Terminal{In: strings.NewReader(""), Out: &p.out, Err: &p.err},
		Kube:     flags, Version: "v1.2.3",
		Getenv: func(string) string { return "" },
		Now:    func() time.Time { return time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC) },
	}
	return p
}

// walk visits every command that a person can see.
func walk(root *cobra.Command, visit func(*cobra.Command)) {
	visit(root)
	for _, child := range root.Commands() {
		if !child.Hidden && child.Name() != "help" {
			walk(child, visit)
		}
	}
}

// words are how a person calls a command, without the program's name.
func words(cmd *cobra.Command) []string {
	return strings.Fields(strings.TrimPrefix(cmd.CommandPath(), DisplayName))
}

func TestHelp(t *testing.T) {
	walk(New(newProgram(t).Factory), func(cmd *cobra.Command) {
		args := words(cmd)
		name := strings.Join(append([]string{"help"}, args...), "-")
		t.Run(name, func(t *testing.T) {
			p := newProgram(t)
			if code := Execute(t.Context(), p.Factory, append(args, "--help")); code != fail.ExitOK || p.err.Len() > 0 {
				t.Fatalf("exit code %d, stderr %q", code, p.err.String())
			}
			checkGolden(t, name, p.out.String())
			if strings.Contains(p.out.String(), "kubectl-istio_cni") {
				t.Error("the binary's file name is shown, which nobody types")
			}
		})
	})
}

func TestOptions(t *testing.T) {
	p := newProgram(t)
	// Their defaults depend on the machine.
	*p.Kube.KubeConfig, *p.Kube.CacheDir = "", "/home/me/.kube/cache"
	if code := Execute(t.Context(), p.Factory, []string{"options"}); code != fail.ExitOK {
		t.Fatalf("exit code %d: %s", code, p.err.String())
	}
	checkGolden(t, "options", p.out.String())
}

// checkGolden compares got with testdata/name.golden.
func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run `go test ./pkg/cmd -update`", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func TestEveryCommandIsDescribed(t *testing.T) {
	// Commands that need no example.
	obvious := []string{DisplayName, DisplayName + " options"}
	root := New(newProgram(t).Factory)
	walk(root, func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") || strings.ToUpper(cmd.Short[:1]) != cmd.Short[:1] {
			t.Errorf("%s: summary %q", path, cmd.Short)
		}
		if cmd.Runnable() && cmd.Example == "" && !slices.Contains(obvious, path) {
			t.Errorf("%s has no example", path)
		}
		if cmd.HasParent() && cmd.Parent() == root && cmd.GroupID == "" {
			t.Errorf("%s is in no group", path)
		}
		for _, text := range []string{cmd.Long, cmd.Example} {
			if strings.TrimSpace(text) != text && strings.TrimLeft(text, " ") != strings.TrimSpace(text) {
				t.Errorf("%s: blanks around %q", path, text)
			}
		}
		for line := range strings.Lines(cmd.Long) {
			if terminal.Width(strings.TrimSuffix(line, "\n")) > 80 {
				t.Errorf("%s: more than 80 columns: %s", path, line)
			}
		}
	})
}

// examples are the command lines of a command's examples.
func examples(cmd *cobra.Command) []string {
	var list []string
	for line := range strings.Lines(cmd.Example) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			list = append(list, line)
		}
	}
	return list
}

// split takes a command line apart as a shell does, as far as examples need it.
func split(line string) []string {
	var words []string
	for _, word := range regexp.MustCompile(`(?:[^\s']|'[^']*')+`).FindAllString(line, -1) {
		words = append(words, strings.ReplaceAll(word, "'", ""))
	}
	return words
}

func TestExamplesCanBeTyped(t *testing.T) {
	walk(New(newProgram(t).Factory), func(described *cobra.Command) {
		own := 0
		for _, line := range examples(described) {
			if !strings.HasPrefix(line, DisplayName+" ") {
				if strings.Contains(line, "istio-cni") {
					t.Errorf("%s: %q does not begin with %s", described.CommandPath(), line, DisplayName)
				}
				continue
			}
			line, _, _ = strings.Cut(line, " > ")
			args := split(line)[2:]
			cmd, rest, err := New(newProgram(t).Factory).Find(args)
			if err != nil {
				t.Errorf("%s: %v", line, err)
				continue
			}
			if cmd.CommandPath() == described.CommandPath() {
				own++
			}
			if err := cmd.ParseFlags(rest); err != nil {
				t.Errorf("%s: %v", line, err)
			} else if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
		if described.Runnable() && !described.HasSubCommands() && described.Example != "" && own == 0 {
			t.Errorf("%s: no example shows the command itself", described.CommandPath())
		}
	})
}

// collect lists what a method such as VisitAll visits.
func collect[T any](visit func(func(T))) []T {
	var all []T
	visit(func(one T) { all = append(all, one) })
	return all
}

func TestFlags(t *testing.T) {
	name := regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	type meaning struct{ name, where string }
	shorthands, long := map[string]meaning{}, map[string]meaning{}
	root := New(newProgram(t).Factory)
	walk(root, func(cmd *cobra.Command) {
		where := cmd.CommandPath()
		cmd.InitDefaultHelpFlag()
		for _, f := range collect(cmd.LocalFlags().VisitAll) {
			if !name.MatchString(f.Name) {
				t.Errorf("%s: flag --%s", where, f.Name)
			}
			if strings.TrimSpace(f.Usage) == "" {
				t.Errorf("%s: --%s says nothing about itself", where, f.Name)
			}
			if other, taken := long[f.Name]; taken && other.name != f.Shorthand {
				t.Errorf("--%s has the shorthand %q in %s and %q in %s", f.Name, f.Shorthand, where, other.name, other.where)
			}
			long[f.Name] = meaning{f.Shorthand, where}
			if f.Shorthand == "" {
				continue
			}
			if other, taken := shorthands[f.Shorthand]; taken && other.name != f.Name {
				t.Errorf("-%s is --%s of %s and --%s of %s", f.Shorthand, f.Name, where, other.name, other.where)
			}
			shorthands[f.Shorthand] = meaning{f.Name, where}
		}
	})
	for shorthand, want := range map[string]string{"n": "namespace", "o": "output", "A": "all-namespaces", "l": "selector", "w": "watch", "y": "yes", "v": "v", "h": "help"} {
		if got := shorthands[shorthand].name; got != want {
			t.Errorf("-%s is --%s, with kubectl it is --%s", shorthand, got, want)
		}
	}
	// --cluster names the AKS cluster; kubectl's flag of that name would be
	// mistaken for it.
	if root.PersistentFlags().Lookup("cluster") != nil {
		t.Error("--cluster stands for kubectl's too")
	}
}

// Mistakes in the command line are told from failures by the exit code, before
// anything is asked of the cluster.
func TestMistakesInTheCommandLine(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"enabel", `unknown command "enabel"`},
		{"status extra", `unknown command "extra"`},
		{"status --colour", "unknown flag: --colour"},
		{"status --color blue", "--color blue: use one of auto, always, never"},
		{"status -o", "flag needs an argument"},
		{"status -o xml", "--output xml: use one of table, json, yaml"},
		{"status -o wide", "--output wide: use one of table, json"},
		{"status -o jsonpath={.a", "--output: "},
		{"status --watch -o json", "--watch goes with"},
		{"status --cluster-id contoso-aks", "--cluster-id: "},
		{"status --cluster contoso-aks", "--subscription, --resource-group and --cluster belong together"},
		{"status --cluster-id /x --cluster contoso-aks", "use either --cluster-id or"},
		{"enable --restart --wait=false", "--restart needs the wait"},
		{"enable --timeout forever", `invalid argument "forever" for "--timeout"`},
		{"enable now", `unknown command "now"`},
		{"disable --register-feature", "unknown flag: --register-feature"},
		{"pods --watch --verify", "use either --watch or --verify"},
		{"pods --watch -o yaml", "--watch goes with the tables only"},
		{"pods --watch -o name", "--watch goes with the tables only"},
		{"pods web-0 -A", "pods are named within one namespace"},
		{"pods web-0 -l app=web", "use either names or --selector"},
		{"pods -o custom-columns=", "--output: "},
		{"pods -o go-template", "--output: "},
		{"label shop --all-injected", "use one of namespace names, --all-injected and --selector"},
		{"label --all-injected -l team=shop", "use one of namespace names, --all-injected and --selector"},
		{"label shop --dry-run=yes", "use one of none, client, server"},
		{"restart web", `"web" is not a workload`},
		{"restart pod/web-0", `"pod/web-0" is not a workload`},
		{"restart deployment/", `"deployment/" is not a workload`},
		{"restart deployment/web -A", "use either workload names, or"},
		{"restart --max-parallel 0", "--max-parallel must be at least 1"},
		{"restart --dry-run=all", "use one of none, client, server"},
		{"completion", "accepts 1 arg(s), received 0"},
		{"completion tcsh", `no completion for "tcsh"`},
		{"version now", `unknown command "now"`},
		{"options all", `unknown command "all"`},
		{"feature show all", `unknown command "all"`},
		{"revisions all", `unknown command "all"`},
	} {
		t.Run(test.line, func(t *testing.T) {
			p := newProgram(t)
			code := Execute(t.Context(), p.Factory, strings.Fields(test.line))
			if code != fail.ExitUsage || !strings.Contains(p.err.String(), "error: ") || !strings.Contains(p.err.String(), test.want) {
				t.Errorf("exit code %d, stderr:\n%s\nwant %q", code, p.err.String(), test.want)
			}
			if p.out.Len() > 0 {
				t.Errorf("on stdout, where only the answer belongs: %q", p.out.String())
			}
		})
	}
}

func TestRoot(t *testing.T) {
	p := newProgram(t)
	if code := Execute(t.Context(), p.Factory, []string{}); code != fail.ExitOK || !strings.Contains(p.out.String(), "The switch:") {
		t.Errorf("exit code %d: %s", code, p.out.String())
	}
}

func TestCompletionScripts(t *testing.T) {
	for shell, want := range map[string]string{
		"bash": "bash completion", "zsh": "#compdef", "fish": "fish completion", "powershell": "Register-ArgumentCompleter",
		"kubectl": "exec kubectl istio-cni __complete \"$@\"",
	} {
		p := newProgram(t)
		if code := Execute(t.Context(), p.Factory, []string{"completion", shell}); code != fail.ExitOK || !strings.Contains(p.out.String(), want) {
			t.Errorf("%s: exit code %d, stderr %s", shell, code, p.err.String())
		}
	}
}

func TestVersion(t *testing.T) {
	p := newProgram(t)
	if code := Execute(t.Context(), p.Factory, []string{"version", "--client"}); code != fail.ExitOK || !strings.HasPrefix(p.out.String(), "Plugin version: v1.2.3\n") {
		t.Errorf("exit code %d: %s", code, p.out.String())
	}
	p = newProgram(t)
	if code := Execute(t.Context(), p.Factory, []string{"version", "--client", "-o", "jsonpath={.apiVersion} {.kind} {.client.version}"}); code != fail.ExitOK || p.out.String() != "istio-cni/v1 Version v1.2.3" {
		t.Errorf("exit code %d: %s", code, p.out.String())
	}
	p = newProgram(t)
	code := Execute(t.Context(), p.Factory, []string{"version", "--request-timeout=5s"})
	if code != fail.ExitError || !strings.HasPrefix(p.out.String(), "Plugin version: v1.2.3\n") || !strings.Contains(p.err.String(), "--client") {
		t.Errorf("no server: exit code %d, stdout %s, stderr %s", code, p.out.String(), p.err.String())
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"cause and remedy", &fail.Error{Attempt: "read the cluster", Cause: os.ErrDeadlineExceeded, Remedy: "try again"}, "error: cannot read the cluster: i/o timeout\n  -> try again\n"},
		{"hostile text", &fail.Error{Cause: os.ErrInvalid, Remedy: "\x1b[2J"}, "error: invalid argument\n  -> \\u001b[2J\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newProgram(t)
			printError(p.Terminal, test.err)
			if diff := cmp.Diff(test.want, p.err.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
