package store

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

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
