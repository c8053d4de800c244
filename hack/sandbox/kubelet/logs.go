package kubelet

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
)

// serveLog answers as a kubelet does (kubernetes, pkg/kubelet/server).
func (s *Server) serveLog(w http.ResponseWriter, r *http.Request) {
	container, query := r.PathValue("container"), r.URL.Query()
	previous, _ := strconv.ParseBool(query.Get("previous"))
	text, err := s.readLog(filepath.Join(r.PathValue("namespace"), r.PathValue("pod"), logName(container, previous)))
	switch {
	case errors.Is(err, fs.ErrNotExist) && previous:
		http.Error(w, fmt.Sprintf("previous terminated container %q in pod %q not found", container, r.PathValue("pod")), http.StatusBadRequest)
		return
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if lines, err := strconv.Atoi(query.Get("tailLines")); err == nil {
		text = tail(text, lines)
	}
	if most, err := strconv.Atoi(query.Get("limitBytes")); err == nil {
		text = text[:min(len(text), most)]
	}
	// Nobody else reads the answer.
	_, _ = w.Write(text)
}

func (s *Server) readLog(name string) ([]byte, error) {
	root, err := os.OpenRoot(s.logs())
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	return root.ReadFile(name)
}

// tail is the last lines of a text.
func tail(text []byte, lines int) []byte {
	all := bytes.SplitAfter(text, []byte("\n"))
	if last := len(all) - 1; len(all[last]) == 0 {
		all = all[:last]
	}
	return bytes.Join(all[max(0, len(all)-lines):], nil)
}
