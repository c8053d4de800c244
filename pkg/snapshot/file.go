package snapshot

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Version and kind of a saved snapshot. A member that is added keeps the version;
// one that is renamed or changes its meaning does not.
const (
	FileVersion = "istio-cni/v1"
	FileKind    = "Snapshot"
)

// mostBytes of a saved snapshot are read once it is unpacked: a cluster of 50,000
// pods takes a tenth of that.
const mostBytes = 512 << 20

// file is a snapshot as it is saved.
type file struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	*Snapshot
}

// Save writes s as gzipped JSON.
func (s *Snapshot) Save(w io.Writer) error {
	packed := gzip.NewWriter(w)
	if err := json.NewEncoder(packed).Encode(file{FileVersion, FileKind, s}); err != nil {
		return err
	}
	return packed.Close()
}

// Load reads a snapshot that was saved, or its bare JSON.
func Load(r io.Reader) (*Snapshot, error) {
	buffered := bufio.NewReader(r)
	var unpacked io.Reader = buffered
	if magic, err := buffered.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		if unpacked, err = gzip.NewReader(buffered); err != nil {
			return nil, fmt.Errorf("it is not a gzip file: %w", err)
		}
	}
	limited := &io.LimitedReader{R: unpacked, N: mostBytes}
	loaded := file{Snapshot: New(time.Time{})}
	err := json.NewDecoder(limited).Decode(&loaded)
	switch {
	case err != nil && limited.N == 0:
		return nil, fmt.Errorf("it is larger than %d MB", mostBytes>>20)
	case errors.Is(err, io.EOF):
		return nil, errors.New("it is empty")
	case err != nil:
		return nil, fmt.Errorf("it is not a snapshot: %w", err)
	case loaded.Kind != FileKind:
		return nil, fmt.Errorf("it is not a snapshot: its kind is %q", loaded.Kind)
	case loaded.APIVersion != FileVersion:
		return nil, fmt.Errorf("it has version %q; this program reads %s", loaded.APIVersion, FileVersion)
	case loaded.Snapshot == nil:
		return nil, errors.New("it is not a snapshot: it is empty")
	case slices.Contains(loaded.Pods.Value, nil):
		return nil, errors.New("it is not a snapshot: one of its pods is null")
	}
	return loaded.Snapshot, nil
}
