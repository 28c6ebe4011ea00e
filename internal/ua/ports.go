package ua

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

var (
	errNoSocket = errors.New("no socket for this transport")
	errNoPeer   = errors.New("no address to send to")
	errNoPort   = errors.New("no free RTP port")
)

// ports hands out RTP ports, each time the next of its range, so that a port that
// was just given back rests before it is used again.
type ports struct {
	mu   sync.Mutex
	next int // guarded by mu
}

// bind returns a UDP socket on a with an even port of m's range, or any port
// where m names none.
func (p *ports) bind(a netip.Addr, m Media) (*net.UDPConn, error) {
	listen := func(port int) (*net.UDPConn, error) {
		return net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, uint16(port))))
	}
	if m.PortMax == 0 {
		return listen(0)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	first := m.PortMin + m.PortMin%2
	n := (m.PortMax-first)/2 + 1
	for range max(n, 0) {
		if p.next < first || p.next > m.PortMax {
			p.next = first
		}
		port := p.next
		p.next += 2
		if c, err := listen(port); err == nil {
			return c, nil
		}
	}
	return nil, fmt.Errorf("%w in %d-%d", errNoPort, m.PortMin, m.PortMax)
}
