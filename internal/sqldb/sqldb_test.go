package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"timbre/internal/sqldb"
)

var first = fstest.MapFS{
	"00001_note.sql": {Data: []byte("-- +goose Up\nCREATE TABLE note (id BIGINT PRIMARY KEY, text TEXT NOT NULL);\n-- +goose Down\nDROP TABLE note;\n")},
}

func open(t *testing.T, path string) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), sqldb.Config{Path: path, Migrations: first})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func insert(id int, text string) func(*sqldb.Tx) error {
	return func(tx *sqldb.Tx) error {
		_, err := tx.Exec("INSERT INTO note (id, text) VALUES ($1, $2)", id, text)
		return err
	}
}

func count(t *testing.T, db *sqldb.DB) (n int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM note").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOpenSetsWhatDurabilityNeeds(t *testing.T) {
	// a name with the characters that mean something in a URI
	db := open(t, filepath.Join(t.TempDir(), "a b?c#d%41.db"))
	var mode string
	var sync, foreign int
	err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
		return errors.Join(
			tx.QueryRow("PRAGMA journal_mode").Scan(&mode),
			tx.QueryRow("PRAGMA synchronous").Scan(&sync),
			tx.QueryRow("PRAGMA foreign_keys").Scan(&foreign))
	})
	if err != nil || mode != "wal" || sync != 2 || foreign != 1 {
		t.Fatalf("journal_mode %s, synchronous %d, foreign_keys %d, %v", mode, sync, foreign, err)
	}
	if _, err := db.Query(t.Context(), "DELETE FROM note RETURNING id"); err == nil {
		t.Error("a reader could write")
	}
}

func TestFilesArePrivate(t *testing.T) {
	dir := t.TempDir()
	db := open(t, filepath.Join(dir, "a.db"))
	if err := db.Write(t.Context(), insert(1, "x")); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3 { // the database, its log and the index of that
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f.Name(), info.Mode(), err)
		}
	}
}

func TestConcurrentWritesAllArriveAndFailuresStayAlone(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	var wg sync.WaitGroup
	for i := range 400 {
		wg.Go(func() {
			err := db.Write(context.Background(), func(tx *sqldb.Tx) error {
				if err := insert(i, "x")(tx); err != nil {
					return err
				}
				if i%4 == 0 {
					return fmt.Errorf("refused %d", i)
				}
				return nil
			})
			if (err != nil) != (i%4 == 0) || err != nil && err.Error() != fmt.Sprintf("refused %d", i) {
				t.Errorf("write %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if n := count(t, db); n != 300 {
		t.Fatalf("%d rows, want 300", n)
	}
}

func TestPanicReachesItsOwnCaller(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was lost")
			}
		}()
		db.Write(t.Context(), func(tx *sqldb.Tx) error {
			insert(1, "x")(tx)
			panic("bug")
		})
	}()
	if err := db.Write(t.Context(), insert(2, "y")); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db); n != 1 {
		t.Fatalf("%d rows, want the one that did not panic", n)
	}
}

func TestWaitingWriterGivesUpWithItsContext(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	inside, leave := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		db.Write(context.Background(), func(*sqldb.Tx) error {
			close(inside)
			<-leave
			return nil
		})
	})
	<-inside
	wg.Go(func() {
		if err := db.Write(context.Background(), insert(2, "x")); err != nil { // waits beside the one that gives up
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := db.Write(ctx, insert(1, "x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if err := db.Write(ctx, insert(1, "x")); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("with a context that has ended: %v", err)
	}
	close(leave)
	wg.Wait()
	if n := count(t, db); n != 1 {
		t.Fatalf("%d rows, want that of the one that waited on", n)
	}
}

func TestNewerSchemaIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	second := fstest.MapFS{
		"00001_note.sql": first["00001_note.sql"],
		"00002_more.sql": {Data: []byte("-- +goose Up\nALTER TABLE note ADD COLUMN more TEXT;\n")},
	}
	db, err := sqldb.Open(t.Context(), sqldb.Config{Path: path, Migrations: second})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := sqldb.Open(t.Context(), sqldb.Config{Path: path, Migrations: first}); !errors.Is(err, sqldb.ErrNewerSchema) {
		t.Fatalf("got %v", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "text")
	if err := os.WriteFile(file, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		file,                                  // not a database
		filepath.Join(dir, "missing", "a.db"), // no such folder
		filepath.Join(file, "a.db"),           // a folder that is a file
	} {
		_, err := sqldb.Open(t.Context(), sqldb.Config{Path: path, Migrations: first})
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("opening %s: %v", path, err)
		}
	}
}

func TestFailedCommitFailsEveryWriter(t *testing.T) {
	// A deferred foreign key fails at COMMIT only.
	fs := fstest.MapFS{"00001_tree.sql": {Data: []byte("-- +goose Up\nCREATE TABLE tree (id BIGINT PRIMARY KEY, up BIGINT REFERENCES tree (id) DEFERRABLE INITIALLY DEFERRED);\n")}}
	db, err := sqldb.Open(t.Context(), sqldb.Config{Path: filepath.Join(t.TempDir(), "a.db"), Migrations: fs})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec("INSERT INTO tree (id, up) VALUES ($1, $2)", 1, 99)
		return err
	}); err == nil {
		t.Fatal("committed")
	}
	if err := db.QueryRow(t.Context(), "SELECT id FROM tree").Scan(new(int)); !errors.Is(err, sql.ErrNoRows) {
		t.Fatalf("got %v", err)
	}
	if err := db.Write(t.Context(), func(tx *sqldb.Tx) error { // the writer is usable again
		_, err := tx.Exec("INSERT INTO tree (id) VALUES ($1)", 1)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestPlaceholders(t *testing.T) {
	for _, c := range []struct {
		from, n int
		want    string
	}{{1, 0, ""}, {1, 1, "$1"}, {3, 3, "$3, $4, $5"}} {
		if got := sqldb.Placeholders(c.from, c.n); got != c.want {
			t.Errorf("Placeholders(%d, %d) = %q", c.from, c.n, got)
		}
	}
	if got := sqldb.Args([]string{"a", "b"}); len(got) != 2 || got[1] != "b" {
		t.Errorf("Args: %v", got)
	}
}

func TestCorruptIsKnown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqldb.Open(t.Context(), sqldb.Config{Path: path, Migrations: first}); !sqldb.IsCorrupt(err) {
		t.Errorf("a file of text: %v", err)
	}
	if _, err := sqldb.Open(t.Context(), sqldb.Config{Path: filepath.Join(path, "a.db"), Migrations: first}); err == nil || sqldb.IsCorrupt(err) {
		t.Errorf("a missing folder: %v", err)
	}
}

func TestFullDiskIsKnown(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	limit := func(pages int) error {
		return db.Write(t.Context(), func(tx *sqldb.Tx) error {
			return tx.QueryRow(fmt.Sprintf("PRAGMA max_page_count = %d", pages)).Scan(&pages)
		})
	}
	if err := limit(20); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 1<<20)
	if err := db.Write(t.Context(), insert(1, long)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("no room: %v", err)
	}
	if err := db.Write(t.Context(), insert(2, "short")); err != nil {
		t.Errorf("what has room: %v", err)
	}
	if err := db.Write(t.Context(), insert(2, "again")); err == nil || errors.Is(err, syscall.ENOSPC) {
		t.Errorf("another error: %v", err)
	}
	if err := limit(1000); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), insert(1, long)); err != nil || count(t, db) != 2 {
		t.Errorf("room again: %v", err)
	}
}

func BenchmarkWrite(b *testing.B) {
	db, err := sqldb.Open(b.Context(), sqldb.Config{Path: filepath.Join(b.TempDir(), "a.db"), Migrations: first})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			b.SetParallelism(writers)
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if err := db.Write(b.Context(), func(tx *sqldb.Tx) error {
						_, err := tx.Exec("INSERT INTO note (id, text) SELECT coalesce(max(id), 0) + 1, $1 FROM note", "x")
						return err
					}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// A database that cannot be written is told as a file that cannot.
func TestReadOnlyIsTold(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "x.db"))
	err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`PRAGMA query_only = 1`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Write(t.Context(), insert(1, "x")); !errors.Is(err, syscall.EROFS) {
		t.Errorf("got %v", err)
	}
}
