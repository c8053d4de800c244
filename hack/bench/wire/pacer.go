package wire

import (
	"io"
	"sync"
	"time"
)

// pacer is one direction of a link, which all connections share.
type pacer struct {
	link Link
	mu   sync.Mutex
	// free is when the link has sent all that it was given.
	free time.Time
}

const (
	// packet is how much is sent at once; small, so that the pace is even.
	packet = 16 << 10
	// window is how many packets may be on their way: 1 MiB in all, several times
	// what a link of 50 Mbit/s and 40 ms holds.
	window = 64
)

// parcel is what was read, and when it arrives.
type parcel struct {
	content []byte
	arrival time.Time
}

// copy copies at the pace of the link until the end of r.
func (p *pacer) copy(w io.Writer, r io.Reader) error {
	if p.link.Rate == 0 {
		_, err := io.Copy(w, r)
		return err
	}
	parcels := make(chan parcel, window)
	failed := make(chan struct{})
	var readErr error
	go func() {
		defer close(parcels)
		readErr = p.send(parcels, failed, r)
	}()
	for next := range parcels {
		time.Sleep(time.Until(next.arrival))
		if _, err := w.Write(next.content); err != nil {
			close(failed)
			return err
		}
	}
	return readErr
}

// send reads parcels and says when each arrives.
func (p *pacer) send(parcels chan<- parcel, failed <-chan struct{}, r io.Reader) error {
	for {
		content := make([]byte, packet)
		n, err := r.Read(content)
		if n > 0 {
			select {
			case parcels <- parcel{content[:n], p.arrival(n, time.Now())}:
			case <-failed:
				return nil
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// arrival is when n bytes arrive that are handed to the link now.
func (p *pacer) arrival(n int, now time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(int64(n) * 8 * int64(time.Second) / p.link.Rate))
	return p.free.Add(p.link.RoundTrip / 2)
}
