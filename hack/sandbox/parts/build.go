package parts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/process"
)

// Builder builds programs, unless they have been built before.
type Builder struct {
	// Source is the folder of the modules; empty means that it is looked for:
	// see FindSource.
	Source string
	// Cache is where programs are kept; empty means DefaultCache.
	Cache string
	// Log receives one line at a time of what is being done.
	Log io.Writer
}

// heartbeat is how often a long build says that it is still at it.
const heartbeat = 15 * time.Second

// DefaultCache is the place for built programs on this machine.
func DefaultCache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a place for built programs: %w", err)
	}
	return filepath.Join(dir, "kubectl-istio-cni", "parts"), nil
}

// FindSource looks for the folder of the modules from the working directory
// upwards.
func FindSource() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the sandbox's sources: %w", err)
	}
	for start := dir; ; dir = filepath.Dir(dir) {
		for _, below := range []string{"parts", filepath.Join("hack", "sandbox", "parts")} {
			source := filepath.Join(dir, below)
			if _, err := os.Stat(filepath.Join(source, Kubernetes, "go.mod")); err == nil {
				return source, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("find the sandbox's sources: no folder hack/sandbox/parts in %s or above it", start)
		}
	}
}

// Build makes sure that the named programs are built; if none is named, all that
// the sandbox consists of. It returns the path of each by its name.
func (b Builder) Build(ctx context.Context, names ...string) (map[string]string, error) {
	b, err := b.complete()
	if err != nil {
		return nil, err
	}
	target, err := b.target(ctx)
	if err != nil {
		return nil, err
	}
	wanted := named(names)
	paths := make([]string, len(wanted))
	g, ctx := errgroup.WithContext(ctx)
	for _, turn := range turns(wanted) {
		g.Go(func() error {
			for _, i := range turn {
				var err error
				title := fmt.Sprintf("%s (%d of %d)", wanted[i].name, i+1, len(wanted))
				if paths[i], err = b.program(ctx, wanted[i], target, title); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	byName := map[string]string{}
	for i, p := range wanted {
		byName[p.name] = paths[i]
	}
	return byName, nil
}

// turns splits programs into two rows that are built beside each other: linking
// and downloading keep only one processor busy. Those of Kubernetes' module are
// built one after the other, because the second finds most of what it needs
// compiled.
func turns(wanted []part) [2][]int {
	var rows [2][]int
	for i, p := range wanted {
		row := 0
		if p.module != Kubernetes {
			row = 1
		}
		rows[row] = append(rows[row], i)
	}
	return rows
}

// program makes sure that one program is built and returns its path.
func (b Builder) program(ctx context.Context, p part, target, title string) (string, error) {
	digest, err := p.digest(b.Source, target)
	if err != nil {
		return "", err
	}
	// A folder for each program lets kubectl alone be put on PATH.
	path := filepath.Join(b.Cache, digest, p.name)
	return path, b.ensure(ctx, p, path, title)
}

func (b Builder) complete() (Builder, error) {
	var err error
	if b.Source == "" {
		if b.Source, err = FindSource(); err != nil {
			return b, err
		}
	}
	if b.Cache == "" {
		if b.Cache, err = DefaultCache(); err != nil {
			return b, err
		}
	}
	if b.Log == nil {
		b.Log = io.Discard
	}
	b.Log = &lines{w: b.Log}
	return b, nil
}

// target is the compiler's version and the machine that it compiles for.
func (b Builder) target(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "env", "GOVERSION", "GOOS", "GOARCH")
	cmd.Dir, cmd.Env = filepath.Join(b.Source, Kubernetes), environment()
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("ask the go command for its version: %w%s", err, stderrOf(err))
	}
	return strings.Join(strings.Fields(string(out)), " "), nil
}

// environment of the go command. The workspace of whoever uses the sandbox must
// not reach into the modules.
func environment() []string { return append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off") }

func stderrOf(err error) string {
	var exit *exec.ExitError
	if !errors.As(err, &exit) || len(exit.Stderr) == 0 {
		return ""
	}
	return "\n" + strings.TrimSpace(string(exit.Stderr))
}

// ensure builds a program that is not there yet. Of several processes that want
// the same one, the first builds and the others wait for it.
func (b Builder) ensure(ctx context.Context, p part, path, title string) error {
	if exists(path) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make a folder for %s: %w", p.name, err)
	}
	unlock, err := process.Lock(ctx, path+".lock", func() {
		fmt.Fprintf(b.Log, "waiting for another process that is building %s\n", title)
	})
	if err != nil {
		return fmt.Errorf("build %s: %w", p.name, err)
	}
	defer unlock()
	if exists(path) {
		return nil
	}
	return b.compile(ctx, p, path, title)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (b Builder) compile(ctx context.Context, p part, path, title string) error {
	start := time.Now()
	fmt.Fprintf(b.Log, "building %s\n", title)
	stop := b.beat(title, start)
	defer stop()
	// The lock is held, so this name is nobody else's.
	partial := path + ".partial"
	defer func() { _ = os.Remove(partial) }()
	cmd := exec.CommandContext(ctx, "go", append(p.arguments(), "-o", partial, p.pkg)...)
	cmd.Dir, cmd.Env = filepath.Join(b.Source, p.module), environment()
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	interruptible(cmd)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", p.name, errors.Join(err, ctx.Err()), lastLines(output.String(), 20))
	}
	if err := os.Rename(partial, path); err != nil {
		return fmt.Errorf("keep the built %s: %w", p.name, err)
	}
	fmt.Fprintf(b.Log, "built %s in %s\n", title, seconds(start))
	return nil
}

// beat says every now and then that a build goes on, until it is stopped.
func (b Builder) beat(title string, start time.Time) (stop func()) {
	tick, done, ended := time.NewTicker(heartbeat), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-tick.C:
				fmt.Fprintf(b.Log, "building %s: %s so far\n", title, seconds(start))
			case <-done:
				return
			}
		}
	}()
	return func() {
		tick.Stop()
		close(done)
		<-ended
	}
}

// lines lets builds beside each other write to one log.
type lines struct {
	mu sync.Mutex
	w  io.Writer
}

// Write writes to the log, one caller at a time.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func seconds(since time.Time) string { return time.Since(since).Round(time.Second).String() }

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
