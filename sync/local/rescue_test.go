package local

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

// firstVersion makes a folder as the first version of the program left it.
func firstVersion(t *testing.T) (dir string) {
	t.Helper()
	dump, err := os.ReadFile(filepath.Join("testdata", "first.sql"))
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	db, err := sql.Open("sqlite3", filepath.Join(dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(string(dump)); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// checkFirst checks that the outbox of the first version is there.
func checkFirst(t *testing.T, m *Mirror) {
	t.Helper()
	ctx := context.Background()
	edits := take(t, m, noon)
	if len(edits) != 2 || edits[0].Object != "v1" || edits[0].Action != Mark || string(edits[0].Patch) != `{"isNew":false}` || edits[1].Action != Destroy {
		t.Errorf("outbox %+v", edits)
	}
	refused, err := m.Refused(ctx)
	if err != nil || len(refused) != 1 || refused[0].Object != "v3" || refused[0].Reason != "forbidden" {
		t.Errorf("refused %+v, %v", refused, err)
	}
	if v, err := m.Meta(ctx, "profile"); !strings.Contains(v, "office.test") || err != nil {
		t.Errorf("meta %q, %v", v, err)
	}
	if s, err := m.State(ctx, VoicemailType); s != "" || err != nil {
		t.Errorf("state %q, %v: it must be read anew", s, err)
	}
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}), voicemail("v2", noon, office.Party{}), voicemail("v3", noon, office.Party{}))
	if got := ids(t, m, Filter{}); got != "v3* v1 " {
		t.Errorf("got %q", got)
	}
}

func TestOutboxOfTheFirstVersionSurvives(t *testing.T) {
	dir := firstVersion(t)
	plain := filepath.Join(dir, plainFolder)
	if err := errors.Join(os.Mkdir(plain, 0o700), os.WriteFile(filepath.Join(plain, "bv1.mp3"), []byte("mp3"), 0o600)); err != nil {
		t.Fatal(err)
	}
	checkFirst(t, open(t, dir))
	if _, err := os.Stat(plain); err == nil {
		t.Error("a sound that is not sealed stays")
	}
}

// Where the first version's database is damaged, there are no columns of today.
func TestOutboxOfTheFirstVersionIsRescued(t *testing.T) {
	dir := firstVersion(t)
	if err := os.WriteFile(filepath.Join(dir, damagedFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	checkFirst(t, open(t, dir))
}

// What only this computer knows survives the loss of all lists: edits with their
// files, and contacts.
func TestRescueKeepsWhatTheServerDoesNotHave(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	m := open(t, dir)
	fill(t, m, VoicemailSettingsType, mailbox(25, false))
	ref := send(t, m)
	change1(t, m, map[string]any{"ringSeconds": 40})
	if err := fetch(m, "b1", []byte("mp3"), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := m.ImportContacts(ctx, strings.NewReader("BEGIN:VCARD\r\nFN:Ana\r\nTEL:102\r\nEND:VCARD\r\n"), "MX"); err != nil {
		t.Fatal(err)
	}
	m.Close()
	if err := os.WriteFile(filepath.Join(dir, damagedFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m = open(t, dir)
	if got := readAll(t)(m.OpenFax(ctx, ref)); got != pdf {
		t.Errorf("document %q", got)
	}
	if name, err := m.Name(ctx, "102"); name != "Ana" || err != nil {
		t.Errorf("contact %q, %v", name, err)
	}
	if _, _, err := m.VoicemailSettings(ctx); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("settings: %v", err)
	}
	fill(t, m, VoicemailSettingsType, mailbox(10, false)) // somebody else changed it: the base was kept
	if ring, _, pending := box(t, m); ring != 40 || pending != "ringSeconds" {
		t.Errorf("ring %d, pending %q", ring, pending)
	}
	if edits := take(t, m, noon); len(edits) != 1 || edits[0].Action != CreateFax || !edits[0].Upload {
		t.Errorf("%+v", edits)
	}
	if refused, err := m.Refused(ctx); len(refused) != 1 || refused[0].Reason != Conflict || err != nil {
		t.Errorf("%+v, %v", refused, err)
	}
	if has, err := m.HasBlob(ctx, "b1"); has || err != nil {
		t.Errorf("the cache is to be filled again: %v, %v", has, err)
	}
	if files, _ := os.ReadDir(filepath.Join(dir, blobFolder)); len(files) != 0 {
		t.Errorf("left %v", files)
	}
}

func TestRescueKeepsItsOrder(t *testing.T) {
	dir := t.TempDir()
	m := open(t, dir)
	ctx := context.Background()
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}))
	if err := errors.Join(m.MarkVoicemail(ctx, "v1", false), m.DeleteVoicemail(ctx, "v1", noon)); err != nil {
		t.Fatal(err)
	}
	m.Close()
	if err := os.WriteFile(filepath.Join(dir, damagedFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m = open(t, dir)
	if e := take(t, m, noon); len(e) != 1 || e[0].Action != Mark {
		t.Errorf("%+v", e)
	}
	var seq int64
	err := m.write(ctx, func(tx *sqldb.Tx) error {
		if err := enqueue(tx, queued{Edit: Edit{Type: VoicemailType, Object: "v9", Action: Mark, Patch: []byte("{}")}}, noon, noon); err != nil {
			return err
		}
		return tx.QueryRow(`SELECT max(seq) FROM outbox`).Scan(&seq)
	})
	if err != nil || seq != 3 {
		t.Errorf("the next edit has number %d, %v", seq, err)
	}
}
