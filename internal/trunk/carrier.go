package trunk

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base32"
	"errors"
	"fmt"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/internal/ua"
)

// The times of a carrier.
const (
	askTime     = 30 * time.Second // between two questions whether a trunk is there
	askDownTime = 10 * time.Second // the same, where it was not
	patience    = 4 * time.Second  // for the answer
)

// A carrier is one trunk at work. What is guarded is so by the mutex of its Group.
type carrier struct {
	trunk   office.Trunk
	secret  string
	host    string
	port    uint16
	contact string // user under which we register: nobody but the carrier knows it

	stop context.CancelFunc
	done chan struct{} // closed when nothing of the carrier runs any more
	kick chan struct{} // capacity 1: ask now

	addrs   []netip.Addr // guarded; of host, the one in use first
	realm   string       // guarded; in which the carrier challenges; empty: not known yet
	answers bool         // guarded; it has answered OPTIONS
	talks   bool         // guarded; it has answered an INVITE
	state   State        // guarded
}

// newCarrier returns the carrier of t, which does not run.
func newCarrier(t office.Trunk, secret string, now time.Time) *carrier {
	c := &carrier{
		trunk: t, secret: secret, contact: contactOf(t, secret),
		stop: func() {}, done: make(chan struct{}), kick: make(chan struct{}, 1),
		state: State{Trunk: t, Since: now},
	}
	var err error
	if c.host, c.port, err = place(t); err != nil {
		c.state.LastError, c.state.ErrorAt = err.Error(), now
	}
	return c
}

// contactOf returns the user part of a trunk's contact. It is the same after a
// restart, so that a carrier does not keep two, and cannot be guessed.
func contactOf(t office.Trunk, secret string) string {
	if secret == "" {
		return strings.ToLower(rand.Text())
	}
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(t.ID))
	return "t" + strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil))[:20])
}

// same reports whether other is configured as c is.
func (c *carrier) same(other *carrier) bool {
	return c.trunk == other.trunk && c.secret == other.secret
}

// start runs c until ctx ends or c is stopped.
func (g *Group) start(ctx context.Context, c *carrier) {
	ctx, c.stop = context.WithCancel(ctx)
	var parts sync.WaitGroup
	parts.Go(func() { g.keep(ctx, c, g.watch) })
	if c.trunk.Register {
		parts.Go(func() { g.keep(ctx, c, g.register) })
	}
	go func() { // ends with the parts, which end with ctx; adopt waits for it
		parts.Wait()
		close(c.done)
	}()
}

// keep runs a part of c, and again after a while where it panics: no answer of a
// carrier ends the office.
func (g *Group) keep(ctx context.Context, c *carrier, part func(context.Context, *carrier)) {
	for g.panics(c, func() { part(ctx, c) }) {
		select {
		case <-time.After(askDownTime):
		case <-ctx.Done():
			return
		}
	}
}

// panics reports whether part did.
func (g *Group) panics(c *carrier, part func()) (did bool) {
	defer func() {
		if r := recover(); r != nil {
			did = true
			g.log.Error("panic of a trunk", "trunk", c.trunk.Name, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		}
	}()
	part()
	return false
}

// register keeps c registered until ctx ends.
func (g *Group) register(ctx context.Context, c *carrier) {
	failed := false
	auth := ua.Credentials{}
	if own := g.credentials(c); own != nil {
		auth = *own
	}
	err := g.cfg.Endpoint.RegisterLoop(ctx, ua.RegisterConfig{
		Domain: c.host, Transport: c.trunk.Transport, Contact: c.contact, Auth: auth,
		Resolve: func(ctx context.Context) (netip.AddrPort, error) {
			if failed {
				g.next(c)
			}
			failed = true // or it would not be asked again
			if err := g.resolve(ctx, c); err != nil {
				return netip.AddrPort{}, err
			}
			return g.addr(c), nil
		},
		OnState: func(s ua.RegisterState) { g.registration(c, s) },
	})
	if err != nil && ctx.Err() == nil {
		g.note(c, func(s *State) { s.Registered, s.LastError = false, err.Error() })
	}
}

// registration takes what is told of the registration of c.
func (g *Group) registration(c *carrier, r ua.RegisterState) {
	switch r.Phase {
	case ua.Registered:
		g.note(c, func(s *State) { s.Registered, s.Reachable = true, true })
	case ua.Unregistered:
		g.note(c, func(s *State) { s.Registered = false })
	case ua.Failed:
		g.note(c, func(s *State) {
			s.Registered, s.Reachable = false, r.Status != 0 && r.Status != 408 && r.Status != 503
			if s.LastError = "registration failed"; r.Err != nil {
				s.LastError = r.Err.Error()
			}
		})
	}
}

// credentials answer the challenges of c's carrier: in the realm in which it
// first challenged us, and no other, since what lies behind it may be a stranger.
// They are nil where the trunk has no user.
func (g *Group) credentials(c *carrier) *ua.Credentials {
	if c.trunk.Username == "" {
		return nil
	}
	return &ua.Credentials{Username: c.trunk.Username, Password: c.secret, Trust: func(realm string) bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		if c.realm == "" {
			c.realm = realm
		}
		return realm == c.realm
	}}
}

// watch keeps the addresses of c fresh, and asks it whether it is there where no
// registration tells.
func (g *Group) watch(ctx context.Context, c *carrier) {
	for {
		if err := g.resolve(ctx, c); err == nil && !c.trunk.Register {
			g.ask(ctx, c)
		}
		wait := askTime
		if !g.stateOf(c).Reachable {
			wait = askDownTime
		}
		again := time.NewTimer(wait)
		select {
		case <-again.C:
		case <-c.kick:
		case <-ctx.Done():
			again.Stop()
			return
		}
		again.Stop()
	}
}

// ask asks the carrier of c whether it is there, and notes the answer. A carrier
// that takes calls but never answered this question is left as its calls say.
func (g *Group) ask(ctx context.Context, c *carrier) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := g.cfg.Endpoint.Options(ctx, g.target(c, ""))
	switch {
	case err == nil:
		g.mu.Lock()
		c.answers = true
		g.mu.Unlock()
		g.note(c, func(s *State) { s.Reachable = s.Reachable || !c.trunk.Register })
	case errors.Is(ctx.Err(), context.Canceled):
	default:
		g.next(c)
		mute := g.tellsByCalls(c)
		g.note(c, func(s *State) {
			s.LastError = err.Error()
			s.Reachable = s.Reachable && (c.trunk.Register || mute)
		})
	}
	return err
}

// tellsByCalls reports whether calls are all that the state of c is known by.
func (g *Group) tellsByCalls(c *carrier) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return c.talks && !c.answers
}

// called notes how a call over c went: heard says whether the carrier answered
// it at all, with whatever.
func (g *Group) called(c *carrier, heard bool, err error) {
	g.mu.Lock()
	c.talks = c.talks || heard
	g.mu.Unlock()
	byCalls := !c.trunk.Register && g.tellsByCalls(c)
	if heard {
		g.note(c, func(s *State) { s.Reachable = s.Reachable || byCalls })
		return
	}
	g.note(c, func(s *State) { s.LastError, s.Reachable = err.Error(), s.Reachable && !byCalls })
	select {
	case c.kick <- struct{}{}:
	default: // it is going to be asked
	}
}

// target begins a request to user at c; an empty user is the carrier itself. The
// contact under which we registered is not in it: a call is passed on, and shown to
// whoever answers, and from whom knows that contact a call is taken for the carrier's.
func (g *Group) target(c *carrier, user string) ua.Target {
	at, _ := strings.CutPrefix(c.trunk.URI, "sip:")
	at, _, _ = strings.Cut(at, ";")
	if user != "" {
		at = strings.ReplaceAll(user, "#", "%23") + "@" + at
	}
	return ua.Target{URI: "sip:" + at, Transport: c.trunk.Transport, Addr: g.addr(c), FromHost: c.host}
}

// TLS returns how a connection to addr is made where that is a carrier's: verified
// by its host name. It is nil for everybody else, and is what ua.Config.PeerTLS asks.
func (g *Group) TLS(addr netip.AddrPort) *tls.Config {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.carriers {
		if c.trunk.Transport == "tls" && c.port == addr.Port() && c.at(addr.Addr()) {
			return &tls.Config{ServerName: c.host, RootCAs: g.cfg.Roots, MinVersion: tls.VersionTLS12}
		}
	}
	return nil
}
