package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// A Side is one extension's line of a call: the account whose log it is in.
type Side struct {
	Account office.ID
	Call    office.Call
}

// BeginCalls writes live rows, which no reader of the log sees before
// EndCalls, in one commit. The caller makes the IDs. To begin a row again
// changes it while it is live. A stop of the server turns live rows into failed
// calls. ErrNotFound: an account is gone.
func (s *Store) BeginCalls(ctx context.Context, sides ...Side) error {
	return s.write(ctx, func(w *writing) error {
		for _, side := range sides {
			side.Call.Outcome = ""
			if err := w.putCall(side); err != nil {
				return fmt.Errorf("writing live call: %w", err)
			}
		}
		return nil
	})
}

// EndCalls enters finished calls into the logs in one commit, whether or not
// they were begun. Every Outcome must be set. ErrNotFound: an account is gone.
func (s *Store) EndCalls(ctx context.Context, sides ...Side) error {
	return s.write(ctx, func(w *writing) error { return w.endCalls(sides) })
}

// holdSides holds account and those of sides, in order.
func (w *writing) holdSides(account office.ID, sides []Side) error {
	if len(sides) == 0 {
		return nil // there is one alone
	}
	all := []office.ID{account}
	for _, side := range sides {
		all = append(all, side.Account)
	}
	slices.Sort(all)
	for _, a := range slices.Compact(all) {
		if _, err := w.hold(a, TypeCall); err != nil {
			return err
		}
	}
	return nil
}

func (w *writing) endCalls(sides []Side) error {
	// Always in the same order: two transactions that lock the same accounts do not block each other.
	sides = slices.SortedFunc(slices.Values(sides), func(a, b Side) int { return cmp.Compare(a.Account, b.Account) })
	for _, side := range sides {
		if side.Call.Outcome == "" {
			return fmt.Errorf("ending call %s: it has no outcome", side.Call.ID)
		}
		if err := w.step(side.Account, TypeCall); err != nil {
			return fmt.Errorf("ending call: %w", err)
		}
		if err := w.putCall(side); err != nil {
			return fmt.Errorf("ending call: %w", err)
		}
	}
	return nil
}

// putCall writes a row whole, but for legs and quality, which stay where side
// has none; one with an outcome with the number that its account is at. A row that is
// in the log does not become live again, and keeps the number with which it came.
func (w *writing) putCall(side Side) error {
	c := &side.Call
	legs, err := inside(c.Legs, len(c.Legs))
	if err != nil {
		return err
	}
	quality, err := inside(c.Quality, len(c.Quality))
	if err != nil {
		return err
	}
	counts := 1
	if c.Outcome == "" {
		counts = 0
	}
	r, err := w.Exec(`INSERT INTO call (id, account, kind, outcome, reason, number, name, folded, started_at, answered_at,
			ring_time, duration, answered_by, forwarded_to, enc_local, enc_remote, created_seq, modseq, legs, quality)
		SELECT $1, a.id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, a.modseq * $16, a.modseq * $16, $17, $18
			FROM account a WHERE a.id = $19
		ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, outcome = excluded.outcome, reason = excluded.reason,
			number = excluded.number, name = excluded.name, folded = excluded.folded, started_at = excluded.started_at,
			answered_at = excluded.answered_at, ring_time = excluded.ring_time, duration = excluded.duration,
			answered_by = excluded.answered_by, forwarded_to = excluded.forwarded_to,
			enc_local = excluded.enc_local, enc_remote = excluded.enc_remote, modseq = excluded.modseq,
			legs = CASE WHEN excluded.legs = '' THEN call.legs ELSE excluded.legs END,
			quality = CASE WHEN excluded.quality = '' THEN call.quality ELSE excluded.quality END,
			created_seq = CASE WHEN call.created_seq = 0 THEN excluded.created_seq ELSE call.created_seq END
		WHERE call.account = excluded.account AND (excluded.modseq > 0 OR call.modseq = 0)`,
		c.ID, c.Kind, c.Outcome, c.Reason, c.Peer.Number, c.Peer.Name, c.Peer.Folded(), millis(c.StartedAt), nullable(c.AnsweredAt),
		time.Duration(c.RingDuration).Milliseconds(), time.Duration(c.Duration).Milliseconds(), c.AnsweredBy, c.ForwardedTo,
		c.Encryption.Local, c.Encryption.Remote, counts, legs, quality, side.Account)
	return affected(r, err)
}

// loadCut reads the rows that a stop of the server left live, as they are to
// stand in the logs: an answered call went on until the server was last seen.
func (s *Store) loadCut(ctx context.Context) error {
	// By way of the accounts, of which there are few: call_feed begins with them.
	rows, err := s.db.Query(ctx, "SELECT "+callColumns+", account FROM call WHERE account IN (SELECT id FROM account) AND modseq = 0 AND outcome = ''")
	s.cut, err = collect(rows, err, func(r *sql.Rows) (side Side, err error) {
		c := &side.Call
		*c, err = scanCall(r, &side.Account)
		c.Outcome, c.Reason = office.Failed, office.Interrupted
		c.Quality = nil // stays as it is
		if c.AnsweredAt == nil {
			return side, err
		}
		if c.Kind != office.Outgoing {
			c.Kind = office.KindOf(office.Answered)
		}
		c.Duration = office.Duration(max(0, time.Duration(c.Duration), s.alive.Sub(*c.AnsweredAt)))
		return side, err
	})
	return err
}

// interruptCalls enters them into the logs.
func (s *Store) interruptCalls(ctx context.Context) error {
	for len(s.cut) > 0 {
		n := min(len(s.cut), maxCut)
		sides := s.cut[:n:n]
		err := s.write(ctx, func(w *writing) error {
			there := slices.DeleteFunc(slices.Clone(sides), func(side Side) bool {
				_, err := w.hold(side.Account, TypeCall)
				return errors.Is(err, office.ErrNotFound) // purged meanwhile
			})
			return w.endCalls(there)
		})
		if err != nil {
			return err
		}
		s.cut = s.cut[n:]
	}
	return nil
}

// maxCut bounds how many calls go into the logs in one commit.
const maxCut = 200

const callColumns = `id, kind, outcome, reason, number, name, started_at, answered_at, ring_time, duration,
	answered_by, forwarded_to, enc_local, enc_remote, quality`

// scanCall reads callColumns and then more.
func scanCall(r *sql.Rows, more ...any) (c office.Call, err error) {
	var started, ring, talk int64
	var answered sql.NullInt64
	var quality string
	err = r.Scan(append([]any{
		&c.ID, &c.Kind, &c.Outcome, &c.Reason, &c.Peer.Number, &c.Peer.Name, &started, &answered, &ring, &talk,
		&c.AnsweredBy, &c.ForwardedTo, &c.Encryption.Local, &c.Encryption.Remote, &quality,
	}, more...)...)
	if err != nil {
		return c, err
	}
	c.StartedAt = at(started)
	c.AnsweredAt = maybe(answered)
	c.RingDuration = office.Duration(time.Duration(ring) * time.Millisecond)
	c.Duration = office.Duration(time.Duration(talk) * time.Millisecond)
	return c, outside(quality, &c.Quality)
}

// Calls returns those of the calls ids that are in account's log, in no order
// and without their legs, which CallLegs returns.
func (s *Store) Calls(ctx context.Context, account office.ID, ids ...office.ID) ([]office.Call, error) {
	if ids = valid(ids); len(ids) == 0 {
		return nil, nil
	}
	// Without the account in the statement: SQLite would search all that the account has.
	rows, err := s.db.Query(ctx, "SELECT "+callColumns+", account FROM call WHERE outcome <> '' AND id IN ("+
		sqldb.Placeholders(1, len(ids))+")", sqldb.Args(ids)...)
	return collectOf(account, rows, err, func(r *sql.Rows) (owner office.ID, c office.Call, err error) {
		c, err = scanCall(r, &owner)
		return owner, c, err
	})
}

// A CallFilter chooses calls; zero fields choose all.
type CallFilter struct {
	Kind   office.CallKind
	After  time.Time // started at this time or later
	Before time.Time // started before this time
	Text   string    // each of its words is in the peer's name or number; case and accents do not matter
}

func (f CallFilter) list(account office.ID) *list {
	l := newList(TypeCall, "started_at", account)
	l.and("outcome <> ''")
	if f.Kind != "" {
		l.and("kind = ?", f.Kind)
	}
	l.between(f.After, f.Before)
	l.containing(f.Text)
	return l
}

// QueryCalls returns the ids of the calls that f chooses, newest first.
// ErrNotFound: the anchor is not a call of the account.
func (s *Store) QueryCalls(ctx context.Context, account office.ID, f CallFilter, p Page) ([]office.ID, error) {
	return s.ids(ctx, f.list(account), p)
}

// PlaceOfCall returns how many of the calls that f chooses QueryCalls returns
// before call id. ErrNotFound: it is none of them.
func (s *Store) PlaceOfCall(ctx context.Context, account office.ID, f CallFilter, id office.ID) (int, error) {
	return s.place(ctx, f.list(account), id)
}

// CountCalls returns how many calls f chooses.
func (s *Store) CountCalls(ctx context.Context, account office.ID, f CallFilter) (int, error) {
	return s.count(ctx, f.list(account))
}
