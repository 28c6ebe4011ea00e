package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb/pg"
)

// tombstoneAge is how long a client may be away and still catch up on deletions.
const tombstoneAge = 60 * 24 * time.Hour

// Run does the housekeeping once an hour, until ctx ends, and then returns nil:
// what is over, forgotten or too old goes, in pieces, the rest of which a stop
// leaves to the next start; nothing while the clock is doubted. Reads and writes
// work without it. office.ErrInUse: PostgreSQL was away, and another server took
// the data.
func (s *Store) Run(ctx context.Context) error {
	minute, claimed := time.NewTicker(time.Minute), time.NewTicker(claimStep)
	defer minute.Stop()
	defer claimed.Stop()
	alive := context.WithoutCancel(ctx)
	s.doubt(alive, s.clock.left > 0)
	s.look(ctx, true)
	for n := 1; ; {
		select {
		case <-minute.C:
			s.doubt(alive, s.clock.tick(s.now(), time.Now()))
			s.look(ctx, n%60 == 0)
			n++
		case <-claimed.C:
			if err := s.keepClaim(ctx); err != nil {
				return err
			}
		case <-ctx.Done():
			s.markAlive(alive)
			return nil
		}
	}
}

// look does what is to be done each minute, and with hour what is to be done each
// hour.
func (s *Store) look(ctx context.Context, hour bool) {
	alive := context.WithoutCancel(ctx)
	if err := s.interruptCalls(alive); err != nil {
		s.log.Error("calls that the last stop cut are not in the logs yet", "count", len(s.cut), "err", err)
	}
	if hour && s.clock.left == 0 {
		if err := s.keepHouse(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("housekeeping", "err", err)
		}
	}
	s.markAlive(alive)
}

// keepClaim sees to it that no other server works on the rows in PostgreSQL.
// office.ErrInUse: one does.
func (s *Store) keepClaim(ctx context.Context) error {
	if s.claim == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, claimTime)
	defer cancel()
	if err := s.claim.Keep(ctx); errors.Is(err, pg.ErrClaimed) {
		return fmt.Errorf("keeping the data: %w: %w", err, office.ErrInUse)
	}
	return nil // PostgreSQL is away: nobody works on them
}

const (
	claimStep = 5 * time.Second  // between two looks at the claim
	claimTime = 10 * time.Second // how long PostgreSQL is waited for then
)

// watchClock begins to doubt the clock, or goes on with it.
func (s *Store) watchClock(ctx context.Context) error {
	left, err := s.metaNumber(ctx, clockDoubted)
	s.clock.left = time.Duration(left) * time.Millisecond
	s.clock.start(s.now(), time.Now(), s.alive)
	return err
}

// doubt tells the administrator once a day that the clock is doubted, if it is.
func (s *Store) doubt(ctx context.Context, doubted bool) {
	if !doubted {
		return
	}
	s.log.Error("the clock is doubted: nothing is deleted for its age", "for", s.clock.left, "now", s.now())
	if err := s.AddMail(ctx, Mail{Notice: office.Notice{Kind: office.NoticeClock}, Every: holdTime}); err != nil {
		s.log.Error("administrator not told of the clock", "err", err)
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

// The rows of meta that say when a server last worked, and for how many
// milliseconds the clock is still doubted.
const (
	lastAlive    = "alive"
	clockDoubted = "clock.doubted"
)

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
	err := s.write(ctx, func(w *writing) error {
		if err := w.setMeta(clockDoubted, strconv.FormatInt(s.clock.left.Milliseconds(), 10)); err != nil {
			return err
		}
		return w.setMeta(lastAlive, s.now().UTC().Format(time.RFC3339))
	})
	if err != nil {
		s.log.Error("the store cannot write", "err", err)
	}
}
