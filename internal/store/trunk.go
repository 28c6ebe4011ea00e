package store

import (
	"context"
	"database/sql"

	"timbre/internal/office"
)

const trunkColumns = "id, name, uri, transport, register, username, priority, format, t38"

func scanTrunk(r *sql.Rows) (t office.Trunk, err error) {
	err = r.Scan(&t.ID, &t.Name, &t.URI, &t.Transport, &t.Register, &t.Username, &t.Priority, &t.Format, &t.T38)
	return t, err
}

// Trunks returns the lines to the outside in the order in which they are tried.
func (s *Store) Trunks(ctx context.Context) ([]office.Trunk, error) {
	rows, err := s.db.Query(ctx, "SELECT "+trunkColumns+" FROM trunk ORDER BY priority, name")
	return collect(rows, err, scanTrunk)
}

// TrunkSecret returns the password of a trunk, empty where it has none.
// ErrNotFound: there is no such trunk.
func (s *Store) TrunkSecret(ctx context.Context, id office.ID) (string, error) {
	var secret string
	err := s.db.QueryRow(ctx, "SELECT secret FROM trunk WHERE id = $1", id).Scan(&secret)
	return secret, found(err)
}

// AddTrunk adds a line to the outside with its password and returns it with its
// ID. ErrExists: the name is taken.
func (s *Store) AddTrunk(ctx context.Context, t office.Trunk, secret string) (office.Trunk, error) {
	t.ID = office.NewID()
	err := s.write(ctx, func(w *writing) error {
		w.configured = true
		r, err := w.Exec(`INSERT INTO trunk (id, name, uri, transport, register, username, secret, priority, format, t38)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (name) DO NOTHING`,
			t.ID, t.Name, t.URI, t.Transport, t.Register, t.Username, secret, t.Priority, t.Format, t.T38)
		return fresh(r, err)
	})
	return t, err
}

// SetTrunk makes the trunk with the ID of t what t says; a nil secret stays. Its
// name stays too. ErrNotFound: there is none.
func (s *Store) SetTrunk(ctx context.Context, t office.Trunk, secret *string) error {
	return s.write(ctx, func(w *writing) error {
		w.configured = true
		return affected(w.Exec(`UPDATE trunk SET uri = $1, transport = $2, register = $3, username = $4, secret = coalesce($5, secret),
			priority = $6, format = $7, t38 = $8 WHERE id = $9`,
			t.URI, t.Transport, t.Register, t.Username, secret, t.Priority, t.Format, t.T38, t.ID))
	})
}

// RemoveTrunk removes the trunk of that name. ErrNotFound: there is none.
func (s *Store) RemoveTrunk(ctx context.Context, name string) error {
	return s.write(ctx, func(w *writing) error {
		w.configured = true
		return affected(w.Exec("DELETE FROM trunk WHERE name = $1", name))
	})
}
