package auth

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// A LoginResult is what a successful login hands out. The token is shown here
// only; the store keeps a hash of it.
type LoginResult struct {
	Token     string
	Session   store.Session
	Extension office.Extension
	SIP       office.SIPAccount
}

// A TooMany says that a login or device must wait. It is an office.ErrTooMany.
type TooMany struct{ RetryAfter time.Duration }

func (e *TooMany) Error() string        { return string(office.ErrTooMany) }
func (e *TooMany) Is(target error) bool { return target == office.ErrTooMany }

// A login is what a password is tried for.
type login struct{ company, ext office.Number }

// A visitor is a login from an address.
type visitor struct {
	login
	source netip.Prefix
}

// Login starts a session for an extension of the company. office.ErrLogin
// says that one of the three is wrong, in the same time whichever it is; a
// *TooMany comes before any password is looked at. A disabled extension is none.
func (g *Gate) Login(ctx context.Context, company, ext office.Number, password, deviceName string, addr netip.Addr) (LoginResult, error) {
	named, e, hash, err := g.find(ctx, company, ext)
	if err != nil {
		return LoginResult{}, err
	}
	v := visitor{named, source(addr)}
	if err := g.check(ctx, v, e.Account, hash, password); err != nil {
		return LoginResult{}, err
	}
	token := newToken()
	now := g.now()
	username := newUsername()
	n := store.NewSession{
		Device: office.Device{Extension: e.Number, Name: deviceName, Username: username},
		Secret: secretOf(username, sipPassword(token, 0)),
		Token:  hashToken(token), Address: addr.String(), Password: hash, ExpiresAt: now.Add(idleTime),
	}
	session, err := g.store.AddSession(ctx, n)
	if errors.Is(err, office.ErrNotFound) { // removed in between
		return LoginResult{}, office.ErrLogin
	}
	if err != nil {
		return LoginResult{}, err
	}
	if err := g.endOldest(ctx, e.Account, session.ID); err != nil {
		return LoginResult{}, err
	}
	g.log.Info("login", "ext", e.Number, "device", session.Device.ID, "source", addr.String())
	return LoginResult{
		Token: token, Session: session, Extension: e, SIP: g.sipAccount(username, sipPassword(token, 0)),
	}, nil
}

// maxSessions is how many sessions an account may have: each is a telephone that
// rings.
const maxSessions = 50

// endOldest ends those of account's sessions that are too many, last used longest
// ago first, but not the one that has just begun.
func (g *Gate) endOldest(ctx context.Context, account, begun office.ID) error {
	all, err := g.store.Sessions(ctx, account)
	if err != nil {
		return err
	}
	for _, s := range all[min(maxSessions, len(all)):] {
		if s.ID == begun {
			continue
		}
		if err := g.store.RemoveSession(ctx, account, s.ID); err != nil && !errors.Is(err, office.ErrNotFound) {
			return err
		}
	}
	return nil
}

// find returns what a login aims at, however it is spelt, and if that exists the
// extension and the hash of its password; else a hash that no password has.
func (g *Gate) find(ctx context.Context, company, ext office.Number) (login, office.Extension, string, error) {
	var named login
	c, err := g.store.Company(ctx)
	if err != nil && !errors.Is(err, office.ErrNoCompany) {
		return named, office.Extension{}, "", err
	}
	named.company, _ = office.ParseCompanyNumber(string(company), c.Region) // what cannot be read is nobody's
	if ext.IsExtension() {
		named.ext = ext
	}
	e, err := g.store.Extension(ctx, named.ext)
	if err != nil && !errors.Is(err, office.ErrNotFound) {
		return named, office.Extension{}, "", err
	}
	hash, err := g.store.PasswordHash(ctx, named.ext)
	if err != nil && !errors.Is(err, office.ErrNotFound) {
		return named, office.Extension{}, "", err
	}
	if err != nil || named.company == "" || named.company != c.Number {
		return named, office.Extension{}, nobody, nil
	}
	return named, e, hash, nil
}

// check returns nil if hash is of password, office.ErrLogin if it is not, and a
// *TooMany before it is looked at where v must wait.
func (g *Gate) check(ctx context.Context, v visitor, account office.ID, hash, password string) error {
	known, err := g.isKnown(ctx, v, account)
	if err != nil {
		return err
	}
	if wait := g.wait(v, known); wait > 0 {
		return &TooMany{RetryAfter: wait}
	}
	return g.hasher.do(ctx, g.laneOf(v, known), network(v.source), func() error {
		if wait := g.wait(v, known); wait > 0 { // others failed while this one queued
			return &TooMany{RetryAfter: wait}
		}
		if !checkPassword(hash, password) {
			g.log.Warn("wrong login", "ext", v.ext, "source", v.source.String())
			g.fail(v, known)
			return office.ErrLogin
		}
		g.visited.add(v)
		g.known.clear(v)
		g.strangers.clear(v)
		return nil
	})
}

// isKnown reports whether v has logged in from there before, which sessions
// remember across a restart.
func (g *Gate) isKnown(ctx context.Context, v visitor, account office.ID) (bool, error) {
	if g.visited.has(v) {
		return true, nil
	}
	all, err := g.store.Sessions(ctx, account)
	if err != nil {
		return false, err
	}
	for _, s := range all {
		if a, err := netip.ParseAddr(s.Address); err == nil && source(a) == v.source {
			return true, nil
		}
	}
	return false, nil
}

// wait returns how long v must wait before a password is looked at.
func (g *Gate) wait(v visitor, known bool) time.Duration {
	now := g.now()
	if known {
		return g.known.wait(v, now)
	}
	kept := 0
	if g.strangers.failed(visitor{v.login, network(v.source)}, now) {
		kept = loginKept
	}
	return max(g.logins.wait(v.login, kept, now), g.strangers.wait(v, now), g.sources.wait(v.source, now))
}

// laneOf returns where v waits for the hash.
func (g *Gate) laneOf(v visitor, known bool) lane {
	switch {
	case known:
		return friends
	case g.sources.failed(v.source, g.now()):
		return guessers
	}
	return strangers
}

// fail notes a wrong password.
func (g *Gate) fail(v visitor, known bool) {
	now := g.now()
	if known {
		g.known.fail(v, now)
		return
	}
	g.logins.fail(v.login, now)
	g.strangers.fail(v, now)
	if n := network(v.source); n != v.source {
		g.strangers.fail(visitor{v.login, n}, now)
	}
	g.sources.fail(v.source, now)
}

// SetPassword gives ext a new password and ends its sessions (the
// administrator's way). office.ErrPassword: it may not be chosen;
// office.ErrNotFound: there is no such extension.
func (g *Gate) SetPassword(ctx context.Context, ext office.Number, password string) error {
	hash, err := g.newHash(ctx, password)
	if err != nil {
		return err
	}
	return g.store.SetPasswordHash(ctx, ext, hash, "")
}

// newHash hashes a password that somebody chose. office.ErrPassword: it may not
// be chosen.
func (g *Gate) newHash(ctx context.Context, password string) (hash string, err error) {
	if err := office.CheckPassword(password); err != nil {
		return "", err
	}
	err = g.hasher.do(ctx, friends, netip.Prefix{}, func() error {
		hash = hashPassword(password)
		return nil
	})
	return hash, err
}

// AddExtension adds an extension. An empty password gets a random one-time
// password, which is returned; else "" is. office.ErrPassword, ErrExists.
func (g *Gate) AddExtension(ctx context.Context, e office.Extension, password string) (office.Extension, string, error) {
	made := ""
	if password == "" {
		made = NewPassword()
		password = made
	}
	hash, err := g.newHash(ctx, password)
	if err != nil {
		return office.Extension{}, "", err
	}
	e, err = g.store.AddExtension(ctx, e, hash)
	if err != nil {
		return office.Extension{}, "", err
	}
	return e, made, nil
}
