package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/process"
	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/session"
)

// sandbox is the built command, for a sandbox of the test's own.
type sandbox struct{ path, name string }

func build(t *testing.T) sandbox {
	t.Helper()
	s := sandbox{filepath.Join(t.TempDir(), "sandbox"), fmt.Sprintf("test-%d", os.Getpid())}
	if output, err := exec.Command("go", "build", "-o", s.path, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the command: %v\n%s", err, output)
	}
	t.Cleanup(func() { _, _, _ = s.run("down") })
	return s
}

func (s sandbox) run(args ...string) (stdout, stderr string, err error) {
	cmd := exec.Command(s.path, append([]string{"--name", s.name}, args...)...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err = cmd.Run()
	return out.String(), log.String(), err
}

func (s sandbox) must(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, err := s.run(args...)
	if err != nil {
		t.Fatalf("sandbox %v: %v\n%s", args, err, stderr)
	}
	return stdout, stderr
}

// processes are the sandbox's own and those of its programs.
func (s sandbox) processes(t *testing.T) (runner process.Identity, programs []process.Identity) {
	t.Helper()
	found, err := session.Find(s.name)
	if err != nil {
		t.Fatal(err)
	}
	for path, into := range map[string]any{"run.json": &runner, "box/processes.json": &programs} {
		content, err := os.ReadFile(filepath.Join(found.Dir, path))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(content, into); err != nil {
			t.Fatal(err)
		}
	}
	return runner, programs
}

func TestUpAndDown(t *testing.T) {
	s := build(t)
	exports, progress := s.must(t, "up", "--without-mesh")
	if lines := strings.Split(strings.TrimSpace(exports), "\n"); len(lines) != 3 || !strings.Contains(progress, "ready") {
		t.Errorf("up prints %q and says %q", exports, progress)
	}
	kubectl := exec.Command("sh", "-c", exports+"kubectl get nodes -o name | wc -l")
	if output, err := kubectl.CombinedOutput(); err != nil || strings.TrimSpace(string(output)) != "3" {
		t.Errorf("kubectl counts %s nodes (%v), want 3", output, err)
	}
	again, said := s.must(t, "up")
	if again != exports || !strings.Contains(said, "runs already") {
		t.Errorf("the second up prints %q and says %q", again, said)
	}
	if env, _ := s.must(t, "env"); env != exports {
		t.Errorf("env prints %q, want %q", env, exports)
	}
	s.tryControls(t)

	runner, programs := s.processes(t)
	if len(programs) != 5 || !runner.Alive() {
		t.Fatalf("%d programs run", len(programs))
	}
	s.must(t, "down")
	wantGone(t, append(programs, runner))
	if _, said := s.must(t, "down"); !strings.Contains(said, "did not run") {
		t.Errorf("the second down says %q", said)
	}
}

func (s sandbox) tryControls(t *testing.T) {
	t.Helper()
	s.must(t, "fault", "put-cluster:etag-mismatch")
	if faults, _ := s.must(t, "fault"); !strings.Contains(faults, "etag-mismatch") {
		t.Errorf("the fault is not listed: %s", faults)
	}
	s.must(t, "fault", "--clear")
	s.must(t, "scenario", "busy")
	if _, said, err := s.run("scenario", "windows"); err == nil || !strings.Contains(said, "sandbox up --scenario windows") {
		t.Errorf("a scenario that changes the cluster: %v, %s", err, said)
	}
	path, _ := s.must(t, "kubeconfig", "nobody")
	if _, err := os.Stat(strings.TrimSpace(path)); err != nil {
		t.Error(err)
	}
}

// TestKilled has a sandbox killed with no chance to clean up.
func TestKilled(t *testing.T) {
	s := build(t)
	s.must(t, "up", "--without-mesh")
	runner, programs := s.processes(t)
	if err := syscall.Kill(runner.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, said, err := s.run("env"); err == nil || !strings.Contains(said, "does not run") {
		t.Errorf("env of a killed sandbox: %v, %s", err, said)
	}
	s.must(t, "down")
	wantGone(t, append(programs, runner))
}

func wantGone(t *testing.T, all []process.Identity) {
	t.Helper()
	for _, identity := range all {
		for end := time.Now().Add(5 * time.Second); identity.Alive(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(end) {
				t.Errorf("process %d is still there", identity.PID)
				break
			}
		}
	}
}

func TestArguments(t *testing.T) {
	var name string
	flags := pflag.NewFlagSet("up", pflag.ContinueOnError)
	flags.StringVar(&name, "name", "", "")
	addFlags(flags, &box.Options{})
	given := []string{
		"--agent=2s", "--fault=put 409, twice", "--fault=get 500", "--name=up", "--nodes=4",
		"--scenario=windows", "--scenario=busy", "--tag=prod=asm-1-27", "--without-mesh=true",
	}
	if err := flags.Parse(given); err != nil {
		t.Fatal(err)
	}
	if got := arguments(flags); strings.Join(got, "|") != strings.Join(given, "|") {
		t.Errorf("got %q, want %q", got, given)
	}
}

func TestQuote(t *testing.T) {
	for text, want := range map[string]string{
		"":             "''",
		"/a/b-c.d:1_2": "/a/b-c.d:1_2",
		"a b":          "'a b'",
		"it's":         `'it'\''s'`,
		"$(x)":         "'$(x)'",
	} {
		if got := quote(text); got != want {
			t.Errorf("quote(%q) = %s, want %s", text, got, want)
		}
	}
}
