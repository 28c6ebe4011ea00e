package store

import (
	"context"
	"database/sql"
	"time"

	"timbre/internal/office"
)

// An AdminToken opens the administration over HTTPS. Hash is what the store
// keeps of the token itself.
type AdminToken struct {
	Name      string
	Hash      string
	CreatedAt time.Time
}

// AddAdminToken keeps a token. ErrExists: the name is taken.
func (s *Store) AddAdminToken(ctx context.Context, name, hash string) (AdminToken, error) {
	t := AdminToken{Name: name, Hash: hash, CreatedAt: at(millis(s.now()))}
	err := s.write(ctx, func(w *writing) error {
		r, err := w.Exec("INSERT INTO admin_token (name, token, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
			t.Name, t.Hash, millis(t.CreatedAt))
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return office.ErrExists
		}
		return nil
	})
	return t, err
}

// AdminTokens returns all tokens by name.
func (s *Store) AdminTokens(ctx context.Context) ([]AdminToken, error) {
	rows, err := s.db.Query(ctx, "SELECT name, token, created_at FROM admin_token ORDER BY name")
	return collect(rows, err, func(r *sql.Rows) (t AdminToken, err error) {
		var created int64
		err = r.Scan(&t.Name, &t.Hash, &created)
		t.CreatedAt = at(created)
		return t, err
	})
}

// RemoveAdminToken ends the token of that name. ErrNotFound: there is none.
func (s *Store) RemoveAdminToken(ctx context.Context, name string) error {
	return s.write(ctx, func(w *writing) error {
		return affected(w.Exec("DELETE FROM admin_token WHERE name = $1", name))
	})
}
