package process

import (
	"fmt"
	"os"
	"strings"
)

// startTime is field 22 of /proc/PID/stat, in ticks since the machine started.
// A process that has ended and only waits for its parent to notice is gone.
func startTime(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The name, field 2, is in parentheses and may contain anything.
	_, rest, found := cutLast(string(stat), ") ")
	fields := strings.Fields(rest)
	const state, start = 0, 19 // fields 3 and 22
	if !found || len(fields) <= start {
		return "", fmt.Errorf("unexpected text %q", stat)
	}
	if fields[state] == "Z" || fields[state] == "X" {
		return "", os.ErrProcessDone
	}
	return fields[start], nil
}

func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}
