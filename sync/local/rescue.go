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
// of the old one's outbox and meta values. The sound goes with the lists.
func rescue(ctx context.Context, dir string) (*Mirror, error) {
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
	audio := filepath.Join(dir, audioFolder)
	if err := errors.Join(os.Rename(fresh, path), os.RemoveAll(audio), os.Mkdir(audio, 0o700)); err != nil {
		return nil, fmt.Errorf("rebuilding the local database: %w", err)
	}
	if err := os.Remove(filepath.Join(dir, damagedFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("rebuilding the local database: %w", err)
	}
	if db, err = openDatabase(ctx, path); err != nil {
		return nil, err
	}
	return &Mirror{dir, db}, nil
}

func removeDatabase(path string) {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		os.Remove(path + suffix)
	}
}

// carried are the tables that the server could not fill again.
var carried = []struct{ table, columns string }{
	{"outbox", "seq, type, object, action, value, not_before, attempts, reason, refused_at"},
	{"meta", "key, value"},
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
		if err := copyRows(ctx, old, tx, c.table, c.columns); err != nil {
			return err
		}
	}
	return nil
}

func copyRows(ctx context.Context, old *sql.DB, tx *sqldb.Tx, table, columns string) error {
	rows, err := old.QueryContext(ctx, "SELECT "+columns+" FROM "+table)
	if err != nil {
		return nil // the table is gone
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return err
	}
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	insert := "INSERT INTO " + table + " (" + columns + ") VALUES (" + sqldb.Placeholders(1, len(names)) + ")"
	for rows.Next() {
		if rows.Scan(into...) != nil {
			return nil // the rest is gone
		}
		if _, err := tx.Exec(insert, values...); err != nil {
			return err
		}
	}
	return nil
}
