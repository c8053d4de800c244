package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/process"
)

// shell is a command that runs a script.
func shell(t *testing.T, script string) process.Command {
	t.Helper()
	path, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	return process.Command{Name: "script", Path: path, Args: []string{"-c", script}, Env: []string{"PATH=" + os.Getenv("PATH")}}
}

func TestGroupEndsWhatItStarted(t *testing.T) {
	dir := t.TempDir()
	group := process.NewGroup(dir)
	// A program and what it starts.
	if err := group.Start(t.Context(), shell(t, "sleep 60 & echo $! $$ >pids; sleep 60")); err != nil {
		t.Fatal(err)
	}
	identities := identify(t, filepath.Join(dir, "pids"))
	if err := group.Close(); err != nil {
		t.Fatal(err)
	}
	for _, identity := range identities {
		for end := time.Now().Add(time.Second); identity.Alive() && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		if identity.Alive() {
			t.Errorf("process %d is still there", identity.PID)
		}
	}
	if err := process.EndRecorded(dir, time.Second); err != nil {
		t.Error(err)
	}
	if err := group.Start(t.Context(), shell(t, "true")); err == nil {
		t.Error("a closed group started a process")
	}
	select {
	case err := <-group.Failed():
		t.Error("ending the group counts as a failure:", err)
	default:
	}
}

// identify reads the two numbers that a script writes.
func identify(t *testing.T, path string) []process.Identity {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		var pids [2]int
		text, _ := os.ReadFile(path)
		if n, _ := fmt.Sscan(string(text), &pids[0], &pids[1]); n < len(pids) {
			continue
		}
		var all []process.Identity
		for _, pid := range pids {
			identity, err := process.Identify(pid)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, identity)
		}
		return all
	}
	t.Fatal("the script does not start")
	return nil
}

func TestFailureShowsTheLog(t *testing.T) {
	group := process.NewGroup(t.TempDir())
	defer func() { _ = group.Close() }()
	failing := shell(t, "echo it went wrong; exit 3")
	failing.Ready = func(context.Context) error { return errors.New("not yet") }
	err := group.Start(t.Context(), failing)
	if err == nil || !strings.Contains(err.Error(), "it went wrong") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
	select {
	case err := <-group.Failed():
		t.Error("what Start reports counts as a later failure:", err)
	default:
	}
	failing.Ready = nil
	if err := group.Start(t.Context(), failing); err != nil {
		t.Error(err)
	}
	if err := <-group.Failed(); !strings.Contains(err.Error(), "it went wrong") {
		t.Errorf("got %v", err)
	}
}

func TestOtherPortsAfterACollision(t *testing.T) {
	group := process.NewGroup(t.TempDir())
	defer func() { _ = group.Close() }()
	var tries atomic.Int32
	err := process.OnFreePorts(t.Context(), 2, func(ports []int) error {
		if len(ports) != 2 || ports[0] == ports[1] {
			t.Errorf("got ports %v", ports)
		}
		if tries.Add(1) > 1 {
			return nil
		}
		colliding := shell(t, "echo listen: bind: address already in use; exit 1")
		colliding.Ready = func(context.Context) error { return errors.New("not yet") }
		return group.Start(t.Context(), colliding)
	})
	if err != nil || tries.Load() != 2 {
		t.Errorf("%d tries, %v", tries.Load(), err)
	}
}

func TestIdentity(t *testing.T) {
	self, err := process.Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !self.Alive() {
		t.Error("this process is not alive")
	}
	// The number was used again for a process that started at another moment:
	// this test would not survive a mistake.
	recycled := process.Identity{PID: os.Getpid(), Started: self.Started + "0"}
	if recycled.Alive() {
		t.Error("a recycled number is taken for the process")
	}
	if err := recycled.End(time.Second); err != nil {
		t.Error(err)
	}
}

func TestLock(t *testing.T) {
	path := t.TempDir() + "/lock"
	unlock, err := process.Lock(t.Context(), path, func() { t.Error("waits for a free lock") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := process.Lock(ctx, path, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("a taken lock: %v", err)
	}
	unlock()
	unlock, err = process.Lock(t.Context(), path, func() {})
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
