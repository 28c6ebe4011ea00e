package rtp

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
)

var errNoPort = errors.New("no free RTP port")

// Ports hands out RTP ports, each time the next of its range, so that a port that
// was just given back rests before it is used again. It knows the sessions that are
// open on them: sound that one of ours sends to another goes round for ever. The zero
// Ports lets the kernel choose. It is safe for concurrent use.
type Ports struct {
	Min, Max int // inclusive; even ports are used; Max 0: any port

	mu   sync.Mutex
	next int                     // guarded by mu
	open map[netip.AddrPort]bool // where our sessions are bound; guarded by mu

	pumps pumps
}

// Lead reports whether what is sent to an address reaches a session of ours; public
// is how this machine is known out there.
func (p *Ports) Lead(to netip.AddrPort, public netip.Addr) bool {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open[to] {
		return true
	}
	if to.Addr() == public {
		for at := range p.open {
			if at.Port() == to.Port() {
				return true
			}
		}
	}
	return false
}

// enter notes that a session is open at an address.
func (p *Ports) enter(at netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open = map[netip.AddrPort]bool{}
	}
	p.open[at] = true
}

// leave notes that the session is closed.
func (p *Ports) leave(at netip.AddrPort) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, at)
}

// bind returns a UDP socket on a with an even port of the range.
func (p *Ports) bind(a netip.Addr) (socket, error) {
	listen := func(port int) (socket, error) {
		return p.pumps.bind(netip.AddrPortFrom(a.Unmap(), uint16(port)))
	}
	if p.Max == 0 {
		return listen(0)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	first := p.Min + p.Min%2
	n := (p.Max-first)/2 + 1
	for range max(n, 0) {
		if p.next < first || p.next > p.Max {
			p.next = first
		}
		port := p.next
		p.next += 2
		if c, err := listen(port); err == nil {
			return c, nil
		}
	}
	return nil, fmt.Errorf("%w in %d-%d", errNoPort, p.Min, p.Max)
}
