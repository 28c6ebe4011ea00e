// Package local is what the client keeps of one account: a mirror of all that
// the server has of it, the changes that the user made and that are not yet sent
// (the outbox), the sounds and pages of messages and faxes, and the user's
// own contacts. It is a SQLite database and folders of sealed files, which several
// processes may use at the same time. It never asks the network: sync/engine fills
// it and empties its outbox, the app and the command line read its lists.
//
// Open, then Mirror.Apply what the server sent, and Mirror.Voicemails,
// Mirror.Calls and Mirror.Search.
package local

import (
	"bytes"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

//go:embed migrations/*.sql
var embedded embed.FS

// ErrCorrupt says that the database is damaged. The next Open builds a new one
// and keeps of the old what the server does not have.
var ErrCorrupt = errors.New("the local database is damaged")

// A Mirror is the local copy of one account. It is safe for concurrent use, also
// by several processes, and starts no goroutine.
type Mirror struct {
	dir   string
	db    atomic.Pointer[sqldb.DB]
	limit int64                  // octets of cached blobs
	key   atomic.Pointer[[]byte] // of sealed files; nil until it is known
	log   *slog.Logger
	file  os.FileInfo // of the database when it was opened

	mu   sync.Mutex
	full *sqldb.DB // guarded by mu; what db was as long as the disk was full, which others may be reading yet
}

// Options are how a Mirror works.
type Options struct {
	Limit int64        // octets of cached sounds and pages; 0: DefaultBlobLimit
	Log   *slog.Logger // of objects that cannot be kept; nil: nothing is logged
}

// DefaultBlobLimit is how much is cached where nobody says otherwise.
const DefaultBlobLimit = 1 << 30

// The files of an account's folder.
const (
	databaseFile = "mirror.db"
	damagedFile  = "damaged" // says to the next Open that the database must be built anew
	plainFolder  = "audio"   // where the first version kept sounds, not sealed
	blobFolder   = "blobs"
	outboxFolder = "outbox" // files that wait to be sent
	copyFolder   = "copies" // of the rows of the outbox
	lockFile     = "lock"   // held while the database is opened, and built anew where it must be
)

// Open opens the copy in the folder dir, making both where they are missing,
// readable by the user alone. On a full disk it can be read, and a change is a
// syscall.ENOSPC until there is room. A damaged database is replaced by a new one
// with the outbox, the contacts and the meta values of the old one; its lists are
// empty until the next pull. office.ErrNewerSchema where a newer version of
// the program was here.
func Open(ctx context.Context, dir string, o Options) (*Mirror, error) {
	err := os.RemoveAll(filepath.Join(dir, plainFolder))
	for _, folder := range []string{blobFolder, outboxFolder, copyFolder} {
		err = errors.Join(err, os.MkdirAll(filepath.Join(dir, folder), 0o700))
	}
	if err != nil {
		return nil, fmt.Errorf("making the profile: %w", err)
	}
	m := &Mirror{dir: dir, limit: o.Limit, log: o.Log}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	if m.limit == 0 {
		m.limit = DefaultBlobLimit
	}
	release, err := Lock(ctx, filepath.Join(dir, lockFile))
	if err != nil {
		return nil, err
	}
	defer release()
	db, err := openOrRescue(ctx, dir)
	if err != nil {
		return nil, err
	}
	m.db.Store(db)
	err = m.tidy(ctx)
	if errors.Is(err, ErrCorrupt) {
		if err = db.Close(); err != nil {
			return nil, err
		}
		if db, err = rescue(ctx, dir); err != nil {
			return nil, err
		}
		m.db.Store(db)
		err = m.tidy(ctx)
	}
	if err == nil {
		m.file, err = os.Stat(filepath.Join(dir, databaseFile))
	}
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// IsReplaced reports whether another process has built the database anew: this one
// has the old one open, which nobody else sees any more.
func (m *Mirror) IsReplaced() bool {
	now, err := os.Stat(filepath.Join(m.dir, databaseFile))
	return err == nil && !os.SameFile(m.file, now)
}

// tidy makes the files of the outbox agree with its rows, or leaves that for another
// time where the disk is full.
func (m *Mirror) tidy(ctx context.Context) error {
	if err := m.agree(ctx); err != nil && !isFull(err) {
		return err
	}
	return m.sweepOutbox(ctx)
}

func openOrRescue(ctx context.Context, dir string) (*sqldb.DB, error) {
	if isLost(dir) {
		return rescue(ctx, dir)
	}
	path := filepath.Join(dir, databaseFile)
	db, err := openDatabase(ctx, path, sqldb.Open)
	if isFull(err) {
		if db, full := openDatabase(ctx, path, sqldb.OpenToRead); full == nil {
			return db, nil
		}
	}
	if err != nil && isDamaged(ctx, path, err) {
		return rescue(ctx, dir)
	}
	return db, err
}

// Unlock sets the cache key, KeySize octets, which seals files. Until then, what needs
// it is ErrLocked; all lists work.
func (m *Mirror) Unlock(key []byte) error {
	if len(key) != KeySize {
		return fmt.Errorf("unlocking the cache: a key of %d octets", len(key))
	}
	key = bytes.Clone(key)
	m.key.Store(&key)
	return nil
}

// openDatabase opens the file path with opener, which is one of sqldb, and brings
// its schema up to date.
func openDatabase(ctx context.Context, path string, opener func(context.Context, sqldb.Config) (*sqldb.DB, error)) (*sqldb.DB, error) {
	migrations, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := opener(ctx, sqldb.Config{Path: path, Migrations: migrations, Readers: 2, Cache: 16 << 10, Checkpoint: 8000})
	if errors.Is(err, sqldb.ErrNewerSchema) {
		return nil, fmt.Errorf("opening the local database: %w", office.ErrNewerSchema)
	}
	return db, err
}

// Close closes the database.
func (m *Mirror) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.data().Close()
	if m.full != nil {
		err = errors.Join(err, m.full.Close())
	}
	return err
}

// data returns the database to read.
func (m *Mirror) data() *sqldb.DB { return m.db.Load() }

// writable returns the database to write. Where it could only be read, for want of
// room on the disk, it is opened anew.
func (m *Mirror) writable(ctx context.Context) (*sqldb.DB, error) {
	if db := m.data(); !db.IsReading() {
		return db, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	db := m.data()
	if !db.IsReading() {
		return db, nil
	}
	fresh, err := openDatabase(ctx, filepath.Join(m.dir, databaseFile), sqldb.Open)
	if err != nil {
		return nil, err
	}
	m.db.Store(fresh)
	m.full = db
	return fresh, nil
}

// write runs fn in a transaction, counts up the stamps of what it changed and keeps
// the copies of the outbox in step.
func (m *Mirror) write(ctx context.Context, fn func(*sqldb.Tx) error, kinds ...string) error {
	db, err := m.writable(ctx)
	if err != nil {
		return err
	}
	var changed, gone []int64
	err = m.check(db.Write(ctx, func(tx *sqldb.Tx) (err error) {
		if err := fn(tx); err != nil {
			return err
		}
		for _, k := range kinds {
			if _, err := tx.Exec(`UPDATE stamp SET n = n + 1 WHERE kind = $1`, k); err != nil {
				return err
			}
		}
		if changed, err = touched(tx); err != nil {
			return err
		}
		gone, err = m.copyRowsOf(tx, changed)
		return err
	}))
	if err != nil {
		return errors.Join(err, m.uncopy(ctx, db, changed))
	}
	return m.removeCopies(gone)
}

// check makes ErrCorrupt of a damaged database and leaves word for Open.
func (m *Mirror) check(err error) error {
	if !sqldb.IsCorrupt(err) {
		return err
	}
	mark := os.WriteFile(filepath.Join(m.dir, damagedFile), nil, 0o600)
	return errors.Join(ErrCorrupt, err, mark)
}

// rows runs a query and hands every row to scan.
func (m *Mirror) rows(ctx context.Context, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := m.data().Query(ctx, query, args...)
	if err != nil {
		return m.check(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return m.check(err)
		}
	}
	return m.check(rows.Err())
}

// Meta returns the value that was set for key, empty if none was.
func (m *Mirror) Meta(ctx context.Context, key string) (string, error) {
	var value string
	err := m.data().QueryRow(ctx, `SELECT value FROM meta WHERE key = $1`, key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, m.check(err)
}

// SetMeta keeps a value for key.
func (m *Mirror) SetMeta(ctx context.Context, key, value string) error {
	return m.write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`INSERT INTO meta (key, value) VALUES ($1, $2)
			ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
		if err != nil {
			return err
		}
		return m.copyMeta(tx)
	}, metaStamp)
}

// millis and instant turn times into Unix milliseconds and back.
func millis(t time.Time) int64   { return t.UnixMilli() }
func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// maybe returns the instant of ms, nil for NULL.
func maybe(ms sql.NullInt64) *time.Time {
	if !ms.Valid {
		return nil
	}
	t := instant(ms.Int64)
	return &t
}
