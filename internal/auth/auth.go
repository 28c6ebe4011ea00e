// Package auth decides who gets in: users with a password and callers with the
// PIN of a mailbox (both argon2id), the users' sessions with an opaque token, and
// telephones with a SIP secret (the H(A1) of RFC 7616 §3.4.2). It owns the
// back-off against guessing and every secret that is made. It keeps nothing on
// disk itself, which store does, and puts nothing on a wire: api answers logins
// with it, voicemail asks it about PINs, and pbx hands HA1, AllowSIP and
// ResultSIP to the digest of the SIP user agent.
//
// The first things to know: New, Gate.Login, Gate.Session and Gate.CheckPIN.
package auth

import (
	"log/slog"
	"net/netip"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// Config says what a Gate needs. Domain and URIs are what a phone is told.
type Config struct {
	Store  *store.Store
	Log    *slog.Logger     // nil: nothing is logged
	Now    func() time.Time // nil: time.Now
	Domain string
	URIs   []string // in order of preference, such as "sips:host:5061"
}

// A Gate decides who gets in. It is safe for concurrent use and starts no
// goroutine.
type Gate struct {
	cfg    Config
	store  *store.Store
	log    *slog.Logger
	now    func() time.Time
	hasher *hasher

	// Who guesses at passwords waits for the own failures: at the login aimed at and
	// at all. What strangers may fail together at one login is bounded too; half of it
	// is for those whose network has not failed there, so that a few who guess without
	// pause keep nobody out. Who has been in from an address before waits only for what
	// came from there.
	logins    *allowance[login]
	strangers *backoff[visitor] // by address, and by network to know that it failed
	sources   *backoff[netip.Prefix]
	known     *backoff[visitor]
	visited   *memory[visitor]

	// PINs are short: they are guarded by caller and mailbox together, and each
	// alone. Waits are shorter than forget, so that who goes on is never clean.
	knocks    *backoff[knock]
	mailboxes *backoff[office.ID]
	callers   *backoff[office.Number]
	knockers  *memory[knock]
	confirms  *backoff[office.ID] // passwords asked for again within a session, by account

	// The same for SIP, where secrets are random and cannot be guessed: a device
	// that has been in from an address never waits.
	secrets    secrets
	sipDevices *backoff[string]
	sipSources *backoff[netip.Prefix]
	sipVisited *memory[sipVisitor]
}

// New returns a Gate over cfg.Store.
func New(cfg Config) *Gate {
	g := &Gate{
		cfg: cfg, store: cfg.Store, log: cfg.Log, now: cfg.Now, hasher: newHasher(),
		logins:     newAllowance[login](loginBurst, loginPace),
		strangers:  newBackoff[visitor](5, time.Second, time.Minute),
		sources:    newBackoff[netip.Prefix](20, time.Second, 5*time.Minute), // a whole office may be behind one address
		known:      newBackoff[visitor](5, time.Second, 30*time.Second),
		visited:    newMemory[visitor](),
		knocks:     newBackoff[knock](3, 30*time.Second, 30*time.Minute), // three: one call
		mailboxes:  newBackoff[office.ID](10, 30*time.Second, 30*time.Minute),
		callers:    newBackoff[office.Number](10, 30*time.Second, 30*time.Minute),
		knockers:   newMemory[knock](),
		confirms:   newBackoff[office.ID](5, time.Second, time.Minute),
		sipDevices: newBackoff[string](10, time.Second, 30*time.Second),
		sipSources: newBackoff[netip.Prefix](20, time.Second, time.Minute),
		sipVisited: newMemory[sipVisitor](),
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	if g.now == nil {
		g.now = time.Now
	}
	return g
}

// What strangers may fail at one login, wherever they come from: 16 at once, then 4
// a minute, 256 in the first hour. At that pace a botnet needs 41 hours for the
// 10,000 passwords that people choose most; one source alone has some 70 an hour. A
// one-time password has 59 bits. So many networks that have not failed there may
// also try a login in a minute: the owner from a new address is one of them.
const (
	loginBurst = 16
	loginPace  = 15 * time.Second
	loginKept  = loginBurst / 2 // for networks that have not failed at it
)

// network returns what a few who attack may have many addresses of: the /24 of an
// IPv4 address, the /48 of an IPv6 address.
func network(source netip.Prefix) netip.Prefix {
	bits := 24
	if source.Addr().Is6() {
		bits = 48
	}
	p, err := source.Addr().Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// source returns what counts as one address: an IPv4 address, or the /64 that
// an IPv6 customer has.
func source(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil { // not an address: all such are one
		return netip.Prefix{}
	}
	return p
}
