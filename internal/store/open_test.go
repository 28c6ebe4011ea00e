package store_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
	"timbre/internal/store"
)

func TestFolderInUse(t *testing.T) {
	dir := t.TempDir()
	first, err := store.Open(t.Context(), store.Config{Dir: dir})
	must(t, err)
	if _, err := store.Open(t.Context(), store.Config{Dir: dir}); !errors.Is(err, office.ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("got %v", err)
	}
	must(t, first.Close())
	again, err := store.Open(t.Context(), store.Config{Dir: dir})
	must(t, err)
	must(t, again.Close())
}

// Two servers on one PostgreSQL would end each other's calls and remove each
// other's files.
func secondServer(t *testing.T, f *fixture) {
	other := f.cfg
	other.Dir = filepath.Join(t.TempDir(), "other")
	if f.cfg.DSN == "" {
		s, err := store.Open(t.Context(), other)
		must(t, err)
		must(t, s.Close())
		return
	}
	ana, v := f.furnish(t)
	must(t, f.BeginCalls(t.Context(), store.Side{Account: ana, Call: call("live", office.Incoming, f.now)}))
	before, err := f.CountCalls(t.Context(), ana, store.CallFilter{})
	must(t, err)
	taken := f.take(t)
	if _, err := store.Open(t.Context(), other); !errors.Is(err, office.ErrInUse) {
		t.Fatalf("opened twice: %v", err)
	}
	if _, err := store.Restore(t.Context(), other, bytes.NewReader(taken), true); !errors.Is(err, office.ErrInUse) {
		t.Errorf("restored over a server that runs: %v", err)
	}
	plain, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()})
	must(t, err)
	defer plain.Close()
	if err := plain.CopyTo(t.Context(), f.cfg.DSN); !errors.Is(err, office.ErrInUse) {
		t.Errorf("copied over a server that runs: %v", err)
	}
	if n, err := f.CountCalls(t.Context(), ana, store.CallFilter{}); n != before || err != nil {
		t.Errorf("%d calls in the log, %v; want %d", n, err, before)
	}
	checkVoicemail(t, f.Store, ana, v.ID)

	// A restart of PostgreSQL takes nothing away, unless the other is quicker.
	restart := "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
	must(t, f.Exec(t.Context(), restart))
	must(t, f.KeepClaim(t.Context()))
	if _, err := store.Open(t.Context(), other); !errors.Is(err, office.ErrInUse) {
		t.Fatalf("opened twice after a restart: %v", err)
	}
	must(t, f.Exec(t.Context(), restart))
	s, err := store.Open(t.Context(), other)
	must(t, err)
	if err := f.KeepClaim(t.Context()); !errors.Is(err, office.ErrInUse) {
		t.Errorf("it goes on beside the other: %v", err)
	}
	must(t, s.Close())
	must(t, f.KeepClaim(t.Context()))
}

func TestUnusableFolderIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	noDB := t.TempDir()
	must(t, os.WriteFile(filepath.Join(noDB, "timbre.db"), []byte(strings.Repeat("not a database\n", 100)), 0o600))
	for _, dir := range []string{file, filepath.Join(file, "below"), noDB} {
		_, err := store.Open(t.Context(), store.Config{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), dir) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

func TestNewFolderIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	s, err := store.Open(t.Context(), store.Config{Dir: dir})
	must(t, err)
	defer s.Close()
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
}

func TestNewerSchemaIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Config{Dir: dir})
	must(t, err)
	must(t, s.Close())
	newer := fstest.MapFS{
		"00001_office.sql": {Data: []byte("-- +goose Up\nSELECT 1;\n")},
		"90000_later.sql":  {Data: []byte("-- +goose Up\nCREATE TABLE later (id BIGINT);\n")},
	}
	db, err := sqldb.Open(t.Context(), sqldb.Config{Path: filepath.Join(dir, "timbre.db"), Migrations: newer})
	must(t, err)
	must(t, db.Close())
	if _, err := store.Open(t.Context(), store.Config{Dir: dir}); !errors.Is(err, office.ErrNewerSchema) {
		t.Fatalf("got %v", err)
	}
}

// acknowledge is the environment variable that makes the test binary a server
// that writes into the folder it names until it is killed.
const acknowledge = "TIMBRE_TEST_ACKNOWLEDGE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(acknowledge); dir != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled adds calls and voicemails from several goroutines and prints
// the kind, account and id of each once it is committed.
func writeUntilKilled(dir string) error {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Config{Dir: dir})
	if err != nil {
		return err
	}
	e, err := s.AddExtension(ctx, office.Extension{Number: "101"}, "")
	if err != nil {
		return err
	}
	errs := make(chan error)
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				id := office.NewID()
				if w == 0 {
					r := store.Recording{ID: id, Account: e.Account, StartedAt: time.Now()}
					if _, err := s.AddVoicemail(ctx, store.NewVoicemail{Recording: r, Audio: sound}); err != nil {
						errs <- err
					}
					fmt.Println("voicemail", e.Account, id)
					continue
				}
				live := store.Side{Account: e.Account, Call: call(id, office.Incoming, time.Now())}
				if err := s.BeginCalls(ctx, live); err != nil {
					errs <- err
				}
				if i%10 == 0 { // left live
					fmt.Println("live", e.Account, id)
					continue
				}
				if err := s.EndCalls(ctx, store.Side{Account: e.Account, Call: ended(id, office.Missed, office.Busy, time.Now())}); err != nil {
					errs <- err
				}
				fmt.Println("call", e.Account, id)
			}
		}()
	}
	return <-errs
}

func TestKilledServerLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), acknowledge+"="+dir)
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	must(t, err)
	must(t, server.Start())
	var lines []string
	for r := bufio.NewScanner(out); r.Scan(); {
		lines = append(lines, r.Text())
		if len(lines) == 300 { // in the middle of its work; what it has still acknowledged is read on
			must(t, server.Process.Kill())
		}
	}
	if err := server.Wait(); err == nil || len(lines) < 300 {
		t.Fatalf("it ended by itself after %d rows: %v", len(lines), err)
	}

	s, err := store.Open(t.Context(), store.Config{Dir: dir})
	must(t, err)
	defer s.Close()
	seen := map[string]int{}
	for _, line := range lines {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue // cut by the kill
		}
		kind, account, id := f[0], office.ID(f[1]), office.ID(f[2])
		seen[kind]++
		if kind == "voicemail" {
			checkVoicemail(t, s, account, id)
			continue
		}
		want := map[string]office.Outcome{"live": office.Failed, "call": office.Busy}[kind]
		if got, err := s.Calls(t.Context(), account, id); err != nil || len(got) != 1 || got[0].Outcome != want {
			t.Errorf("%s %s: %+v, %v", kind, id, got, err)
		}
	}
	if seen["voicemail"] == 0 || seen["live"] == 0 || seen["call"] == 0 {
		t.Fatalf("not all was tried: %v", seen)
	}
}

// checkVoicemail checks that a voicemail is there with all of its sound.
func checkVoicemail(t *testing.T, s *store.Store, account, id office.ID) {
	t.Helper()
	got, err := s.Voicemails(t.Context(), account, id)
	if err != nil || len(got) != 1 {
		t.Errorf("voicemail %s: %+v, %v", id, got, err)
		return
	}
	f, b, err := s.OpenBlob(t.Context(), account, got[0].BlobID)
	if err != nil {
		t.Errorf("voicemail %s: %v", id, err)
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Size() != b.Size || b.Size != int64(len(sound)) {
		t.Errorf("voicemail %s has %v of %d bytes, %v", id, info, len(sound), err)
	}
}
