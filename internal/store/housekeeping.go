package store

import (
	"context"
	"fmt"
	"time"
)

// tombstoneAge is how long a client may be away and still catch up on deletions.
const tombstoneAge = 60 * 24 * time.Hour

// Run does the housekeeping (expired sessions, tombstones older than 60 days,
// accounts whose time to keep is over) until ctx ends, and then returns nil.
// Reads and writes work without it.
func (s *Store) Run(ctx context.Context) error {
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	for n := 0; ; n++ {
		if n%60 == 0 {
			if err := s.keepHouse(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("housekeeping", "err", err)
			}
		}
		if err := s.markAlive(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the store cannot write", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-minute.C:
		}
	}
}

// keepHouse removes what is over now.
func (s *Store) keepHouse(ctx context.Context) error {
	if err := s.expireSessions(ctx); err != nil {
		return fmt.Errorf("ending expired sessions: %w", err)
	}
	if err := s.dropTombstones(ctx); err != nil {
		return fmt.Errorf("removing tombstones: %w", err)
	}
	if err := s.purgeAccounts(ctx); err != nil {
		return fmt.Errorf("purging accounts: %w", err)
	}
	return nil
}

// dropTombstones removes old tombstones and notes up to which number they are
// gone: who asks for changes from before it must read everything again.
func (s *Store) dropTombstones(ctx context.Context) error {
	old := millis(s.now().Add(-tombstoneAge))
	return s.write(ctx, func(w *writing) error {
		_, err := w.Exec(`UPDATE feed SET floor = coalesce((SELECT max(t.modseq) FROM tombstone t
				WHERE t.account = feed.account AND t.type = feed.type AND t.deleted_at < $1), floor)
			WHERE EXISTS (SELECT 1 FROM tombstone t WHERE t.account = feed.account AND t.type = feed.type AND t.deleted_at < $1)`, old)
		if err != nil {
			return err
		}
		_, err = w.Exec("DELETE FROM tombstone WHERE deleted_at < $1", old)
		return err
	})
}

// purgeAccounts deletes what removed extensions left, when its time is over.
func (s *Store) purgeAccounts(ctx context.Context) error {
	rows, err := s.db.Query(ctx, "SELECT id FROM account WHERE purge_at <= $1", millis(s.now()))
	due, err := collect(rows, err, scanID)
	if err != nil {
		return err
	}
	for _, account := range due {
		if err := s.write(ctx, func(w *writing) error { return s.purge(w, account) }); err != nil {
			return err
		}
	}
	return nil
}

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
