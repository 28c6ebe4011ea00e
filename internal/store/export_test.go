package store

import (
	"context"
	"io/fs"
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

// KeepHouse does one round of the housekeeping.
func (s *Store) KeepHouse(ctx context.Context) error { return s.keepHouse(ctx) }
