package factory

import (
	"sync"

	"github.com/kubectl-istio-cni/kubectl-istio-cni/pkg/terminal"
)

// Reporter shows on stderr what goes on: one line of progress at a time, and
// lines that stay.
type Reporter struct {
	t *terminal.Terminal

	mu       sync.Mutex
	progress *terminal.Progress
}

// Reporter makes the reporter of a command. It must be closed before the answer
// is written.
func (f *Factory) Reporter() *Reporter { return &Reporter{t: f.Terminal} }

// Progress says what is being waited for.
func (r *Reporter) Progress(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.progress == nil {
		r.progress = r.t.StartProgress(text)
		return
	}
	r.progress.Update(text)
}

// Say writes a line that stays.
func (r *Reporter) Say(text string) {
	r.Close()
	r.t.Say("%s", text)
}

// Close removes the line of progress.
func (r *Reporter) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.progress != nil {
		r.progress.Stop()
		r.progress = nil
	}
}
