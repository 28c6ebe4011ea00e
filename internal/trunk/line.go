package trunk

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base32"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/internal/ua"
)

// The times of a line.
const (
	askTime     = 30 * time.Second // between two questions whether a trunk is there
	askDownTime = 10 * time.Second // the same, where it was not
	patience    = 4 * time.Second  // for the answer
)

// A line is one trunk at work. What is guarded is so by the mutex of its Group.
type line struct {
	trunk   office.Trunk
	secret  string
	host    string
	port    uint16
	contact string // user under which we register: nobody but the carrier knows it

	stop context.CancelFunc
	done chan struct{} // closed when nothing of the line runs any more
	kick chan struct{} // capacity 1: ask now

	addrs   []netip.Addr // guarded; of host, the one in use first
	realm   string       // guarded; in which the carrier challenges; empty: not known yet
	answers bool         // guarded; it has answered OPTIONS
	talks   bool         // guarded; it has answered an INVITE
	state   State        // guarded
}

// newLine returns the line of t, which does not run.
func newLine(t office.Trunk, secret string, now time.Time) *line {
	l := &line{
		trunk: t, secret: secret, contact: contactOf(t, secret),
		stop: func() {}, done: make(chan struct{}), kick: make(chan struct{}, 1),
		state: State{Trunk: t, Since: now},
	}
	var err error
	if l.host, l.port, err = place(t); err != nil {
		l.state.LastError = err.Error()
	}
	return l
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

// same reports whether other is configured as l is.
func (l *line) same(other *line) bool { return l.trunk == other.trunk && l.secret == other.secret }

// start runs l until ctx ends or l is stopped.
func (g *Group) start(ctx context.Context, l *line) {
	ctx, l.stop = context.WithCancel(ctx)
	var parts sync.WaitGroup
	parts.Go(func() { g.watch(ctx, l) })
	if l.trunk.Register {
		parts.Go(func() { g.register(ctx, l) })
	}
	go func() { // ends with the parts, which end with ctx; adopt waits for it
		parts.Wait()
		close(l.done)
	}()
}

// register keeps l registered until ctx ends.
func (g *Group) register(ctx context.Context, l *line) {
	failed := false
	auth := ua.Credentials{}
	if c := g.credentials(l); c != nil {
		auth = *c
	}
	err := g.cfg.Endpoint.RegisterLoop(ctx, ua.RegisterConfig{
		Domain: l.host, Transport: l.trunk.Transport, Contact: l.contact, Auth: auth,
		Resolve: func(ctx context.Context) (netip.AddrPort, error) {
			if failed {
				g.next(l)
			}
			failed = true // or it would not be asked again
			if err := g.resolve(ctx, l); err != nil {
				return netip.AddrPort{}, err
			}
			return g.addr(l), nil
		},
		OnState: func(s ua.RegisterState) { g.registration(l, s) },
	})
	if err != nil && ctx.Err() == nil {
		g.note(l, func(s *State) { s.Registered, s.LastError = false, err.Error() })
	}
}

// registration takes what is told of the registration of l.
func (g *Group) registration(l *line, r ua.RegisterState) {
	switch r.Phase {
	case ua.Registered:
		g.note(l, func(s *State) { s.Registered, s.Reachable = true, true })
	case ua.Unregistered:
		g.note(l, func(s *State) { s.Registered = false })
	case ua.Failed:
		g.note(l, func(s *State) {
			s.Registered, s.Reachable = false, r.Status != 0 && r.Status != 408 && r.Status != 503
			if s.LastError = "registration failed"; r.Err != nil {
				s.LastError = r.Err.Error()
			}
		})
	}
}

// credentials answer the challenges of l's carrier: in the realm in which it
// first challenged us, and no other, since what lies behind it may be a stranger.
// They are nil where the trunk has no user.
func (g *Group) credentials(l *line) *ua.Credentials {
	if l.trunk.Username == "" {
		return nil
	}
	return &ua.Credentials{Username: l.trunk.Username, Password: l.secret, Trust: func(realm string) bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		if l.realm == "" {
			l.realm = realm
		}
		return realm == l.realm
	}}
}

// watch keeps the addresses of l fresh, and asks it whether it is there where no
// registration tells.
func (g *Group) watch(ctx context.Context, l *line) {
	for {
		if err := g.resolve(ctx, l); err == nil && !l.trunk.Register {
			g.ask(ctx, l)
		}
		wait := askTime
		if !g.stateOf(l).Reachable {
			wait = askDownTime
		}
		again := time.NewTimer(wait)
		select {
		case <-again.C:
		case <-l.kick:
		case <-ctx.Done():
			again.Stop()
			return
		}
		again.Stop()
	}
}

// ask asks the carrier of l whether it is there, and notes the answer. A carrier
// that takes calls but never answered this question is left as its calls say.
func (g *Group) ask(ctx context.Context, l *line) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := g.cfg.Endpoint.Options(ctx, g.target(l, ""))
	switch {
	case err == nil:
		g.mu.Lock()
		l.answers = true
		g.mu.Unlock()
		g.note(l, func(s *State) { s.Reachable = s.Reachable || !l.trunk.Register })
	case errors.Is(ctx.Err(), context.Canceled):
	default:
		g.next(l)
		mute := g.tellsByCalls(l)
		g.note(l, func(s *State) {
			s.LastError = err.Error()
			s.Reachable = s.Reachable && (l.trunk.Register || mute)
		})
	}
	return err
}

// tellsByCalls reports whether calls are all that the state of l is known by.
func (g *Group) tellsByCalls(l *line) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return l.talks && !l.answers
}

// called notes how a call over l went: heard says whether the carrier answered
// it at all, with whatever.
func (g *Group) called(l *line, heard bool, err error) {
	g.mu.Lock()
	l.talks = l.talks || heard
	g.mu.Unlock()
	byCalls := !l.trunk.Register && g.tellsByCalls(l)
	if heard {
		g.note(l, func(s *State) { s.Reachable = s.Reachable || byCalls })
		return
	}
	g.note(l, func(s *State) { s.LastError, s.Reachable = err.Error(), s.Reachable && !byCalls })
	select {
	case l.kick <- struct{}{}:
	default: // it is going to be asked
	}
}

// target begins a request to user at the carrier of l; an empty user is the carrier itself.
func (g *Group) target(l *line, user string) ua.Target {
	at, _ := strings.CutPrefix(l.trunk.URI, "sips:")
	at, _ = strings.CutPrefix(at, "sip:")
	at, _, _ = strings.Cut(at, ";")
	if user != "" {
		at = strings.ReplaceAll(user, "#", "%23") + "@" + at
	}
	t := ua.Target{URI: "sip:" + at, Transport: l.trunk.Transport, Addr: g.addr(l), FromHost: l.host}
	if l.trunk.Register {
		t.ContactUser = l.contact
	}
	return t
}

// TLS returns how a connection to addr is made where that is a carrier's: verified
// by its host name. It is nil for everybody else, and is what ua.Config.PeerTLS asks.
func (g *Group) TLS(addr netip.AddrPort) *tls.Config {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range g.lines {
		if l.trunk.Transport == "tls" && l.port == addr.Port() && l.at(addr.Addr()) {
			return &tls.Config{ServerName: l.host, RootCAs: g.cfg.Roots, MinVersion: tls.VersionTLS12}
		}
	}
	return nil
}
