package store

import "context"

// Status counts who may use the office.
type Status struct {
	Database   string // "sqlite" or "postgres"
	Extensions int
	Devices    int // without those of sessions
	Sessions   int
}

// Status returns the counts.
func (s *Store) Status(ctx context.Context) (Status, error) {
	st := Status{Database: s.db.Dialect()}
	err := s.db.QueryRow(ctx, `SELECT (SELECT count(*) FROM extension), (SELECT count(*) FROM device WHERE NOT session),
		(SELECT count(*) FROM session WHERE expires_at > $1)`, millis(s.now())).Scan(&st.Extensions, &st.Devices, &st.Sessions)
	return st, err
}
