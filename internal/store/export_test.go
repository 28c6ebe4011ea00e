package store

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"timbre/internal/office"
)

// Tables returns the tables that a backup holds.
func Tables() ([]string, error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return tablesOf(sub)
}

// TableNames returns the tables that there are (SQLite), but those of others.
func (s *Store) TableNames(ctx context.Context) ([]string, error) {
	rows, err := s.db.Query(ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%'")
	ids, err := collect(rows, err, scanID)
	var names []string
	for _, id := range ids {
		names = append(names, string(id))
	}
	return names, err
}

// Beside returns cfg for a Store that works beside another on one PostgreSQL,
// which no two servers do: the rows must stand it all the same.
func Beside(cfg Config) Config {
	cfg.beside = true
	return cfg
}

// Exec changes the database behind the store's back.
func (s *Store) Exec(ctx context.Context, statement string) error {
	return s.write(ctx, func(w *writing) error { _, err := w.Exec(statement); return err })
}

// Look does what a server does when it begins to run, and each hour.
func (s *Store) Look(ctx context.Context) {
	s.doubt(ctx, s.clock.left > 0)
	s.look(ctx, true)
}

// Fill enters n calls into the empty log of account, the i-th as call says, each
// by a change of its own: what EndCalls does, but for the time that it takes.
func (s *Store) Fill(ctx context.Context, account office.ID, n int, call func(i int) office.Call) error {
	for from := 0; from < n; from += 5000 {
		err := s.write(ctx, func(w *writing) error {
			in := inserter{tx: w.Tx, table: "call", columns: []string{
				"id", "account", "kind", "outcome", "reason", "number", "name", "folded", "started_at", "answered_at",
				"ring_time", "duration", "answered_by", "forwarded_to", "enc_local", "enc_remote", "created_seq", "modseq",
			}}
			to := min(from+5000, n)
			for i := from; i < to; i++ {
				c := call(i)
				err := in.add([]any{
					c.ID, account, c.Kind, c.Outcome, c.Reason, c.Peer.Number, c.Peer.Name, c.Peer.Folded(), millis(c.StartedAt), nullable(c.AnsweredAt),
					0, time.Duration(c.Duration).Milliseconds(), c.AnsweredBy, c.ForwardedTo, c.Encryption.Local, c.Encryption.Remote, i + 1, i + 1,
				})
				if err != nil {
					return err
				}
			}
			if err := in.flush(); err != nil {
				return err
			}
			if _, err := w.Exec("UPDATE account SET modseq = $1 WHERE id = $2", to-1, account); err != nil {
				return err
			}
			_, err := w.next(account, TypeCall)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// StateAt returns the state after so many changes.
func (s *Store) StateAt(seq int) State { return s.state(int64(seq)) }

// Counted returns whether PostgreSQL knows how long its tables are.
func (s *Store) Counted(ctx context.Context) (ok bool, err error) {
	err = s.db.QueryRow(ctx, "SELECT reltuples > 0 FROM pg_class WHERE relname = 'extension'").Scan(&ok)
	return ok, err
}

// KeepClaim looks whether no other server works on the rows.
func (s *Store) KeepClaim(ctx context.Context) error { return s.keepClaim(ctx) }

// KeepHouse does one round of the housekeeping.
func (s *Store) KeepHouse(ctx context.Context) error { return s.keepHouse(ctx) }

// RowsOf returns in which tables an account is named, and in how many rows.
func (s *Store) RowsOf(ctx context.Context, account office.ID) (map[string]int, error) {
	tables, err := Tables()
	if err != nil {
		return nil, err
	}
	out := map[string]int{}
	for _, table := range tables {
		rows, err := s.db.Query(ctx, "SELECT * FROM "+table)
		if err != nil {
			return nil, err
		}
		columns, err := rows.Columns()
		if err != nil {
			return nil, err
		}
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		for rows.Next() {
			if err := rows.Scan(values...); err != nil {
				return nil, err
			}
			if slices.ContainsFunc(values, func(v any) bool { return fmt.Sprint(*v.(*any)) == string(account) }) {
				out[table]++
			}
		}
		if err := rows.Close(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Tombstones returns how many there are.
func (s *Store) Tombstones(ctx context.Context) (n int, err error) {
	err = s.db.QueryRow(ctx, "SELECT count(*) FROM tombstone").Scan(&n)
	return n, err
}

// HoldMail holds what waits to be sent, as a restore does.
func (s *Store) HoldMail(ctx context.Context) error {
	return s.write(ctx, func(w *writing) error { _, err := w.Exec(holdMail); return err })
}
