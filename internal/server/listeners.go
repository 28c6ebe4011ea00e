package server

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"timbre/internal/api"
)

// listeners are the sockets of a server, bound before anything else starts, so
// that a busy port changes nothing. A nil one was not asked for.
type listeners struct {
	https, sip, sips net.Listener
	udp              net.PacketConn // same port as sip
}

// listen binds all addresses of cfg or none.
func listen(ctx context.Context, cfg Config) (_ *listeners, err error) {
	l := &listeners{}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if cfg.HTTPS != "" {
		if l.https, err = listenTCP(ctx, cfg.HTTPS); err != nil {
			return nil, fmt.Errorf("https: %w", err)
		}
	}
	if cfg.SIP != "" {
		if l.sip, l.udp, err = listenBoth(ctx, cfg.SIP); err != nil {
			return nil, fmt.Errorf("sip: %w", err)
		}
	}
	if cfg.SIPS != "" {
		if l.sips, err = listenTCP(ctx, cfg.SIPS); err != nil {
			return nil, fmt.Errorf("sips: %w", err)
		}
	}
	return l, nil
}

func listenTCP(ctx context.Context, addr string) (net.Listener, error) {
	var c net.ListenConfig
	return c.Listen(ctx, "tcp", addr)
}

// listenBoth binds addr for TCP and UDP. Where the kernel chooses the port for
// one, the other may be taken: then it chooses again.
func listenBoth(ctx context.Context, addr string) (net.Listener, net.PacketConn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil, err
	}
	var c net.ListenConfig
	for try := 0; ; try++ {
		tcp, err := c.Listen(ctx, "tcp", addr)
		if err != nil {
			return nil, nil, err
		}
		chosen := tcp.Addr().(*net.TCPAddr).Port
		udp, err := c.ListenPacket(ctx, "udp", net.JoinHostPort(host, strconv.Itoa(chosen)))
		if err == nil {
			return tcp, udp, nil
		}
		tcp.Close()
		if port != "0" || try == 50 {
			return nil, nil, err
		}
	}
}

// close closes those that are bound. Closing twice is no error.
func (l *listeners) close() {
	for _, c := range []net.Listener{l.https, l.sip, l.sips} {
		if c != nil {
			c.Close()
		}
	}
	if l.udp != nil {
		l.udp.Close()
	}
}

// ready returns the addresses as one dials them on this machine.
func (l *listeners) ready() Ready {
	at := l.at("127.0.0.1") // a wildcard socket takes IPv4 too, whether it shows as :: or 0.0.0.0
	return Ready{HTTPS: at.HTTPS, SIP: at.SIP, SIPS: at.SIPS}
}

// at returns where the listeners are reached, with host for those that are bound
// to all addresses.
func (l *listeners) at(host string) api.Listeners {
	r := api.Listeners{SIP: dialable(l.sip, host), SIPS: dialable(l.sips, host)}
	if a := dialable(l.https, host); a != "" {
		r.HTTPS = "https://" + a
	}
	return r
}

// dialable returns where l is reached: a wildcard address becomes host. A nil
// listener is reached nowhere.
func dialable(l net.Listener, host string) string {
	if l == nil {
		return ""
	}
	a := l.Addr().(*net.TCPAddr).AddrPort()
	if !a.Addr().IsUnspecified() {
		host = a.Addr().Unmap().String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(a.Port())))
}

// ports returns the ports that phones dial.
func (l *listeners) ports() ports { return ports{portOf(l.sip), portOf(l.sips)} }

// portOf returns the port of l, 0 where it was not asked for.
func portOf(l net.Listener) int {
	if l == nil {
		return 0
	}
	return l.Addr().(*net.TCPAddr).Port
}
