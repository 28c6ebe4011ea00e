package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"
)

// A Tx is a transaction as its function sees it. It belongs to that function's
// run and is not safe for concurrent use. Statements in it cannot be cancelled:
// on SQLite that would undo the work of others in the same commit.
type Tx struct {
	tx  *sql.Tx
	ctx context.Context
}

// Exec runs a statement that returns no rows.
func (t *Tx) Exec(query string, args ...any) (sql.Result, error) {
	return t.tx.ExecContext(t.ctx, query, args...)
}

// Query reads rows. They must be closed before the next statement.
func (t *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(t.ctx, query, args...)
}

// QueryRow reads one row.
func (t *Tx) QueryRow(query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(t.ctx, query, args...)
}

// Write runs fn in a transaction and returns when it is committed, or returns
// fn's error with nothing done. On SQLite, callers that come while another
// commit is under way share the next one; a failure of one does not touch the
// others. fn may run on another goroutine and, on PostgreSQL, more than once:
// it must only touch the database and set its results afresh. It must not call
// Write. An ended ctx gives up waiting, for the turn or for PostgreSQL to be
// there again, never a commit under way.
// A full disk is a syscall.ENOSPC.
func (db *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if db.reading {
		return fmt.Errorf("beginning: %w", syscall.ENOSPC)
	}
	if db.dialect.Group {
		return named(db.group.write(ctx, db.write, fn))
	}
	began := time.Now()
	for try := 1; ; {
		err := writeAlone(context.WithoutCancel(ctx), db.write, fn)
		switch {
		case err == nil:
			return nil
		case db.dialect.Retry != nil && db.dialect.Retry(err) && try < maxTries:
			if !pause(ctx, rand.N(time.Duration(try)*meetStep)) { // or the same two meet again
				return err
			}
			try++
		case !db.await(ctx, began, err):
			return err
		}
	}
}

// await waits a moment where err says that the database is away, and reports
// whether to try again what was begun then.
func (db *DB) await(ctx context.Context, began time.Time, err error) bool {
	if err == nil || db.dialect.Away == nil || !db.dialect.Away(err) || time.Since(began) > patience {
		return false
	}
	return pause(ctx, awayStep)
}

// pause waits for d and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// maxTries bounds how often a transaction that met another one is run. Before the
// next try it waits for up to meetStep longer than before the last.
const (
	maxTries = 10
	meetStep = 10 * time.Millisecond
)

// A database that restarts is waited for: what has happened, such as a call,
// should not be lost over it, and nobody be refused for what cannot be read.
const (
	patience = 8 * time.Second
	awayStep = 100 * time.Millisecond
)

// writeAlone runs fn in a transaction of its own.
func writeAlone(ctx context.Context, db *sql.DB, fn func(*Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning: %w", err)
	}
	defer tx.Rollback() // does nothing after a commit
	if err := fn(&Tx{tx: tx, ctx: ctx}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return &commitError{err}
	}
	return nil
}

// A commitError leaves open whether the transaction was committed.
type commitError struct{ err error }

func (e *commitError) Error() string { return "committing: " + e.err.Error() }
func (e *commitError) Unwrap() error { return e.err }

// Committing reports whether err leaves open if the transaction was committed.
func Committing(err error) bool {
	var e *commitError
	return errors.As(err, &e)
}
