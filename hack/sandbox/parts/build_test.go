package parts_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/parts"
)

// tree is a folder of modules of which istio can be built in a moment.
func tree(t *testing.T) string {
	t.Helper()
	source := t.TempDir()
	write(t, source, "kubernetes/go.mod", "module example.com/kubernetes\n")
	write(t, source, "istio/go.mod", "module example.com/istio\n")
	write(t, source, "istio/main.go", "package main\n\nfunc main() { println(\"first\") }\n")
	return source
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func output(t *testing.T, path string) string {
	t.Helper()
	text, err := exec.Command(path).CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// TestBuildOnce has several builders want the same program at once.
func TestBuildOnce(t *testing.T) {
	source, cache := tree(t), t.TempDir()
	var logs [3]bytes.Buffer
	var paths [3]string
	var all sync.WaitGroup
	for i := range logs {
		all.Go(func() {
			built, err := parts.Builder{Source: source, Cache: cache, Log: &logs[i]}.Build(t.Context(), parts.Istio)
			if err != nil {
				t.Error(err)
			}
			paths[i] = built[parts.Istio]
		})
	}
	all.Wait()
	var said strings.Builder
	for i := range logs {
		said.WriteString(logs[i].String())
		if paths[i] != paths[0] {
			t.Errorf("paths differ: %v", paths)
		}
	}
	if n := strings.Count(said.String(), "built istio (1 of 1)"); n != 1 {
		t.Errorf("built %d times:\n%s", n, said.String())
	}
	if got := output(t, paths[0]); got != "first" {
		t.Errorf("the program says %q", got)
	}
}

func TestBuildAgainAfterAChange(t *testing.T) {
	source, cache := tree(t), t.TempDir()
	b := parts.Builder{Source: source, Cache: cache}
	before, err := b.Build(t.Context(), parts.Istio)
	if err != nil {
		t.Fatal(err)
	}
	write(t, source, "istio/main.go", "package main\n\nfunc main() { println(\"second\") }\n")
	after, err := b.Build(t.Context(), parts.Istio)
	if err != nil {
		t.Fatal(err)
	}
	if output(t, after[parts.Istio]) != "second" || output(t, before[parts.Istio]) != "first" {
		t.Error("the change was not built, or the old program is gone")
	}
}

func TestFailedBuild(t *testing.T) {
	source := tree(t)
	write(t, source, "istio/main.go", "package main\n\nfunc main() { undefined() }\n")
	_, err := parts.Builder{Source: source, Cache: t.TempDir()}.Build(t.Context(), parts.Istio)
	if err == nil || !strings.Contains(err.Error(), "build istio") || !strings.Contains(err.Error(), "undefined: undefined") {
		t.Errorf("got %v", err)
	}
}

func TestFindSource(t *testing.T) {
	source, err := parts.FindSource()
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Base(source) != "parts" {
		t.Errorf("found %s", source)
	}
	t.Chdir(t.TempDir())
	if _, err := parts.FindSource(); err == nil {
		t.Error("found sources where there are none")
	}
}

// TestVersion keeps the version that the programs say in step with the one that
// is built.
func TestVersion(t *testing.T) {
	module, err := os.ReadFile("kubernetes/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if want := "k8s.io/kubernetes v" + parts.KubernetesVersion(); !strings.Contains(string(module), want) {
		t.Errorf("kubernetes/go.mod does not require %s", want)
	}
}
