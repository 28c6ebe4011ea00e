package pg_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"timbre/internal/sqldb"
	"timbre/internal/sqldb/pg"
	"timbre/internal/sqldb/pgtest"
)

func migrations(statements ...string) fstest.MapFS {
	fs := fstest.MapFS{}
	for i, s := range statements {
		fs["0000"+string(rune('1'+i))+"_step.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + s + "\n")}
	}
	return fs
}

const table = "CREATE TABLE pair (id BIGINT PRIMARY KEY, n BIGINT NOT NULL); INSERT INTO pair VALUES (1, 0), (2, 0);"

// TestPostgreSQL starts one cluster, which takes its time, for all that need one.
func TestPostgreSQL(t *testing.T) {
	cluster := pgtest.Start(t)
	for name, run := range map[string]func(t *testing.T, dsn string){
		"servers that start together migrate once": startTogether,
		"a write runs again after a deadlock":      deadlock,
		"a newer schema is left alone":             newerSchema,
		"a write waits for a restart":              restart,
		"a read waits for a restart":               readDuringRestart,
		"one process claims a database":            claim,
	} {
		t.Run(name, func(t *testing.T) { run(t, cluster.Database(t)) })
	}
}

func startTogether(t *testing.T, dsn string) {
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			db, err := pg.Open(context.Background(), dsn, migrations(table))
			if err != nil {
				t.Error(err)
				return
			}
			db.Close()
		})
	}
	wg.Wait() // a second CREATE TABLE would have failed
}

func deadlock(t *testing.T, dsn string) {
	db, err := pg.Open(t.Context(), dsn, migrations(table))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	add := func(first, second int) error {
		return db.Write(t.Context(), func(tx *sqldb.Tx) error {
			for _, id := range []int{first, second} {
				if _, err := tx.Exec("UPDATE pair SET n = n + 1 WHERE id = $1", id); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var wg sync.WaitGroup
	for i := range 4 { // rows locked in opposite order
		wg.Go(func() {
			for range 10 {
				if err := add(1+i%2, 2-i%2); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	var a, b int
	if err := db.QueryRow(t.Context(), "SELECT (SELECT n FROM pair WHERE id = 1), (SELECT n FROM pair WHERE id = 2)").Scan(&a, &b); err != nil || a != 40 || b != 40 {
		t.Fatalf("%d and %d, want 40 and 40; %v", a, b, err)
	}
}

func newerSchema(t *testing.T, dsn string) {
	db, err := pg.Open(t.Context(), dsn, migrations(table, "CREATE TABLE later (id BIGINT);"))
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := pg.Open(t.Context(), dsn, migrations(table)); !errors.Is(err, sqldb.ErrNewerSchema) {
		t.Fatalf("got %v", err)
	}
}

func claim(t *testing.T, dsn string) {
	first, err := pg.Take(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := pg.Take(t.Context(), dsn); !errors.Is(err, pg.ErrClaimed) {
		t.Fatalf("claimed twice: %v", err)
	}
	db, err := pg.Open(t.Context(), dsn, migrations(table))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	cut := func() { // all connections but this one, as by a restart
		t.Helper()
		err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
			_, err := tx.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	cut()
	if err := first.Keep(t.Context()); err != nil {
		t.Fatalf("not taken again: %v", err)
	}
	if _, err := pg.Take(t.Context(), dsn); !errors.Is(err, pg.ErrClaimed) {
		t.Fatalf("claimed twice after a restart: %v", err)
	}
	cut()
	second, err := pg.Take(t.Context(), dsn) // was quicker
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Keep(t.Context()); !errors.Is(err, pg.ErrClaimed) {
		t.Fatalf("kept beside another: %v", err)
	}
	second.Close()
	if err := first.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	first.Close()
}

func TestSilentServerIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // connections stay in its queue
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	dsn := "postgres://timbre@" + l.Addr().String() + "/timbre?sslmode=disable"
	if _, err := pg.Take(ctx, dsn); err == nil || errors.Is(err, pg.ErrClaimed) || ctx.Err() != nil {
		t.Errorf("got %v, %v", err, ctx.Err())
	}
}

func TestErrorsHideThePassword(t *testing.T) {
	for _, dsn := range []string{
		"postgres://timbre:hunter2@127.0.0.1:1/timbre?connect_timeout=2", // nobody listens
		"postgres://timbre:hunter2@127.0.0.1:port/timbre",                // unreadable
	} {
		_, err := pg.Open(t.Context(), dsn, migrations(table))
		_, claiming := pg.Take(t.Context(), dsn)
		for _, err := range []error{err, claiming} {
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v", err)
			}
		}
	}
}

// door returns what lets nobody into the database any more, nor stay there, and
// what lets them in again, as a restart does.
func door(t *testing.T, dsn string) (shut, reopen func()) {
	t.Helper()
	_, name, _ := strings.Cut(dsn, "dbname=")
	other, err := pg.Open(t.Context(), strings.Replace(dsn, name, "postgres", 1), migrations("CREATE TABLE IF NOT EXISTS unused (id BIGINT);"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	admin := func(statements ...string) {
		for _, s := range statements {
			if err := other.Write(context.Background(), func(tx *sqldb.Tx) error { _, err := tx.Exec(s); return err }); err != nil {
				t.Error(err)
			}
		}
	}
	shut = func() {
		admin("ALTER DATABASE "+name+" ALLOW_CONNECTIONS false", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'")
	}
	return shut, func() { admin("ALTER DATABASE " + name + " ALLOW_CONNECTIONS true") }
}

func readDuringRestart(t *testing.T, dsn string) {
	db, err := pg.Open(t.Context(), dsn, migrations(table))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	reads := map[string]func(context.Context) (int, error){
		"a row": func(ctx context.Context) (n int, err error) {
			return n, db.QueryRow(ctx, "SELECT count(*) FROM pair").Scan(&n)
		},
		"rows": func(ctx context.Context) (n int, err error) {
			rows, err := db.Query(ctx, "SELECT id FROM pair")
			if err != nil {
				return 0, err
			}
			defer rows.Close()
			for rows.Next() {
				n++
			}
			return n, rows.Err()
		},
	}
	shut, reopen := door(t, dsn)
	shut()
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	for what, read := range reads {
		if _, err := read(short); err == nil {
			t.Errorf("%s: read from a database that is away", what)
		}
	}
	var back sync.WaitGroup
	back.Go(reopen)
	for what, read := range reads {
		if n, err := read(t.Context()); n != 2 || err != nil {
			t.Errorf("%s: %d, %v", what, n, err)
		}
	}
	back.Wait()
	began := time.Now()
	if err := db.QueryRow(t.Context(), "SELECT nothing FROM nowhere").Scan(new(int)); err == nil || time.Since(began) > time.Second {
		t.Errorf("what is wrong is tried again: %v", err)
	}
}

func restart(t *testing.T, dsn string) {
	db, err := pg.Open(t.Context(), dsn, migrations(table))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	shut, reopen := door(t, dsn)
	runs := 0
	add := func(ctx context.Context) error {
		return db.Write(ctx, func(tx *sqldb.Tx) error {
			if _, err := tx.Exec("UPDATE pair SET n = n + 1 WHERE id = 1"); err != nil {
				return err
			}
			if runs++; runs == 1 { // it goes away in the middle
				shut()
			}
			_, err := tx.Exec("UPDATE pair SET n = n + 1 WHERE id = 2")
			return err
		})
	}
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := add(short); err == nil {
		t.Fatal("written to a database that is away")
	}
	var back sync.WaitGroup
	back.Go(reopen)
	if err := add(t.Context()); err != nil {
		t.Error(err)
	}
	back.Wait()
	var a, b int
	if err := db.QueryRow(t.Context(), "SELECT (SELECT n FROM pair WHERE id = 1), (SELECT n FROM pair WHERE id = 2)").Scan(&a, &b); err != nil || a != 1 || b != 1 {
		t.Errorf("%d and %d, %v: want each added once", a, b, err)
	}
}
