package process

import (
	"os/exec"
	"syscall"
)

// bindToParent has the kernel kill the process when the sandbox dies, however
// it dies. The process gets a group of its own, so that Ctrl-C reaches the
// sandbox only, which then ends its processes itself.
func bindToParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
