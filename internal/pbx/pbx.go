// Package pbx is the switchboard: it owns the server's SIP endpoint and every
// call. It glues the user agent (ua) to the gate that knows the devices' secrets
// (auth), to the bindings (registrar), the numbering (dialplan), the joined legs
// (bridge) and the answering dialogue (voicemail), and it alone writes the call
// log. Its caller is server.
//
// Each call is owned by one goroutine, that of its INVITE; nothing of a call is
// shared but the counts of calls in progress. A panic ends one call, with its
// record as failed.
package pbx

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"timbre/internal/auth"
	"timbre/internal/office"
	"timbre/internal/registrar"
	"timbre/internal/store"
	"timbre/internal/ua"
	"timbre/internal/voicemail"
)

// maxCalls is how many calls an extension may have at the same time.
const maxCalls = 2

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

	Sounds string           // the administrator's folder of spoken prompts; empty: none
	Now    func() time.Time // nil: time.Now
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
	late     *backlog

	halt context.Context // ends when calls in progress must
	stop context.CancelFunc
	idle chan struct{} // closed when stopped and no call is left

	mu      sync.Mutex
	stopped bool                  // guarded by mu; no call begins any more
	live    int                   // guarded by mu; calls in progress
	busy    map[office.Number]int // guarded by mu; calls of each extension that has any
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
	p := &PBX{cfg: cfg, log: cfg.Log, store: cfg.Store, late: newBacklog(), idle: make(chan struct{}), busy: map[office.Number]int{}}
	p.halt, p.stop = context.WithCancel(context.Background())
	var err error
	if p.table, err = registrar.Open(ctx, registrar.Config{Store: cfg.Store, Log: cfg.Log, Now: cfg.Now()}); err != nil {
		return nil, fmt.Errorf("reading the registrations: %w", err)
	}
	p.sounds = voicemail.NewSounds(cfg.Sounds, voicemail.System)
	p.box = voicemail.New(voicemail.Config{Store: cfg.Store, Log: cfg.Log, Sounds: p.sounds, Now: cfg.Now})
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
		Digest:       ua.Digest{Realm: office.SIPRealm, HA1: cfg.Gate.HA1, Allow: cfg.Gate.AllowSIP, Result: cfg.Gate.ResultSIP},
		OnInvite:     p.invite,
		OnRegister:   p.register,
		OnDisconnect: p.table.Disconnected,
	})
	if err != nil {
		return nil, fmt.Errorf("starting SIP: %w", err)
	}
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

// occupy counts one more call of ext; false where it has as many as it may. It
// is undone by release.
func (p *PBX) occupy(ext office.Number) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[ext] >= maxCalls {
		return false
	}
	p.busy[ext]++
	return true
}

// release counts one call of ext less.
func (p *PBX) release(ext office.Number) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[ext]--; p.busy[ext] == 0 {
		delete(p.busy, ext)
	}
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
