package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// recordsFile lists the processes of a group in its folder, for whoever has to
// end them after the sandbox itself was killed.
const recordsFile = "processes.json"

// record adds a process to the group's list.
func (g *Group) record(pid int) error {
	// One that has ended already needs no ending.
	if identity, err := Identify(pid); err == nil {
		g.records = append(g.records, identity)
	}
	content, err := json.Marshal(g.records)
	if err != nil {
		return fmt.Errorf("record process %d: %w", pid, err)
	}
	if err := os.WriteFile(filepath.Join(g.dir, recordsFile), content, 0o600); err != nil {
		return fmt.Errorf("record process %d: %w", pid, err)
	}
	return nil
}

// EndRecorded ends what is left of a group whose folder was dir.
func EndRecorded(dir string, patience time.Duration) error {
	content, err := os.ReadFile(filepath.Join(dir, recordsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the list of processes: %w", err)
	}
	var records []Identity
	if err := json.Unmarshal(content, &records); err != nil {
		return fmt.Errorf("read the list of processes in %s: %w", dir, err)
	}
	for _, identity := range records {
		err = errors.Join(err, identity.End(patience))
	}
	return err
}
