// Package ua is the SIP user agent of both doors: it owns the transports, the
// transactions, the call legs and what they negotiate, and the subscriptions. It
// knows no extensions, routes or devices; what arrives is handed to the callbacks of
// Config, what is wanted is dialled. Package pbx (the server) and softphone (the
// phone) call it.
//
// Transactions, transport bookkeeping and dialog state come from sipgo and diago,
// which this package alone imports. Neither of them survives all that may arrive
// from a network, so every message passes our own guard first (package sipguard),
// and the media is ours (package rtp).
//
// The RFCs: 3261 (SIP), 3264 (offer/answer), 3325 (asserted identity), 3515 (REFER),
// 3891 (Replaces), 5626 §3.5.1 (keep-alive), 5806 (Diversion), 6665 (events), 7616
// and 8760 (digest).
package ua

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/emiago/diago"
	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"timbre/internal/rtp"
)

// A Config says where an Endpoint listens and whom it tells. The sockets are
// bound by the caller and closed by Run.
type Config struct {
	Log       *slog.Logger
	Agent     string         // User-Agent and Server
	Host      string         // host of From: a server's domain or a phone's registrar; empty: our address
	UDP       net.PacketConn // nil: none
	TCP       net.Listener   // nil: none
	TLS       net.Listener   // plain listener; what it accepts is wrapped with ServerTLS; nil: none
	ServerTLS *tls.Config
	ClientTLS *tls.Config // nil: no TLS connection is ever dialled but to those of PeerTLS
	// PeerTLS returns how a TLS connection to addr is made where that is a known
	// peer such as a trunk, else nil. Nil: nobody is one.
	PeerTLS func(addr netip.AddrPort) *tls.Config
	Media   Media
	Digest  Digest // zero: nobody is challenged

	// OnInvite has one goroutine per incoming call. Its return before an answer
	// rejects the call with 480, after an answer it hangs up. A panic in it is
	// logged and counts as a return, with 500.
	OnInvite func(ctx context.Context, in *Incoming)
	// OnRegister answers one authenticated REGISTER. Nil: 405.
	OnRegister func(ctx context.Context, r *Registration)
	// Peer names who sends from source, where that is a known peer such as a trunk:
	// its calls to toUser are not challenged. Nil: nobody is one.
	Peer func(source netip.AddrPort, transport, toUser string) (peer string, ok bool)
	// Events are the event packages that can be subscribed to, and OnSubscribe has
	// one goroutine per subscription. Nil: there are none.
	Events      []string
	OnSubscribe func(ctx context.Context, s *Subscription)
	// OnNotify is told what nobody subscribed to within this package, such as that
	// messages wait. It must not wait. Nil: 489.
	OnNotify func(event, contentType string, body []byte)
	// OnDisconnect is told of every TCP or TLS connection that is closed, whoever
	// closed it; it must not wait. Nil: nobody is.
	OnDisconnect func(transport string, peer netip.AddrPort)
}

// Media says how RTP sockets are bound and named. The zero Media lets the kernel
// choose ports and names the interface that leads to the peer.
type Media struct {
	PortMin, PortMax int            // inclusive; even ports are used
	Public           netip.Addr     // in SDP and Contact towards peers outside Local; invalid: none
	Local            []netip.Prefix // networks whose peers reach us at our own address; empty: private and loopback ones
}

// An Endpoint is one SIP user agent on its sockets. It is safe for concurrent use.
type Endpoint struct {
	cfg     Config
	log     *slog.Logger
	stack   *sipgo.UserAgent
	server  *sipgo.Server
	client  *sipgo.Client
	diago   *diago.Diago
	udp     *datagrams // nil: none
	doors   map[string]*door
	digest  *challenger // nil: nobody is challenged
	allow   string      // the methods that we take
	ports   *rtp.Ports
	routes  routes
	own     ownAddresses
	merged  mergeLog     // the INVITEs of others
	dialled mergeLog     // our own calls, by legKey
	forks   atomic.Int32 // see maxForks

	started atomic.Bool
	ready   chan struct{}   // closed when all sockets are served
	ctx     context.Context // ends when the endpoint takes no more calls
	cancel  context.CancelFunc
	dead    context.Context // ends when the sockets close
	kill    context.CancelFunc

	streams       streams
	subscriptions subscriptions

	mu      sync.Mutex
	closed  bool                 // no goroutine may be started any more; guarded by mu
	wg      sync.WaitGroup       // every goroutine of the endpoint; Add under mu
	talking int                  // goroutines that end calls, and calls; guarded by mu
	quiet   chan struct{}        // capacity 1: talking has become 0
	legs    map[string]*Leg      // by legKey; guarded by mu
	ringing map[string]*Incoming // by ringKey; guarded by mu
	early   map[string]*Incoming // of ringing, those that have a dialog, by legKey; guarded by mu
}

// ErrClosed is returned by calls on an Endpoint whose Run is not running, and on
// a call or leg that has ended.
var ErrClosed = errors.New("endpoint or call is closed")

// New prepares an endpoint on the sockets of cfg. It starts nothing.
func New(cfg Config) (*Endpoint, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.TLS != nil && cfg.ServerTLS == nil {
		return nil, errors.New("a TLS listener needs ServerTLS")
	}
	if p := cfg.Media; p.PortMin < 0 || p.PortMax > 65535 || p.PortMin > p.PortMax {
		return nil, errors.New("the RTP port range is empty")
	}
	e := &Endpoint{
		cfg: cfg, log: cfg.Log,
		ready: make(chan struct{}), quiet: make(chan struct{}, 1),
		legs: map[string]*Leg{}, ringing: map[string]*Incoming{}, early: map[string]*Incoming{},
		doors:   map[string]*door{},
		streams: streams{byPeer: map[string]*stream{}, sources: map[netip.Prefix]int{}, dialing: map[string]*dialing{}},
		digest:  newChallenger(cfg.Digest),
		allow:   allowed(cfg),
		ports:   &rtp.Ports{Min: cfg.Media.PortMin, Max: cfg.Media.PortMax},
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.dead, e.kill = context.WithCancel(context.Background())
	if cfg.UDP != nil {
		e.udp = newDatagrams(cfg.UDP, e.log)
	}
	e.doors["tcp"] = newDoor("tcp", cfg.TCP, e.dead)
	e.doors["tls"] = newDoor("tls", cfg.TLS, e.dead)
	return e, e.assemble()
}

// tuned guards the stack's package-wide settings.
var tuned sync.Once

// tune sets what the stack keeps for all its users: its own logger, which would
// write to the standard one, and the longest datagram. Of third-party phones on
// UDP some answer with long headers, and a fragment is better than a failed call.
//
// Over UDP a transaction that is over stays for its retransmissions. The 32 s of RFC
// 3261 §17 would be most of the memory of an office at 400 calls a second; 8 s are
// four retransmissions. That of an INVITE ends with its 2xx, as §17 had it before RFC
// 6026: what comes later is ours, see stray.go, confirm.go and merged.go. On the
// server's side it stays for the first copies.
func tune(silent *slog.Logger) {
	tuned.Do(func() {
		sip.SetDefaultLogger(silent)
		sip.UDPMTUSize = 8 << 10
		sip.Timer_D, sip.Timer_J = 8*time.Second, 8*time.Second
		sip.Timer_L, sip.Timer_M = time.Second, 0
	})
}

// assemble puts the stack together. What it logs holds whole messages of
// strangers, so nothing of it is kept.
func (e *Endpoint) assemble() error {
	silent := slog.New(slog.DiscardHandler)
	tune(silent)
	never := func(net.Addr) net.Dialer { // connections are made by us, where they are guarded
		return net.Dialer{Control: func(string, string, syscall.RawConn) error { return ErrClosed }}
	}
	var err error
	e.stack, err = sipgo.NewUA(
		sipgo.WithUserAgent(e.cfg.Agent),
		sipgo.WithUserAgentHostname(e.cfg.Host),
		sipgo.WithUserAgentParser(parser),
		sipgo.WithUserAgentTransactionLayerOptions(
			sip.WithTransactionLayerLogger(silent),
			sip.WithTransactionLayerTerminateOnConnClose(),
			sip.WithTransactionLayerUnhandledResponseHandler(e.stray),
		),
		sipgo.WithUserAgentTransportLayerOptions(
			sip.WithTransportLayerLogger(silent),
			sip.WithTransportLayerTransports(sip.TransportsConfig{
				TCP: &sip.TransportTCP{DialerCreate: never},
				TLS: &sip.TransportTLS{TransportTCP: &sip.TransportTCP{DialerCreate: never}},
			}),
		),
	)
	if err != nil {
		return err
	}
	if e.udp != nil {
		e.stack.TransportLayer().OnMessage(e.udp.take)
	}
	if e.server, err = sipgo.NewServer(e.stack, sipgo.WithServerLogger(silent)); err != nil {
		return err
	}
	if e.client, err = sipgo.NewClient(e.stack, sipgo.WithClientLogger(silent), sipgo.WithClientNAT()); err != nil {
		return err
	}
	opts := []diago.DiagoOption{
		diago.WithLogger(silent), diago.WithServer(e.server), diago.WithClient(e.client),
		diago.WithServerRequestMiddleware(e.inviteMiddleware),
	}
	for _, network := range []string{"udp", "tcp", "tls"} {
		opts = append(opts, diago.WithTransport(diago.Transport{
			Transport: network, BindHost: "127.0.0.1", BindPort: 5060, // where requests go we say ourselves
		}))
	}
	e.diago = diago.NewDiago(e.stack, opts...)
	e.diago.HandleFunc(e.serve)
	e.handle()
	return nil
}

// Run serves until ctx ends: then it hangs up every call, closes the sockets and
// returns nil when all its goroutines are gone. It returns an error only where a
// socket fails. It can run once.
func (e *Endpoint) Run(ctx context.Context) error {
	if !e.started.CompareAndSwap(false, true) {
		return ErrClosed
	}
	failed := make(chan error, 8)
	serve := func(what string, f func() error) {
		e.spawn(what, func() {
			if err := f(); err != nil && e.ctx.Err() == nil {
				failed <- fmt.Errorf("serving %s: %w", what, err)
			}
		})
	}
	if e.udp != nil {
		serve("udp", e.serveUDP)
	}
	serve("tcp", func() error { return e.server.ServeTCP(e.doors["tcp"]) })
	serve("tls", func() error { return e.server.ServeTLS(e.doors["tls"]) })
	if e.cfg.TCP != nil {
		serve("tcp listener", func() error { return e.accept(e.ctx, e.cfg.TCP, e.doors["tcp"], nil) })
	}
	if e.cfg.TLS != nil {
		serve("tls listener", func() error { return e.accept(e.ctx, e.cfg.TLS, e.doors["tls"], e.cfg.ServerTLS) })
	}
	if e.udp != nil {
		<-e.udp.reading
	}
	close(e.ready)
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	e.shut()
	return err
}

// serveUDP serves the datagrams, shift after shift, and again where the stack gave
// up on a message.
func (e *Endpoint) serveUDP() error {
	for {
		shift := e.udp.shift(e.dead.Done())
		gone := make(chan error, 1)
		if !e.spawn("udp", func() {
			err, panicked := ErrClosed, true
			defer func() {
				if panicked {
					e.udp.wary.Store(true)
				}
				gone <- err
			}()
			err = e.server.ServeUDP(shift)
			panicked = false
		}) {
			return nil
		}
		select {
		case <-shift.over:
		case err := <-gone:
			select {
			case <-e.dead.Done():
				return nil
			case <-e.udp.failed:
				return err
			default:
			}
		}
	}
}

// shut ends all calls, then all connections, then waits for every goroutine.
func (e *Endpoint) shut() {
	e.cancel()
	for _, l := range []net.Listener{e.cfg.TCP, e.cfg.TLS} {
		if l != nil {
			l.Close()
		}
	}
	e.mu.Lock()
	legs := slices.Collect(maps.Values(e.legs))
	e.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), shutTime)
	defer cancel()
	for _, l := range legs {
		select {
		case <-l.up:
			e.spawnTalk("hang-up", func() { l.Hangup(ctx) })
		default: // not answered: whoever dials or answers it sees that we end
		}
	}
	for _, s := range e.subscriptions.list() {
		e.spawnTalk("subscription", s.stop)
	}
	e.awaitQuiet(ctx)
	if e.udp != nil {
		// A request that the stack has just read must find the socket, or it would
		// make one of its own, which nobody closes.
		e.udp.deaf.Store(true)
		<-time.After(settleTime)
	}
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.kill()
	if e.cfg.UDP != nil { // before the stack: it would open a socket to answer what still comes
		e.cfg.UDP.Close()
	}
	e.stack.Close()
	e.streams.mu.Lock()
	open := slices.Collect(maps.Values(e.streams.byPeer))
	e.streams.mu.Unlock()
	for _, s := range open {
		s.Close()
	}
	e.wg.Wait()
	e.stack.Close() // again, for what was on its way meanwhile
}

// shutTime bounds the wait for the answers to our last BYEs; settleTime is ample
// for the stack to begin what it has read.
const (
	shutTime   = 2 * time.Second
	settleTime = 20 * time.Millisecond
)

// spawn runs f in a goroutine that Run waits for. It reports false where the
// endpoint is closed.
func (e *Endpoint) spawn(what string, f func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.wg.Go(func() {
		defer e.survive(what)
		f()
	})
	return true
}

// spawnTalk is spawn for what must finish before the sockets close.
func (e *Endpoint) spawnTalk(what string, f func()) bool {
	return e.talk() && e.spawn(what, func() {
		defer e.talked()
		defer e.survive(what)
		f()
	})
}

// talk notes that something begins that must finish before the sockets close; it
// ends with talked. It reports false where the endpoint is closed.
func (e *Endpoint) talk() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.talking++
	return true
}

func (e *Endpoint) talked() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.talking--; e.talking == 0 {
		select {
		case e.quiet <- struct{}{}:
		default:
		}
	}
}

// awaitQuiet waits until nothing talks or ctx ends.
func (e *Endpoint) awaitQuiet(ctx context.Context) {
	for {
		e.mu.Lock()
		n := e.talking
		e.mu.Unlock()
		if n == 0 {
			return
		}
		select {
		case <-e.quiet:
		case <-ctx.Done():
			return
		}
	}
}

// survive ends a panic: nothing that arrives may end the process.
func (e *Endpoint) survive(what string) {
	if r := recover(); r != nil {
		e.log.Error("panic caught", "in", what, "err", fmt.Sprint(r), "stack", string(debug.Stack()))
	}
}
