package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// ErrPortTaken means that a process found the port it was given in use.
var ErrPortTaken = errors.New("the port is in use")

// child is a running program.
type child struct {
	name, log string
	cmd       *exec.Cmd
	// done is closed once the process has ended and err is set.
	done chan struct{}
	err  error
	// The group's lock guards these.
	started, ended bool
}

const (
	// pollInterval is the pause between two looks at whether a process is ready.
	pollInterval = 25 * time.Millisecond
	// lookPatience is how long one look may take.
	lookPatience = 2 * time.Second
)

// waitReady waits until ready returns no error. It gives up when the process
// has ended or the context has.
func (p *child) waitReady(ctx context.Context, ready func(context.Context) error) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		look, cancel := context.WithTimeout(ctx, lookPatience)
		notReady := ready(look)
		cancel()
		if notReady == nil {
			return nil
		}
		select {
		case <-p.done:
			return p.err
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w (last: %w)%s", p.name, context.Cause(ctx), notReady, p.tail())
		case <-tick.C:
		}
	}
}

// explain makes the error of a process that has ended.
func (p *child) explain(err error) error {
	if err == nil {
		err = errors.New("it ended by itself")
	}
	tail := p.tail()
	if strings.Contains(tail, "address already in use") {
		err = fmt.Errorf("%w: %w", ErrPortTaken, err)
	}
	return fmt.Errorf("%s: %w%s", p.name, err, tail)
}

const (
	tailBytes = 4096
	tailLines = 12
)

// tail is the end of the log, for a message.
func (p *child) tail() string {
	text, err := readEnd(p.log, tailBytes)
	if err != nil || strings.TrimSpace(text) == "" {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	lines = lines[max(0, len(lines)-tailLines):]
	return fmt.Sprintf("\nthe end of %s:\n  %s", p.log, strings.Join(lines, "\n  "))
}

func readEnd(path string, n int64) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	from := max(0, info.Size()-n)
	b := make([]byte, info.Size()-from)
	if _, err := f.ReadAt(b, from); err != nil {
		return "", err
	}
	return string(b), nil
}
