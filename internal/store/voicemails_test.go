package store_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

var sound = bytes.Repeat([]byte("mp3"), 1000)

// leave leaves a message for account; an empty id is made up.
func (f *fixture) leave(t *testing.T, account, id office.ID) office.Voicemail {
	t.Helper()
	if id == "" {
		id = office.NewID()
	}
	r := store.Recording{ID: id, Account: account, From: office.Party{Number: "102", Name: "Beto Núñez"}, StartedAt: f.now}
	must(t, f.BeginRecording(t.Context(), r))
	must(t, os.WriteFile(f.MasterPath(id), []byte("wav"), 0o600))
	v, err := f.AddVoicemail(t.Context(), store.NewVoicemail{Recording: r, Duration: 7 * time.Second, Audio: sound})
	must(t, err)
	return v
}

// stored is how much of a mailbox one of them takes.
var stored = office.Voicemail{Size: int64(len(sound)), Duration: office.Duration(7 * time.Second)}.Stored()

// files returns how many files are below a folder of the data.
func (f *fixture) files(t *testing.T, folder string) (n int) {
	t.Helper()
	must(t, filepath.WalkDir(filepath.Join(f.cfg.Dir, folder), func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	}))
	return n
}

// gone checks that nothing of a voicemail and its account is left.
func (f *fixture) gone(t *testing.T, account office.ID, v office.Voicemail) {
	t.Helper()
	if got, err := f.Voicemails(t.Context(), account, v.ID); len(got) != 0 || err != nil {
		t.Errorf("the voicemail is still there: %v, %v", got, err)
	}
	if _, _, err := f.OpenBlob(t.Context(), account, v.BlobID); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("the sound is still there: %v", err)
	}
	if _, err := f.State(t.Context(), account, store.TypeVoicemail); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("the account is still there: %v", err)
	}
	if b, m := f.files(t, "blobs"), f.files(t, "recordings"); b+m != 0 {
		t.Errorf("%d blobs and %d masters are still there", b, m)
	}
}

func voicemail(t *testing.T, f *fixture) {
	ctx := t.Context()
	account, other := f.add(t, "101"), f.add(t, "102")
	v := f.leave(t, account, "m1")
	f.restart(t)
	want := office.Voicemail{
		ID: "m1", From: office.Party{Number: "102", Name: "Beto Núñez"}, ReceivedAt: f.now, Duration: office.Duration(7 * time.Second),
		IsNew: true, BlobID: v.BlobID, Size: 3000, Type: "audio/mpeg",
	}
	got, err := f.Voicemails(ctx, account, "m1", "none", "", "\x00\xff")
	if err != nil || len(got) != 1 || got[0] != want || v != want {
		t.Fatalf("got  %+v, %v\nwant %+v", got, err, want)
	}
	file, blob, err := f.OpenBlob(ctx, account, v.BlobID)
	must(t, err)
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil || !bytes.Equal(content, sound) || blob != (store.Blob{ID: v.BlobID, Size: 3000, Type: "audio/mpeg", CreatedAt: f.now}) {
		t.Fatalf("%d bytes of %+v, %v", len(content), blob, err)
	}
	if _, _, err := f.OpenBlob(ctx, account, "\x00"); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("what is no id: %v", err)
	}
	if got, err := f.Voicemails(ctx, other, "m1"); len(got) != 0 || err != nil {
		t.Fatalf("somebody else's voicemail: %v, %v", got, err)
	}
	if _, _, err := f.OpenBlob(ctx, other, v.BlobID); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("somebody else's sound: %v", err)
	}
	if got, err := f.Voicemails(ctx, account); len(got) != 0 || err != nil {
		t.Fatalf("no ids: %v, %v", got, err)
	}
	if _, err := os.Stat(f.MasterPath("m1")); err != nil {
		t.Fatalf("the master was not kept: %v", err)
	}
}

func voicemailFilters(t *testing.T, f *fixture) {
	ctx := t.Context()
	account := f.add(t, "101")
	first := f.now
	for _, id := range []office.ID{"m1", "m2", "m3"} {
		f.leave(t, account, id)
		f.now = f.now.Add(time.Hour)
	}
	_, err := f.SetVoicemails(ctx, account, store.VoicemailSet{IsNew: map[office.ID]bool{"m2": false}})
	must(t, err)
	yes, no := true, false
	for _, c := range []struct {
		what string
		f    store.VoicemailFilter
		p    store.Page
		want string
	}{
		{"all", store.VoicemailFilter{}, store.Page{}, "m3 m2 m1"},
		{"new", store.VoicemailFilter{IsNew: &yes}, store.Page{}, "m3 m1"},
		{"heard", store.VoicemailFilter{IsNew: &no}, store.Page{}, "m2"},
		{"span", store.VoicemailFilter{After: first, Before: first.Add(time.Hour)}, store.Page{}, "m1"},
		{"text", store.VoicemailFilter{Text: "beto"}, store.Page{Limit: 2}, "m3 m2"},
		{"other text", store.VoicemailFilter{Text: "carla"}, store.Page{}, ""},
		{"behind an anchor", store.VoicemailFilter{}, store.Page{Anchor: "m3", Limit: 1}, "m2"},
	} {
		got, err := f.QueryVoicemails(ctx, account, c.f, c.p)
		if words(got) != c.want || err != nil {
			t.Errorf("%s: %v, %v; want %s", c.what, got, err, c.want)
		}
		if n, err := f.CountVoicemails(ctx, account, c.f); c.p == (store.Page{}) && (n != len(got) || err != nil) {
			t.Errorf("%s: counted %d, %v", c.what, n, err)
		}
		for i, id := range got {
			if at, err := f.PlaceOfVoicemail(ctx, account, c.f, id); c.p == (store.Page{}) && (at != i || err != nil) {
				t.Errorf("%s: message %s is at %d, %v; want %d", c.what, id, at, err, i)
			}
		}
	}
	if _, err := f.QueryVoicemails(ctx, account, store.VoicemailFilter{}, store.Page{Anchor: "none"}); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("unknown anchor: %v", err)
	}
}

func voicemailSet(t *testing.T, f *fixture) {
	ctx := t.Context()
	account, other := f.add(t, "101"), f.add(t, "102")
	for _, id := range []office.ID{"m1", "m2", "m3"} {
		f.leave(t, account, id)
	}
	f.leave(t, other, "x1")
	s0, err := f.State(ctx, account, store.TypeVoicemail)
	must(t, err)
	res, err := f.SetVoicemails(ctx, account, store.VoicemailSet{
		IfInState: s0,
		IsNew:     map[office.ID]bool{"m1": false, "m2": true, "x1": false, "\x00": false}, // m2 is new already; x1 is not ours
		Destroy:   []office.ID{"m3", "m3", "none", "x1", "\xff"},
	})
	must(t, err)
	if words(res.Updated) != "m1 m2" || words(res.Destroyed) != "m3" || words(res.NotFound) != "\x00 x1 none x1 \xff" || res.OldState != s0 || res.NewState == s0 {
		t.Fatalf("got %+v", res)
	}
	if b, m := f.files(t, "blobs"), f.files(t, "recordings"); b != 3 || m != 3 {
		t.Fatalf("%d blobs and %d masters, want 3 and 3", b, m)
	}
	if _, err := f.SetVoicemails(ctx, account, store.VoicemailSet{IfInState: s0, Destroy: []office.ID{"m1"}}); !errors.Is(err, store.ErrStateMismatch) {
		t.Fatalf("set in an old state: %v", err)
	}
	got, err := f.Voicemails(ctx, account, "m1", "m2")
	if err != nil || len(got) != 2 || got[0].IsNew == got[1].IsNew {
		t.Fatalf("got %+v, %v", got, err)
	}
	again, err := f.SetVoicemails(ctx, account, store.VoicemailSet{IsNew: map[office.ID]bool{"m1": false}})
	if err != nil || again.NewState != res.NewState || words(again.Updated) != "m1" {
		t.Fatalf("what changed nothing made a change: %+v, %v", again, err)
	}
	if _, err := f.SetVoicemails(ctx, "nobody", store.VoicemailSet{}); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("a missing account: %v", err)
	}
}

func voicemailCommitsWhole(t *testing.T, f *fixture) {
	ctx := t.Context()
	account := f.add(t, "101")
	r := store.Recording{ID: "m1", Account: account, Call: "c1", StartedAt: f.now}
	must(t, f.BeginRecording(ctx, r))
	must(t, f.BeginCalls(ctx, store.Side{Account: account, Call: call("c1", office.Incoming, f.now)}))
	v, err := f.AddVoicemail(ctx, store.NewVoicemail{
		Recording: r, ReceivedAt: f.now.Add(-time.Minute), Duration: 2500 * time.Millisecond, Truncated: true, Audio: sound,
		Calls: []store.Side{{Account: account, Call: ended("c1", office.Missed, office.ToVoicemail, f.now)}},
	})
	must(t, err)
	if got, err := f.Calls(ctx, account, "c1"); err != nil || len(got) != 1 || got[0].Outcome != office.ToVoicemail {
		t.Fatalf("the call did not end with its message: %+v, %v", got, err)
	}
	if got, err := f.Voicemails(ctx, account, "m1"); err != nil || len(got) != 1 || got[0] != v || !v.IsTruncated || !v.ReceivedAt.Equal(f.now.Add(-time.Minute)) {
		t.Fatalf("got %+v, %v", got, err)
	}
	for what, bad := range map[string]store.NewVoicemail{
		"no such account":     {Recording: store.Recording{ID: "m2", Account: "nobody"}, Audio: sound},
		"the same once more":  {Recording: r, Audio: sound},
		"a call that is none": {Recording: store.Recording{ID: "m3", Account: account}, Audio: sound, Calls: []store.Side{{Account: account, Call: call("c2", office.Incoming, f.now)}}},
	} {
		before, err := f.State(ctx, account, store.TypeVoicemail)
		must(t, err)
		if _, err := f.AddVoicemail(ctx, bad); err == nil {
			t.Errorf("%s: added", what)
		}
		if after, err := f.State(ctx, account, store.TypeVoicemail); after != before || err != nil {
			t.Errorf("%s: the state went from %s to %s, %v", what, before, after, err)
		}
		if n := f.files(t, "blobs"); n != 1 {
			t.Errorf("%s: %d files, want the first alone", what, n)
		}
	}
}

func recordings(t *testing.T, f *fixture) {
	ctx := t.Context()
	account := f.add(t, "101")
	r := store.Recording{ID: "r1", Account: account, Call: "c1", From: office.Party{Number: "102", Name: "Beto"}, StartedAt: f.now}
	for _, id := range []office.ID{"r1", "r2"} {
		r.ID = id
		must(t, f.BeginRecording(ctx, r))
		must(t, os.WriteFile(f.MasterPath(id), []byte("wav"), 0o600))
	}
	must(t, f.DropRecording(ctx, "r1"))
	must(t, f.DropRecording(ctx, "r1"))
	f.leave(t, account, "done")
	f.restart(t)
	if got, err := f.Recordings(ctx); err != nil || len(got) != 1 || got[0] != r {
		t.Fatalf("got %+v, %v", got, err)
	}
	if n := f.files(t, "recordings"); n != 2 {
		t.Fatalf("%d masters, want those of r2 and of the message", n)
	}
	r.ID, r.Account = "r3", "nobody"
	if err := f.BeginRecording(ctx, r); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("got %v", err)
	}
}

func filesWithoutOwner(t *testing.T, f *fixture) {
	account := f.add(t, "101")
	v := f.leave(t, account, "")
	must(t, os.MkdirAll(filepath.Join(f.cfg.Dir, "blobs", "zz"), 0o700))
	for _, name := range []string{"blobs/zz/zzzzzzzzzzzz", "recordings/zzzzzzzzzzzz.wav"} {
		must(t, os.WriteFile(filepath.Join(f.cfg.Dir, name), []byte("left"), 0o600))
	}
	f.restart(t)
	if b, m := f.files(t, "blobs"), f.files(t, "recordings"); b != 1 || m != 1 {
		t.Fatalf("%d blobs and %d masters, want 1 and 1", b, m)
	}
	file, _, err := f.OpenBlob(t.Context(), account, v.BlobID)
	must(t, err)
	file.Close()
}
