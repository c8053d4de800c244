// Package gauge runs programs and measures what they take, of themselves and of
// the server that they ask.
package gauge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Usage is what one run of a program took.
type Usage struct {
	Wall time.Duration `json:"wall"`
	CPU  time.Duration `json:"cpu"`
	// Peak is the largest resident set, in bytes.
	Peak int64 `json:"peak"`
	Exit int   `json:"exit"`
}

// Command is a program to measure.
type Command struct {
	Args []string
	// Env is the whole environment: nothing is inherited.
	Env []string
	// Exits are the exit codes besides 0 that do not mean failure.
	Exits []int
}

// Runner measures programs.
type Runner struct {
	dir, measure string
}

// NewRunner builds the program that starts those that are measured, in dir, from
// its package in the folder source.
func NewRunner(ctx context.Context, dir, source string) (*Runner, error) {
	r := &Runner{dir: dir, measure: filepath.Join(dir, "measure")}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", r.measure, "./gauge/measure")
	build.Dir = source
	if output, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the measuring program: %w\n%s", err, output)
	}
	return r, nil
}

// Run runs a program to its end.
func (r *Runner) Run(ctx context.Context, c Command) (Usage, error) {
	var usage Usage
	stderr := filepath.Join(r.dir, "stderr")
	cmd := exec.CommandContext(ctx, r.measure, append([]string{stderr}, c.Args...)...)
	cmd.Env = c.Env
	// A group of its own, so that it ends as a whole, and by nobody's Ctrl-C but ours.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	output, err := cmd.Output()
	if err != nil {
		return usage, fmt.Errorf("measure %s: %w", filepath.Base(c.Args[0]), errors.Join(err, ctx.Err()))
	}
	if err := json.Unmarshal(output, &usage); err != nil {
		return usage, fmt.Errorf("measure %s: %w", filepath.Base(c.Args[0]), err)
	}
	if usage.Exit != 0 && !slices.Contains(c.Exits, usage.Exit) {
		text, _ := os.ReadFile(stderr)
		return usage, fmt.Errorf("%s: exit code %d: %s", strings.Join(c.Args, " "), usage.Exit, strings.TrimSpace(string(text)))
	}
	return usage, nil
}
