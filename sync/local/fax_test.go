package local

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/sqldb"
)

const pdf = "%PDF-1.7 a page"

// readAll returns the function that reads all of what an Open function returned.
func readAll(t *testing.T) func(io.ReadSeekCloser, error) string {
	return func(r io.ReadSeekCloser, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
}

func outboxFiles(t *testing.T, m *Mirror) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(m.dir, outboxFolder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func clearTable(t *testing.T, m *Mirror, tables ...string) {
	t.Helper()
	for _, table := range tables {
		err := m.write(context.Background(), func(tx *sqldb.Tx) error {
			_, err := tx.Exec(`DELETE FROM ` + table)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// faxes returns what the user sees: each fax with its state, and a ? on what
// waits.
func faxes(t *testing.T, m *Mirror, f Filter) string {
	t.Helper()
	list, err := m.Faxes(context.Background(), f)
	if err != nil {
		t.Fatal(err)
	}
	s := ""
	for _, x := range list {
		id := string(x.ID)
		if len(id) == 36 {
			id = "ref"
		}
		s += id + ":" + string(x.State)
		if x.IsPending {
			s += "?"
		}
		s += " "
	}
	return s
}

func send(t *testing.T, m *Mirror) office.ID {
	t.Helper()
	ref, err := m.SendFax(context.Background(), "+525555550199", strings.NewReader(pdf), noon)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestFaxIsSent(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, FaxType, fax(office.Fax{ID: "f1", State: office.FaxArrived, Direction: office.FaxReceived, CreatedAt: noon.Add(-time.Hour), IsNew: true}))
	ref := send(t, m)
	if got := faxes(t, m, Filter{}); got != "ref:queued? f1:received " {
		t.Errorf("got %q", got)
	}
	if f, err := m.Fax(ctx, ref); err != nil || f.Type != office.PDFType || f.Size != int64(len(pdf)) || !f.HasPages || f.Number != "+525555550199" || !f.CreatedAt.Equal(noon) {
		t.Errorf("%+v, %v", f, err)
	}
	if got := readAll(t)(m.OpenFax(ctx, ref)); got != pdf {
		t.Errorf("preview %q", got)
	}
	edits := take(t, m, noon)
	if len(edits) != 1 || edits[0].Action != CreateFax || !edits[0].Upload || edits[0].Object != ref {
		t.Fatalf("%+v", edits)
	}
	content, mediaType, err := m.File(ctx, edits[0])
	if got := readAll(t)(content, err); got != pdf || mediaType != office.PDFType {
		t.Errorf("upload %q as %q", got, mediaType)
	}
	if err := m.Uploaded(ctx, edits[0], "b9"); err != nil {
		t.Fatal(err)
	}
	edits = take(t, m, noon)
	if want := `{"number":"+525555550199","clientRef":"` + string(ref) + `","blobId":"b9"}`; len(edits) != 1 || edits[0].Upload || !same(edits[0].Patch, json.RawMessage(want)) {
		t.Fatalf("%s", edits[0].Patch)
	}
	if err := m.AcceptFax(ctx, edits[0], "f2"); err != nil {
		t.Fatal(err)
	}
	if got := faxes(t, m, Filter{}); got != "f2:queued f1:received " {
		t.Errorf("after the answer: %q", got)
	}
	if f, err := m.Fax(ctx, ref); err != nil || f.ID != "f2" || f.BlobID != "b9" {
		t.Errorf("by its reference: %+v, %v", f, err)
	}
	if files := outboxFiles(t, m); len(files) != 0 {
		t.Errorf("left %v", files)
	}
	if err := m.AcceptFax(ctx, edits[0], "f2"); err != nil { // another process had the answer too
		t.Error(err)
	}
}

// The server made it but the answer was lost: the pull shows it once.
func TestFaxWithALostAnswerIsShownOnce(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	ref := send(t, m)
	fill(t, m, FaxType, fax(office.Fax{ID: "f2", ClientRef: string(ref), State: office.FaxSending, CreatedAt: noon}))
	if got := faxes(t, m, Filter{}); got != "f2:sending " {
		t.Errorf("got %q", got)
	}
	if err := m.Uploaded(ctx, take(t, m, noon)[0], "b9"); err != nil {
		t.Fatal(err)
	}
	if err := m.AcceptFax(ctx, take(t, m, noon)[0], "f2"); err != nil {
		t.Fatal(err)
	}
	if got := faxes(t, m, Filter{}); got != "f2:sending " {
		t.Errorf("got %q", got)
	}
}

func TestFaxIsCanceled(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, FaxType,
		fax(office.Fax{ID: "f1", State: office.FaxDialing, Direction: office.FaxSent, CreatedAt: noon.Add(-time.Minute)}),
		fax(office.Fax{ID: "f2", State: office.FaxSending, Direction: office.FaxSent, CreatedAt: noon.Add(-time.Hour)}))
	if err := m.CancelFax(ctx, "f2"); !errors.Is(err, office.ErrRefused) {
		t.Errorf("too late: %v", err)
	}
	if err := m.CancelFax(ctx, "nobody"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	if err := m.CancelFax(ctx, "f1"); err != nil {
		t.Fatal(err)
	}
	if got := faxes(t, m, Filter{}); got != "f1:canceled? f2:sending " {
		t.Errorf("got %q", got)
	}
	edits := take(t, m, noon)
	if len(edits) != 1 || edits[0].Action != Cancel || string(edits[0].Patch) != `{"state":"canceled"}` {
		t.Fatalf("%+v", edits)
	}
	if err := m.Accept(ctx, edits[0]); err != nil {
		t.Fatal(err)
	}
	if got := faxes(t, m, Filter{}); got != "f1:canceled f2:sending " {
		t.Errorf("got %q", got)
	}
	// One that never left this computer is forgotten.
	if err := m.CancelFax(ctx, send(t, m)); err != nil {
		t.Fatal(err)
	}
	if got := faxes(t, m, Filter{}); got != "f1:canceled f2:sending " || len(outboxFiles(t, m)) != 0 || pending(t, m) != 0 {
		t.Errorf("got %q, %d pending", got, pending(t, m))
	}
	// One that perhaps did is canceled under the name that the server gives it.
	ref := send(t, m)
	if err := m.Uploaded(ctx, take(t, m, noon)[0], "b9"); err != nil {
		t.Fatal(err)
	}
	sent := take(t, m, noon)
	if err := m.CancelFax(ctx, ref); err != nil {
		t.Fatal(err)
	}
	if got := faxes(t, m, Filter{Limit: 1}); got != "ref:canceled? " {
		t.Errorf("got %q", got)
	}
	if err := m.AcceptFax(ctx, sent[0], "f3"); err != nil {
		t.Fatal(err)
	}
	if e := take(t, m, noon); len(e) != 1 || e[0].Action != Cancel || e[0].Object != "f3" {
		t.Errorf("%+v", e)
	}
}

func TestRefusedFaxHasFailed(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	ref := send(t, m)
	e := take(t, m, noon)
	if err := m.Refuse(ctx, e[0], "invalidProperties", noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if f, err := m.Fax(ctx, ref); err != nil || f.State != office.FaxFailed || f.Error.Code != "invalidProperties" || f.IsPending || !f.FinishedAt.Equal(noon.Add(time.Minute)) {
		t.Errorf("%+v, %v", f, err)
	}
	refused, err := m.Refused(ctx)
	if err != nil || len(refused) != 1 || refused[0].Action != CreateFax {
		t.Fatalf("%+v, %v", refused, err)
	}
	if err := m.Retry(ctx, refused[0].Seq, noon); err != nil {
		t.Fatal(err)
	}
	if e := take(t, m, noon); len(e) != 1 || !e[0].Upload {
		t.Errorf("again: %+v", e)
	}
	if err := m.Refuse(ctx, e[0], "invalidProperties", noon); err != nil {
		t.Fatal(err)
	}
	if err := m.Dismiss(ctx, refused[0].Seq); err != nil {
		t.Fatal(err)
	}
	if got := faxes(t, m, Filter{}); got != "" || len(outboxFiles(t, m)) != 0 {
		t.Errorf("left %q, %v", got, outboxFiles(t, m))
	}
	if err := m.Dismiss(ctx, 99); err != nil {
		t.Error(err)
	}
}

func TestFaxIsMarkedDeletedAndSentAgain(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, FaxType,
		fax(office.Fax{ID: "f1", State: office.FaxArrived, Direction: office.FaxReceived, IsNew: true, BlobID: "b1", CreatedAt: noon}),
		fax(office.Fax{ID: "f2", State: office.FaxFailed, Direction: office.FaxSent, Number: "102", BlobID: "b2", CreatedAt: noon.Add(-time.Hour)}),
		fax(office.Fax{ID: "f3", State: office.FaxSending, Direction: office.FaxSent, BlobID: "b3", CreatedAt: noon.Add(-2 * time.Hour)}))
	count := func(want int) {
		t.Helper()
		if n, err := m.NewFaxes(ctx); n != want || err != nil {
			t.Errorf("%d new, %v; want %d", n, err, want)
		}
	}
	count(1)
	if err := m.MarkFax(ctx, "f1", false); err != nil {
		t.Fatal(err)
	}
	count(0)
	if f, err := m.Fax(ctx, "f1"); f.IsNew || !f.IsPending || err != nil {
		t.Errorf("%+v, %v", f, err)
	}
	for _, id := range []office.ID{"f1", "f3"} {
		if _, err := m.ResendFax(ctx, id, noon); !errors.Is(err, office.ErrRefused) {
			t.Errorf("sent %s again: %v", id, err)
		}
	}
	if err := m.DeleteFax(ctx, "f3", time.Time{}); !errors.Is(err, office.ErrRefused) {
		t.Errorf("deleted while it is being sent: %v", err)
	}
	if _, err := m.ResendFax(ctx, "f2", noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got := faxes(t, m, Filter{}); got != "ref:queued? f1:received? f2:failed f3:sending " {
		t.Errorf("got %q", got)
	}
	edits := take(t, m, noon)
	if len(edits) != 2 || edits[1].Upload || !strings.Contains(string(edits[1].Patch), `"blobId":"b2"`) || !strings.Contains(string(edits[1].Patch), `"resendOf":"f2"`) {
		t.Errorf("%+v", edits)
	}
	if err := m.DeleteFax(ctx, "f2", noon.Add(Hold)); err != nil {
		t.Fatal(err)
	}
	if got := faxes(t, m, Filter{}); got != "ref:queued? f1:received? f3:sending " {
		t.Errorf("got %q", got)
	}
	if err := m.UndoDelete(ctx, "f2"); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Fax(ctx, "f2"); err != nil {
		t.Error(err)
	}
}

// The server must hear of a cancel before the fax is sent again, and of a delete
// only behind that.
func TestFaxIsSentAgainInItsTurn(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, FaxType, fax(office.Fax{ID: "f1", State: office.FaxQueued, Direction: office.FaxSent, Number: "102", BlobID: "b1", CreatedAt: noon}))
	if err := m.CancelFax(ctx, "f1"); err != nil {
		t.Fatal(err)
	}
	again, err := m.ResendFax(ctx, "f1", noon)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.DeleteFax(ctx, "f1", time.Time{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		object office.ID
		action Action
	}{{"f1", Cancel}, {again, CreateFax}, {"f1", Destroy}} {
		edits := take(t, m, noon)
		if len(edits) != 1 || edits[0].Object != want.object || edits[0].Action != want.action {
			t.Fatalf("%+v, want %v", edits, want)
		}
		if want.action == CreateFax {
			err = m.AcceptFax(ctx, edits[0], "f2")
		} else {
			err = m.Accept(ctx, edits[0])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := faxes(t, m, Filter{}); got != "f2:queued " {
		t.Errorf("got %q", got)
	}
}

func TestFaxFilter(t *testing.T) {
	m := open(t, t.TempDir())
	fill(t, m, ExtensionType, json.RawMessage(`{"id":"e1","number":"102","name":"Luis Peña"}`))
	fill(t, m, FaxType,
		fax(office.Fax{ID: "f1", Number: "102", CreatedAt: noon.Add(-time.Hour)}),
		fax(office.Fax{ID: "f2", Number: "103", Name: "Ana", CreatedAt: noon.Add(time.Hour)}))
	send(t, m) // at noon, to +525555550199
	for name, c := range map[string]struct {
		f    Filter
		want string
	}{
		"all":        {Filter{}, "f2: ref:queued? f1: "},
		"limit":      {Filter{Limit: 2}, "f2: ref:queued? "},
		"next page":  {Filter{After: Cursor{noon.Add(time.Hour), "f2"}}, "ref:queued? f1: "},
		"from":       {Filter{From: noon}, "f2: ref:queued? "},
		"to":         {Filter{To: noon}, "f1: "},
		"number":     {Filter{Text: "5550199"}, "ref:queued? "},
		"name":       {Filter{Text: "ana"}, "f2: "},
		"of a table": {Filter{Text: "peña"}, "f1: "},
	} {
		if got := faxes(t, m, c.f); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestWhatIsNoDocumentIsNotSent(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	for name, content := range map[string]string{"nothing": "", "short": "%P", "a picture": "\x89PNG\r\n\x1a\n", "too large": "%PDF-" + strings.Repeat("x", office.MaxFaxBytes)} {
		if _, err := m.SendFax(ctx, "102", strings.NewReader(content), noon); !errors.Is(err, office.ErrFax) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if files := outboxFiles(t, m); len(files) != 0 {
		t.Errorf("left %v", files)
	}
}

// A file of the outbox that cannot be read any more is said to be damaged; one
// without a row goes after a while.
func TestFilesOfTheOutbox(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	m := open(t, dir)
	send(t, m)
	e := take(t, m, noon)
	files := outboxFiles(t, m)
	if err := os.Truncate(files[0], 50); err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.File(ctx, e[0]); !errors.Is(err, ErrDamaged) {
		t.Errorf("cut: %v", err)
	}
	if err := os.Remove(files[0]); err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.File(ctx, e[0]); !errors.Is(err, ErrDamaged) {
		t.Errorf("gone: %v", err)
	}
	if _, _, err := m.File(ctx, Edit{Seq: 99}); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("never was: %v", err)
	}
	keep := send(t, m)
	for name, age := range map[string]time.Duration{"old.pdf": 2 * orphanAge, "young.pdf": 0} {
		path := filepath.Join(dir, outboxFolder, name)
		at := time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	m.Close()
	m = open(t, dir)
	if files := outboxFiles(t, m); len(files) != 2 {
		t.Errorf("left %v", files)
	}
	if got := readAll(t)(m.OpenFax(ctx, keep)); got != pdf {
		t.Errorf("got %q", got)
	}
}

func TestReferencesAreUUIDs(t *testing.T) {
	a, b := newRef(noon), newRef(noon)
	if a == b || !a.Valid() || len(a) != 36 || a[14] != '7' || !strings.Contains("89ab", string(a[19])) || a[:13] != b[:13] {
		t.Errorf("%s, %s", a, b)
	}
	if later := newRef(noon.Add(time.Millisecond)); later[:13] <= a[:13] {
		t.Errorf("%s does not follow %s", later, a)
	}
}
