package gauge

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Server is a running program whose use of the machine is looked at from
// outside.
type Server struct{ PID int }

// Load is what a server spent while it was watched.
type Load struct {
	CPU time.Duration
	// Growth is by how many bytes its resident set was larger at its peak than
	// before.
	Growth int64
}

// tick is the unit of time in /proc, the same on every Linux.
const tick = 10 * time.Millisecond

// Watch begins to watch; the function that it returns ends that.
func (s Server) Watch() (end func() (Load, error), err error) {
	// 5 sets the peak back to the present size: see proc_pid_clear_refs(5).
	if err := os.WriteFile(s.file("clear_refs"), []byte("5"), 0); err != nil {
		return nil, fmt.Errorf("set back the peak of process %d: %w", s.PID, err)
	}
	size, err := s.memory("VmRSS")
	if err != nil {
		return nil, err
	}
	cpu, err := s.cpu()
	if err != nil {
		return nil, err
	}
	return func() (Load, error) { return s.since(cpu, size) }, nil
}

func (s Server) since(cpu time.Duration, size int64) (Load, error) {
	now, err := s.cpu()
	if err != nil {
		return Load{}, err
	}
	peak, err := s.memory("VmHWM")
	return Load{CPU: now - cpu, Growth: peak - size}, err
}

const (
	idleLook  = 300 * time.Millisecond
	idleShare = 20
	idleLooks = 50
)

// WaitIdle waits until the server has nothing to do, so that what one client
// caused is not counted as another's. It gives up after a while.
func (s Server) WaitIdle(ctx context.Context) error {
	for range idleLooks {
		before, err := s.cpu()
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(idleLook):
		}
		after, err := s.cpu()
		if err != nil || after-before <= idleLook/idleShare {
			return err
		}
	}
	return nil
}

func (s Server) file(name string) string { return fmt.Sprintf("/proc/%d/%s", s.PID, name) }

// cpu is the processor time since the process started: fields 14 and 15.
func (s Server) cpu() (time.Duration, error) {
	text, err := os.ReadFile(s.file("stat"))
	if err != nil {
		return 0, fmt.Errorf("read a process's processor time: %w", err)
	}
	return parseCPU(string(text))
}

func parseCPU(stat string) (time.Duration, error) {
	// The name, field 2, is in parentheses and may contain anything.
	fields := strings.Fields(stat[strings.LastIndex(stat, ")")+1:])
	const user, system = 11, 12
	if len(fields) <= system {
		return 0, fmt.Errorf("read a process's processor time: unexpected text %q", stat)
	}
	var ticks int64
	for _, field := range []string{fields[user], fields[system]} {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read a process's processor time: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}

// memory reads a line such as "VmHWM:	  1024 kB".
func (s Server) memory(key string) (int64, error) {
	text, err := os.ReadFile(s.file("status"))
	if err != nil {
		return 0, fmt.Errorf("read a process's memory: %w", err)
	}
	return parseMemory(string(text), key)
}

func parseMemory(status, key string) (int64, error) {
	for line := range strings.Lines(status) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == key+":" {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("read a process's memory: there is no %s", key)
}
