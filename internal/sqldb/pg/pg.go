// Package pg opens PostgreSQL as a sqldb.DB. It is apart from sqldb so that the
// desktop app does without the driver. The package store calls it.
package pg

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"timbre/internal/sqldb"
)

// maxConns bounds the connections of one server to its database.
const maxConns = 16

// connectTime bounds how long a connection is waited for where the address does
// not say: a network that swallows everything would keep a call for minutes.
const connectTime = 3 * time.Second

// Open opens the database that dsn names ("postgres://…" or key=value) and
// brings its schema up to date; servers that start at the same time wait for
// each other. It returns sqldb.ErrNewerSchema where the schema is newer than
// migrations. Its errors never show the password in dsn.
func Open(ctx context.Context, dsn string, migrations fs.FS) (*sqldb.DB, error) {
	cfg, err := parse(dsn)
	if err != nil {
		return nil, err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120)) // tries each second for 2 minutes
	if err != nil {
		return nil, fmt.Errorf("opening PostgreSQL: %w", err)
	}
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	d := sqldb.Dialect{
		Name:  "postgres",
		Goose: goose.DialectPostgres,
		Retry: retry,
		Away:  away,
		Lock:  []goose.ProviderOption{goose.WithSessionLocker(locker)},
	}
	out, err := sqldb.New(ctx, db, db, d, migrations)
	if err != nil {
		return nil, fmt.Errorf("opening PostgreSQL at %s:%d: %w", cfg.Host, cfg.Port, err)
	}
	return out, nil
}

// parse reads an address. Its error does not show it, for the password's sake.
func parse(dsn string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("opening PostgreSQL: the address cannot be read")
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTime
	}
	return cfg, nil
}

// retry reports whether a transaction lost against another one: serialization
// failure or deadlock.
func retry(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}

// away reports whether the server could not be reached, or was lost before the
// commit, as when it restarts. A commit that was cut may have been made, and is
// not run again.
func away(err error) bool {
	var dial *pgconn.ConnectError
	var stop *pgconn.PgError
	var cut *net.OpError
	switch {
	case sqldb.Committing(err):
		return false
	case errors.As(err, &dial), errors.As(err, &cut), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, driver.ErrBadConn):
		return true
	}
	return errors.As(err, &stop) && strings.HasPrefix(stop.Code, "57P") // it shuts down, crashed or starts
}

// NoText reports whether err says that an argument is no text to PostgreSQL:
// it holds a NUL or is not UTF-8. No row can be like it.
func NoText(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "22021"
}
