package store_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb/pgtest"
	"timbre/internal/store"
)

// furnish gives the office something of every kind and returns an account with a
// message.
func (f *fixture) furnish(t *testing.T) (office.ID, office.Voicemail) {
	t.Helper()
	ctx := t.Context()
	must(t, f.SetCompany(ctx, office.Company{Number: "+525555550100", Name: "Ejemplo", Region: "MX", Email: "admin@example.com"}))
	ana := f.add(t, "101")
	f.add(t, "102")
	f.login(t, "101", "laptop")
	v := f.leave(t, ana, "")
	_, err := f.AddDevice(ctx, office.Device{Extension: "102", Name: "desk", Username: "ddesk"}, store.Secret{MD5: "m", SHA256: "s"})
	must(t, err)
	_, err = f.AddTrunk(ctx, office.Trunk{Name: "carrier", URI: "sip:192.0.2.1", Transport: "udp", Format: office.E164}, "secret")
	must(t, err)
	must(t, f.SetLine(ctx, office.Line{Number: "+525555550123", Extensions: []office.Number{"101", "102"}}))
	must(t, f.SetMailing(ctx, office.Mailing{URL: "smtp://mail.example.com", From: "pbx@example.com"}, "secret"))
	must(t, f.AddMail(ctx, store.Mail{Notice: office.Notice{Kind: office.NoticeDisk, Count: 96}}))
	_, err = f.AddAdminToken(ctx, "scrape", "hash")
	must(t, err)
	must(t, f.Invite(ctx, "102", "hash", f.now.Add(time.Hour)))
	line, err := f.BeginAudit(ctx, store.Audit{Who: "command line", What: "add-extension", About: "101"})
	must(t, err)
	must(t, f.EndAudit(ctx, line, "ok"))
	must(t, f.SetRetention(ctx, store.Retention{Calls: 100 * 24 * time.Hour}))
	must(t, f.AddUsage(ctx, ana, f.now, time.Minute))
	_, _, err = f.Remember(ctx, ana, "click", "c1", f.now.Add(time.Hour))
	must(t, err)
	_, err = f.SetForwardingSettings(ctx, ana, office.ForwardingSettings{IsEnabled: true, When: office.WhenSet{office.ForwardBusy: true}, Number: "102"}, "")
	must(t, err)
	must(t, f.EndCalls(ctx, store.Side{Account: ana, Call: office.Call{
		ID: office.NewID(), Kind: office.Missed, Outcome: office.NoAnswer, Peer: office.Party{Number: "102", Name: "Beto “Núñez” \\ 'x'"}, StartedAt: f.now,
	}}))
	f.fax(t, ana, "ref")
	must(t, os.MkdirAll(filepath.Join(f.cfg.Dir, "tls"), 0o700))
	must(t, os.WriteFile(filepath.Join(f.cfg.Dir, "tls", "ca-key.pem"), []byte("key"), 0o600))
	return ana, v
}

// take returns a backup of the office.
func (f *fixture) take(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	m, err := f.Backup(t.Context(), &b)
	must(t, err)
	read, err := store.CheckBackup(bytes.NewReader(b.Bytes()))
	must(t, err)
	if !reflect.DeepEqual(read, m) || m.Company != "+525555550100" || !m.TakenAt.Equal(f.now.Truncate(time.Second)) {
		t.Errorf("written %+v, read %+v", m, read)
	}
	return b.Bytes()
}

func backup(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, v := f.furnish(t)
	before, err := f.State(ctx, ana, store.TypeVoicemail)
	must(t, err)
	taken := f.take(t)

	// What happened since is gone afterwards.
	f.add(t, "103")
	_, err = f.SetVoicemails(ctx, ana, store.VoicemailSet{Destroy: []office.ID{v.ID}})
	must(t, err)
	if _, err := store.Restore(ctx, f.cfg, bytes.NewReader(taken), true); !errors.Is(err, office.ErrInUse) {
		t.Fatalf("restored into an office in use: %v", err)
	}
	must(t, f.Close())
	if _, err := store.Restore(ctx, f.cfg, bytes.NewReader(taken), false); !errors.Is(err, office.ErrNotEmpty) {
		t.Fatalf("restored over an office: %v", err)
	}
	f.open(t)
	if _, err := f.Extension(ctx, "103"); err != nil {
		t.Fatalf("a refused restore changed something: %v", err)
	}
	must(t, f.Close())
	_, err = store.Restore(ctx, f.cfg, bytes.NewReader(taken), true)
	must(t, err)
	f.open(t)
	f.isRestored(t, ana, v, before)
	if f.cfg.DSN != "" {
		f.isCounted(t)
	}

	// Into a folder that was not there, on SQLite.
	other := fixture{now: f.now, cfg: f.cfg}
	other.cfg.Dir, other.cfg.DSN = filepath.Join(t.TempDir(), "new"), ""
	_, err = store.Restore(ctx, other.cfg, bytes.NewReader(taken), false)
	must(t, err)
	other.open(t)
	defer other.Close()
	other.isRestored(t, ana, v, before)
}

// isCounted checks that PostgreSQL knows how much came to it.
func (f *fixture) isCounted(t *testing.T) {
	t.Helper()
	if ok, err := f.Counted(t.Context()); !ok || err != nil {
		t.Errorf("long tables would be read whole: %v", err)
	}
}

// A backup of an older version takes the place of an office that a newer one has
// worked on, and becomes what that knows.
func olderBackup(t *testing.T, f *fixture) {
	f.furnish(t)
	old := pack(t, store.Manifest{Format: 1, Schema: 1, TakenAt: f.now}, []entry{
		{tar.Header{Name: "rows/company-000001.jsonl", Mode: 0o600}, []byte(`["id","number","name","region"]` + "\n" + `[1,"+525555550100","Antes","MX"]` + "\n")},
	})
	must(t, f.Close())
	if _, err := store.Restore(t.Context(), f.cfg, bytes.NewReader(old), false); !errors.Is(err, office.ErrNotEmpty) {
		t.Fatalf("restored over an office: %v", err)
	}
	f.open(t)
	if all, err := f.Extensions(t.Context()); len(all) != 2 || err != nil {
		t.Fatalf("a refused restore changed something: %+v, %v", all, err)
	}
	must(t, f.Close())
	_, err := store.Restore(t.Context(), f.cfg, bytes.NewReader(old), true)
	must(t, err)
	f.open(t)
	if c, err := f.Company(t.Context()); c.Name != "Antes" || err != nil {
		t.Errorf("%+v, %v", c, err)
	}
	if all, err := f.Extensions(t.Context()); len(all) != 0 || err != nil {
		t.Errorf("%+v, %v", all, err)
	}
	f.furnish(t) // all tables are there
}

// isRestored checks that the office is as furnish left it, but for what must not
// outlive a restore.
func (f *fixture) isRestored(t *testing.T, ana office.ID, v office.Voicemail, before store.State) {
	t.Helper()
	ctx := t.Context()
	all, err := f.Extensions(ctx)
	if err != nil || len(all) != 2 {
		t.Errorf("extensions %+v, %v", all, err)
	}
	file, _, err := f.OpenBlob(ctx, ana, v.BlobID)
	must(t, err)
	defer file.Close()
	if got, err := io.ReadAll(file); err != nil || !bytes.Equal(got, sound) {
		t.Errorf("the sound has %d bytes, %v", len(got), err)
	}
	if got, err := f.Voicemails(ctx, ana, v.ID); err != nil || len(got) != 1 || got[0] != v {
		t.Errorf("voicemail %+v, %v", got, err)
	}
	if n, err := f.CountCalls(ctx, ana, store.CallFilter{Text: "núñez"}); err != nil || n != 1 {
		t.Errorf("%d calls, %v", n, err)
	}
	if key, err := os.ReadFile(filepath.Join(f.cfg.Dir, "tls", "ca-key.pem")); err != nil || string(key) != "key" {
		t.Errorf("key %q, %v", key, err)
	}
	if lines, err := f.Lines(ctx); err != nil || len(lines) != 1 || len(lines[0].Extensions) != 2 {
		t.Errorf("lines %+v, %v", lines, err)
	}
	if r, err := f.Retention(ctx); err != nil || r.Calls != 100*24*time.Hour {
		t.Errorf("retention %+v, %v", r, err)
	}
	if u, err := f.Usage(ctx, ana, f.now); err != nil || u != (store.Usage{Calls: 1, Time: time.Minute}) {
		t.Errorf("usage %+v, %v", u, err)
	}
	if kept, ok, err := f.Recall(ctx, ana, "click"); kept != "c1" || !ok || err != nil {
		t.Errorf("remembered %q, %v", kept, err)
	}
	if s, err := f.ForwardingSettings(ctx, ana); err != nil || !s.Forwards(office.ForwardBusy) || s.Number != "102" {
		t.Errorf("forwarding %+v, %v", s, err)
	}
	f.endedByRestore(t, ana, before)
}

func (f *fixture) endedByRestore(t *testing.T, ana office.ID, before store.State) {
	t.Helper()
	ctx := t.Context()
	if _, err := f.Changes(ctx, ana, store.TypeVoicemail, before, 0); !errors.Is(err, store.ErrCannotCalculate) {
		t.Errorf("a client's state from before is still understood: %v", err)
	}
	if _, err := f.SessionByToken(ctx, "laptop"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("a session outlived the restore: %v", err)
	}
	if _, _, err := f.DeviceSecret(ctx, "ddesk"); err != nil {
		t.Errorf("a telephone did not: %v", err)
	}
	if all, err := f.AdminTokens(ctx); err != nil || len(all) != 0 {
		t.Errorf("tokens %+v, %v", all, err)
	}
	if _, err := f.Invited(ctx, "hash"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("an invitation outlived the restore: %v", err)
	}
	if _, ok, err := f.ClaimMail(ctx, time.Minute); ok || err != nil {
		t.Errorf("held mail is sent: %v", err)
	}
	if st, err := f.MailStatus(ctx); err != nil || st.Held == 0 || st.Waiting != 0 {
		t.Errorf("mail %+v, %v", st, err)
	}
	lines, err := f.Audits(ctx, time.Time{}, 0)
	if err != nil || len(lines) != 2 || lines[0].What != "restore" && lines[1].What != "restore" {
		t.Errorf("audit %+v, %v", lines, err)
	}
	if n, err := f.ReleaseMail(ctx); err != nil || n == 0 {
		t.Errorf("%d mails released, %v", n, err)
	}
	for want := 1; want >= 0; want-- {
		if n, err := f.ReleaseFaxes(ctx); err != nil || n != want {
			t.Errorf("%d faxes released, %v", n, err)
		}
	}
}

// A file that rows of the backup need does not go away while it is written.
func filesOfABackup(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, v := f.furnish(t)
	var b bytes.Buffer
	destroyed := false
	_, err := f.Backup(ctx, writerFunc(func(p []byte) (int, error) {
		if !destroyed { // in the middle, when nothing but the first rows may be written
			destroyed = true
			_, err := f.SetVoicemails(ctx, ana, store.VoicemailSet{Destroy: []office.ID{v.ID}})
			must(t, err)
		}
		return b.Write(p)
	}))
	must(t, err)
	if !destroyed || f.files(t, "blobs") != 1 || // the pages of a fax
		f.files(t, "recordings") != 0 {
		t.Error("what was deleted meanwhile stays")
	}
	_, err = store.CheckBackup(bytes.NewReader(b.Bytes()))
	must(t, err)
}

type writerFunc func([]byte) (int, error)

func (w writerFunc) Write(p []byte) (int, error) { return w(p) }

func TestMoveToPostgreSQL(t *testing.T) {
	cluster := pgtest.Start(t)
	ctx := t.Context()
	f := &fixture{now: time.Date(2026, 3, 4, 5, 6, 7, 8e6, time.UTC)}
	f.cfg = store.Config{Dir: filepath.Join(t.TempDir(), "data"), Now: func() time.Time { return f.now }}
	f.open(t)
	ana, v := f.furnish(t)
	for range 250 { // more than one statement inserts
		line, err := f.BeginAudit(ctx, store.Audit{Who: "command line", What: "x"})
		must(t, err)
		must(t, f.EndAudit(ctx, line, "ok"))
	}
	before, err := f.State(ctx, ana, store.TypeVoicemail)
	must(t, err)
	dsn := cluster.Database(t)
	must(t, f.CopyTo(ctx, dsn))
	if err := f.CopyTo(ctx, dsn); !errors.Is(err, office.ErrNotEmpty) {
		t.Fatalf("copied over an office: %v", err)
	}
	rows := f.take(t)
	must(t, f.Close())

	f.cfg.DSN = dsn
	f.open(t)
	defer f.Close()
	f.isCounted(t)
	if c, err := f.Changes(ctx, ana, store.TypeVoicemail, before, 0); err != nil || len(c.Created)+len(c.Destroyed) != 0 {
		t.Errorf("clients would notice: %+v, %v", c, err)
	}
	if s, err := f.SessionByToken(ctx, "laptop"); err != nil || s.Extension != "101" {
		t.Errorf("a session was lost: %+v, %v", s, err)
	}
	if got, err := f.Voicemails(ctx, ana, v.ID); err != nil || len(got) != 1 || got[0] != v {
		t.Errorf("voicemail %+v, %v", got, err)
	}
	if lines, err := f.Audits(ctx, time.Time{}, 0); err != nil || len(lines) != 251 {
		t.Errorf("%d lines, %v", len(lines), err)
	}
	if a, b := rowsOf(t, rows), rowsOf(t, f.take(t)); !reflect.DeepEqual(a, b) {
		t.Error("a backup from PostgreSQL has other rows")
	}
}

// rowsOf returns the rows of a backup, by table; those that every start changes
// are left out.
func rowsOf(t *testing.T, taken []byte) map[string]map[string]bool {
	t.Helper()
	out := map[string]map[string]bool{}
	unpack(t, taken, func(h *tar.Header, content []byte) {
		table, _, _ := strings.Cut(strings.TrimPrefix(h.Name, "rows/"), "-")
		if table == h.Name || table == "meta" {
			return
		}
		if out[table] == nil {
			out[table] = map[string]bool{}
		}
		for line := range strings.Lines(string(content)) {
			out[table][line] = true
		}
	})
	return out
}

func unpack(t *testing.T, taken []byte, entry func(h *tar.Header, content []byte)) {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(taken))
	must(t, err)
	for in := tar.NewReader(zip); ; {
		h, err := in.Next()
		if err == io.EOF {
			return
		}
		must(t, err)
		content, err := io.ReadAll(in)
		must(t, err)
		entry(h, content)
	}
}

// An entry is a part of a backup that a test tampers with.
type entry struct {
	tar.Header
	content []byte
}

// pack writes entries as a backup, with a manifest that is true to them.
func pack(t *testing.T, manifest store.Manifest, all []entry) []byte {
	t.Helper()
	manifest.Entries = nil
	for _, e := range all {
		sum := sha256.Sum256(e.content)
		manifest.Entries = append(manifest.Entries, store.Entry{Name: e.Name, Size: int64(len(e.content)), SHA256: hex.EncodeToString(sum[:])})
	}
	text, err := json.Marshal(manifest)
	must(t, err)
	all = append(all, entry{tar.Header{Name: "manifest.json", Mode: 0o600}, text})
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	out := tar.NewWriter(zip)
	for _, e := range all {
		if e.Typeflag == 0 {
			e.Typeflag = tar.TypeReg
		}
		e.Size = int64(len(e.content))
		must(t, out.WriteHeader(&e.Header))
		_, err := out.Write(e.content)
		must(t, err)
	}
	must(t, errors.Join(out.Close(), zip.Close()))
	return b.Bytes()
}

func TestDamagedBackupsChangeNothing(t *testing.T) {
	f := &fixture{now: time.Date(2026, 3, 4, 5, 6, 7, 8e6, time.UTC)}
	f.cfg = store.Config{Dir: filepath.Join(t.TempDir(), "data"), Now: func() time.Time { return f.now }}
	f.open(t)
	f.furnish(t)
	good := f.take(t)
	must(t, f.Close())
	m, err := store.CheckBackup(bytes.NewReader(good))
	must(t, err)
	var all []entry
	unpack(t, good, func(h *tar.Header, content []byte) {
		if h.Name != "manifest.json" {
			all = append(all, entry{*h, content})
		}
	})
	with := func(name, content string) []byte {
		return pack(t, m, append(all[:len(all):len(all)], entry{tar.Header{Name: name, Mode: 0o600}, []byte(content)}))
	}
	newer, format := m, m
	newer.Schema, format.Format = 99999, 2
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	link := append(all[:len(all):len(all)], entry{tar.Header{Name: "files/tls/x", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}, nil})
	for what, tt := range map[string]struct {
		backup []byte
		want   error
	}{
		"nothing":           {nil, office.ErrBackup},
		"no archive":        {[]byte("not a backup"), office.ErrBackup},
		"cut":               {good[:len(good)*2/3], office.ErrBackup},
		"without its end":   {good[:len(good)-4], office.ErrBackup},
		"a flipped bit":     {flipped, office.ErrBackup},
		"outside":           {with("files/tls/../../../evil", "x"), office.ErrBackup},
		"absolute":          {with("/etc/evil", "x"), office.ErrBackup},
		"beside":            {with("files/timbre.db", "x"), office.ErrBackup},
		"another folder":    {with("files/bin/evil", "x"), office.ErrBackup},
		"a hidden file":     {with("files/tls/.evil", "x"), office.ErrBackup},
		"a backslash":       {with(`files/tls/..\..\evil`, "x"), office.ErrBackup},
		"a link":            {pack(t, m, link), office.ErrBackup},
		"twice":             {pack(t, m, append(all[:len(all):len(all)], all[0])), office.ErrBackup},
		"another format":    {pack(t, format, all), office.ErrBackup},
		"a newer version":   {pack(t, newer, all), office.ErrNewerSchema},
		"no such table":     {with("rows/nothing-000001.jsonl", "[\"a\"]\n"), office.ErrBackup},
		"a table's columns": {with("rows/company-000009.jsonl", `["id) SELECT 1; --"]`+"\n[1]\n"), office.ErrBackup},
		"a row too short":   {with("rows/company-000009.jsonl", `["id","name"]`+"\n[1]\n"), office.ErrBackup},
		"an endless row":    {with("rows/company-000009.jsonl", `["id","name"]`+"\n[1,\""+strings.Repeat("x", 17<<20)+"\"]\n"), office.ErrBackup},
		"two rows in one":   {with("rows/company-000009.jsonl", `["id"]`+"\n[1] [2]\n"), office.ErrBackup},
		"a list in a row":   {with("rows/company-000009.jsonl", `["id"]`+"\n[[1]]\n"), office.ErrBackup},
	} {
		before := tree(t, f.cfg.Dir)
		if _, err := store.Restore(t.Context(), f.cfg, bytes.NewReader(tt.backup), true); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", what, err, tt.want)
		}
		if after := tree(t, f.cfg.Dir); !reflect.DeepEqual(after, before) {
			t.Errorf("%s: the folder changed", what)
		}
	}
	if _, err := os.Stat(filepath.Join(f.cfg.Dir, "..", "evil")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file came to be outside: %v", err)
	}
	f.open(t) // and the office still works
	must(t, f.Close())
}

// tree returns the content of all files below dir.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		out[path] = string(b)
		return err
	}))
	return out
}

// A restore that was stopped when all was ready is finished by the next start.
func TestStoppedRestoreIsFinished(t *testing.T) {
	f := &fixture{now: time.Date(2026, 3, 4, 5, 6, 7, 8e6, time.UTC)}
	f.cfg = store.Config{Dir: filepath.Join(t.TempDir(), "data"), Now: func() time.Time { return f.now }}
	f.open(t)
	ana, v := f.furnish(t)
	before, err := f.State(t.Context(), ana, store.TypeVoicemail)
	must(t, err)
	taken := f.take(t)
	must(t, f.Close())
	elsewhere := f.cfg
	elsewhere.Dir = filepath.Join(t.TempDir(), "stage")
	_, err = store.Restore(t.Context(), elsewhere, bytes.NewReader(taken), false)
	must(t, err)

	// As the stop left it: the new office ready, one part in its place already.
	must(t, os.Remove(filepath.Join(elsewhere.Dir, "lock")))
	must(t, os.RemoveAll(filepath.Join(f.cfg.Dir, "blobs")))
	must(t, os.Rename(filepath.Join(elsewhere.Dir, "blobs"), filepath.Join(f.cfg.Dir, "blobs")))
	must(t, os.Rename(elsewhere.Dir, filepath.Join(f.cfg.Dir, ".restored")))
	half := filepath.Join(f.cfg.Dir, ".restoring") // of another, stopped earlier
	must(t, os.MkdirAll(filepath.Join(half, "tls"), 0o700))
	f.open(t)
	defer f.Close()
	f.isRestored(t, ana, v, before)
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a restore stays: %v", err)
	}
}

// Every table of the schema is in a backup, or it would be lost unnoticed.
func TestBackupKnowsEveryTable(t *testing.T) {
	names, err := store.Tables()
	must(t, err)
	f := &fixture{now: time.Now()}
	f.cfg = store.Config{Dir: filepath.Join(t.TempDir(), "data")}
	f.open(t)
	defer f.Close()
	have, err := f.TableNames(context.Background())
	must(t, err)
	known := map[string]bool{}
	for _, n := range names {
		known[n] = true
	}
	for _, n := range have {
		if !known[n] {
			t.Errorf("table %s is not in a backup", n)
		}
	}
	if len(have) != len(names) {
		t.Errorf("%d tables, %d in a backup", len(have), len(names))
	}
}

// FuzzCheckBackup: whatever is read, nothing panics, and no name leads outside.
func FuzzCheckBackup(f *testing.F) {
	f.Add([]byte("files/tls/ca.pem"), []byte("x"))
	f.Add([]byte("rows/meta-000001.jsonl"), []byte("[\"name\"]\n[\"a\"]\n"))
	f.Add([]byte("files/tls/../../x"), []byte("x"))
	f.Fuzz(func(t *testing.T, name, content []byte) {
		var b bytes.Buffer
		zip := gzip.NewWriter(&b)
		out := tar.NewWriter(zip)
		if out.WriteHeader(&tar.Header{Name: string(name), Size: int64(len(content)), Mode: 0o600, Typeflag: tar.TypeReg}) != nil {
			return
		}
		out.Write(content)
		out.Close()
		zip.Close()
		if _, err := store.CheckBackup(&b); !errors.Is(err, office.ErrBackup) { // it has no true manifest
			t.Errorf("%q: %v", name, err)
		}
	})
}
