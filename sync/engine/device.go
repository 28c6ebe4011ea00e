package engine

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"timbre/internal/office"
)

// A Session is one login of the account.
type Session struct {
	ID         office.ID `json:"id"`
	DeviceName string    `json:"deviceName"`
	Address    string    `json:"address"` // IP address that logged in
	IsCurrent  bool      `json:"isCurrent"`
	CreatedAt  time.Time `json:"createdAt"`
	LastUsedAt time.Time `json:"lastUsedAt"`
	ExpiresAt  time.Time `json:"expiresAt"`
}

// What follows asks the server, now or not at all: office.ErrOffline where it
// cannot be reached.

// Sessions returns the sessions of the account, last used first.
func (e *Engine) Sessions(ctx context.Context) ([]Session, error) {
	var answer struct {
		Sessions []Session `json:"sessions"`
	}
	err := e.request(ctx, "reading the sessions", http.MethodGet, "/v1/sessions", nil, &answer)
	return answer.Sessions, err
}

// RevokeSession ends a session with its telephone. office.ErrNotFound where there
// is none.
func (e *Engine) RevokeSession(ctx context.Context, id office.ID) error {
	return e.request(ctx, "ending a session", http.MethodDelete, "/v1/sessions/"+url.PathEscape(string(id)), nil, nil)
}

// ChangePassword replaces the password and ends all other sessions.
// office.ErrLogin where current is wrong, ErrPassword where the new one is too
// short or too long, ErrTooMany after too many tries.
func (e *Engine) ChangePassword(ctx context.Context, current, new string) error {
	return e.request(ctx, "changing the password", http.MethodPut, "/v1/password", map[string]string{"current": current, "new": new}, nil)
}

// SetPIN replaces the PIN of the mailbox's menu. office.ErrLogin where the
// password is wrong, ErrPIN where anybody would guess the PIN, ErrTooMany after
// too many tries.
func (e *Engine) SetPIN(ctx context.Context, password, pin string) error {
	return e.request(ctx, "setting the PIN", http.MethodPut, "/v1/pin", map[string]string{"password": password, "pin": pin}, nil)
}

// request makes a control request of the session.
func (e *Engine) request(ctx context.Context, doing, method, path string, body, into any) error {
	if e.offline {
		return office.ErrOffline
	}
	l, err := e.current()
	if err != nil {
		return err
	}
	c, err := l.door()
	if err == nil {
		err = c.exchange(ctx, method, path, body, into)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
