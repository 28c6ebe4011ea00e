package local

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"timbre/internal/office"
)

// cache puts three octets of sound into the cache.
func cache(t *testing.T, m *Mirror, blob office.ID) string {
	t.Helper()
	part, err := m.PartPath(blob)
	if err == nil {
		err = os.WriteFile(part, []byte("mp3"), 0o600)
	}
	if err == nil {
		err = m.AddAudio(context.Background(), blob, 3)
	}
	if err != nil {
		t.Fatal(err)
	}
	path, err := m.Audio(context.Background(), blob)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAudioIsCached(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}), voicemail("v2", noon.Add(time.Hour), office.Party{}))
	if _, err := m.Audio(ctx, "bv1"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	missing, _, err := m.MissingAudio(ctx, 10)
	if err != nil || len(missing) != 2 || missing[0].ID != "v2" {
		t.Errorf("%+v, %v", missing, err)
	}
	path := cache(t, m, "bv2")
	missing, cached, err := m.MissingAudio(ctx, 10)
	if err != nil || len(missing) != 1 || missing[0].ID != "v1" || cached != 3 {
		t.Errorf("%+v, %d, %v", missing, cached, err)
	}
	if v, err := m.Voicemail(ctx, "v2"); !v.HasAudio || err != nil {
		t.Errorf("%+v, %v", v, err)
	}
	// A file that somebody cut is not the message.
	if err := os.Truncate(path, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Audio(ctx, "bv2"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if v, err := m.Voicemail(ctx, "v2"); v.HasAudio || err != nil {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestTrimAudio(t *testing.T) {
	ctx := context.Background()
	m := open(t, t.TempDir())
	objects := []json.RawMessage{}
	for i, id := range []office.ID{"old", "mid", "new", "gone"} {
		objects = append(objects, voicemail(id, noon.Add(time.Duration(i)*time.Hour), office.Party{}))
	}
	fill(t, m, VoicemailType, objects...)
	for _, id := range []office.ID{"old", "mid", "new", "gone"} {
		cache(t, m, "b"+id)
	}
	fill(t, m, VoicemailType, objects[:3]...)
	for _, id := range []office.ID{"mid", "new"} {
		if err := m.Accept(ctx, Edit{Type: VoicemailType, Object: id, Action: Mark, Patch: json.RawMessage(`{"isNew":false}`)}); err != nil {
			t.Fatal(err)
		}
	}
	has := func() string {
		s := ""
		for _, id := range []office.ID{"old", "mid", "new", "gone"} {
			if _, err := m.Audio(ctx, "b"+id); err == nil {
				s += string(id) + " "
			}
		}
		return s
	}
	for _, c := range []struct {
		limit int64
		want  string
	}{
		{100, "old mid new "}, // only what no message owns
		{6, "old new "},       // the oldest heard one
		{0, "old "},           // a message that nobody heard stays
	} {
		if err := m.TrimAudio(ctx, c.limit); err != nil {
			t.Fatal(err)
		}
		if got := has(); got != c.want {
			t.Errorf("limit %d: %q, want %q", c.limit, got, c.want)
		}
	}
}

func TestTrimAudioSweepsUp(t *testing.T) {
	m := open(t, t.TempDir())
	fill(t, m, VoicemailType, voicemail("v1", noon, office.Party{}))
	for _, blob := range []office.ID{"bv1", "bgone"} {
		part, err := m.PartPath(blob)
		if err == nil {
			err = os.WriteFile(part, []byte("mp"), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := m.TrimAudio(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(m.dir, audioFolder, "*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "bv1.part" {
		t.Errorf("left %v, %v; want the download that can be continued", left, err)
	}
}

func TestAudioStaysInItsFolder(t *testing.T) {
	m := open(t, t.TempDir())
	for _, id := range []office.ID{"", "../x", "a/b", `a\b`, "a.b", "C:x"} {
		if _, err := m.PartPath(id); !errors.Is(err, office.ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
		if _, err := Folder(t.TempDir(), id); !errors.Is(err, office.ErrNotFound) {
			t.Errorf("account %q: %v", id, err)
		}
	}
}

func TestCurrent(t *testing.T) {
	profile := t.TempDir()
	for _, id := range []office.ID{"", "a1", "a2", "", ""} {
		if err := SetCurrent(profile, id); err != nil {
			t.Fatal(err)
		}
		if got, err := Current(profile); got != id || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, id)
		}
	}
	dir, err := Folder(profile, "a1")
	if err != nil {
		t.Fatal(err)
	}
	open(t, dir).Close()
	if err := Wipe(profile, "a1"); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(profile, "*")); len(left) != 0 || err != nil {
		t.Errorf("left %v, %v", left, err)
	}
}
