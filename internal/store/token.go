package store

import (
	"context"
	"database/sql"
	"time"
)

// An AdminToken opens the administration over HTTPS. Hash is what the store
// keeps of the token itself.
type AdminToken struct {
	Name        string
	Hash        string
	OnlyMetrics bool // it opens nothing but the figures for a monitor
	CreatedAt   time.Time
}

// AddAdminToken keeps a token. ErrExists: the name is taken.
func (s *Store) AddAdminToken(ctx context.Context, name, hash string) (AdminToken, error) {
	return s.addToken(ctx, AdminToken{Name: name, Hash: hash})
}

// AddMetricsToken keeps a token that opens nothing but the figures for a
// monitor. ErrExists: the name is taken.
func (s *Store) AddMetricsToken(ctx context.Context, name, hash string) (AdminToken, error) {
	return s.addToken(ctx, AdminToken{Name: name, Hash: hash, OnlyMetrics: true})
}

func (s *Store) addToken(ctx context.Context, t AdminToken) (AdminToken, error) {
	t.CreatedAt = at(millis(s.now()))
	err := s.write(ctx, func(w *writing) error {
		return fresh(w.Exec("INSERT INTO admin_token (name, token, only_metrics, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING",
			t.Name, t.Hash, t.OnlyMetrics, millis(t.CreatedAt)))
	})
	return t, err
}

// AdminTokens returns all tokens by name.
func (s *Store) AdminTokens(ctx context.Context) ([]AdminToken, error) {
	rows, err := s.db.Query(ctx, "SELECT name, token, only_metrics, created_at FROM admin_token ORDER BY name")
	return collect(rows, err, func(r *sql.Rows) (t AdminToken, err error) {
		var created int64
		err = r.Scan(&t.Name, &t.Hash, &t.OnlyMetrics, &created)
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
