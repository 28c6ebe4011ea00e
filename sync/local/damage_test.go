package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

const pageSize = 4096

// outboxRows returns all of the outbox, in order, but for how often each was sent.
func outboxRows(t *testing.T, m *Mirror) string {
	t.Helper()
	s := ""
	err := m.rows(context.Background(), func(r *sql.Rows) error {
		x, err := scanRow(r)
		s += fmt.Sprintf("%d %s %s %s %s %s %s %d\n", x.Seq, x.Type, x.Object, x.Action, x.Value, x.Base, x.File, x.MadeAt)
		return err
	}, selectRow+` ORDER BY seq`)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// editedProfile makes a closed profile with edits of all kinds and returns what its
// outbox holds and the fax in it.
func editedProfile(t *testing.T, dir string) (rows string, ref office.ID) {
	t.Helper()
	ctx := context.Background()
	m := open(t, dir)
	fill(t, m, VoicemailSettingsType, mailbox(25, false))
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}), voicemail("v2", noon, office.Party{}), voicemail("v3", noon, office.Party{}))
	ref = send(t, m)
	err := errors.Join(m.SetMeta(ctx, "server", "https://example.com"), m.MarkVoicemail(ctx, "v1", false), m.DeleteVoicemail(ctx, "v2", noon), m.MarkVoicemail(ctx, "v3", false))
	change1(t, m, map[string]any{"ringSeconds": 40})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range take(t, m, noon) {
		if e.Object == "v3" {
			err = m.Accept(ctx, e)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	rows = outboxRows(t, m)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return rows, ref
}

// Whatever page is damaged: after the next open, or after the one that follows an
// ErrCorrupt, all edits are there, once.
func TestDamageToAnyPageKeepsTheOutbox(t *testing.T) {
	dir := t.TempDir()
	rows, ref := editedProfile(t, dir)
	path := filepath.Join(dir, databaseFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	noises := map[string]io.Reader{"noise": rand.NewChaCha8([32]byte{1}), "one sign": zeros{}}
	for kind, noise := range noises {
		for page := range len(whole) / pageSize {
			raw := append([]byte{}, whole...)
			if _, err := io.ReadFull(noise, raw[page*pageSize:(page+1)*pageSize]); err != nil {
				t.Fatal(err)
			}
			again := t.TempDir()
			if err := errors.Join(os.CopyFS(again, os.DirFS(dir)), os.WriteFile(filepath.Join(again, databaseFile), raw, 0o600)); err != nil {
				t.Fatal(err)
			}
			t.Run(fmt.Sprintf("%s in page %d", kind, page+1), func(t *testing.T) { checkEdited(t, again, rows, ref) })
		}
	}
}

func checkEdited(t *testing.T, dir, rows string, ref office.ID) {
	t.Helper()
	ctx := context.Background()
	m := open(t, dir)
	if got := outboxRows(t, m); got != rows {
		t.Errorf("outbox:\n%swant:\n%s", got, rows)
	}
	for range 2 { // what was not seen at first is by the one who reads it
		server, err := m.Meta(ctx, "server")
		doc, err2 := m.OpenFax(ctx, ref)
		_, err3 := m.Search(ctx, "Ana", 10)
		_, err4 := m.Voicemails(ctx, Filter{})
		_, _, err5 := m.VoicemailSettings(ctx)
		if errors.Is(errors.Join(err, err2, err3, err4, err5), ErrCorrupt) {
			m.Close()
			m = open(t, dir)
			continue
		}
		if server != "https://example.com" || err != nil {
			t.Errorf("meta %q, %v", server, err)
		}
		if got := readAll(t)(doc, err2); got != pdf {
			t.Errorf("document %q", got)
		}
		break
	}
	if got := outboxRows(t, m); got != rows {
		t.Errorf("outbox at last:\n%swant:\n%s", got, rows)
	}
	if err := m.MarkVoicemail(ctx, "v1", true); err != nil && !errors.Is(err, office.ErrNotFound) && !errors.Is(err, ErrCorrupt) {
		t.Errorf("another edit: %v", err)
	}
}

// A profile without a database, or with an empty one, has lost it.
func TestLostDatabaseKeepsTheOutbox(t *testing.T) {
	for name, lose := range map[string]func(string) error{"gone": os.Remove, "empty": func(path string) error { return os.Truncate(path, 0) }} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			rows, ref := editedProfile(t, dir)
			if err := lose(filepath.Join(dir, databaseFile)); err != nil {
				t.Fatal(err)
			}
			checkEdited(t, dir, rows, ref)
		})
	}
}

// A profile that an older version left has no copies; one that crashed has some too
// many.
func TestCopiesAgreeWithTheOutbox(t *testing.T) {
	dir := t.TempDir()
	rows, ref := editedProfile(t, dir)
	have, err := copied(dir)
	if err != nil || len(have) != 4 {
		t.Fatalf("copies %v, %v", have, err)
	}
	for seq := range have {
		if err := os.Remove(rowFile(dir, seq)); err != nil {
			t.Fatal(err)
		}
	}
	err = errors.Join(os.Remove(filepath.Join(dir, copyFolder, metaFile)), writeCopy(rowFile(dir, 4), row{Seq: 4, Type: VoicemailType, Object: "v3", Action: Mark, Value: "{}"}))
	if err != nil {
		t.Fatal(err)
	}
	open(t, dir).Close()
	if again, err := copied(dir); err != nil || fmt.Sprint(again) != fmt.Sprint(have) {
		t.Errorf("copies %v, want %v, %v", again, have, err)
	}
	if err := os.Truncate(filepath.Join(dir, databaseFile), pageSize); err != nil {
		t.Fatal(err)
	}
	checkEdited(t, dir, rows, ref)
}

func TestDamagedCopyIsNotTrusted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "1.row")
	var x row
	if err := errors.Join(writeCopy(path, row{Seq: 1}), readCopy(path, &x)); err != nil || x.Seq != 1 {
		t.Errorf("%+v, %v", x, err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-2] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := readCopy(path, &x); !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v", err)
	}
}

// A log that is lost takes nothing of the outbox with it.
func TestLostLogKeepsTheOutbox(t *testing.T) {
	dir := t.TempDir()
	editedProfile(t, dir)
	m := open(t, dir)
	if err := m.MarkVoicemail(context.Background(), "v3", true); err != nil {
		t.Fatal(err)
	}
	rows := outboxRows(t, m)
	crashed := t.TempDir()
	if err := os.CopyFS(crashed, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(filepath.Join(crashed, databaseFile+suffix)); err != nil {
			t.Fatal(err)
		}
	}
	m = open(t, crashed)
	if got := outboxRows(t, m); got != rows {
		t.Errorf("outbox:\n%swant:\n%s", got, rows)
	}
	if got := ids(t, m, Filter{}); got != "v3* v1 " {
		t.Errorf("messages %q", got)
	}
}

// What failed leaves no copy that a rescue would bring to life.
func TestFailedChangeLeavesNoCopy(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	rows, _ := editedProfile(t, dir)
	m := open(t, dir)
	x := row{Seq: 77, Type: VoicemailType, Object: "v3", Action: Mark, Value: "{}"}
	y := row{Seq: 1, Type: VoicemailType, Object: "v3", Action: Mark, Value: "{}"}
	if err := errors.Join(writeCopy(rowFile(dir, 77), x), writeCopy(rowFile(dir, 1), y), m.uncopy(ctx, m.data(), []int64{77, 1})); err != nil {
		t.Fatal(err)
	}
	m.Close()
	if err := os.WriteFile(filepath.Join(dir, databaseFile), []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := outboxRows(t, open(t, dir)); got != rows {
		t.Errorf("outbox:\n%swant:\n%s", got, rows)
	}
}

// Several processes find the damage at once: one of them builds the database anew,
// the others wait and open what it built.
func TestDamageFoundBySeveralKeepsTheOutbox(t *testing.T) {
	dir := t.TempDir()
	rows, ref := editedProfile(t, dir)
	if err := os.WriteFile(filepath.Join(dir, damagedFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var opening sync.WaitGroup
	mirrors := make([]*Mirror, 4)
	for i := range mirrors {
		opening.Go(func() {
			var err error
			if mirrors[i], err = Open(t.Context(), dir, Options{}); err != nil {
				t.Error(err)
			}
		})
	}
	opening.Wait()
	if t.Failed() {
		return
	}
	for i, m := range mirrors {
		if got := outboxRows(t, m); got != rows {
			t.Errorf("%d: outbox:\n%swant:\n%s", i, got, rows)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
	checkEdited(t, dir, rows, ref)
}

// While another process holds the damaged database nothing is built anew without
// what it holds.
func TestLockedDatabaseIsNotBuiltAnew(t *testing.T) {
	dir := t.TempDir()
	rows, ref := editedProfile(t, dir)
	if err := os.WriteFile(filepath.Join(dir, damagedFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite3", filepath.Join(dir, databaseFile)+"?_locking_mode=EXCLUSIVE&_txlock=exclusive")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if m, err := Open(t.Context(), dir, Options{}); !sqldb.IsLocked(err) {
		t.Errorf("%v, %v", m, err)
	}
	if err := errors.Join(tx.Rollback(), other.Close()); err != nil {
		t.Fatal(err)
	}
	checkEdited(t, dir, rows, ref)
}
