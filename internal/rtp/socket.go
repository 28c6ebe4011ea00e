package rtp

import (
	"errors"
	"net"
	"net/netip"
)

// A socket is one UDP socket of a session.
type socket interface {
	// run hands every datagram to take, one after the other, until end; b is valid
	// during the call only. A panic of take is one of run. It may be called once.
	run(take func(b []byte, from netip.AddrPort))

	// share tells whether take never waits from now on: then it may be called by
	// who reads many sockets.
	share(on bool)

	// end makes run return; where it does not run, the socket is closed. It may be
	// called within take, and again.
	end()

	// write sends b; net.ErrClosed after end. Errors of the network are none: it
	// loses packets anyhow.
	write(b []byte, to netip.AddrPort) error

	port() uint16
}

// A lone socket waits in a goroutine of its own, whatever is said.
type lone struct{ conn *net.UDPConn }

func bindLone(a netip.AddrPort) (socket, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
	if err != nil {
		return nil, err
	}
	return lone{conn}, nil
}

func (l lone) run(take func(b []byte, from netip.AddrPort)) {
	for buf := make([]byte, maxDatagram); ; {
		n, from, err := l.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil { // else an ICMP message: the far side is not there yet
			take(buf[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		}
	}
}

func (l lone) share(bool) {}

func (l lone) end() { l.conn.Close() }

func (l lone) write(b []byte, to netip.AddrPort) error {
	if _, err := l.conn.WriteToUDPAddrPort(b, to); errors.Is(err, net.ErrClosed) {
		return net.ErrClosed
	}
	return nil
}

func (l lone) port() uint16 { return l.conn.LocalAddr().(*net.UDPAddr).AddrPort().Port() }
