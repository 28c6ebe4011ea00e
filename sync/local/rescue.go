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

	"timbre/internal/sqldb"
)

// rescue builds a new database in dir and carries over what can still be read
// of the old one's outbox, contacts and meta values. Cached sounds and pages go
// with the lists; the files of the outbox stay.
func rescue(ctx context.Context, dir string) (*sqldb.DB, error) {
	path := filepath.Join(dir, databaseFile)
	fresh := path + ".new"
	removeDatabase(fresh)
	db, err := openDatabase(ctx, fresh)
	if err != nil {
		return nil, err
	}
	err = db.Write(ctx, func(tx *sqldb.Tx) error { return salvage(ctx, path, tx) })
	if err = errors.Join(err, db.Close()); err != nil {
		return nil, fmt.Errorf("rebuilding the local database: %w", err)
	}
	removeDatabase(path)
	err = os.Rename(fresh, path)
	blobs := filepath.Join(dir, blobFolder)
	if err = errors.Join(err, os.RemoveAll(blobs), os.Mkdir(blobs, 0o700)); err != nil {
		return nil, fmt.Errorf("rebuilding the local database: %w", err)
	}
	if err := os.Remove(filepath.Join(dir, damagedFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("rebuilding the local database: %w", err)
	}
	return openDatabase(ctx, path)
}

func removeDatabase(path string) {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(path + suffix)
	}
}

// carried are the tables that the server could not fill again. Each is tried with
// the columns of today, then with those of the first version.
var carried = []struct{ table, columns, before string }{
	{"outbox", "seq, type, object, action, value, not_before, attempts, reason, refused_at, base, theirs, file, blob_id, made_at", "seq, type, object, action, value, not_before, attempts, reason, refused_at"},
	{"contact", "name, number, label, folded", ""},
	{"meta", "key, value", ""},
}

// salvage copies the readable rows of the database at path into tx. What cannot
// be read is lost, which is no error: there is nothing else to do about it.
func salvage(ctx context.Context, path string, tx *sqldb.Tx) error {
	uri := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: "mode=ro"}
	old, err := sql.Open("sqlite3", uri.String())
	if err != nil {
		return err
	}
	defer old.Close()
	for _, c := range carried {
		there, err := copyRows(ctx, old, tx, c.table, c.columns)
		if err == nil && !there && c.before != "" {
			_, err = copyRows(ctx, old, tx, c.table, c.before)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copyRows copies what it can read; there is false where there is no such table
// with these columns.
func copyRows(ctx context.Context, old *sql.DB, tx *sqldb.Tx, table, columns string) (there bool, err error) {
	rows, err := old.QueryContext(ctx, "SELECT "+columns+" FROM "+table)
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
	insert := "INSERT INTO " + table + " (" + columns + ") VALUES (" + sqldb.Placeholders(1, len(names)) + ")"
	for rows.Next() {
		if rows.Scan(into...) != nil {
			return true, nil // the rest is gone
		}
		if _, err := tx.Exec(insert, values...); err != nil {
			return true, err
		}
	}
	return true, nil
}
