package store

import (
	"context"
	"time"

	"timbre/internal/office"
)

// Invite keeps the hash of a token by which the user of extension n may choose
// a password until a time. It ends the invitation that n had before.
// ErrNotFound: no such extension.
func (s *Store) Invite(ctx context.Context, n office.Number, hash string, until time.Time) error {
	return s.write(ctx, func(w *writing) error {
		return affected(w.Exec(`INSERT INTO invitation (account, token, created_at, expires_at)
			SELECT account, $1, $2, $3 FROM extension WHERE number = $4
			ON CONFLICT (account) DO UPDATE SET token = excluded.token, created_at = excluded.created_at, expires_at = excluded.expires_at`,
			hash, millis(s.now()), millis(until), n))
	})
}

// Invited returns the extension whose invitation has this hash. ErrNotFound:
// there is none, or its time is over.
func (s *Store) Invited(ctx context.Context, hash string) (office.Extension, error) {
	var account office.ID
	err := s.db.QueryRow(ctx, "SELECT account FROM invitation WHERE token = $1 AND expires_at > $2", hash, millis(s.now())).Scan(&account)
	if err != nil {
		return office.Extension{}, found(err)
	}
	return s.ExtensionOf(ctx, account)
}

// AcceptInvitation uses an invitation up: its extension gets a new password and
// its sessions end. ErrNotFound: there is none, or its time is over; then
// nothing is done.
func (s *Store) AcceptInvitation(ctx context.Context, hash, passwordHash string) error {
	return s.write(ctx, func(w *writing) error {
		w.members = true
		var account office.ID
		if err := w.QueryRow("DELETE FROM invitation WHERE token = $1 AND expires_at > $2 RETURNING account", hash, millis(s.now())).Scan(&account); err != nil {
			return found(err)
		}
		w.changed = append(w.changed, account)
		if _, err := w.hold(account, TypeProfile); err != nil {
			return err
		}
		if err := affected(w.Exec("UPDATE extension SET password = $1 WHERE account = $2", passwordHash, account)); err != nil {
			return err
		}
		_, err := w.Exec("DELETE FROM device WHERE account = $1 AND session", account)
		return err
	})
}

// dropInvitations removes those whose time is over.
func (s *Store) dropInvitations(ctx context.Context) error {
	return s.write(ctx, func(w *writing) error {
		_, err := w.Exec("DELETE FROM invitation WHERE expires_at <= $1", millis(s.now()))
		return err
	})
}
