// Package sqldb opens the databases of both doors the same way: one writer, a
// small pool of readers, migrations brought up to date. It owns the pragmas, the
// grouping of commits and the few differences between databases. It owns no
// table: the packages store and sync/local bring their migrations and
// statements, written once with placeholders $1, $2, … in ascending first use
// (SQLite binds them in that order).
//
// The first things to know: Open, DB.Write and DB.Query. PostgreSQL is opened
// by the package sqldb/pg, which the client does without.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3" // registers the driver "sqlite3"
	"github.com/pressly/goose/v3"
)

// ErrNewerSchema says that a newer version of the program wrote the database.
// Nothing was changed in it.
var ErrNewerSchema = errors.New("the database was written by a newer version")

// Config says which SQLite database to open, and how.
type Config struct {
	Path       string // the file; made if it is missing, its folder is not
	Migrations fs.FS  // goose migrations, NNNNN_name.sql at the top
	Readers    int    // connections that read; 0: 4
	Cache      int    // KiB that each connection may keep of the file in memory; 0: 2000
	Checkpoint int    // pages in the log after which they are moved into the file; 0: 1000
}

// A DB is an open database. It is safe for concurrent use; it starts no
// goroutine. The zero DB is of no use: see Open and New.
type DB struct {
	dialect Dialect
	read    *sql.DB
	write   *sql.DB
	reading bool // see OpenToRead
	group   group
}

// A Dialect is what must differ between databases.
type Dialect struct {
	Name  string // "sqlite" or "postgres"
	Goose goose.Dialect
	Group bool                   // one writer: commits are grouped
	Retry func(error) bool       // a transaction that failed so may succeed when run again; nil: none
	Away  func(error) bool       // the database was lost, or not reached, before anything was committed; nil: never
	Lock  []goose.ProviderOption // how processes that migrate at the same time wait for each other
}

// Open opens the SQLite database that cfg names and brings its schema up to
// date. It returns ErrNewerSchema where that is newer than cfg.Migrations.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", cfg.Path, err)
	}
	if err := private(path); err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	uri := sqliteURI(path) + "?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000&_foreign_keys=on&_stmt_cache_size=64"
	if cfg.Cache != 0 {
		uri += "&_cache_size=-" + strconv.Itoa(cfg.Cache)
	}
	write, err := sql.Open("sqlite3", uri+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	write.SetMaxOpenConns(1)
	if cfg.Checkpoint != 0 { // stays set as long as the connection, which is kept
		if _, err := write.ExecContext(ctx, "PRAGMA wal_autocheckpoint="+strconv.Itoa(cfg.Checkpoint)); err != nil {
			write.Close()
			return nil, fmt.Errorf("opening %s: %w", path, named(err))
		}
	}
	read, err := sql.Open("sqlite3", uri+"&_query_only=on")
	if err != nil {
		write.Close()
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	readers := cfg.Readers
	if readers == 0 {
		readers = 4
	}
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	db, err := New(ctx, write, read, Dialect{Name: "sqlite", Goose: goose.DialectSQLite3, Group: true}, cfg.Migrations)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, named(err))
	}
	return db, nil
}

// private makes the file for its owner alone, which SQLite's own files beside it
// then are too.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// sqliteURI returns the file URI of an absolute path on any system.
func sqliteURI(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/… on Windows
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path}).String()
}

// New returns a DB over pools that a driver opened, which may be the same, and
// brings the schema up to date. It closes both where it fails.
func New(ctx context.Context, write, read *sql.DB, d Dialect, migrations fs.FS) (*DB, error) {
	db := &DB{dialect: d, read: read, write: write, group: group{turn: make(chan struct{}, 1)}}
	if err := db.migrate(ctx, migrations); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// migrate runs the migrations that the database has not seen.
func (db *DB) migrate(ctx context.Context, migrations fs.FS) error {
	p, err := goose.NewProvider(db.dialect.Goose, db.write, migrations, db.dialect.Lock...)
	if err != nil {
		return fmt.Errorf("reading migrations: %w", err)
	}
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if have > want {
		return ErrNewerSchema
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	return nil
}

// Close closes the database. Transactions under way end first.
func (db *DB) Close() error {
	err := db.read.Close()
	if db.write != db.read {
		err = errors.Join(err, db.write.Close())
	}
	return err
}

// Dialect returns the name of the database: "sqlite" or "postgres".
func (db *DB) Dialect() string { return db.dialect.Name }

// Ping returns nil if the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.read.PingContext(ctx) }

// Query reads rows from what is committed. PostgreSQL is waited for as in Write.
func (db *DB) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	for began := time.Now(); ; {
		rows, err := db.read.QueryContext(ctx, query, args...)
		if !db.await(ctx, began, err) {
			return rows, err
		}
	}
}

// QueryRow reads one row from what is committed, when it is scanned. PostgreSQL
// is waited for as in Write.
func (db *DB) QueryRow(ctx context.Context, query string, args ...any) *Row {
	return &Row{db: db, ctx: ctx, query: query, args: args}
}

// A Row is what QueryRow reads.
type Row struct {
	db    *DB
	ctx   context.Context
	query string
	args  []any
}

// Scan reads the columns into dest, as sql.Row does: sql.ErrNoRows where there
// is no row.
func (r *Row) Scan(dest ...any) error {
	for began := time.Now(); ; {
		err := r.db.read.QueryRowContext(r.ctx, r.query, r.args...).Scan(dest...)
		if !r.db.await(r.ctx, began, err) {
			return err
		}
	}
}

// Placeholders returns "$from, $from+1, …", n of them, for an IN list.
func Placeholders(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(from+i))
	}
	return b.String()
}

// Args returns v as arguments of a query.
func Args[T any](v []T) []any {
	a := make([]any, len(v))
	for i := range v {
		a[i] = v[i]
	}
	return a
}
