// Package session keeps track of a sandbox that runs on its own, beyond the
// command that started it.
package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/hack/sandbox/process"
)

// Session is a sandbox by name: where it keeps its files, and whether it runs.
type Session struct {
	Name string
	// Dir is the folder of the session.
	Dir string
}

// Ready is what a running sandbox says once it can be used.
type Ready struct {
	// Env is what a shell needs: KEY=VALUE.
	Env []string `json:"env"`
	// Kubectl is the folder with kubectl.
	Kubectl string `json:"kubectl"`
	// AzureURL is where the simulated Azure is.
	AzureURL string `json:"azureURL"`
}

const (
	runFile   = "run.json"
	readyFile = "ready.json"
	logFile   = "run.log"
)

// Find gives the session with a name, whether it runs or not.
func Find(name string) (Session, error) {
	if !regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`).MatchString(name) {
		return Session{}, fmt.Errorf("the name %q is not of lower-case letters, digits and hyphens", name)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return Session{}, fmt.Errorf("find a place for the sandbox's files: %w", err)
	}
	return Session{name, filepath.Join(cache, "kubectl-istio-cni", "sandbox", name)}, nil
}

// BoxDir is the folder of the sandbox itself.
func (s Session) BoxDir() string { return filepath.Join(s.Dir, "box") }

// Log is the path of the file with what the sandbox says of itself.
func (s Session) Log() string { return filepath.Join(s.Dir, logFile) }

// lockFile is one for all sessions, so that none is left behind by each.
const lockFile = "up.lock"

// Lock keeps others from starting a session until it is unlocked.
func (s Session) Lock(ctx context.Context, waiting func()) (unlock func(), err error) {
	all := filepath.Dir(s.Dir)
	if err := os.MkdirAll(all, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for sandboxes: %w", err)
	}
	return process.Lock(ctx, filepath.Join(all, lockFile), waiting)
}

// Claim makes this process the one that runs the session.
func (s Session) Claim() error {
	identity, err := process.Identify(os.Getpid())
	if err != nil {
		return err
	}
	return s.write(runFile, identity)
}

// SetReady says that the sandbox can be used.
func (s Session) SetReady(r Ready) error { return s.write(readyFile, r) }

// write puts a file in place as a whole: others may be looking.
func (s Session) write(name string, content any) error {
	text, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("record the session: %w", err)
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fmt.Errorf("record the session: %w", err)
	}
	path := filepath.Join(s.Dir, name)
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return fmt.Errorf("record the session: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("record the session: %w", err)
	}
	return nil
}

func (s Session) read(name string, content any) error {
	text, err := os.ReadFile(filepath.Join(s.Dir, name))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, content)
}

// runner is the process that runs the session, if it is alive.
func (s Session) runner() (process.Identity, bool) {
	var identity process.Identity
	if err := s.read(runFile, &identity); err != nil {
		return process.Identity{}, false
	}
	return identity, identity.Alive()
}

// Running reports whether the sandbox runs, ready or not.
func (s Session) Running() bool {
	_, alive := s.runner()
	return alive
}

// ErrNotRunning means that a session was wanted that does not run.
var ErrNotRunning = errors.New("it does not run")

// Ready gives what the running sandbox says, and whether it is ready.
func (s Session) Ready() (Ready, error) {
	if !s.Running() {
		return Ready{}, fmt.Errorf("the sandbox %s: %w; start it with: sandbox up --name %s", s.Name, ErrNotRunning, s.Name)
	}
	var r Ready
	if err := s.read(readyFile, &r); err != nil {
		return Ready{}, fmt.Errorf("the sandbox %s is not ready: %w", s.Name, err)
	}
	return r, nil
}

const (
	endPatience    = 20 * time.Second
	orphanPatience = 5 * time.Second
)

// End ends the sandbox, waits until all of it is gone, and removes its files.
// It reports whether there was anything to end.
func (s Session) End() (bool, error) {
	identity, alive := s.runner()
	if alive {
		if err := identity.End(endPatience); err != nil {
			return true, fmt.Errorf("end the sandbox %s: %w", s.Name, err)
		}
	}
	if err := process.EndRecorded(s.BoxDir(), orphanPatience); err != nil {
		return alive, fmt.Errorf("end the programs of the sandbox %s: %w", s.Name, err)
	}
	if err := os.RemoveAll(s.Dir); err != nil {
		return alive, fmt.Errorf("remove the files of the sandbox %s: %w", s.Name, err)
	}
	return alive, nil
}
