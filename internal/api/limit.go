package api

import (
	"net"
	"net/netip"
	"sync"
)

// counts counts what is in progress by a key, such as connections by address.
// It is safe for concurrent use.
type counts struct {
	mu    sync.Mutex
	of    map[string]int // guarded by mu; no zero entries
	total int            // guarded by mu
}

func newCounts() *counts { return &counts{of: map[string]int{}} }

// enter counts one more of key and returns true, or false where that would be
// more than each of it or more than total of all.
func (c *counts) enter(key string, each, total int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[key] >= each || c.total >= total {
		return false
	}
	c.of[key]++
	c.total++
	return true
}

// leave takes back one enter.
func (c *counts) leave(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total--
	if c.of[key]--; c.of[key] == 0 {
		delete(c.of, key)
	}
}

// A limited listener closes connections beyond its limits as soon as it has
// accepted them, so that no stranger can use up the files of the process.
type limited struct {
	net.Listener
	open        *counts
	total, each int
}

func limit(l net.Listener, total, each int) net.Listener {
	return &limited{l, newCounts(), total, each}
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := networkOf(addressOf(c.RemoteAddr().String()))
		if l.open.enter(from, l.each, l.total) {
			return &limitedConn{Conn: c, leave: func() { l.open.leave(from) }}, nil
		}
		c.Close()
	}
}

// networkOf returns what counts as one client: an IPv4 address, or the /64 that
// an IPv6 customer has, else one customer could take every place.
func networkOf(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// A limitedConn gives its place back when it is closed.
type limitedConn struct {
	net.Conn
	once  sync.Once
	leave func()
}

func (c *limitedConn) Close() error {
	c.once.Do(c.leave)
	return c.Conn.Close()
}

// addressOf returns the IP address in a host:port, the zero Addr where there is
// none. Nothing that a client says about itself is asked.
func addressOf(hostport string) netip.Addr {
	a, err := netip.ParseAddrPort(hostport)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap().WithZone("")
}
