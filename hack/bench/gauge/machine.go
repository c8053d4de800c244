package gauge

import (
	"context"
	"fmt"
	"os"
	"time"
)

// busyLook is how long Busy looks.
const busyLook = 3 * time.Second

// Busy is the share of the machine's processors that is in use now, from 0 to 1.
func Busy(ctx context.Context) (float64, error) {
	used, all, err := readTimes()
	if err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(busyLook):
	}
	usedLater, allLater, err := readTimes()
	if err != nil || allLater == all {
		return 0, err
	}
	return float64(usedLater-used) / float64(allLater-all), nil
}

func readTimes() (used, all int64, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, fmt.Errorf("read how busy the machine is: %w", err)
	}
	return parseTimes(string(text))
}

// parseTimes reads the first line of /proc/stat: the time since the machine
// started, of all processors together, by what they did.
func parseTimes(stat string) (used, all int64, err error) {
	var user, nice, system, idle, iowait, irq, softirq, steal int64
	if _, err := fmt.Sscanf(stat, "cpu %d %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal); err != nil {
		return 0, 0, fmt.Errorf("read how busy the machine is: %w", err)
	}
	used = user + nice + system + irq + softirq + steal
	return used, used + idle + iowait, nil
}
