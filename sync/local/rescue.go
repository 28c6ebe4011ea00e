package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// rescue builds a new database in dir and carries over what can still be read
// of the old one's contacts, and the outbox and the meta values in any case: there
// are copies. Cached sounds and pages go with the lists; the files of the outbox
// stay. The caller holds the lock on dir.
func rescue(ctx context.Context, dir string) (*sqldb.DB, error) {
	path := filepath.Join(dir, databaseFile)
	fresh := path + ".new"
	os.Remove(fresh)
	removeLog(fresh)
	db, err := openDatabase(ctx, fresh, sqldb.Open)
	if err != nil {
		return nil, err
	}
	err = db.Write(ctx, func(tx *sqldb.Tx) error { return salvage(ctx, dir, tx) })
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, fmt.Errorf("rebuilding the local database: %w", err)
	}
	removeLog(path) // of the old database: it must not be taken for one of the new
	err = os.Rename(fresh, path)
	blobs := filepath.Join(dir, blobFolder)
	if err = errors.Join(err, os.RemoveAll(blobs), os.Mkdir(blobs, 0o700)); err != nil {
		return nil, fmt.Errorf("rebuilding the local database: %w", err)
	}
	if err := os.Remove(filepath.Join(dir, damagedFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("rebuilding the local database: %w", err)
	}
	return openDatabase(ctx, path, sqldb.Open)
}

// removeLog removes what SQLite keeps beside the database at path.
func removeLog(path string) {
	os.Remove(path + "-wal")
	os.Remove(path + "-shm")
}

// isLost reports whether it is known already that the database in dir must be
// built anew: it was found damaged, or it is gone and has left its outbox.
func isLost(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, damagedFile)); err == nil {
		return true
	}
	info, err := os.Stat(filepath.Join(dir, databaseFile))
	if err == nil && info.Size() > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	rows, err := copied(dir)
	return err == nil && len(rows) > 0
}

// checkTime bounds how long the database may be checked before it is given up.
const checkTime = 30 * time.Second

// isDamaged reports whether err, with which the database at path did not open, comes
// from damage to it. Damage may show as any error, so where err does not say what
// it is, the file is checked.
func isDamaged(ctx context.Context, path string, err error) bool {
	if sqldb.IsCorrupt(err) {
		return true
	}
	for _, known := range []error{office.ErrNewerSchema, syscall.ENOSPC, syscall.EROFS, fs.ErrPermission, fs.ErrNotExist, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return false
		}
	}
	db, err := openOld(path)
	if err != nil {
		return false
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	var verdict string
	err = db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict)
	return sqldb.IsCorrupt(err) || err == nil && verdict != "ok"
}

// openOld opens the database at path as it is, only to be read.
func openOld(path string) (*sql.DB, error) {
	uri := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: "mode=ro"}
	return sql.Open("sqlite3", uri.String())
}

// carried are the tables that the server could not fill again. Each is tried with
// the columns of today, then with those of the first version; of damaged rows those
// are taken that can be what they should.
var carried = []struct{ table, columns, before, where string }{
	{
		"outbox", "seq, type, object, action, value, not_before, attempts, reason, refused_at, base, theirs, file, blob_id, made_at", "seq, type, object, action, value, not_before, attempts, reason, refused_at",
		" WHERE json_valid(value) AND typeof(seq + not_before + attempts) = 'integer' AND action IN ('mark', 'destroy', 'patch', 'greeting', 'create', 'cancel', 'quality')",
	},
	{"contact", "name, number, label, folded", "", ""},
	{"meta", "key, value", "", ""},
}

// salvage copies into tx the readable rows of the database in dir, and over them
// what the copies of the outbox and of the meta values say. What cannot be read in
// either place is lost, which is no error: there is nothing else to do about it.
func salvage(ctx context.Context, dir string, tx *sqldb.Tx) error {
	old, err := openOld(filepath.Join(dir, databaseFile))
	if err != nil {
		return err
	}
	defer old.Close()
	for _, c := range carried {
		there, err := copyRows(ctx, old, tx, c.table, c.columns, c.where)
		if err == nil && !there && c.before != "" {
			_, err = copyRows(ctx, old, tx, c.table, c.before, c.where)
		}
		if err != nil {
			return err
		}
	}
	seqs, err := copied(dir)
	if err != nil {
		return err
	}
	for seq := range seqs {
		var x row
		if readCopy(rowFile(dir, seq), &x) != nil || x.Seq != seq {
			continue
		}
		if err := x.restore(tx); err != nil {
			return err
		}
	}
	values := map[string]string{}
	if readCopy(filepath.Join(dir, copyFolder, metaFile), &values) != nil {
		return nil
	}
	for key, value := range values {
		if _, err := tx.Exec(`INSERT OR REPLACE INTO meta (key, value) VALUES ($1, $2)`, key, value); err != nil {
			return err
		}
	}
	return nil
}

// copyRows copies what it can read; there is false where there is no such table
// with these columns. It fails where another process holds the database: that is no
// damage, and passes.
func copyRows(ctx context.Context, old *sql.DB, tx *sqldb.Tx, table, columns, where string) (there bool, err error) {
	rows, err := old.QueryContext(ctx, "SELECT "+columns+" FROM "+table+where)
	if sqldb.IsLocked(err) {
		return false, err
	}
	if err != nil {
		return false, nil
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return true, err
	}
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	insert := "INSERT OR IGNORE INTO " + table + " (" + columns + ") VALUES (" + sqldb.Placeholders(1, len(names)) + ")"
	for rows.Next() {
		if rows.Scan(into...) != nil {
			return true, nil // the rest is gone
		}
		if _, err := tx.Exec(insert, values...); err != nil {
			return true, err
		}
	}
	if err := rows.Err(); sqldb.IsLocked(err) {
		return true, err
	}
	return true, nil // or the rest is gone
}
