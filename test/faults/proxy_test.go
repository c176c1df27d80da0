//go:build integration

package faults

import (
	"net"
	"sync"
	"testing"
)

// mode is what a proxy does with connections.
type mode int

const (
	open    mode = iota
	refused      // connections, old and new, are reset
	stalled      // connections stay and take bytes, which arrive only once the proxy is open again
)

// proxy forwards TCP connections to a target, as long as its mode is open.
type proxy struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	moved *sync.Cond
	mode  mode
	conns map[*net.TCPConn]bool
	done  bool
	work  sync.WaitGroup
}

// newProxy listens on the port; the test's end closes it.
func newProxy(t *testing.T, port int, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", addr(port))
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target, conns: map[*net.TCPConn]bool{}}
	p.moved = sync.NewCond(&p.mu)
	p.work.Go(p.accept)
	t.Cleanup(func() {
		p.mu.Lock()
		p.done = true
		p.mu.Unlock()
		p.set(refused)
		l.Close()
		p.work.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		in := c.(*net.TCPConn)
		if !p.add(in) {
			continue
		}
		p.work.Go(func() {
			if !p.pass() {
				return
			}
			c, err := net.Dial("tcp", p.target)
			if err != nil {
				p.remove(in)
				return
			}
			out := c.(*net.TCPConn)
			if !p.add(out) {
				p.remove(in)
				return
			}
			p.work.Go(func() { p.copy(out, in) })
			p.copy(in, out)
		})
	}
}

// add keeps a connection, or resets it.
func (p *proxy) add(c *net.TCPConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mode == refused || p.done {
		reset(c)
		return false
	}
	p.conns[c] = true
	return true
}

func (p *proxy) remove(c *net.TCPConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns[c] {
		delete(p.conns, c)
		c.Close()
	}
}

// pass waits while the proxy stalls; false: it ends.
func (p *proxy) pass() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.mode == stalled && !p.done {
		p.moved.Wait()
	}
	return !p.done
}

func (p *proxy) copy(to, from *net.TCPConn) {
	defer p.remove(to)
	defer p.remove(from)
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if !p.pass() {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) set(m mode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = m
	if m == refused {
		for c := range p.conns {
			reset(c)
			delete(p.conns, c)
		}
	}
	p.moved.Broadcast()
}

// reset ends a connection with RST: whoever is at its other end gets an error, not an end.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	c.Close()
}
