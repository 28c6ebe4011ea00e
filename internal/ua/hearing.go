package ua

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"timbre/internal/sdp"
)

// lowestPort is the first port to which sound is sent: below are the services of
// others, and no phone.
const lowestPort = 1024

// mayHear reports whether sound may be sent to where m says: not to many at once,
// not to a well-known port, not to our own sockets. Anybody in a call could make us
// flood those. To 0.0.0.0 nothing is sent: it asks for silence.
func (e *Endpoint) mayHear(m *sdp.Media) bool {
	switch {
	case m.Addr.IsUnspecified():
		return true
	case m.Addr.IsMulticast(), m.Addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}), m.Port < lowestPort:
		return false
	case e.ports.Lead(netip.AddrPortFrom(m.Addr, uint16(m.Port)), e.cfg.Media.Public):
		return false
	}
	sip := e.udp != nil && m.Port == int(remote(e.udp.LocalAddr()).Port())
	if sip && (m.Addr.IsLoopback() || m.Addr == e.cfg.Media.Public) {
		return false
	}
	for _, n := range e.own.get() {
		if isBroadcast(n, m.Addr) || sip && n.IP.Equal(m.Addr.AsSlice()) {
			return false
		}
	}
	return true
}

// ownAddresses remembers the addresses of this machine for a short time: to ask for
// them costs as much as a message. The zero ownAddresses is ready.
type ownAddresses struct {
	mu    sync.Mutex
	known []*net.IPNet // guarded by mu
	since time.Time    // guarded by mu
}

func (o *ownAddresses) get() []*net.IPNet {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := time.Now(); now.Sub(o.since) > 10*time.Second {
		o.known, o.since = nil, now
		all, _ := net.InterfaceAddrs() // an Android phone may not ask, and has no UDP socket
		for _, a := range all {
			if n, ok := a.(*net.IPNet); ok {
				o.known = append(o.known, n)
			}
		}
	}
	return o.known
}

// isBroadcast reports whether a is the first or the last address of n, an IPv4
// network, which everybody in it hears.
func isBroadcast(n *net.IPNet, a netip.Addr) bool {
	ones, bits := n.Mask.Size()
	if bits != 32 || ones > 30 || !n.Contains(a.AsSlice()) {
		return false
	}
	first, last := true, true
	for i, b := range a.AsSlice() {
		first = first && b&^n.Mask[i] == 0
		last = last && b|n.Mask[i] == 0xff
	}
	return first || last
}
