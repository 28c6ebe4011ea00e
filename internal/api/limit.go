package api

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// counts counts what is in progress by a key, such as uploads by account.
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

// A limited listener closes connections beyond its limits, so that no stranger can
// use up the files of the process. Where it is full, who holds the most gives way
// to who holds fewer: a few strangers keep nobody else out.
type limited struct {
	net.Listener
	total, each int

	mu   sync.Mutex
	open map[string][]*limitedConn // guarded by mu; by network, oldest first; no empty entries
	n    int                       // guarded by mu; connections in open
}

func limit(l net.Listener, total, each int) net.Listener {
	return &limited{Listener: l, total: total, each: each, open: map[string][]*limitedConn{}}
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		one := &limitedConn{Conn: c, of: l, from: networkOf(addressOf(c.RemoteAddr().String()))}
		victim, ok := l.enter(one)
		if victim != nil {
			victim.Close()
		}
		if ok {
			return one, nil
		}
		c.Close()
	}
}

// enter gives c a place and returns true, or false where there is none for it. A
// connection that is returned gave its own.
func (l *limited) enter(c *limitedConn) (victim *limitedConn, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	has := len(l.open[c.from])
	if has >= l.each {
		return nil, false
	}
	if l.n >= l.total {
		if victim = l.richest(has + 1); victim == nil {
			return nil, false
		}
		l.remove(victim)
	}
	l.open[c.from] = append(l.open[c.from], c)
	l.n++
	return victim, true
}

// richest returns the oldest connection of the network that has the most, if those
// are more than so many. The caller holds mu.
func (l *limited) richest(than int) (oldest *limitedConn) {
	for _, all := range l.open {
		if len(all) > than {
			oldest, than = all[0], len(all)
		}
	}
	return oldest
}

// remove takes the place of c back, once. The caller holds mu.
func (l *limited) remove(c *limitedConn) {
	i := slices.Index(l.open[c.from], c)
	if i < 0 {
		return
	}
	l.n--
	if l.open[c.from] = slices.Delete(l.open[c.from], i, i+1); len(l.open[c.from]) == 0 {
		delete(l.open, c.from)
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
	of   *limited
	from string // network
}

func (c *limitedConn) Close() error {
	c.of.mu.Lock()
	c.of.remove(c)
	c.of.mu.Unlock()
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
