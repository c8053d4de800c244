package terminal

import (
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Progress shows what the program waits for: one live line at a terminal, a plain
// line for each change elsewhere.
type Progress struct {
	t     *Terminal
	live  bool
	start time.Time
	done  chan struct{}
	ended sync.WaitGroup

	mu        sync.Mutex
	text      string
	printed   string
	printedAt time.Time
}

const (
	// quiet is how long something may take before it is worth a line.
	quiet = 700 * time.Millisecond
	tick  = 200 * time.Millisecond
	// heartbeat is how often plain output repeats an unchanged state, so that a
	// log shows that the program is alive.
	heartbeat = 30 * time.Second
	// longestGap is the longest that plain output keeps a new number to itself.
	longestGap = 10 * time.Second
)

// StartProgress begins to show progress. Stop must be called before anything
// else is written.
func (t *Terminal) StartProgress(text string) *Progress {
	p := &Progress{t: t, live: t.ErrTTY && !t.Dumb, start: time.Now(), done: make(chan struct{}), text: text}
	p.ended.Go(p.run)
	return p
}

// Update says what is going on now.
func (p *Progress) Update(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = text
	if !p.live && time.Since(p.start) > quiet {
		p.printPlain()
	}
}

// Stop ends the progress and removes the live line.
func (p *Progress) Stop() {
	close(p.done)
	p.ended.Wait()
	if p.live && p.printed != "" {
		fmt.Fprint(p.t.Err, "\r\x1b[K")
	}
}

func (p *Progress) run() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-ticker.C:
			if time.Since(p.start) > quiet {
				p.show()
			}
		}
	}
}

func (p *Progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live {
		p.draw()
	} else {
		p.printPlain()
	}
}

func (p *Progress) draw() {
	frames := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	elapsed := time.Since(p.start)
	line := fmt.Sprintf("%c %s (%s)", frames[int(elapsed/tick)%len(frames)], CleanLine(p.text), elapsed.Round(time.Second))
	if p.t.ErrWidth > 1 {
		line = Truncate(line, p.t.ErrWidth-1)
	}
	fmt.Fprint(p.t.Err, "\r"+line+"\x1b[K")
	p.printed = line
}

// printPlain prints the text if it changed, and now and then if it did not.
// Where only its numbers changed, as those of a count do all the time, it is
// printed less and less often.
func (p *Progress) printPlain() {
	gap := time.Duration(0)
	switch {
	case p.text == p.printed:
		gap = heartbeat
	case withoutDigits(p.text) == withoutDigits(p.printed):
		gap = min(time.Since(p.start)/3, longestGap)
	}
	if time.Since(p.printedAt) < gap {
		return
	}
	elapsed := ""
	if since := time.Since(p.start); since >= time.Second {
		elapsed = " (" + since.Round(time.Second).String() + ")"
	}
	fmt.Fprintln(p.t.Err, CleanLine(p.text)+elapsed)
	p.printed, p.printedAt = p.text, time.Now()
}

func withoutDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return -1
		}
		return r
	}, text)
}
