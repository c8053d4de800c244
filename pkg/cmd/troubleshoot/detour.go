package troubleshoot

import (
	"io"
	"log/slog"
	"strings"
	"sync"

	"k8s.io/klog/v2"
)

// detour is stderr, which goes elsewhere while a program has the screen: what
// the API server warns of, what a sign-in asks for and what client-go logs would
// otherwise be written across it.
type detour struct {
	to io.Writer

	mu     sync.Mutex
	around func(line string)
}

// Write hands on whole texts, without the line feed at their end.
func (d *detour) Write(p []byte) (int, error) {
	d.mu.Lock()
	around := d.around
	d.mu.Unlock()
	if around == nil {
		return d.to.Write(p)
	}
	if text := strings.TrimSpace(string(p)); text != "" {
		around(text)
	}
	return len(p), nil
}

// divert begins the detour; what it returns ends it.
func (d *detour) divert(around func(line string)) func() {
	d.set(around)
	klog.SetSlogLogger(slog.New(slog.NewTextHandler(d, nil)))
	return func() {
		klog.ClearLogger()
		d.set(nil)
	}
}

func (d *detour) set(around func(line string)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.around = around
}
