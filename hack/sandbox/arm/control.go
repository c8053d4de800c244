package arm

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// controls are the endpoints beside the simulated Azure.
func (s *Server) controls() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_sandbox/faults", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Faults()) })
	mux.HandleFunc("POST /_sandbox/faults", withLines(s.AddFaults))
	mux.HandleFunc("DELETE /_sandbox/faults", doing(s.ClearFaults))
	mux.HandleFunc("GET /_sandbox/scenarios", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]any{"active": s.ActiveScenarios(), "known": Scenarios()})
	})
	mux.HandleFunc("PUT /_sandbox/scenarios", withLines(s.SetScenarios))
	mux.HandleFunc("GET /_sandbox/requests", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, s.Requests()) })
	mux.HandleFunc("DELETE /_sandbox/requests", doing(s.ClearRequests))
	mux.HandleFunc("GET /_sandbox/cluster", s.showDocument)
	mux.HandleFunc("POST /_sandbox/reset", doing(s.Reset))
	return mux
}

func doing(action func()) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		action()
		w.WriteHeader(http.StatusNoContent)
	}
}

// withLines hands the lines of the request to an action.
func withLines(action func(lines ...string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		var lines []string
		for line := range strings.Lines(string(body)) {
			if line = strings.TrimSpace(line); line != "" {
				lines = append(lines, line)
			}
		}
		if err := action(lines...); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Server) showDocument(w http.ResponseWriter, r *http.Request) {
	document := s.Document(r.URL.Query().Get("name"))
	if document == nil {
		http.Error(w, "there is no such cluster", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(document)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	_ = encoder.Encode(v)
}
