package ua

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

var (
	errNoSocket = errors.New("no socket for this transport")
	errNoPeer   = errors.New("no address to send to")
)

// A path is how a peer is reached: over which network, where it is, and what we
// are called on the way.
type path struct {
	network string         // "udp", "tcp" or "tls"
	peer    netip.AddrPort // where requests go
	local   netip.Addr     // our address on the interface that leads there
	name    netip.AddrPort // our address as the peer must use it, in Via and Contact
	stream  *stream        // the connection, nil over UDP
}

// path finds the way to peer. Over TCP and TLS it connects where no connection is open.
func (e *Endpoint) path(ctx context.Context, network string, peer netip.AddrPort) (path, error) {
	if !peer.IsValid() {
		return path{}, errNoPeer
	}
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port()) // as connections are known by
	p := path{network: network, peer: peer}
	switch network {
	case "udp":
		if e.udp == nil {
			return p, errNoSocket
		}
		bound := remote(e.udp.LocalAddr())
		p.local = bound.Addr()
		if p.local.IsUnspecified() {
			var err error
			if p.local, err = e.routes.local(peer.Addr()); err != nil {
				return p, err
			}
		}
		p.name = netip.AddrPortFrom(p.local, bound.Port())
	case "tcp", "tls":
		s, err := e.connect(ctx, network, peer)
		if err != nil {
			return p, err
		}
		return e.along(s, p), nil
	default:
		return p, errNoSocket
	}
	return e.public(p), nil
}

// along returns p over s, a connection to its peer.
func (e *Endpoint) along(s *stream, p path) path {
	p.stream = s
	own := remote(s.LocalAddr())
	p.local = own.Addr()
	port := own.Port()
	if at := remote(e.doors[p.network].addr).Port(); at != 0 {
		port = at
	}
	p.name = netip.AddrPortFrom(p.local, port)
	return e.public(p)
}

// public returns p with the name by which a peer out there must know us.
func (e *Endpoint) public(p path) path {
	if pub := e.cfg.Media.Public; pub.IsValid() && !e.cfg.Media.isLocal(p.peer.Addr()) {
		p.name = netip.AddrPortFrom(pub, p.name.Port())
	}
	return p
}

// isLocal reports whether a peer at a reaches us at our own address.
func (m Media) isLocal(a netip.Addr) bool {
	if len(m.Local) == 0 {
		return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast()
	}
	for _, n := range m.Local {
		if n.Contains(a) {
			return true
		}
	}
	return a.IsLoopback()
}

// uri returns our own SIP URI on p with the given user part.
func (p path) uri(user string) sip.Uri {
	u := sip.Uri{Scheme: "sip", User: user, Host: host(p.name.Addr()), Port: int(p.name.Port())}
	if p.network != "udp" {
		u.UriParams = sip.HeaderParams{{K: "transport", V: p.network}}
	}
	return u
}

// host writes an address as a host part.
func host(a netip.Addr) string {
	if a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}

// routed prepares req to go along p: transport, destination, socket and Via.
func (e *Endpoint) routed(req *sip.Request, p path) *sip.Request {
	req.SetTransport(sip.NetworkToUpper(p.network))
	req.SetDestination(p.peer.String())
	if p.network == "udp" {
		a := remote(e.udp.LocalAddr())
		req.Laddr = sip.Addr{IP: net.IP(a.Addr().AsSlice()), Port: int(a.Port())}
	}
	via := &sip.ViaHeader{
		ProtocolName: "SIP", ProtocolVersion: "2.0", Transport: req.Transport(),
		Host: p.name.Addr().String(), Port: int(p.name.Port()),
	}
	via.Params.Add("branch", sip.GenerateBranchN(16))
	via.Params.Add("rport", "")
	req.PrependHeader(via)
	return req
}

// routes remembers which of our addresses leads to a peer, for a short time: a
// laptop moves between networks.
type routes struct {
	mu    sync.Mutex
	known map[netip.Addr]netip.Addr // guarded by mu
	since time.Time                 // guarded by mu
}

func (r *routes) local(peer netip.Addr) (netip.Addr, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := time.Now(); r.known == nil || len(r.known) > 1024 || now.Sub(r.since) > 10*time.Second {
		r.known, r.since = map[netip.Addr]netip.Addr{}, now
	}
	if a, ok := r.known[peer]; ok {
		return a, nil
	}
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, 9))) // sends nothing
	if err != nil {
		return netip.Addr{}, err
	}
	defer c.Close()
	a := remote(c.LocalAddr()).Addr()
	r.known[peer] = a
	return a, nil
}
