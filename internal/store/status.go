package store

import "context"

// Status counts what the store holds.
type Status struct {
	Database   string // "sqlite" or "postgres"
	Extensions int
	Devices    int // without those of sessions
	Sessions   int
	Voicemails int
	Calls      int // in the logs
	Live       int // sides of calls that go on now
}

// Status returns the counts.
func (s *Store) Status(ctx context.Context) (Status, error) {
	st := Status{Database: s.db.Dialect()}
	err := s.db.QueryRow(ctx, `SELECT (SELECT count(*) FROM extension), (SELECT count(*) FROM device WHERE NOT session),
		(SELECT count(*) FROM session WHERE expires_at > $1), (SELECT count(*) FROM voicemail),
		(SELECT count(*) FROM call WHERE outcome <> ''), (SELECT count(*) FROM call WHERE outcome = '')`, millis(s.now())).
		Scan(&st.Extensions, &st.Devices, &st.Sessions, &st.Voicemails, &st.Calls, &st.Live)
	return st, err
}
