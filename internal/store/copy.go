package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"timbre/internal/office"
	"timbre/internal/sqldb"
	"timbre/internal/sqldb/pg"
)

// CopyTo copies all rows, in one commit, to the PostgreSQL at dsn, where the same
// folder then goes on with them: nothing changes for clients. office.ErrNotEmpty:
// there is an office already; office.ErrInUse: somebody uses it. Then nothing was
// changed.
func (s *Store) CopyTo(ctx context.Context, dsn string) (err error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	tables, err := tablesOf(sub)
	if err != nil {
		return err
	}
	claimed, err := claim(ctx, dsn)
	if err != nil {
		return err
	}
	defer claimed.Close()
	to, err := pg.Open(ctx, dsn, sub)
	if errors.Is(err, sqldb.ErrNewerSchema) {
		return fmt.Errorf("%w: %w", err, office.ErrNewerSchema)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	return to.Write(ctx, func(tx *sqldb.Tx) error {
		if err := refuseFull(tx, false); err != nil {
			return err
		}
		if err := emptyTables(tx, tables); err != nil {
			return err
		}
		return s.db.Snapshot(ctx, func(from *sqldb.Tx) error {
			for _, table := range tables {
				if err := copyTable(tx, from, table); err != nil {
					return err
				}
			}
			return analyze(tx)
		})
	})
}

// analyze has PostgreSQL count the rows that came to it: until it does so by itself
// it takes tables for empty, and reads long ones whole.
func analyze(tx *sqldb.Tx) error {
	_, err := tx.Exec("ANALYZE")
	return err
}

func copyTable(to, from *sqldb.Tx, table string) error {
	in := inserter{tx: to, table: table}
	err := eachRow(from, table, func(columns []string, values []any) error {
		if in.columns == nil {
			in.columns = slices.Clone(columns)
		}
		return in.add(values)
	})
	if err != nil {
		return err
	}
	return in.flush()
}
