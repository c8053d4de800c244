//go:build unix

package parts

import (
	"os/exec"
	"syscall"
	"time"
)

// interruptible has the end of a build's context end the compilers as well,
// which the go command starts.
func interruptible(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
}
