package process

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Identity names a process beyond doubt: numbers are used again, but not by a
// process that started at the same moment.
type Identity struct {
	PID     int    `json:"pid"`
	Started string `json:"started"`
}

// Identify names the running process with this number.
func Identify(pid int) (Identity, error) {
	started, err := startTime(pid)
	if err != nil {
		return Identity{}, fmt.Errorf("find out when process %d started: %w", pid, err)
	}
	return Identity{pid, started}, nil
}

// Alive reports whether that very process still runs.
func (i Identity) Alive() bool {
	started, err := startTime(i.PID)
	return err == nil && started == i.Started
}

// End asks the process to end, kills it if it has not after patience, and waits
// until it is gone. A process that is gone already is no error.
func (i Identity) End(patience time.Duration) error {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if !i.Alive() {
			return nil
		}
		if err := syscall.Kill(i.PID, signal); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("end process %d: %w", i.PID, err)
		}
		if i.gone(patience) {
			return nil
		}
	}
	return fmt.Errorf("end process %d: it is still there", i.PID)
}

func (i Identity) gone(patience time.Duration) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(pollInterval) {
		if !i.Alive() {
			return true
		}
	}
	return !i.Alive()
}
