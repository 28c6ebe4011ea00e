// Package softphone is a telephone without a face: it registers one account
// with the office, places and answers calls, and moves sound between the
// network and a sound card. Windows and command lines stand on top of it.
//
// It owns the state machine of a call, the tones a caller hears and the path of
// the samples; SIP, RTP and SRTP belong to internal/ua, codecs and the jitter
// buffer to internal/media, sound cards to softphone/audio. Begin with New,
// then Phone.Run and Phone.Call.
package softphone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/ua"
)

// A Config says what a Phone needs. Account and Audio are required; the zero
// values of the others are documented beside them.
//
// The callbacks are called one at a time, in the order in which things
// happened, from one goroutine that the Phone owns. They may call any method of
// Phone and Call. A callback that blocks delays the next one, never a call.
type Config struct {
	Log            *slog.Logger       // nil: nothing is logged
	Account        Account            // the line
	Audio          Audio              // the sound of every call
	Agent          string             // User-Agent; empty: "Timbre"
	Without        Stages             // what is not done to the microphone's sound; zero: all is done
	OnRegistration func(Registration) // nil: nobody asks
	OnIncoming     func(*Call)        // a call rings; nil: all callers hear that the phone is busy
	OnCall         func(*Call, Status)
}

// A Phone is one registered telephone. It is safe for concurrent use. It has at
// most one call at a time: whoever calls meanwhile hears that it is busy.
type Phone struct {
	cfg      Config
	log      *slog.Logger
	server   *server
	events   *events
	ringTime time.Duration // how long an incoming call rings at most
	sound    sync.Mutex    // held while Audio runs: a device is opened after the last one was closed

	mu           sync.Mutex
	registration Registration    // guarded by mu
	office       netip.AddrPort  // where it registered last; guarded by mu
	broken       time.Time       // when the office was last found out of reach; guarded by mu
	current      *Call           // guarded by mu; nil or not Ended
	endpoint     *ua.Endpoint    // guarded by mu; nil while not running
	running      context.Context // guarded by mu; of Run; nil while not running
	echo         *media.Echo     // guarded by mu; of Run; nil in a binary that has none
	calls        sync.WaitGroup  // Add is guarded by mu and happens only while running
}

// New returns a phone that does nothing yet. It fails where the account names
// no address that this phone could use.
func New(cfg Config) (*Phone, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Agent == "" {
		cfg.Agent = "Timbre"
	}
	if cfg.OnRegistration == nil {
		cfg.OnRegistration = func(Registration) {}
	}
	if cfg.OnCall == nil {
		cfg.OnCall = func(*Call, Status) {}
	}
	if cfg.Audio == nil {
		return nil, errors.New("softphone: no Audio")
	}
	server, err := newServer(cfg.Account.URIs)
	if err != nil {
		return nil, err
	}
	return &Phone{
		cfg: cfg, log: cfg.Log, server: server, events: newEvents(), ringTime: maxRing,
		registration: Registration{State: Offline},
	}, nil
}

// Run registers and serves calls until ctx ends; then it hangs up,
// unregisters this device alone, and returns nil when all its goroutines are
// gone and all callbacks have returned. It is called once.
func (p *Phone) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tls := p.cfg.Account.Fingerprint.ClientTLS()
	tls.ServerName = p.server.host
	endpoint, err := ua.New(ua.Config{
		Log: p.log, Agent: p.cfg.Agent, Host: p.cfg.Account.Domain,
		ClientTLS: tls, OnInvite: p.ring,
	})
	if err != nil {
		return fmt.Errorf("starting the phone: %w", err)
	}
	var events sync.WaitGroup
	events.Go(p.events.run)
	echo := media.NewEcho() // one for all calls: the room stays the same
	defer echo.Close()
	echo.Use(p.cfg.Without&EchoCancellation == 0, p.cfg.Without&NoiseSuppression == 0)

	// What is on the wire outlives ctx by the time that good-byes take.
	wire, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() {
		served <- endpoint.Run(wire)
		cancel()
	}()
	p.mu.Lock()
	p.endpoint, p.running, p.echo = endpoint, ctx, echo
	p.mu.Unlock()

	err = endpoint.RegisterLoop(ctx, ua.RegisterConfig{
		Domain: p.cfg.Account.Domain, Transport: "tls", Resolve: p.server.resolve,
		Auth: p.credentials(), OnState: p.registered,
	})
	cancel()
	p.mu.Lock()
	p.endpoint, p.running = nil, nil // no call begins from here on
	p.mu.Unlock()
	p.calls.Wait()
	hangUp()
	err = errors.Join(err, <-served)
	p.events.close()
	events.Wait()
	if err != nil {
		return fmt.Errorf("phone: %w", err)
	}
	return nil
}

// Registration returns the present state of the registration.
func (p *Phone) Registration() Registration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.registration
}

// Current returns the call that is not over, or nil.
func (p *Phone) Current() *Call {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// Call begins to dial n and returns at once; what becomes of the call is told
// through Config.OnCall and Call.Done. It returns ErrInCall while another call
// is not over, ErrNotRunning before and after Run, and office.ErrNumber where n is
// no number.
func (p *Phone) Call(n office.Number) (*Call, error) {
	n, err := office.ParseNumber(string(n))
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == nil {
		return nil, ErrNotRunning
	}
	if p.current != nil {
		return nil, ErrInCall
	}
	c := newCall(p, p.running, false, office.Party{Number: n})
	p.current = c
	endpoint := p.endpoint
	p.calls.Go(func() { c.guard(func() { c.dial(endpoint) }) })
	return c, nil
}

// ring is told of every INVITE, in a goroutine of its own.
func (p *Phone) ring(_ context.Context, in *ua.Incoming) {
	p.mu.Lock()
	if p.running == nil || p.current != nil || p.cfg.OnIncoming == nil {
		p.mu.Unlock()
		in.Reject(486)
		return
	}
	if !in.Secure() { // the office offers SRTP to phones on TLS; anything else is not the office
		p.mu.Unlock()
		in.Reject(488)
		return
	}
	c := newCall(p, p.running, true, in.From())
	p.current = c
	p.calls.Add(1)
	p.mu.Unlock()
	defer p.calls.Done()
	c.ring(in)
}

// address returns where to send a call: to where the phone is registered, whose
// connection is open.
func (p *Phone) address(ctx context.Context) (netip.AddrPort, error) {
	p.mu.Lock()
	addr := p.office
	p.mu.Unlock()
	if addr.IsValid() {
		return addr, nil
	}
	return p.server.resolve(ctx)
}

// brokenSince reports whether the office was out of reach at any time after t.
func (p *Phone) brokenSince(t time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.broken.After(t)
}

// credentials are those of the device.
func (p *Phone) credentials() ua.Credentials {
	return ua.Credentials{Username: p.cfg.Account.Username, Password: p.cfg.Account.Password, Realm: office.SIPRealm}
}

// registered takes what the register loop tells.
func (p *Phone) registered(s ua.RegisterState) {
	r := Registration{Err: s.Err}
	switch s.Phase {
	case ua.Registering:
		r.State = Registering
	case ua.Registered:
		r.State = Registered
	default:
		r.State = Offline
		if s.Status == 401 || s.Status == 403 || s.Status == 404 {
			r.State = Refused
		}
		if s.RetryIn > 0 {
			r.RetryAt = time.Now().Add(s.RetryIn)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.State == Registered {
		p.office = s.Addr
	} else if r.State != Registering {
		p.broken = time.Now()
	}
	p.registration = r
	p.events.post(func() { p.cfg.OnRegistration(r) })
}
