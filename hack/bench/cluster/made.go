package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Made is what a cluster consists of.
type Made struct {
	// Format changes with what clusters look like.
	Format                               int
	Pods, Nodes, Namespaces, Deployments int
	// Variants counts the pods that were copied, by variant.
	Variants map[string]int
}

const (
	format   = 1
	madeFile = "bench.json"
)

// readMade reads what is in a folder. It is nothing if the folder is new, or if
// filling it did not come to its end: then what is there is removed.
func readMade(dir string, pods int) (Made, error) {
	text, err := os.ReadFile(filepath.Join(dir, madeFile))
	if errors.Is(err, os.ErrNotExist) {
		return Made{}, begin(dir)
	}
	var made Made
	if err == nil {
		err = json.Unmarshal(text, &made)
	}
	if err != nil {
		return made, fmt.Errorf("read what is in %s: %w", dir, err)
	}
	if made.Pods == 0 {
		if err := os.RemoveAll(dir); err != nil {
			return made, fmt.Errorf("remove what is half done: %w", err)
		}
		return made, begin(dir)
	}
	if made.Pods != pods || made.Format != format {
		return made, fmt.Errorf("%s has %d pods, made by version %d of the benchmark, instead of %d by %d: remove it or use another --data",
			dir, made.Pods, made.Format, pods, format)
	}
	return made, nil
}

// begin marks a folder as one of the benchmark's, of which nothing can be used
// yet.
func begin(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder for data: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read the folder for data: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("the folder %s has something else in it", dir)
	}
	return Made{}.write(dir)
}

func (m Made) write(dir string) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, madeFile), text, 0o600); err != nil {
		return fmt.Errorf("note what was made: %w", err)
	}
	return nil
}
