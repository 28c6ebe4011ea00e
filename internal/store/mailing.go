package store

import (
	"context"

	"timbre/internal/office"
)

// Mailing returns how the office sends e-mail, and the password for it.
// ErrNotFound: it sends none.
func (s *Store) Mailing(ctx context.Context) (m office.Mailing, secret string, err error) {
	err = s.db.QueryRow(ctx, "SELECT url, sender, secret FROM mailing WHERE id = 1").Scan(&m.URL, &m.From, &secret)
	return m, secret, found(err)
}

// SetMailing says how the office sends e-mail; with an empty URL it sends none.
func (s *Store) SetMailing(ctx context.Context, m office.Mailing, secret string) error {
	return s.write(ctx, func(w *writing) error {
		w.configured = true
		if m.URL == "" {
			_, err := w.Exec("DELETE FROM mailing")
			return err
		}
		_, err := w.Exec(`INSERT INTO mailing (id, url, sender, secret) VALUES (1, $1, $2, $3)
			ON CONFLICT (id) DO UPDATE SET url = excluded.url, sender = excluded.sender, secret = excluded.secret`, m.URL, m.From, secret)
		return err
	})
}
