// Package pbx is the switchboard: it owns the server's SIP endpoint and every
// call. It glues the user agent (ua) to the gate that knows the devices' secrets
// (auth), to the bindings (registrar), the numbering (dialplan), the search for
// who answers (hunt), the lines to the outside (trunk), the joined legs (bridge),
// the answering dialogue (voicemail) and the message lamps (lamp), and it alone
// writes the call log. Its caller is server.
//
// Each call is owned by one goroutine, that of its INVITE or its click. A call is
// made from an origin, reaches a party by its place in the dial plan, and is then
// an exchange of two parties, until one hangs up or is transferred; another call
// asks the owner where it wants to take somebody over. One review ends the legs of
// whom the office does not allow to go on, wherever they are, and the till knows for
// how long they may. A panic ends one call, with its record as failed.
package pbx

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"timbre/internal/auth"
	"timbre/internal/lamp"
	"timbre/internal/office"
	"timbre/internal/registrar"
	"timbre/internal/store"
	"timbre/internal/trunk"
	"timbre/internal/ua"
	"timbre/internal/voicemail"
)

// drainTime is how long a stop waits for the calls in progress to end by
// themselves, once they were told to.
const drainTime = 5 * time.Second

// Config says what a PBX serves and on which sockets, which Run closes.
type Config struct {
	Log   *slog.Logger // nil: nothing is logged
	Store *store.Store
	Gate  *auth.Gate
	Agent string // User-Agent and Server

	Domain    string         // host name of the office's SIP addresses
	UDP       net.PacketConn // nil: none
	TCP       net.Listener   // nil: none
	TLS       net.Listener   // plain; wrapped with ServerTLS; nil: none
	ServerTLS *tls.Config
	Media     ua.Media

	Sounds string // the administrator's folder of spoken prompts; empty: none
	// Disk returns how many bytes of the disk of the data folder are in use, and
	// how many there are. nil: it is never full.
	Disk func(ctx context.Context) (used, total int64, err error)
	// Resolve returns the addresses of a carrier's host. nil: the system's resolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	// Roots are whom carriers over TLS are certified by; nil: the system's.
	Roots *x509.CertPool
	Now   func() time.Time // nil: time.Now
}

// A PBX is the switchboard of one office. It is safe for concurrent use.
type PBX struct {
	cfg      Config
	log      *slog.Logger
	store    *store.Store
	table    *registrar.Table
	sounds   *voicemail.Sounds
	box      *voicemail.Box
	endpoint *ua.Endpoint
	trunks   *trunk.Group
	lamp     *lamp.Lamp
	late     *backlog
	till     *till
	board    *board

	halt    context.Context // ends when calls in progress must
	stop    context.CancelFunc
	calling context.Context // of the calls that the office itself makes; never ends
	idle    chan struct{}   // closed when stopped and no call is left

	mu          sync.Mutex
	stopped     bool                           // guarded by mu, as are all below; no call begins any more
	live        int                            // calls in progress
	busy        map[office.Number]int          // calls of each extension that has any
	ringing     map[office.Number]int          // those of them that ring there
	emergencies map[office.Number]int          // those with the emergency services
	legs        map[*ua.Leg]office.Device      // our own telephones in those calls
	talking     map[*ua.Leg]*call              // the calls in which two parties talk, by the legs of both
	met         chan struct{}                  // closed and made anew when two parties begin to talk
	unanswered  map[*ua.Incoming]*call         // the calls of our own telephones before somebody answers
	hosts       map[netip.Addr]bool            // whereto the sound of acknowledged calls over UDP went
	callers     map[office.ID]office.Extension // the extensions that have called, as they were last read
	numbers     map[office.ID]office.Number    // with which accounts have called outside, as they were last read
	companyIs   office.Company                 // as it was last read
	companyAt   uint64                         // the store's generation then, plus one
}

// New returns a switchboard over cfg.Store that serves once Run is called. It
// turns the recordings that the last stop cut into voicemails.
func New(ctx context.Context, cfg Config) (*PBX, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	p := &PBX{cfg: cfg, log: cfg.Log, store: cfg.Store, late: newBacklog(), till: newTill(), board: newBoard(), idle: make(chan struct{})}
	p.busy, p.ringing = map[office.Number]int{}, map[office.Number]int{}
	p.talking, p.unanswered = map[*ua.Leg]*call{}, map[*ua.Incoming]*call{}
	p.emergencies = map[office.Number]int{}
	p.callers = map[office.ID]office.Extension{}
	p.hosts = map[netip.Addr]bool{}
	p.numbers = map[office.ID]office.Number{}
	p.legs, p.met = map[*ua.Leg]office.Device{}, make(chan struct{})
	p.halt, p.stop = context.WithCancel(context.Background())
	p.calling = context.WithoutCancel(ctx)
	var err error
	if p.table, err = registrar.Open(ctx, registrar.Config{Store: cfg.Store, Log: cfg.Log, Now: cfg.Now()}); err != nil {
		return nil, fmt.Errorf("reading the registrations: %w", err)
	}
	p.sounds = voicemail.NewSounds(cfg.Sounds, voicemail.System)
	p.box = voicemail.New(voicemail.Config{Store: cfg.Store, Log: cfg.Log, Sounds: p.sounds, Gate: cfg.Gate, Disk: cfg.Disk, Now: cfg.Now})
	cut, err := p.box.Recover(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range cut {
		p.keepLate(p.log, t)
	}
	p.endpoint, err = ua.New(ua.Config{
		Log: cfg.Log, Agent: cfg.Agent, Host: cfg.Domain,
		UDP: cfg.UDP, TCP: cfg.TCP, TLS: cfg.TLS, ServerTLS: cfg.ServerTLS, Media: cfg.Media,
		Digest: ua.Digest{Realm: office.SIPRealm, HA1: cfg.Gate.HA1, Allow: cfg.Gate.AllowSIP, Result: cfg.Gate.ResultSIP},
		Peer: func(source netip.AddrPort, transport, toUser string) (string, bool) {
			return p.trunks.Identify(source, transport, toUser)
		},
		PeerTLS: func(addr netip.AddrPort) *tls.Config { return p.trunks.TLS(addr) },
		Events:  []string{lamp.Event}, OnSubscribe: p.subscribe,
		OnInvite:   p.invite,
		OnRegister: p.register,
		OnDisconnect: func(transport string, peer netip.AddrPort) {
			p.table.Disconnected(transport, peer)
			p.board.stir()
		},
	})
	if err != nil {
		return nil, fmt.Errorf("starting SIP: %w", err)
	}
	p.trunks = trunk.New(trunk.Config{Store: cfg.Store, Endpoint: p.endpoint, Log: cfg.Log, Now: cfg.Now, Resolve: cfg.Resolve, Roots: cfg.Roots})
	p.lamp = lamp.New(lamp.Config{Store: cfg.Store, Log: cfg.Log, Domain: cfg.Domain, Notify: p.endpoint.Notify, Phones: p.phones})
	return p, nil
}

// Run serves until ctx ends. Then the calls in progress are ended and their
// records written, and Run returns nil when all goroutines are gone. It returns
// an error only where a socket fails. What the store does not take when a call
// is over is offered to it again until it does.
func (p *PBX) Run(ctx context.Context) error {
	serving, hangup := context.WithCancel(context.WithoutCancel(ctx))
	defer hangup()
	var paying sync.WaitGroup
	defer paying.Wait()
	calling, settle := context.WithCancel(context.WithoutCancel(ctx))
	defer settle()
	paying.Go(func() { p.late.run(calling) })
	var following sync.WaitGroup
	defer following.Wait()
	following.Go(func() { p.follow(ctx) })
	following.Go(func() { p.review(ctx) })
	for name, run := range map[string]func(context.Context) error{"trunks": p.trunks.Run, "lamp": p.lamp.Run} {
		following.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				p.log.Error("stopped working", "part", name, "err", err)
			}
		})
	}
	served := make(chan error, 1)
	go func() { served <- p.endpoint.Run(serving) }()
	var err error
	select {
	case err = <-served:
		p.drain(drainTime)
	case <-ctx.Done():
		p.drain(drainTime)
		hangup()
		err = <-served
	}
	<-p.idle // the calls without an endpoint end at once, their records are written
	return err
}

// drain lets no call begin any more, tells those in progress to end, and waits
// for them for at most patience.
func (p *PBX) drain(patience time.Duration) {
	p.mu.Lock()
	p.stopped = true
	if p.live == 0 {
		close(p.idle)
	}
	p.mu.Unlock()
	p.stop()
	select {
	case <-p.idle:
	case <-time.After(patience):
	}
}

// begin counts a call that begins; false once the switchboard stops. It is
// undone by end.
func (p *PBX) begin() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return false
	}
	p.live++
	return true
}

// end counts a call that is over.
func (p *PBX) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live--
	if p.stopped && p.live == 0 {
		close(p.idle)
	}
}

// occupy counts one more call of ext; false where it has limit of them, unless
// it is forced. Those that are ending are none. It is undone by release.
func (p *PBX) occupy(ext office.Number, limit int, force bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !force && p.busy[ext] >= limit && p.busy[ext]-p.ending(ext) >= limit {
		return false
	}
	p.busy[ext]++
	p.board.stir()
	return true
}

// ending returns how many calls of ext have been hung up and are still counted. mu
// must be locked.
func (p *PBX) ending(ext office.Number) (n int) {
	for l, d := range p.legs {
		if d.Extension == ext && isOver(l) {
			n++
		}
	}
	return n
}

// release counts one call of ext less, that of leg; nil: it had none.
func (p *PBX) release(ext office.Number, leg *ua.Leg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.legs, leg)
	if p.busy[ext]--; p.busy[ext] == 0 {
		delete(p.busy, ext)
	}
	p.board.stir()
}

// rings counts n more calls, or less, that ring at ext.
func (p *PBX) rings(ext office.Number, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ringing[ext] += n; p.ringing[ext] == 0 {
		delete(p.ringing, ext)
	}
	p.board.stir()
}

// LiveCalls returns how many calls are in progress, ringing ones and echo tests
// among them.
func (p *PBX) LiveCalls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.live
}

// Registered returns the devices that can be rung now.
func (p *PBX) Registered() []office.ID {
	return p.table.Registered(p.cfg.Now())
}

// Trunks returns the lines to the outside.
func (p *PBX) Trunks() *trunk.Group { return p.trunks }

// Box returns the voicemail of the office.
func (p *PBX) Box() *voicemail.Box { return p.box }
