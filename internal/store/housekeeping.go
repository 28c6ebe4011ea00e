package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"timbre/internal/office"
)

// tombstoneAge is how long a client may be away and still catch up on deletions.
const tombstoneAge = 60 * 24 * time.Hour

// Run does the housekeeping once an hour, until ctx ends, and then returns nil:
// what is over, forgotten or too old goes, in pieces, the rest of which a stop
// leaves to the next start. Reads and writes work without it.
func (s *Store) Run(ctx context.Context) error {
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	alive := context.WithoutCancel(ctx)
	for n := 0; ; n++ {
		if n%60 == 0 {
			if err := s.keepHouse(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("housekeeping", "err", err)
			}
		}
		s.markAlive(alive)
		select {
		case <-minute.C:
		case <-ctx.Done():
			s.markAlive(alive)
			return nil
		}
	}
}

// keepHouse removes what is over now. What fails does not keep the rest from
// being done.
func (s *Store) keepHouse(ctx context.Context) error {
	var all error
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"ending expired sessions", s.expireSessions},
		{"removing tombstones", s.dropTombstones},
		{"purging accounts", s.purgeAccounts},
		{"removing uploads that nothing refers to", s.dropBlobs},
		{"giving up mail that nobody sends", s.giveUpMail},
		{"removing old mail", s.dropMail},
		{"removing old usage", s.dropUsage},
		{"removing old lines of the audit log", s.dropAudits},
		{"removing invitations that are over", s.dropInvitations},
		{"removing what need not be remembered", s.dropMemos},
		{"removing what is too old to be kept", s.retain},
	} {
		if err := step.do(ctx); err != nil {
			all = errors.Join(all, fmt.Errorf("%s: %w", step.what, err))
		}
	}
	return all
}

// dropTombstones removes old tombstones and notes up to which number they are
// gone: who asks for changes from before it must read everything again. What was
// noted goes with the next housekeeping, so that nobody is reading it.
func (s *Store) dropTombstones(ctx context.Context) error {
	err := s.deleteMany(ctx, `DELETE FROM tombstone WHERE (account, type, modseq) IN (SELECT t.account, t.type, t.modseq
		FROM tombstone t JOIN feed f ON f.account = t.account AND f.type = t.type WHERE t.deleted_at < $1 AND t.modseq <= f.floor LIMIT $2)`,
		millis(s.now().Add(-tombstoneAge)))
	if err != nil {
		return err
	}
	rows, err := s.db.Query(ctx, "SELECT account, type, max(modseq) FROM tombstone WHERE deleted_at < $1 GROUP BY account, type ORDER BY account, type",
		millis(s.now().Add(-tombstoneAge)))
	type floor struct {
		account office.ID
		is      Type
		seq     int64
	}
	old, err := collect(rows, err, func(r *sql.Rows) (f floor, err error) { return f, r.Scan(&f.account, &f.is, &f.seq) })
	if err != nil || len(old) == 0 {
		return err
	}
	return s.write(ctx, func(w *writing) error {
		for _, f := range old {
			if _, err := w.Exec("UPDATE feed SET floor = $1 WHERE account = $2 AND type = $3 AND floor < $1", f.seq, f.account, f.is); err != nil {
				return err
			}
		}
		return nil
	})
}

// Alive returns when a server last worked on these data before this Store was
// opened, to the minute; the zero Time if none ever did.
func (s *Store) Alive() time.Time { return s.alive }

// lastAlive is the row of meta that says when a server last worked.
const lastAlive = "alive"

// loadAlive reads what the last server noted, before this one does.
func (s *Store) loadAlive(ctx context.Context) error {
	value, err := s.meta(ctx, lastAlive)
	if err != nil || value == "" {
		return err
	}
	s.alive, err = time.Parse(time.RFC3339, value)
	return err
}

// markAlive notes that a server works on these data now.
func (s *Store) markAlive(ctx context.Context) {
	err := s.write(ctx, func(w *writing) error { return w.setMeta(lastAlive, s.now().UTC().Format(time.RFC3339)) })
	if err != nil {
		s.log.Error("the store cannot write", "err", err)
	}
}
