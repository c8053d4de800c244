//go:build unix && !linux

package process

import (
	"os/exec"
	"syscall"
)

// bindToParent gives the process a group of its own, so that Ctrl-C reaches the
// sandbox only, which then ends its processes itself. What is left of a sandbox
// that was killed is ended by way of its records: see Records.
func bindToParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
