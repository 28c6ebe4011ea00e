package auth

import (
	"context"
	"errors"
	"net/netip"

	"timbre/internal/office"
)

// A knock is a caller at a mailbox.
type knock struct {
	account office.ID
	caller  office.Number // empty: shows none
}

// CheckPIN lets a caller into the mailbox of account. office.ErrWrongPIN: it is
// another one, or the mailbox has none or does not exist, which takes as long. A
// *TooMany comes before the PIN is looked at where mailbox or caller must wait.
func (g *Gate) CheckPIN(ctx context.Context, account office.ID, pin string, caller office.Number) error {
	k := knock{account, caller}
	known := g.knockers.has(k)
	if err := g.mayKnock(k, known); err != nil {
		return err
	}
	hash, err := g.store.PINHash(ctx, account)
	if err != nil && !errors.Is(err, office.ErrNotFound) {
		return err
	}
	if hash == "" {
		hash = nobody
	}
	way := strangers
	switch {
	case known:
		way = friends
	case g.callers.failed(caller, g.now()):
		way = guessers
	}
	return g.hasher.do(ctx, way, netip.Prefix{}, func() error {
		if err := g.mayKnock(k, known); err != nil { // others failed while this one queued
			return err
		}
		if !checkPassword(hash, pin) {
			g.log.Warn("wrong pin", "account", account, "from", caller)
			g.failPIN(k, known)
			return office.ErrWrongPIN
		}
		g.knockers.add(k)
		g.knocks.clear(k)
		g.mailboxes.clear(account)
		return nil
	})
}

// mayKnock returns a *TooMany where k must wait. Who has been in from there
// before waits only for the own mistakes, so that nobody can lock out the owner.
func (g *Gate) mayKnock(k knock, known bool) error {
	now := g.now()
	wait := g.knocks.wait(k, now)
	if !known {
		wait = max(wait, g.mailboxes.wait(k.account, now), g.callers.wait(k.caller, now))
	}
	if wait > 0 {
		return &TooMany{RetryAfter: wait}
	}
	return nil
}

// failPIN notes a wrong PIN.
func (g *Gate) failPIN(k knock, known bool) {
	now := g.now()
	g.knocks.fail(k, now)
	if !known {
		g.mailboxes.fail(k.account, now)
		g.callers.fail(k.caller, now)
	}
}

// SetPIN gives the mailbox of account a new PIN, or none where pin is empty, to a
// user who knows the password. office.ErrLogin: the password is wrong;
// office.ErrPIN: the PIN may not be chosen; a *TooMany: too many wrong passwords.
func (g *Gate) SetPIN(ctx context.Context, account office.ID, password, pin string) error {
	e, err := g.confirm(ctx, account, password)
	if err != nil {
		return err
	}
	return g.putPIN(ctx, e, pin)
}

// ResetPIN does the same without the password (the administrator's way).
// office.ErrNotFound: there is no such extension.
func (g *Gate) ResetPIN(ctx context.Context, ext office.Number, pin string) error {
	e, err := g.store.Extension(ctx, ext)
	if err != nil {
		return err
	}
	return g.putPIN(ctx, e, pin)
}

// putPIN stores a new PIN, or none. Who waited for guessing at the old one need
// not wait for the new one.
func (g *Gate) putPIN(ctx context.Context, e office.Extension, pin string) error {
	hash := ""
	if pin != "" {
		if err := office.CheckPIN(pin, e.Number); err != nil {
			return err
		}
		err := g.hasher.do(ctx, friends, netip.Prefix{}, func() error {
			hash = hashPassword(pin)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if err := g.store.SetPINHash(ctx, e.Account, hash); err != nil {
		return err
	}
	g.mailboxes.clear(e.Account)
	return nil
}

// ChangePassword gives a user who knows the current password a new one and ends
// the other sessions; keep is the session that stays. office.ErrLogin: current is
// wrong; office.ErrPassword: the new one may not be chosen; a *TooMany: too many
// wrong ones.
func (g *Gate) ChangePassword(ctx context.Context, account office.ID, current, password string, keep office.ID) error {
	if err := office.CheckPassword(password); err != nil {
		return err
	}
	e, err := g.confirm(ctx, account, current)
	if err != nil {
		return err
	}
	hash, err := g.newHash(ctx, password)
	if err != nil {
		return err
	}
	return g.store.SetPasswordHash(ctx, e.Number, hash, keep)
}

// confirm returns the extension of account to who is logged in to it and knows
// the password too. office.ErrLogin: it is wrong, or the extension is gone or
// disabled.
func (g *Gate) confirm(ctx context.Context, account office.ID, password string) (office.Extension, error) {
	e, err := g.store.ExtensionOf(ctx, account)
	if err != nil && !errors.Is(err, office.ErrNotFound) {
		return office.Extension{}, err
	}
	hash, err := g.store.PasswordHash(ctx, e.Number)
	if errors.Is(err, office.ErrNotFound) {
		hash = nobody
	} else if err != nil {
		return office.Extension{}, err
	}
	return e, g.hasher.do(ctx, friends, netip.Prefix{}, func() error {
		if wait := g.confirms.wait(account, g.now()); wait > 0 {
			return &TooMany{RetryAfter: wait}
		}
		if !checkPassword(hash, password) {
			g.log.Warn("wrong password in a session", "ext", e.Number)
			g.confirms.fail(account, g.now())
			return office.ErrLogin
		}
		g.confirms.clear(account)
		return nil
	})
}
