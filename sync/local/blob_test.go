package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
)

// fetch downloads plain in one go.
func fetch(m *Mirror, blob office.ID, plain, sum []byte) error {
	ctx := context.Background()
	d, err := m.Download(ctx, blob, int64(len(plain)))
	if err != nil {
		return err
	}
	defer d.Close()
	if _, err := d.Write(plain[d.Offset():]); err != nil {
		return err
	}
	return d.Commit(ctx, sum)
}

// blob returns what is cached.
func blob(t *testing.T, m *Mirror, id office.ID) ([]byte, error) {
	t.Helper()
	r, err := m.Blob(context.Background(), id)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestDownloadIsCached(t *testing.T) {
	m := open(t, t.TempDir())
	for _, size := range sizes {
		plain := noise(size)
		sum := sha256.Sum256(plain)
		id := office.NewID()
		if _, err := blob(t, m, id); !errors.Is(err, office.ErrNotFound) {
			t.Errorf("before: %v", err)
		}
		if err := fetch(m, id, plain, sum[:]); err != nil {
			t.Fatal(err)
		}
		if got, err := blob(t, m, id); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d octets: %d came back, %v", size, len(got), err)
		}
		if has, err := m.HasBlob(context.Background(), id); !has || err != nil {
			t.Errorf("%d octets: %v, %v", size, has, err)
		}
	}
}

// A download that was cut off anywhere goes on at the last whole chunk.
func TestDownloadGoesOn(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	plain := noise(3*chunkSize + 7)
	sum := sha256.Sum256(plain)
	for _, cut := range []int{0, 10, chunkSize, chunkSize + 1, 3 * chunkSize, len(plain)} {
		id := office.NewID()
		d, err := m.Download(ctx, id, int64(len(plain)))
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < cut; at += 1000 { // as the network brings it
			if _, err := d.Write(plain[at:min(at+1000, cut)]); err != nil {
				t.Fatal(err)
			}
		}
		d.Close()
		d, err = m.Download(ctx, id, int64(len(plain)))
		if err != nil {
			t.Fatal(err)
		}
		want := int64(max(0, (cut-1)/chunkSize)) * chunkSize // the chunk that came last is written when more comes
		if d.Offset() != want {
			t.Errorf("cut at %d: goes on at %d, want %d", cut, d.Offset(), want)
		}
		if _, err := d.Write(plain[d.Offset():]); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(d.Commit(ctx, sum[:]), d.Close()); err != nil {
			t.Errorf("cut at %d: %v", cut, err)
		}
		if got, err := blob(t, m, id); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("cut at %d: %d came back, %v", cut, len(got), err)
		}
	}
}

func TestDownloadBeginsAgain(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	plain := noise(2*chunkSize + 7)
	sum := sha256.Sum256(plain)
	d, err := m.Download(ctx, "b1", int64(len(plain)))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Write(plain[:2*chunkSize]); err != nil {
		t.Fatal(err)
	}
	d.Restart() // the server sends all of it
	if _, err := d.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(ctx, sum[:]); err != nil {
		t.Fatal(err)
	}
	if got, err := blob(t, m, "b1"); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("%d came back, %v", len(got), err)
	}
}

func TestDamagedDownloadIsForgotten(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	plain := noise(chunkSize + 7)
	sum := sha256.Sum256(plain)
	wrong := bytes.Clone(plain)
	wrong[3] ^= 1
	if err := fetch(m, "b1", wrong, sum[:]); !errors.Is(err, ErrDamaged) {
		t.Errorf("another content: %v", err)
	}
	d, err := m.Download(ctx, "b1", int64(len(plain)))
	if err != nil {
		t.Fatal(err)
	}
	if d.Offset() != 0 {
		t.Errorf("goes on at %d behind what was wrong", d.Offset())
	}
	if _, err := d.Write(plain[:9]); err != nil {
		t.Fatal(err)
	}
	if err := d.Commit(ctx, sum[:]); !errors.Is(err, ErrDamaged) {
		t.Errorf("too short: %v", err)
	}
	if _, err := d.Write(append(plain, 0)); !errors.Is(err, ErrDamaged) {
		t.Errorf("too long: %v", err)
	}
	d.Close()
	if err := fetch(m, "b1", plain, sum[:]); err != nil {
		t.Errorf("the right one: %v", err)
	}
}

// Two processes that fetch the same blob write the same file.
func TestTwoDownloadTheSame(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	plain := noise(3*chunkSize + 7)
	sum := sha256.Sum256(plain)
	one, err := a.Download(ctx, "b1", int64(len(plain)))
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	two, err := b.Download(ctx, "b1", int64(len(plain)))
	if err != nil {
		t.Fatal(err)
	}
	defer two.Close()
	for at := 0; at < len(plain); at += 5000 {
		part := plain[at:min(at+5000, len(plain))]
		if _, err := one.Write(part); err != nil {
			t.Fatal(err)
		}
		if _, err := two.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(one.Commit(ctx, sum[:]), two.Commit(ctx, sum[:])); err != nil {
		t.Fatal(err)
	}
	if got, err := blob(t, a, "b1"); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("%d came back, %v", len(got), err)
	}
}

// A file that the key does not open, or that somebody cut, is not there: it can
// be fetched again.
func TestUnreadableBlobIsDropped(t *testing.T) {
	ctx := context.Background()
	for name, spoil := range map[string]func(*testing.T, *Mirror, string){
		"another key": func(t *testing.T, m *Mirror, _ string) {
			if err := m.Unlock(noise(KeySize)); err != nil {
				t.Fatal(err)
			}
		},
		"cut": func(t *testing.T, _ *Mirror, path string) {
			if err := os.Truncate(path, 100); err != nil {
				t.Fatal(err)
			}
		},
		"gone": func(t *testing.T, _ *Mirror, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		m := open(t, t.TempDir())
		fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}))
		if err := fetch(m, "bv1", []byte("mp3"), nil); err != nil {
			t.Fatal(err)
		}
		if v, err := m.Voicemail(ctx, "v1"); !v.HasAudio || err != nil {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
		spoil(t, m, filepath.Join(m.dir, blobFolder, "bv1.sealed"))
		if _, err := blob(t, m, "bv1"); !errors.Is(err, office.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		if v, err := m.Voicemail(ctx, "v1"); v.HasAudio || err != nil {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
		if err := fetch(m, "bv1", []byte("mp3"), nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWithoutAKeyNothingIsSealed(t *testing.T) {
	ctx := context.Background()
	m, err := Open(ctx, t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if _, err := m.Blob(ctx, "b1"); !errors.Is(err, ErrLocked) {
		t.Errorf("reading: %v", err)
	}
	if _, err := m.Download(ctx, "b1", 3); !errors.Is(err, ErrLocked) {
		t.Errorf("downloading: %v", err)
	}
	if _, err := m.SendFax(ctx, "102", bytes.NewReader([]byte("%PDF-1.7")), noon); !errors.Is(err, ErrLocked) {
		t.Errorf("sending: %v", err)
	}
	if err := m.Unlock(make([]byte, 5)); err == nil {
		t.Error("took a short key")
	}
	if err := m.Unlock(make([]byte, KeySize)); err != nil {
		t.Fatal(err)
	}
	if err := fetch(m, "b1", []byte("mp3"), nil); err != nil {
		t.Error(err)
	}
}

// An id may be longer than the name of a file.
func TestBlobWithALongID(t *testing.T) {
	m := open(t, t.TempDir())
	id := office.ID(strings.Repeat("x", 255))
	if err := fetch(m, id, []byte("mp3"), nil); err != nil {
		t.Fatal(err)
	}
	if got, err := blob(t, m, id); err != nil || string(got) != "mp3" {
		t.Errorf("%q, %v", got, err)
	}
	if err := m.DropBlob(context.Background(), id); err != nil {
		t.Error(err)
	}
}

func TestBlobsStayInTheirFolder(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	for _, id := range []office.ID{"", "../x", "a/b", `a\b`, "a.b", "C:x"} {
		if _, err := m.Download(ctx, id, 1); !errors.Is(err, office.ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
		if _, err := m.Blob(ctx, id); !errors.Is(err, office.ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
		if _, err := Folder(t.TempDir(), id); !errors.Is(err, office.ErrNotFound) {
			t.Errorf("account %q: %v", id, err)
		}
	}
}

// What is worth most is kept, and only what would be kept is downloaded.
func TestCacheKeepsWithinItsLimit(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	m.limit = 6 // each has 3 octets
	var objects []json.RawMessage
	for i, id := range []office.ID{"old", "mid", "new", "gone"} {
		objects = append(objects, voicemail(id, noon.Add(time.Duration(i)*time.Hour), office.Party{}))
	}
	fill(t, m, VoicemailType, objects...)
	fill(t, m, FaxType, fax(office.Fax{ID: "f1", BlobID: "bfax", Size: 3, CreatedAt: noon.Add(90 * time.Minute)}))
	hear := func(id office.ID) {
		t.Helper()
		if err := m.Accept(ctx, Edit{Type: VoicemailType, Object: id, Action: Mark, Patch: json.RawMessage(`{"isNew":false}`)}); err != nil {
			t.Fatal(err)
		}
	}
	missing := func() (s string) {
		t.Helper()
		list, err := m.MissingBlobs(ctx, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range list {
			s += string(x.Blob) + " "
		}
		return s
	}
	cached := func() (s string) {
		for _, id := range []office.ID{"bold", "bmid", "bnew", "bgone", "bfax"} {
			if has, _ := m.HasBlob(ctx, id); has {
				s += string(id) + " "
			}
		}
		return s
	}
	if got := missing(); got != "bgone bnew " { // the newest that fit
		t.Errorf("missing %q", got)
	}
	for _, id := range []office.ID{"bold", "bmid", "bnew", "bgone", "bfax"} {
		if err := fetch(m, id, []byte("mp3"), nil); err != nil {
			t.Fatal(err)
		}
	}
	hear("new")
	hear("old")
	fill(t, m, VoicemailType, objects[:3]...) // new and old are heard on the server too
	hear("new")
	hear("old")
	if err := m.TrimBlobs(ctx); err != nil {
		t.Fatal(err)
	}
	if got := cached(); got != "bmid bnew " { // nobody has heard mid; of the others new is the newest
		t.Errorf("cached %q", got)
	}
	if got := missing(); got != "" {
		t.Errorf("missing %q of what has no room", got)
	}
	ref := send(t, m)
	m.limit = 2
	if err := m.TrimBlobs(ctx); err != nil {
		t.Fatal(err)
	}
	if got := cached(); got != "" {
		t.Errorf("cached %q", got)
	}
	if got := readAll(t)(m.OpenFax(ctx, ref)); got != pdf { // it waits to be sent
		t.Errorf("document %q", got)
	}
}

func TestTrimBlobsSweepsUp(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}))
	for _, id := range []office.ID{"bv1", "bgone"} {
		d, err := m.Download(ctx, id, 100)
		if err != nil {
			t.Fatal(err)
		}
		d.Close()
	}
	if err := os.WriteFile(filepath.Join(m.dir, blobFolder, "stray.sealed"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.TrimBlobs(ctx); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(m.dir, blobFolder, "*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "bv1.part" {
		t.Errorf("left %v, %v; want the download that can be continued", left, err)
	}
}

// fax is an object as the server sends it.
func fax(f office.Fax) json.RawMessage {
	b, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	return b
}
