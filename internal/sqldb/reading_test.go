package sqldb_test

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"

	"timbre/internal/sqldb"
)

// A database that is opened to be read makes nothing beside it, is read by several,
// and leaves the way free for one who writes.
func TestOpenToRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db := open(t, path)
	if err := db.Write(t.Context(), insert(1, "x")); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	cfg := sqldb.Config{Path: path, Migrations: first}
	var readers []*sqldb.DB
	for range 2 {
		r, err := sqldb.OpenToRead(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		readers = append(readers, r)
	}
	for _, r := range readers {
		if n := count(t, r); n != 1 || !r.IsReading() {
			t.Errorf("%d rows", n)
		}
		if err := r.Write(t.Context(), insert(2, "y")); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("a change: %v", err)
		}
	}
	if files, err := filepath.Glob(path + "-shm"); len(files) != 0 || err != nil {
		t.Errorf("left %v, %v", files, err)
	}
	if err := open(t, path).Write(t.Context(), insert(2, "y")); err != nil {
		t.Errorf("one who writes: %v", err)
	}
}

// What would have to be migrated cannot be read.
func TestOpenToReadChecksTheSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	open(t, path).Close()
	more := fstest.MapFS{"00002_b.sql": {Data: []byte("-- +goose Up\nCREATE TABLE b (x TEXT);\n")}}
	for name, m := range first {
		more[name] = m
	}
	if _, err := sqldb.OpenToRead(t.Context(), sqldb.Config{Path: path, Migrations: more}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("an older one: %v", err)
	}
	db, err := sqldb.Open(t.Context(), sqldb.Config{Path: path, Migrations: more})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := sqldb.OpenToRead(t.Context(), sqldb.Config{Path: path, Migrations: first}); !errors.Is(err, sqldb.ErrNewerSchema) {
		t.Errorf("a newer one: %v", err)
	}
}
