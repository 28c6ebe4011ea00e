package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// noon is when the test's messages come in.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, dir string) *Mirror {
	t.Helper()
	m, err := Open(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Unlock(bytes.Repeat([]byte{7}, KeySize)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func voicemail(id office.ID, at time.Time, from office.Party) json.RawMessage {
	b, err := json.Marshal(office.Voicemail{ID: id, From: from, ReceivedAt: at, Duration: office.Of(5 * time.Second), IsNew: true, BlobID: "b" + id, Size: 3, Type: office.VoicemailType})
	if err != nil {
		panic(err)
	}
	return b
}

func call(id office.ID, at time.Time, kind office.CallKind, peer office.Party) json.RawMessage {
	b, err := json.Marshal(office.Call{ID: id, Kind: kind, Outcome: office.Answered, Peer: peer, StartedAt: at})
	if err != nil {
		panic(err)
	}
	return b
}

// fill reads objects into m as a whole, with state "1".
func fill(t *testing.T, m *Mirror, typ Type, objects ...json.RawMessage) {
	t.Helper()
	if err := m.Replace(context.Background(), typ, "1", objects); err != nil {
		t.Fatal(err)
	}
}

// ids returns the messages that the user sees, with a * on those that are new.
func ids(t *testing.T, m *Mirror, f Filter) string {
	t.Helper()
	list, err := m.Voicemails(context.Background(), f)
	if err != nil {
		t.Fatal(err)
	}
	s := ""
	for _, v := range list {
		s += string(v.ID)
		if v.IsNew {
			s += "*"
		}
		s += " "
	}
	return s
}

func TestFilesAreTheUsersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("folders inherit their access there")
	}
	dir := filepath.Join(t.TempDir(), "a")
	m := open(t, dir)
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}))
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestMeta(t *testing.T) {
	m := open(t, t.TempDir())
	ctx := context.Background()
	if v, err := m.Meta(ctx, "server"); v != "" || err != nil {
		t.Errorf("%q, %v", v, err)
	}
	for _, want := range []string{"a", "b"} {
		if err := m.SetMeta(ctx, "server", want); err != nil {
			t.Fatal(err)
		}
		if v, err := m.Meta(ctx, "server"); v != want || err != nil {
			t.Errorf("%q, %v", v, err)
		}
	}
}

// Two processes have the same folder open: each must see what the other does,
// and know that there is something to see.
func TestTwoMirrorsOfOneFolder(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	before, err := b.Stamps(ctx)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, a, VoicemailType, voicemail("v1", noon, office.Party{}))
	after, err := b.Stamps(ctx)
	if err != nil || after.Voicemails == before.Voicemails || after.Calls != before.Calls {
		t.Errorf("stamps %+v, then %+v, %v", before, after, err)
	}
	if err := b.MarkVoicemail(ctx, "v1", false); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, a, Filter{}); got != "v1 " {
		t.Errorf("got %q", got)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	dir := t.TempDir()
	m := open(t, dir)
	if _, err := m.data().Query(context.Background(), `SELECT 1`); err != nil {
		t.Fatal(err)
	}
	err := m.write(context.Background(), func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
	if _, err := Open(context.Background(), dir, Options{}); !errors.Is(err, office.ErrNewerSchema) {
		t.Errorf("got %v", err)
	}
}

// A damaged list costs a pull, never an edit of the user.
func TestDamagedDatabaseKeepsTheOutbox(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	m := open(t, dir)
	objects := []json.RawMessage{}
	for i := range 3000 {
		objects = append(objects, voicemail(office.ID(fmt.Sprintf("v%04d", i)), noon.Add(time.Duration(i)*time.Minute), office.Party{Name: "Ana"}))
	}
	fill(t, m, VoicemailType, objects...)
	if err := m.MarkVoicemail(ctx, "v0001", false); err != nil {
		t.Fatal(err)
	}
	if err := m.SetMeta(ctx, "server", "https://example.com"); err != nil {
		t.Fatal(err)
	}
	m.Close()
	path := filepath.Join(dir, databaseFile)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(raw) / 2; i < len(raw); i++ { // the pages of the lists; those of the outbox are in front
		raw[i] ^= 0xa5
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	m = open(t, dir)
	if _, err := m.Voicemails(ctx, Filter{Limit: 5000}); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("reading a damaged list: %v", err)
	}
	m.Close()
	checkRescued(t, open(t, dir))
}

func TestFileThatIsNoDatabaseIsReplaced(t *testing.T) {
	dir := t.TempDir()
	open(t, dir).Close()
	if err := os.WriteFile(filepath.Join(dir, databaseFile), make([]byte, 8192), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		os.Remove(filepath.Join(dir, databaseFile+suffix))
	}
	if err := os.WriteFile(filepath.Join(dir, databaseFile), []byte("this was never a database, only a file of that name"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := open(t, dir)
	if got := ids(t, m, Filter{}); got != "" {
		t.Errorf("got %q", got)
	}
}

func checkRescued(t *testing.T, m *Mirror) {
	t.Helper()
	ctx := context.Background()
	if s, err := m.State(ctx, VoicemailType); s != "" || err != nil {
		t.Errorf("state %q, %v: it must be read anew", s, err)
	}
	if v, err := m.Meta(ctx, "server"); v != "https://example.com" || err != nil {
		t.Errorf("meta %q, %v", v, err)
	}
	edits, err := m.TakeEdits(ctx, noon, 10)
	if err != nil || len(edits) != 1 || edits[0].Object != "v0001" || edits[0].Action != Mark {
		t.Errorf("outbox %+v, %v", edits, err)
	}
}
