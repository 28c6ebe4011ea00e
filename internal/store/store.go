// Package store holds the data of an office: company, extensions and their
// settings, devices, sessions, bindings, lines to the outside, call log,
// voicemail, faxes, mail to send, what is not to happen twice, and the files of
// sounds and pages that belong to them. It owns all SQL of the server, the change
// feed that clients follow (RFC 8620 §5.2) and the rule "commit, then remove
// files, then wake". It checks no password and knows no protocol; values are
// checked by the rules of office before they get here. Everything on the server
// that keeps something calls it.
//
// The first things to know: Open, and Subscribe. Errors that a caller branches
// on are those of the package office; anything else is the database's.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
	"timbre/internal/sqldb/pg"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config says where the data of an office is and how to look after it.
type Config struct {
	Dir string           // the data folder; made with mode 0700 if it is missing
	DSN string           // "postgres://…", or empty: SQLite in Dir
	Log *slog.Logger     // nil: nothing is logged
	Now func() time.Time // nil: time.Now

	beside bool // for tests: another Store may work on the same PostgreSQL
}

// A Store holds everything that an office keeps: rows in SQLite or PostgreSQL
// and sound files under its folder. It is safe for concurrent use and starts no
// goroutine.
type Store struct {
	dir        string
	log        *slog.Logger
	now        func() time.Time
	lock       *os.File
	claim      *pg.Claim // of the rows in PostgreSQL, as lock is of the folder; nil with SQLite. Of Open, then of Run
	db         *sqldb.DB
	epoch      string
	alive      time.Time  // when the last server was
	clock      clockwatch // of Open, then of Run
	cut        []Side     // calls that a stop of the server cut and that are not in the logs yet; of Open, then of Run
	generation atomic.Uint64
	regard     atomic.Uint64                          // grows with every commit that Generation counts, or that changed how an account is reached
	extensions known[office.Number, office.Extension] // at generation
	reaches    known[office.ID, reach]                // at regard
	wakes      wakes                                  // by account
	members    wakes
	configured wakes
	available  wakes
	mailed     wakes
	files      removals
	places     places
	searches   searches
}

// Open locks cfg.Dir and the database, opens that and brings its schema up to
// date. Call rows that a stop of the server left live become failed, reason
// interrupted; files that no row owns are removed. It returns office.ErrInUse
// where another process holds the folder or the database and
// office.ErrNewerSchema where a newer version wrote the data.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{dir: cfg.Dir, log: cfg.Log, now: cfg.Now}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening the data folder %s: %w", cfg.Dir, err)
	}
	var err error
	if s.lock, err = lockDir(cfg.Dir); err != nil {
		return nil, err
	}
	if err := finishRestore(cfg.Dir); err != nil {
		s.Close()
		return nil, err
	}
	if err := s.open(ctx, cfg); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// open opens the database and clears away what a stop left behind.
func (s *Store) open(ctx context.Context, cfg Config) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if cfg.DSN != "" && !cfg.beside {
		if s.claim, err = claim(ctx, cfg.DSN); err != nil {
			return err
		}
	}
	if cfg.DSN == "" {
		s.db, err = sqldb.Open(ctx, sqldb.Config{Path: filepath.Join(s.dir, databaseFile), Migrations: sub})
	} else {
		s.db, err = pg.Open(ctx, cfg.DSN, sub)
	}
	if errors.Is(err, sqldb.ErrNewerSchema) {
		return fmt.Errorf("%w: %w", err, office.ErrNewerSchema)
	}
	if err != nil {
		return err
	}
	if err := s.loadEpoch(ctx); err != nil {
		return fmt.Errorf("reading the epoch: %w", err)
	}
	if err := s.loadAlive(ctx); err != nil {
		return fmt.Errorf("reading when the last server ran: %w", err)
	}
	if err := s.watchClock(ctx); err != nil {
		return fmt.Errorf("reading what the last server thought of the clock: %w", err)
	}
	if err := s.fillDirectory(ctx); err != nil {
		return fmt.Errorf("filling the directory: %w", err)
	}
	if err := s.loadCut(ctx); err != nil {
		return fmt.Errorf("reading interrupted calls: %w", err)
	}
	if err := s.interruptCalls(ctx); err != nil { // the disk may be full: telephones ring all the same
		s.log.Error("calls that the last stop cut are not in the logs yet", "count", len(s.cut), "err", err)
	}
	if err := s.sweepFiles(ctx); err != nil {
		return fmt.Errorf("removing files without an owner: %w", err)
	}
	return nil
}

// Close ends the use of the data folder.
func (s *Store) Close() error {
	var err error
	if s.db != nil {
		err = s.db.Close()
	}
	if s.claim != nil {
		s.claim.Close()
	}
	return errors.Join(err, s.lock.Close()) // closing gives up the lock
}

// Ping returns nil if the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Generation is a number that grows with every commit that added, changed or
// removed a device, a session or an extension. Caches of those compare it.
func (s *Store) Generation() uint64 { return s.generation.Load() }

// A writing is one transaction of the store and what is to be done once it is
// committed.
type writing struct {
	*sqldb.Tx
	changed    []office.ID // accounts whose followers are all woken
	moved      []move      // feeds whose followers are woken
	members    bool        // a device, session or extension changed
	configured bool        // a line, a trunk, the mailing or the company changed
	reachable  bool        // somebody's forwarding or availability changed
	available  bool        // somebody's availability changed
	mailed     bool        // there is mail to send
	orphans    []string    // files to remove
}

// write runs fn in a transaction; after the commit it removes files and then
// wakes whoever follows a changed account. fn must set its results afresh, as
// it may run more than once.
func (s *Store) write(ctx context.Context, fn func(*writing) error) error {
	var w *writing
	err := s.db.Write(ctx, func(tx *sqldb.Tx) error {
		w = &writing{Tx: tx}
		return fn(w)
	})
	if err != nil {
		return err
	}
	s.removeFiles(w.orphans)
	if w.members || w.reachable {
		s.regard.Add(1)
	}
	if w.members {
		s.generation.Add(1)
		s.members.wakeAll("")
	}
	for _, a := range w.changed {
		s.wakes.wake(a, "")
	}
	for _, f := range w.moved {
		if f.account == directory {
			s.wakes.wakeAll(f.t)
		} else {
			s.wakes.wake(f.account, f.t)
		}
	}
	if w.configured {
		s.configured.wakeAll("")
	}
	if w.available {
		s.available.wakeAll("")
	}
	if w.mailed {
		s.mailed.wakeAll("")
	}
	return nil
}

// valid returns those of ids that can name anything. The others would be an
// error on PostgreSQL instead of a row that is not there.
func valid(ids []office.ID) []office.ID {
	return slices.DeleteFunc(slices.Clone(ids), func(id office.ID) bool { return !id.Valid() })
}

// millis returns t as it is kept: Unix milliseconds.
func millis(t time.Time) int64 { return t.UnixMilli() }

// at returns the time that millis kept; 0 is the zero Time.
func at(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// found turns the absence of a row into office.ErrNotFound, also where none can
// be for want of a text to look for.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) || pg.NoText(err) {
		return office.ErrNotFound
	}
	return err
}

// affected returns office.ErrNotFound where a statement changed no row.
func affected(r sql.Result, err error) error {
	if err != nil {
		return found(err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(office.ErrNotFound, err)
	}
	return nil
}

// fresh returns office.ErrExists where an insert met a row that is there.
func fresh(r sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(office.ErrExists, err)
	}
	return nil
}

// collect reads all rows with scan and closes them.
func collect[T any](rows *sql.Rows, err error, scan func(*sql.Rows) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// collectOf reads the rows that account owns, and passes over the others.
func collectOf[T any](account office.ID, rows *sql.Rows, err error, scan func(*sql.Rows) (office.ID, T, error)) ([]T, error) {
	type owned struct {
		by  office.ID
		row T
	}
	all, err := collect(rows, err, func(r *sql.Rows) (o owned, err error) {
		o.by, o.row, err = scan(r)
		return o, err
	})
	if err != nil {
		return nil, err
	}
	out := make([]T, 0, len(all))
	for _, o := range all {
		if o.by == account {
			out = append(out, o.row)
		}
	}
	return out, nil
}

// scanID reads rows of one id.
func scanID(r *sql.Rows) (id office.ID, err error) {
	err = r.Scan(&id)
	return id, err
}
