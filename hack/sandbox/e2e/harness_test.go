package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/box"
)

// programs is the folder of the plugin under test.
var programs string

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	var err error
	if programs, err = os.MkdirTemp("", "kubectl-istio-cni-e2e-"); err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(programs) }()
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-X main.version=v0.0.0-test", "-o", plugin(), "./cmd/kubectl-istio_cni")
	build.Dir = filepath.Join("..", "..", "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build the plugin: %w\n%s", err, output)
	}
	return m.Run(), nil
}

func plugin() string { return filepath.Join(programs, "kubectl-istio_cni") }

// start starts a sandbox that ends with the test.
func start(t *testing.T, options box.Options) *box.Box {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	options.Log = testLog{t}
	b, err := box.Start(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// result is what a run of a program came to.
type result struct {
	stdout, stderr string
	code           int
}

// session runs programs with a sandbox's environment.
type session struct {
	t   *testing.T
	env []string
}

func sessionOn(t *testing.T, b *box.Box) session {
	t.Helper()
	env := append(os.Environ(), b.Env()...)
	path := ""
	for _, variable := range b.Env() {
		if value, ok := strings.CutPrefix(variable, "PATH="); ok {
			path = value
		}
	}
	return session{t, append(env, "PATH="+programs+string(os.PathListSeparator)+path, "HOME="+t.TempDir(), "NO_COLOR=")}
}

// with sets variables of the environment; an empty value leaves one out.
func (s session) with(variables ...string) session {
	var env []string
	for _, existing := range s.env {
		name, _, _ := strings.Cut(existing, "=")
		keep := true
		for _, variable := range variables {
			keep = keep && !strings.HasPrefix(variable, name+"=")
		}
		if keep {
			env = append(env, existing)
		}
	}
	for _, variable := range variables {
		if !strings.HasSuffix(variable, "=") {
			env = append(env, variable)
		}
	}
	return session{s.t, env}
}

// patience is how long a single command may take.
const patience = 2 * time.Minute

// plugin runs the plugin.
func (s session) plugin(args ...string) result {
	s.t.Helper()
	return s.run(plugin(), args...)
}

// kubectl runs kubectl and returns what it printed.
func (s session) kubectl(args ...string) string {
	s.t.Helper()
	r := s.run("kubectl", args...)
	if r.code != 0 {
		s.t.Fatalf("kubectl %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

func (s session) run(program string, args ...string) result {
	s.t.Helper()
	cmd, stdout, stderr := s.command(program, args...)
	return s.finish(cmd, cmd.Run(), stdout, stderr)
}

func (s session) command(program string, args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.t.Cleanup(cancel)
	if !strings.Contains(program, string(os.PathSeparator)) {
		program = s.find(program)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = s.env
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGKILL) }
	stdout, stderr := new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd, stdout, stderr
}

func (s session) find(program string) string {
	s.t.Helper()
	for _, variable := range s.env {
		path, ok := strings.CutPrefix(variable, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(path) {
			if found := filepath.Join(dir, program); isExecutable(found) {
				return found
			}
		}
	}
	s.t.Fatalf("%s is not on the sandbox's PATH", program)
	return ""
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && info.Mode()&0o111 != 0
}

func (s session) finish(cmd *exec.Cmd, err error, stdout, stderr *bytes.Buffer) result {
	s.t.Helper()
	r := result{stdout.String(), stderr.String(), 0}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		r.code = exit.ExitCode()
	} else if err != nil {
		s.t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, r.stdout, r.stderr)
	}
	return r
}

// must fails the test unless the program ended with code.
func (r result) must(t *testing.T, code int) result {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", r.code, code, r.stdout, r.stderr)
	}
	return r
}

// has fails the test unless all texts stand in the output.
func has(t *testing.T, output string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(output, text) {
			t.Errorf("%q is missing in:\n%s", text, output)
		}
	}
}

// hasNot fails the test if any text stands in the output.
func hasNot(t *testing.T, output string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(output, text) {
			t.Errorf("%q should not stand in:\n%s", text, output)
		}
	}
}

// golden compares what a run printed with a file.
func golden(t *testing.T, name string, r result) {
	t.Helper()
	got := fmt.Sprintf("exit code %d\n-- stdout --\n%s-- stderr --\n%s", r.code, steady(r.stdout), steady(r.stderr))
	file := filepath.Join("testdata", strings.NewReplacer(" ", "-", ",", "").Replace(name)+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// steady replaces what differs from run to run, and leaves out the lines of
// progress, whose number depends on the machine's speed.
func steady(text string) string {
	for _, r := range []struct{ pattern, with string }{
		{`(?m)^(Azure: |Azure answered|Azure is throttling|node agent: |injectors: |injectors still|reading |looking for|asking Azure|IstioCNIPreview: |finding the).*\n`, ""},
		{`(?m)^\d+ (of \d+ workloads restarted|pods read).*\n`, ""},
		{`127\.0\.0\.1:\d+`, "127.0.0.1:PORT"},
		{`If-Match [0-9a-f-]{36}`, "If-Match ETAG"},
		{`-[0-9a-f]{7,10}-[0-9a-z]{5}\b`, "-HASH-XXXXX"},
		{`\d{4}-\d\d-\d\dT[0-9:.]+Z`, "TIME"},
		{`\d+/\d+/\d{4} [0-9:]+ [AP]M`, "TIME"},
		{`vmss00000\d\b`, "vmss00000N"},
		{`-node-[0-9a-z]{5}\b`, "-node-XXXXX"},
		{`request id [0-9a-f-]{36}`, "request id GUID"},
		{`operation ID: [0-9a-f-]{36}`, "operation ID: GUID"},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	return regexp.MustCompile(`(?m)^\S.*(HASH|XXXXX).*$`).ReplaceAllStringFunc(text, func(line string) string {
		return regexp.MustCompile(` {2,}`).ReplaceAllString(line, "  ")
	})
}
