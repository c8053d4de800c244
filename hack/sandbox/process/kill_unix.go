//go:build unix

package process

import (
	"errors"
	"os"
	"syscall"
)

// killTree kills a process and whatever it started.
func killTree(p *os.Process) error {
	err := syscall.Kill(-p.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
