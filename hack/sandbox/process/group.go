package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Command is a program to run.
type Command struct {
	// Name of the process in messages, and of its log file.
	Name string
	Path string
	Args []string
	// Env is the whole environment: nothing is inherited.
	Env []string
	// Ready returns no error once the program can be used; nil means that nobody
	// waits for that.
	Ready func(context.Context) error
}

// Group is a number of processes that end together.
type Group struct {
	dir    string
	starts chan func()
	failed chan error

	mu      sync.Mutex
	closing bool
	running []*child
	records []Identity
}

// NewGroup makes an empty group whose processes run, and write their logs, in
// dir.
func NewGroup(dir string) *Group {
	g := &Group{dir: dir, starts: make(chan func()), failed: make(chan error, 1)}
	go g.serve()
	return g
}

// serve starts every process from one thread that lasts as long as the group:
// where the kernel ends a child with its parent, "parent" means that thread.
func (g *Group) serve() {
	runtime.LockOSThread()
	for start := range g.starts {
		start()
	}
}

// Failed gives the error of the first process that ended by itself after it was
// started.
func (g *Group) Failed() <-chan error { return g.failed }

// Start runs a command and waits until it is ready.
func (g *Group) Start(ctx context.Context, c Command) error {
	p, err := g.launch(c)
	if err != nil {
		return err
	}
	if c.Ready != nil {
		if err := p.waitReady(ctx, c.Ready); err != nil {
			return errors.Join(err, p.kill())
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p.started = true
	if p.ended {
		g.fail(p.err)
	}
	return nil
}

func (g *Group) launch(c Command) (*child, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closing {
		return nil, fmt.Errorf("start %s: the sandbox is shutting down", c.Name)
	}
	log, err := os.Create(filepath.Join(g.dir, c.Name+".log"))
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", c.Name, err)
	}
	defer func() { _ = log.Close() }()
	// It goes on when the context of its start ends.
	cmd := exec.CommandContext(context.Background(), c.Path, c.Args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = c.Env, g.dir, log, log
	bindToParent(cmd)
	started := make(chan error)
	g.starts <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	p := &child{name: c.Name, log: log.Name(), cmd: cmd, done: make(chan struct{})}
	g.running = append(g.running, p)
	go g.watch(p)
	return p, g.record(cmd.Process.Pid)
}

// PID is the number of the newest process with a name, or 0 if none runs.
func (g *Group) PID(name string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range slices.Backward(g.running) {
		if p.name == name && !p.ended {
			return p.cmd.Process.Pid
		}
	}
	return 0
}

// watch notes the end of a process.
func (g *Group) watch(p *child) {
	err := p.explain(p.cmd.Wait())
	g.mu.Lock()
	defer g.mu.Unlock()
	p.err, p.ended = err, true
	close(p.done)
	if p.started && !g.closing {
		g.fail(err)
	}
}

func (g *Group) fail(err error) {
	select {
	case g.failed <- err:
	default:
	}
}

// Close ends every process and waits until they are gone. What they were
// working on is thrown away, so they are not asked politely.
func (g *Group) Close() error {
	g.mu.Lock()
	if g.closing {
		g.mu.Unlock()
		return nil
	}
	g.closing = true
	running := g.running
	g.mu.Unlock()
	var wait sync.WaitGroup
	errs := make([]error, len(running))
	for i, p := range running {
		wait.Go(func() { errs[i] = p.kill() })
	}
	wait.Wait()
	close(g.starts)
	return errors.Join(errs...)
}

// killPatience is how long a killed process may take to be gone.
const killPatience = 10 * time.Second

func (p *child) kill() error {
	select {
	case <-p.done:
		return nil
	default:
	}
	if err := killTree(p.cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end %s (process %d): %w", p.name, p.cmd.Process.Pid, err)
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(killPatience):
		return fmt.Errorf("end %s: process %d is still there after %s", p.name, p.cmd.Process.Pid, killPatience)
	}
}
