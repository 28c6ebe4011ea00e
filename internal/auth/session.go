package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

const (
	idleTime = 90 * 24 * time.Hour // a session that is not used for so long ends
	useStep  = 5 * time.Minute     // how often its use is written down
)

// newToken returns an opaque session token of 256 random bits.
func newToken() string {
	var b [32]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// hashToken returns token as the store knows it. As tokens are random, a plain
// hash hides them.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// sipPassword returns the SIP secret of a session after so many rotations. It
// follows from the token, so that the session can be told it again although
// only hashes of both are kept.
func sipPassword(token string, rotation int) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("sip secret " + strconv.Itoa(rotation)))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:24])
}

// Session returns the session of token, or office.ErrSession where it is
// unknown, expired or ended. Using a session puts its end off; where that cannot
// be written, it holds all the same until its end.
func (g *Gate) Session(ctx context.Context, token string) (store.Session, error) {
	s, err := g.store.SessionByToken(ctx, hashToken(token))
	if err != nil {
		return store.Session{}, ended(err)
	}
	now := g.now()
	if !now.Before(s.ExpiresAt) {
		return store.Session{}, office.ErrSession
	}
	if now.Sub(s.LastUsed) >= useStep {
		switch err := g.store.UseSession(ctx, s.ID, now.Add(idleTime)); {
		case errors.Is(err, office.ErrNotFound):
			return store.Session{}, office.ErrSession
		case err != nil && ctx.Err() != nil:
			return store.Session{}, err
		case err != nil: // a full disk keeps nobody from reading
			g.log.Error("use of a session not noted", "err", err)
		default:
			s.LastUsed, s.ExpiresAt = now, now.Add(idleTime)
		}
	}
	return s, nil
}

// ended turns the absence of a session into office.ErrSession.
func ended(err error) error {
	if errors.Is(err, office.ErrNotFound) {
		return office.ErrSession
	}
	return err
}

// SIP returns the SIP account of the session of token, again.
func (g *Gate) SIP(ctx context.Context, token string) (office.SIPAccount, error) {
	s, err := g.Session(ctx, token)
	if err != nil {
		return office.SIPAccount{}, err
	}
	return g.sipAccount(s.Device.Username, sipPassword(token, s.Rotation)), nil
}

// RotateSIP replaces the SIP secret of the session of token, and ends what
// registered with the old one.
func (g *Gate) RotateSIP(ctx context.Context, token string) (office.SIPAccount, error) {
	s, err := g.Session(ctx, token)
	if err != nil {
		return office.SIPAccount{}, err
	}
	name, password := s.Device.Username, sipPassword(token, s.Rotation+1)
	if err := g.store.RotateSession(ctx, s.ID, s.Rotation+1, secretOf(name, password)); errors.Is(err, office.ErrNotFound) {
		return g.SIP(ctx, token) // another rotation came first, or the session ended
	} else if err != nil {
		return office.SIPAccount{}, err
	}
	return g.sipAccount(name, password), nil
}

// Logout ends the session of token with its device, secret and bindings.
// office.ErrSession: there is none.
func (g *Gate) Logout(ctx context.Context, token string) error {
	s, err := g.Session(ctx, token)
	if err != nil {
		return err
	}
	return ended(g.store.RemoveSession(ctx, s.Account, s.ID))
}

// Sessions returns the sessions of account, last used first.
func (g *Gate) Sessions(ctx context.Context, account office.ID) ([]store.Session, error) {
	return g.store.Sessions(ctx, account)
}

// EndSession ends session id of account. office.ErrNotFound: it has none such.
func (g *Gate) EndSession(ctx context.Context, account, id office.ID) error {
	return g.store.RemoveSession(ctx, account, id)
}
