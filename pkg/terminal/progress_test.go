package terminal

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// recorder is stderr, written to by a progress's own goroutine.
type recorder struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *recorder) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := r.text.String()
	r.text.Reset()
	return text
}

// after is what is written within d more, in a bubble of fake time.
func (r *recorder) after(d time.Duration) string {
	time.Sleep(d)
	synctest.Wait()
	return r.take()
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

func TestWhatEndsAtOnceIsNotWorthALine(t *testing.T) {
	for name, terminal := range map[string]*Terminal{"plain": {}, "live": {ErrTTY: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stderr := &recorder{}
				terminal := *terminal
				terminal.Err = stderr
				p := terminal.StartProgress("reading the cluster")
				p.Update("reading pods")
				got := stderr.after(600 * time.Millisecond)
				p.Stop()
				if got += stderr.take(); got != "" {
					t.Errorf("got %q", got)
				}
			})
		})
	}
}

func TestPlainProgressSaysChangesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stderr := &recorder{}
		p := (&Terminal{Err: stderr}).StartProgress("reading the cluster")
		if diff := cmp.Diff([]string{"reading the cluster"}, lines(stderr.after(900*time.Millisecond))); diff != "" {
			t.Errorf("first (-want +got):\n%s", diff)
		}
		if got := stderr.after(25 * time.Second); got != "" {
			t.Errorf("nothing new, and yet %q", got)
		}
		p.Update("reading the cluster")
		if got := stderr.after(time.Second); got != "" {
			t.Errorf("the same again, and yet %q", got)
		}
		p.Update("Azure: Updating")
		if diff := cmp.Diff([]string{"Azure: Updating (27s)"}, lines(stderr.after(time.Second))); diff != "" {
			t.Errorf("change (-want +got):\n%s", diff)
		}
		p.Stop()
		if got := stderr.after(time.Minute); got != "" {
			t.Errorf("stopped, and yet %q", got)
		}
	})
}

func TestPlainProgressShowsNowAndThenThatItIsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stderr := &recorder{}
		p := (&Terminal{Err: stderr}).StartProgress("Azure: ReconcilingAddons")
		defer p.Stop()
		got := lines(stderr.after(125 * time.Second))
		if len(got) != 5 {
			t.Fatalf("%d lines in two minutes, want the first and one each half minute:\n%v", len(got), got)
		}
		if got[0] != "Azure: ReconcilingAddons" || !strings.HasPrefix(got[4], "Azure: ReconcilingAddons (2m") {
			t.Errorf("got %v", got)
		}
	})
}

func TestPlainProgressMovesNoCursor(t *testing.T) {
	for name, terminal := range map[string]*Terminal{"pipe": {}, "dumb terminal": {ErrTTY: true, Dumb: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stderr := &recorder{}
				terminal := *terminal
				terminal.Err, terminal.ErrWidth = stderr, 10
				p := terminal.StartProgress("first")
				got := stderr.after(time.Second)
				p.Update("hostile \x1b[2J\nsecond line")
				got += stderr.after(time.Second)
				p.Stop()
				got += stderr.take()
				if want := "first\nhostile \\u001b[2J\\nsecond line (1s)\n"; got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		})
	}
}

func TestLiveProgressIsOneLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stderr := &recorder{}
		p := (&Terminal{Err: stderr, ErrTTY: true, ErrWidth: 40}).StartProgress("reading the cluster")
		got := stderr.after(900 * time.Millisecond)
		if got != "\r⠼ reading the cluster (1s)\x1b[K" {
			t.Errorf("first: got %q", got)
		}
		p.Update("Azure: Updating")
		if got := stderr.take(); got != "" {
			t.Errorf("drawn out of turn: %q", got)
		}
		if got := stderr.after(200 * time.Millisecond); got != "\r⠴ Azure: Updating (1s)\x1b[K" {
			t.Errorf("second: got %q", got)
		}
		p.Update("a line that is much too long for forty columns")
		got = stderr.after(200 * time.Millisecond)
		if !strings.HasPrefix(got, "\r⠦ a line that is") || !strings.HasSuffix(got, "…\x1b[K") {
			t.Errorf("too long: got %q", got)
		}
		if width := Width(strings.Trim(got, "\r\x1b[K")); width > 39 {
			t.Errorf("%d of 40 columns; the last must stay free, or the line wraps", width)
		}
		p.Update("two\nlines")
		if got := stderr.after(200 * time.Millisecond); strings.Contains(got, "\n") {
			t.Errorf("more than a line: %q", got)
		}
		p.Stop()
		if got := stderr.take(); got != "\r\x1b[K" {
			t.Errorf("at the end: got %q", got)
		}
		if got := stderr.after(time.Minute); got != "" {
			t.Errorf("stopped, and yet %q", got)
		}
	})
}

func TestLiveProgressTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stderr := &recorder{}
		p := (&Terminal{Err: stderr, ErrTTY: true}).StartProgress("waiting")
		stderr.after(time.Second)
		frames := map[string]bool{}
		for range 10 {
			frames[strings.Trim(stderr.after(200*time.Millisecond), "\r")[:3]] = true
		}
		p.Stop()
		if len(frames) != 10 {
			t.Errorf("%d frames, want 10: %v", len(frames), frames)
		}
	})
}

// A log of a minute's counting stays short, and ends with the last number.
func TestPlainProgressCountsSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stderr := &recorder{}
		p := (&Terminal{Err: stderr}).StartProgress("reading the cluster")
		for n := range 600 {
			p.Update(fmt.Sprintf("%d pods read", 500*(n+1)))
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(longestGap)
		p.Stop()
		got := lines(stderr.take())
		if len(got) < 5 || len(got) > 18 {
			t.Errorf("%d lines: %q", len(got), got)
		}
		if last := got[len(got)-1]; !strings.HasPrefix(last, "300000 pods read") {
			t.Errorf("the last line is %q", last)
		}
	})
}
