package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"

	"github.com/pressly/goose/v3"
)

// OpenToRead opens the SQLite database that cfg names where Open says that the disk
// is full: what SQLite needs beside the file then stays in memory. That works only
// while nobody else has the file, so each Query takes it for itself, one at a time,
// and leaves it at its end: other processes that wait as this one does are not
// disturbed. Write returns syscall.ENOSPC. The schema must be that of cfg.Migrations:
// ErrNewerSchema, or syscall.ENOSPC where it would have to be brought up to date.
func OpenToRead(ctx context.Context, cfg Config) (*DB, error) {
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", cfg.Path, err)
	}
	read, err := sql.Open("sqlite3", sqliteURI(path)+"?mode=rw&_locking_mode=EXCLUSIVE&_busy_timeout=5000&_query_only=on")
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	read.SetMaxOpenConns(1)
	read.SetMaxIdleConns(0) // a connection keeps the lock
	db := &DB{dialect: Dialect{Name: "sqlite", Goose: goose.DialectSQLite3}, read: read, write: read, reading: true}
	if err := db.isCurrent(ctx, cfg); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %s: %w", path, named(err)), read.Close())
	}
	return db, nil
}

// isCurrent returns nil where the schema is that of cfg.
func (db *DB) isCurrent(ctx context.Context, cfg Config) error {
	p, err := goose.NewProvider(db.dialect.Goose, db.write, cfg.Migrations)
	if err != nil {
		return fmt.Errorf("reading migrations: %w", err)
	}
	var want, have int64
	for _, s := range p.ListSources() {
		want = max(want, s.Version)
	}
	if err := db.QueryRow(ctx, `SELECT max(version_id) FROM goose_db_version`).Scan(&have); err != nil {
		return err
	}
	switch {
	case have > want:
		return ErrNewerSchema
	case have < want:
		return syscall.ENOSPC
	}
	return nil
}

// IsReading reports whether db was opened by OpenToRead.
func (db *DB) IsReading() bool { return db.reading }
