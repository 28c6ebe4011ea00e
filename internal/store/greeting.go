package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"timbre/internal/office"
)

// Greeting returns what callers of account hear at now: a temporary greeting
// until its time is over, then the own one if there is one, else the default,
// which has no blob. ErrNotFound: no extension has the account.
func (s *Store) Greeting(ctx context.Context, account office.ID, now time.Time) (office.Greeting, error) {
	g := office.Greeting{Kind: office.GreetingDefault}
	var chosen office.GreetingKind
	if err := s.db.QueryRow(ctx, "SELECT greeting FROM settings WHERE account = $1", account).Scan(&chosen); err != nil {
		return g, found(err)
	}
	kept, err := s.Greetings(ctx, account)
	if err != nil {
		return g, err
	}
	if temporary, ok := kept[chosen]; ok && chosen == office.GreetingTemporary && (temporary.Until == nil || now.Before(*temporary.Until)) {
		return temporary, nil
	}
	if own, ok := kept[office.GreetingOwn]; ok && chosen != office.GreetingDefault {
		return own, nil
	}
	return g, nil
}

// Greetings returns the greetings that account has recorded or uploaded, by
// kind, whether or not callers hear them now.
func (s *Store) Greetings(ctx context.Context, account office.ID) (map[office.GreetingKind]office.Greeting, error) {
	rows, err := s.db.Query(ctx, "SELECT kind, blob, until FROM greeting WHERE account = $1", account)
	all, err := collect(rows, err, func(r *sql.Rows) (g office.Greeting, err error) {
		var until sql.NullInt64
		err = r.Scan(&g.Kind, &g.BlobID, &until)
		g.Until = maybe(until)
		return g, err
	})
	out := make(map[office.GreetingKind]office.Greeting, len(all))
	for _, g := range all {
		out[g.Kind] = g
	}
	return out, err
}

// SetGreeting makes sound, of the media type, the greeting of account of that
// kind, and has callers hear it; until is the end of a temporary one. With no
// sound the kind's former one is heard again; it is always so for the default.
// ErrNotFound: no extension has the account; ErrGreeting: there is no sound.
func (s *Store) SetGreeting(ctx context.Context, account office.ID, kind office.GreetingKind, sound []byte, mediaType string, until *time.Time) error {
	g := office.Greeting{Kind: kind, Until: until}
	if len(sound) > 0 && kind != office.GreetingDefault {
		g.BlobID = office.NewID()
		if err := s.writeBlob(g.BlobID, sound); err != nil {
			return fmt.Errorf("writing greeting: %w", err)
		}
	}
	_, err := s.setSettings(ctx, account, TypeVoicemailSettings, "", func(w *writing) error {
		if g.BlobID != "" {
			if err := w.addBlob(Blob{ID: g.BlobID, Size: int64(len(sound)), Type: mediaType, CreatedAt: s.now()}, account); err != nil {
				return err
			}
		}
		return w.setGreeting(account, g)
	})
	if err != nil && g.BlobID != "" {
		err = errors.Join(err, s.dropBlob(ctx, g.BlobID))
	}
	if err != nil {
		return fmt.Errorf("setting greeting: %w", err)
	}
	return nil
}

// setGreeting has callers of account hear g. The sound that it replaces goes
// with the next housekeeping. ErrNotFound: no extension has the account;
// ErrGreeting: there is no such sound.
func (w *writing) setGreeting(account office.ID, g office.Greeting) error {
	if err := affected(w.Exec("UPDATE settings SET greeting = $1 WHERE account = $2", g.Kind, account)); err != nil {
		return err
	}
	switch {
	case g.Kind == office.GreetingDefault:
		return nil
	case g.Kind == office.GreetingOwn:
		g.Until = nil
	}
	var n int
	if g.BlobID == "" {
		return orGreeting(affected(w.Exec("UPDATE greeting SET until = $1 WHERE account = $2 AND kind = $3", nullable(g.Until), account, g.Kind)))
	}
	if !g.BlobID.Valid() {
		return office.ErrGreeting
	}
	// A message or a fax is no greeting: it would have two owners.
	err := w.QueryRow(`SELECT 1 FROM blob b WHERE b.account = $1 AND b.id = $2 AND NOT EXISTS (SELECT 1 FROM voicemail v WHERE v.blob = b.id)
		AND NOT EXISTS (SELECT 1 FROM fax f WHERE f.blob = b.id)`, account, g.BlobID).Scan(&n)
	if err != nil {
		return orGreeting(found(err))
	}
	_, err = w.Exec(`INSERT INTO greeting (account, kind, blob, until) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, kind) DO UPDATE SET blob = excluded.blob, until = excluded.until`, account, g.Kind, g.BlobID, nullable(g.Until))
	return err
}

// orGreeting turns the absence of a sound into office.ErrGreeting.
func orGreeting(err error) error {
	if errors.Is(err, office.ErrNotFound) {
		return office.ErrGreeting
	}
	return err
}
