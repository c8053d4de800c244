// Package wire has a way to a server that counts what passes, and that can be
// as slow as a real network. What passes is not looked into, so TLS works
// through it.
package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Link is what a network is like. The zero value is one that takes no time.
type Link struct {
	// Rate is in bits a second, the same in both directions.
	Rate int64
	// RoundTrip is the time that a packet takes there and back.
	RoundTrip time.Duration
}

// Proxy passes on what it gets at its address.
type Proxy struct {
	// Address is on the loopback interface.
	Address string

	target   string
	link     Link
	listener net.Listener
	received atomic.Int64
	up, down pacer

	mu    sync.Mutex
	open  map[net.Conn]bool
	ended bool
	all   sync.WaitGroup
}

// Start listens on the loopback interface and passes on to target.
func Start(ctx context.Context, target string, link Link) (*Proxy, error) {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for clients: %w", err)
	}
	p := &Proxy{Address: listener.Addr().String(), target: target, link: link, listener: listener, open: map[net.Conn]bool{}}
	p.up.link, p.down.link = link, link
	p.all.Go(p.serve)
	return p, nil
}

// Received is how many bytes clients got so far.
func (p *Proxy) Received() int64 { return p.received.Load() }

// Close ends every connection and waits until that is done.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.mu.Lock()
	p.ended = true
	for c := range p.open {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.all.Wait()
	return err
}

func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.all.Go(func() { p.connect(client) })
	}
}

func (p *Proxy) connect(client net.Conn) {
	defer p.forget(client)
	if !p.remember(client) {
		return
	}
	// The kernel has shaken hands already, which takes a round trip elsewhere.
	time.Sleep(p.link.RoundTrip)
	server, err := net.Dial("tcp", p.target) //nolint:noctx // Close ends it
	if err != nil {
		return
	}
	defer p.forget(server)
	if !p.remember(server) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { p.pass(client, server, &p.down, &p.received) })
	both.Go(func() { p.pass(server, client, &p.up, nil) })
	both.Wait()
}

// pass copies one direction, and says the end of it on the other side.
func (p *Proxy) pass(to, from net.Conn, pace *pacer, count *atomic.Int64) {
	var w io.Writer = to
	if count != nil {
		w = counter{to, count}
	}
	err := pace.copy(w, from)
	if tcp, ok := to.(*net.TCPConn); ok && err == nil {
		_ = tcp.CloseWrite()
		return
	}
	_ = errors.Join(to.Close(), from.Close())
}

func (p *Proxy) remember(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[c] = true
	return !p.ended
}

func (p *Proxy) forget(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, c)
}

type counter struct {
	w io.Writer
	n *atomic.Int64
}

// Write counts what it passes on.
func (c counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n.Add(int64(n))
	return n, err
}
