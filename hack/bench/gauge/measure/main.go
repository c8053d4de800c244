// Command measure runs a program and prints, as JSON, what it took. It is a
// program of its own because the peak memory that the kernel reports of a
// process includes that of whoever started it; this one is nearly nothing.
//
//	measure STDERR-FILE PROGRAM [arguments]
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: measure STDERR-FILE PROGRAM [arguments]")
	}
	stderr, err := os.Create(args[0])
	if err != nil {
		return err
	}
	cmd := exec.Command(args[1], args[2:]...) //nolint:noctx // whoever started this ends the whole process group
	// What the program prints goes to the null device.
	cmd.Stderr = stderr
	begun := time.Now()
	err = cmd.Run()
	wall := time.Since(begun)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]int64{
		"wall": int64(wall),
		"cpu":  int64(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()),
		"peak": peak(cmd.ProcessState),
		"exit": int64(cmd.ProcessState.ExitCode()),
	})
}

// peak is the largest resident set in bytes. Linux counts it in KiB.
func peak(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Maxrss << 10
}
