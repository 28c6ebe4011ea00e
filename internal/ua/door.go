package ua

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Limits of connections, over all and from one address.
const (
	maxStreams          = 4096
	maxStreamsPerSource = 512
)

// A door is the listener that the SIP stack serves for TCP or TLS. Through it
// come the connections that the real listener accepted and those that we dialled
// ourselves, so that both are guarded and used in both directions.
type door struct {
	network string // "tcp" or "tls"
	addr    net.Addr
	conns   chan net.Conn
	done    <-chan struct{}
}

func (d *door) Accept() (net.Conn, error) {
	select {
	case c := <-d.conns:
		return c, nil
	case <-d.done:
		return nil, net.ErrClosed
	}
}

func (d *door) Addr() net.Addr { return d.addr }
func (d *door) Close() error   { return nil }

// streams holds the open connections of an endpoint.
type streams struct {
	mu      sync.Mutex
	byPeer  map[string]*stream   // by network and remote address; guarded by mu
	sources map[netip.Prefix]int // accepted connections by customer; guarded by mu
	total   int                  // of sources, those that still shake hands among them; guarded by mu
	dialing map[string]*dialing  // guarded by mu
}

// A dialing is a connection that is being made; done is closed when s or err is set.
type dialing struct {
	done chan struct{}
	s    *stream
	err  error
}

func peerKey(network string, addr netip.AddrPort) string { return network + "/" + addr.String() }

// remote returns the peer's address in its short form.
func remote(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.TCPAddr:
		p := a.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	case *net.UDPAddr:
		p := a.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	p, _ := netip.ParseAddrPort(a.String())
	return p
}

// accept takes connections from l until it closes. It returns nil where the
// endpoint closed it.
func (e *Endpoint) accept(ctx context.Context, l net.Listener, d *door, conf *tls.Config) error {
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			select { // out of descriptors, say: the next one may do
			case <-time.After(50 * time.Millisecond):
				continue
			case <-ctx.Done():
				return nil
			}
		}
		peer := remote(c.RemoteAddr())
		if !e.streams.admit(peer.Addr()) {
			c.Close()
			continue
		}
		if !e.spawn("connection", func() {
			if !e.enter(ctx, c, d, conf, peer) {
				e.streams.leave(peer.Addr())
			}
		}) {
			c.Close()
		}
	}
}

// enter shakes hands and hands the connection to the stack. It reports whether
// the stream took over the duty to leave.
func (e *Endpoint) enter(ctx context.Context, c net.Conn, d *door, conf *tls.Config, peer netip.AddrPort) bool {
	if conf != nil {
		t := tls.Server(c, conf)
		hctx, cancel := context.WithTimeout(ctx, handshakeTime)
		defer cancel()
		if err := t.HandshakeContext(hctx); err != nil {
			c.Close()
			return false
		}
		c = t
	}
	s := e.track(c, d.network, peer, func() { e.streams.leave(peer.Addr()) })
	if !e.push(ctx, s, d) {
		s.Close()
	}
	return true
}

// track wraps c and remembers it under its peer.
func (e *Endpoint) track(c net.Conn, network string, peer netip.AddrPort, left func()) *stream {
	key := peerKey(network, peer)
	var s *stream
	s = newStream(c, e.log, func() {
		e.streams.mu.Lock()
		if e.streams.byPeer[key] == s {
			delete(e.streams.byPeer, key)
		}
		e.streams.mu.Unlock()
		left()
		if e.cfg.OnDisconnect != nil {
			e.cfg.OnDisconnect(network, peer)
		}
	})
	e.streams.mu.Lock()
	e.streams.byPeer[key] = s
	e.streams.mu.Unlock()
	return s
}

// push gives s to the stack and waits until it serves it.
func (e *Endpoint) push(ctx context.Context, s *stream, d *door) bool {
	select {
	case d.conns <- s:
	case <-ctx.Done():
		return false
	}
	select {
	case <-s.reading:
		return true
	case <-ctx.Done():
		return false
	}
}

// customer is what counts as one source: an IPv4 address, or the /64 that an IPv6
// customer has.
func customer(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

func (s *streams) admit(a netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.total >= maxStreams || s.sources[customer(a)] >= maxStreamsPerSource {
		return false
	}
	s.total++
	s.sources[customer(a)]++
	return true
}

func (s *streams) leave(a netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if c := customer(a); s.sources[c] <= 1 {
		delete(s.sources, c)
	} else {
		s.sources[c]--
	}
}

// open returns the open connection to addr, or nil.
func (s *streams) open(network string, addr netip.AddrPort) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byPeer[peerKey(network, addr)]
}

// prove notes that who sent req is no stranger, so that its connection may stay.
func (e *Endpoint) prove(req *sip.Request) {
	source, err := netip.ParseAddrPort(req.Source())
	if err != nil {
		return
	}
	source = netip.AddrPortFrom(source.Addr().Unmap(), source.Port())
	if s := e.streams.open(sip.NetworkToLower(req.Transport()), source); s != nil {
		s.prove()
	}
}

// connect returns the open connection to addr, or makes one. Where ctx ends
// first, or the endpoint, the error says so.
func (e *Endpoint) connect(ctx context.Context, network string, addr netip.AddrPort) (*stream, error) {
	key := peerKey(network, addr)
	st := &e.streams
	st.mu.Lock()
	if s := st.byPeer[key]; s != nil {
		st.mu.Unlock()
		return s, nil
	}
	d := st.dialing[key]
	if d == nil {
		d = &dialing{done: make(chan struct{})}
		st.dialing[key] = d
		if !e.spawn("dialling", func() {
			d.err = ErrClosed
			defer func() {
				st.mu.Lock()
				delete(st.dialing, key)
				st.mu.Unlock()
				close(d.done)
			}()
			d.s, d.err = e.dialStream(network, addr)
		}) {
			delete(st.dialing, key)
			st.mu.Unlock()
			return nil, ErrClosed
		}
	}
	st.mu.Unlock()
	select {
	case <-d.done:
		return d.s, d.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-e.ctx.Done():
		return nil, ErrClosed
	}
}

var errNoTLS = errors.New("no TLS settings to dial with")

func (e *Endpoint) dialStream(network string, addr netip.AddrPort) (*stream, error) {
	ctx, cancel := context.WithTimeout(e.ctx, handshakeTime)
	defer cancel()
	conf := e.cfg.ClientTLS
	if e.cfg.PeerTLS != nil {
		if c := e.cfg.PeerTLS(addr); c != nil {
			conf = c
		}
	}
	if network == "tls" && conf == nil {
		return nil, errNoTLS
	}
	var nd net.Dialer
	c, err := nd.DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return nil, err
	}
	if network == "tls" {
		if conf.ServerName == "" && !conf.InsecureSkipVerify {
			conf = conf.Clone()
			conf.ServerName = e.cfg.Host
		}
		t := tls.Client(c, conf)
		if err := t.HandshakeContext(ctx); err != nil {
			c.Close()
			return nil, err
		}
		c = t
	}
	s := e.track(c, network, addr, func() {})
	s.prove() // whom we called is no stranger
	if !e.push(ctx, s, e.doors[network]) {
		s.Close()
		return nil, ErrClosed
	}
	return s, nil
}

// newDoor makes the door beside l, which is nil where nobody may come in.
func newDoor(network string, l net.Listener, dead context.Context) *door {
	d := &door{network: network, addr: &net.TCPAddr{IP: net.IPv4zero}, conns: make(chan net.Conn), done: dead.Done()}
	if l != nil {
		d.addr = l.Addr()
	}
	return d
}
