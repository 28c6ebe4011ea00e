package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// tombstoneAge is how long a client may be away and still catch up on deletions.
const tombstoneAge = 60 * 24 * time.Hour

// Run does the housekeeping (expired sessions, tombstones older than 60 days,
// accounts whose time to keep is over, uploads of yesterday) until ctx ends, and then returns nil.
// What has begun is finished first. Reads and writes work without it.
func (s *Store) Run(ctx context.Context) error {
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	work := context.WithoutCancel(ctx)
	for n := 0; ; n++ {
		if n%60 == 0 {
			if err := s.keepHouse(work); err != nil {
				s.log.Error("housekeeping", "err", err)
			}
		}
		s.markAlive(work)
		select {
		case <-minute.C:
		case <-ctx.Done():
			s.markAlive(work)
			return nil
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
	if err := s.dropBlobs(ctx); err != nil {
		return fmt.Errorf("removing uploads that nothing refers to: %w", err)
	}
	if err := s.dropMail(ctx); err != nil {
		return fmt.Errorf("removing old mail: %w", err)
	}
	if err := s.dropUsage(ctx); err != nil {
		return fmt.Errorf("removing old usage: %w", err)
	}
	if err := s.dropAudits(ctx); err != nil {
		return fmt.Errorf("removing old lines of the audit log: %w", err)
	}
	if err := s.dropInvitations(ctx); err != nil {
		return fmt.Errorf("removing invitations that are over: %w", err)
	}
	if err := s.dropMemos(ctx); err != nil {
		return fmt.Errorf("removing what need not be remembered: %w", err)
	}
	return s.retain(ctx)
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

// Alive returns when a server last worked on these data before this Store was
// opened, to the minute; the zero Time if none ever did.
func (s *Store) Alive() time.Time { return s.alive }

// loadAlive reads what the last server noted, before this one does.
func (s *Store) loadAlive(ctx context.Context) error {
	var value string
	err := s.db.QueryRow(ctx, "SELECT value FROM meta WHERE name = 'alive'").Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	s.alive, err = time.Parse(time.RFC3339, value)
	return err
}

// markAlive notes that a server works on these data now.
func (s *Store) markAlive(ctx context.Context) {
	err := s.write(ctx, func(w *writing) error {
		_, err := w.Exec("INSERT INTO meta (name, value) VALUES ('alive', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
			s.now().UTC().Format(time.RFC3339))
		return err
	})
	if err != nil {
		s.log.Error("the store cannot write", "err", err)
	}
}
