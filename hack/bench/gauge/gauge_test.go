package gauge

import (
	"testing"
	"time"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		all  []int
		want int
	}{
		{nil, 0},
		{[]int{7}, 7},
		{[]int{9, 1}, 5},
		{[]int{9, 1, 2}, 2},
		{[]int{4, 1, 9, 2}, 3},
	} {
		if got := Median(test.all); got != test.want {
			t.Errorf("median of %v: got %d, want %d", test.all, got, test.want)
		}
	}
}

func TestMedianLeavesTheOrder(t *testing.T) {
	all := []int{3, 1, 2}
	if Median(all); all[0] != 3 {
		t.Errorf("the measurements were sorted: %v", all)
	}
}

func TestParseCPU(t *testing.T) {
	got, err := parseCPU("42 (a ) name) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 9 0 100 1 1")
	if err != nil || got != 2*time.Second {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := parseCPU("42 (short) S"); err == nil {
		t.Error("no error of a text that is too short")
	}
}

func TestParseTimes(t *testing.T) {
	used, all, err := parseTimes("cpu  10 1 5 100 20 2 3 4 0 0\ncpu0 1 2 3\n")
	if err != nil || used != 25 || all != 145 {
		t.Errorf("got %d of %d, %v", used, all, err)
	}
}

func TestParseMemory(t *testing.T) {
	got, err := parseMemory("Name:\tx\nVmHWM:\t    1024 kB\nVmRSS:\t      12 kB\n", "VmHWM")
	if err != nil || got != 1<<20 {
		t.Errorf("got %d, %v", got, err)
	}
	if _, err := parseMemory("Name:\tx\n", "VmHWM"); err == nil {
		t.Error("no error of what is not there")
	}
}
