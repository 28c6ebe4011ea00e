package store_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// upload keeps n bytes for account.
func (f *fixture) upload(t *testing.T, account office.ID, n int) store.Blob {
	t.Helper()
	b, err := f.AddUpload(t.Context(), account, "audio/wav", bytes.NewReader(make([]byte, n)), int64(n))
	must(t, err)
	return b
}

// has reports whether account has a blob, with its content on the disk.
func (f *fixture) has(t *testing.T, account, id office.ID) bool {
	t.Helper()
	file, b, err := f.OpenBlob(t.Context(), account, id)
	if errors.Is(err, office.ErrNotFound) {
		return false
	}
	must(t, err)
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil || int64(len(content)) != b.Size {
		t.Errorf("%d bytes, %v; want %d", len(content), err, b.Size)
	}
	return true
}

func uploads(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	b, err := f.AddUpload(ctx, ana, "audio/wav", strings.NewReader("sound"), 5)
	if err != nil || b.Size != 5 || b.Type != "audio/wav" || !b.CreatedAt.Equal(f.now) {
		t.Fatalf("%+v, %v", b, err)
	}
	if !f.has(t, ana, b.ID) || f.has(t, beto, b.ID) {
		t.Error("it is not there, or somebody else's too")
	}
	for what, c := range map[string]struct {
		account office.ID
		content io.Reader
		want    error
	}{
		"too large":  {ana, strings.NewReader("sounds"), office.ErrLimit},
		"of nobody":  {"nobody", strings.NewReader("sound"), office.ErrNotFound},
		"cut":        {ana, io.MultiReader(strings.NewReader("s"), broken{}), io.ErrUnexpectedEOF},
		"of no name": {"", strings.NewReader("sound"), office.ErrNotFound},
	} {
		if b, err := f.AddUpload(ctx, c.account, "audio/wav", c.content, 5); !errors.Is(err, c.want) || b.ID != "" {
			t.Errorf("%s: %+v, %v", what, b, err)
		}
	}
	if n := f.files(t, "blobs"); n != 1 {
		t.Errorf("%d files, want the one that was taken", n)
	}

	// Nobody's upload stays for a day, and one that is a greeting for good.
	used := f.upload(t, ana, 10)
	must(t, f.greet(t, ana, office.Greeting{Kind: office.GreetingOwn, BlobID: used.ID}))
	f.now = f.now.Add(24 * time.Hour)
	f.keepHouse(t)
	if !f.has(t, ana, b.ID) {
		t.Error("went before its day was over")
	}
	f.now = f.now.Add(time.Second)
	f.keepHouse(t)
	if f.has(t, ana, b.ID) || !f.has(t, ana, used.ID) || f.files(t, "blobs") != 1 {
		t.Error("after a day an upload is still there, or the greeting is not")
	}
}

// broken is a connection that is lost.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// An account holds 100 MB of uploads at the most, and 200 of them; greetings are
// not among them.
func uploadsAreLimited(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	greeting := f.upload(t, ana, 20<<20)
	must(t, f.greet(t, ana, office.Greeting{Kind: office.GreetingOwn, BlobID: greeting.ID}))
	there := func(account office.ID, b store.Blob) bool {
		t.Helper()
		file, _, err := f.OpenBlob(ctx, account, b.ID)
		if err == nil {
			must(t, file.Close())
		} else if !errors.Is(err, office.ErrNotFound) {
			t.Error(err)
		}
		return err == nil
	}
	later := func() { f.now = f.now.Add(time.Millisecond) }
	first := f.upload(t, ana, 60<<20)
	later()
	second := f.upload(t, ana, 40<<20)
	if !there(ana, first) || !there(ana, second) {
		t.Error("what just fits has no room")
	}
	later()
	third := f.upload(t, ana, 1)
	if there(ana, first) || !there(ana, second) || !there(ana, third) || !there(ana, greeting) {
		t.Error("want the oldest to make room, and no other")
	}
	oldest := f.upload(t, beto, 0)
	later()
	var last store.Blob
	for range 200 {
		last = f.upload(t, beto, 0)
	}
	if there(beto, oldest) || !there(beto, last) {
		t.Error("one more than many: want the oldest to make room")
	}
	if n := f.files(t, "blobs"); n != 203 {
		t.Errorf("%d files", n)
	}
	f.now = f.now.Add(25 * time.Hour)
	f.keepHouse(t)
	f.upload(t, ana, 1)
}

// greet sets the greeting by way of the settings, as an app does.
func (f *fixture) greet(t *testing.T, account office.ID, g office.Greeting) error {
	t.Helper()
	s, err := f.VoicemailSettings(t.Context(), account)
	must(t, err)
	s.Greeting = g
	_, err = f.SetVoicemailSettings(t.Context(), account, s, "")
	return err
}

func greetings(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	own, other, theirs := f.upload(t, ana, 1), f.upload(t, ana, 2), f.upload(t, beto, 3)
	message := f.leave(t, ana, "m1")
	evening := f.now.Add(12 * time.Hour)
	heard := func(what string, want office.Greeting) {
		t.Helper()
		got, err := f.Greeting(ctx, ana, f.now)
		if err != nil || got.Kind != want.Kind || got.BlobID != want.BlobID {
			t.Errorf("%s: %+v, %v; want %+v", what, got, err, want)
		}
		if s, err := f.VoicemailSettings(ctx, ana); err != nil || s.Greeting.BlobID != want.BlobID {
			t.Errorf("%s: the settings say %+v, %v", what, s.Greeting, err)
		}
	}
	set := func(g office.Greeting) { t.Helper(); must(t, f.greet(t, ana, g)) }
	byDefault := office.Greeting{Kind: office.GreetingDefault}
	isOwn := office.Greeting{Kind: office.GreetingOwn, BlobID: own.ID}
	isAway := office.Greeting{Kind: office.GreetingTemporary, BlobID: other.ID, Until: &evening}

	heard("at first", byDefault)
	for what, bad := range map[string]office.Greeting{
		"own without a sound":       {Kind: office.GreetingOwn},
		"temporary without a sound": {Kind: office.GreetingTemporary},
		"of somebody else":          {Kind: office.GreetingOwn, BlobID: theirs.ID},
		"of a message":              {Kind: office.GreetingOwn, BlobID: message.BlobID},
		"of nothing":                {Kind: office.GreetingOwn, BlobID: "none"},
		"of what is no id":          {Kind: office.GreetingOwn, BlobID: "\x00\xff"},
	} {
		if err := f.greet(t, ana, bad); !errors.Is(err, office.ErrGreeting) {
			t.Errorf("%s: %v", what, err)
		}
		heard(what, byDefault)
	}
	set(isOwn)
	heard("own", isOwn)
	set(isAway)
	heard("temporary", isAway)
	if s, err := f.VoicemailSettings(ctx, ana); err != nil || s.Greeting.Until == nil || !s.Greeting.Until.Equal(evening) {
		t.Errorf("until %+v, %v", s.Greeting, err)
	}
	f.restart(t)
	f.now = evening.Add(-time.Millisecond)
	heard("just before its end", isAway)
	f.now = evening
	heard("at its end", isOwn)
	set(byDefault)
	heard("default again", byDefault)
	set(office.Greeting{Kind: office.GreetingOwn})
	heard("own again, as it was", isOwn)
	later := evening.Add(time.Hour)
	set(office.Greeting{Kind: office.GreetingTemporary, Until: &later})
	isAway.Until = &later
	heard("temporary again, as it was", isAway)
	set(office.Greeting{Kind: office.GreetingTemporary})
	f.now = f.now.Add(1000 * time.Hour)
	heard("temporary, until it is changed", isAway)
	if all, err := f.Greetings(ctx, ana); err != nil || len(all) != 2 || all[office.GreetingOwn].BlobID != own.ID || all[office.GreetingTemporary].BlobID != other.ID {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := f.Greeting(ctx, "nobody", f.now); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("of nobody: %v", err)
	}
}

// Without an own greeting the default one follows a temporary one.
func temporaryGreetingAlone(t *testing.T, f *fixture) {
	ana := f.add(t, "101")
	until := f.now.Add(time.Hour)
	must(t, f.greet(t, ana, office.Greeting{Kind: office.GreetingTemporary, BlobID: f.upload(t, ana, 1).ID, Until: &until}))
	for at, want := range map[time.Duration]office.GreetingKind{0: office.GreetingTemporary, time.Hour: office.GreetingDefault} {
		if g, err := f.Greeting(t.Context(), ana, f.now.Add(at)); g.Kind != want || err != nil {
			t.Errorf("after %v: %+v, %v", at, g, err)
		}
	}
}

// A greeting is recorded by telephone too.
func spokenGreetings(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana := f.add(t, "101")
	state, err := f.State(ctx, ana, store.TypeVoicemailSettings)
	must(t, err)
	must(t, f.SetGreeting(ctx, ana, office.GreetingOwn, sound, "audio/mpeg", &f.now)) // an own one has no end
	first, err := f.Greeting(ctx, ana, f.now)
	if err != nil || first.Kind != office.GreetingOwn || first.Until != nil || !f.has(t, ana, first.BlobID) {
		t.Fatalf("%+v, %v", first, err)
	}
	if c, err := f.Changes(ctx, ana, store.TypeVoicemailSettings, state, 0); err != nil || words(c.Updated) != "singleton" {
		t.Errorf("%+v, %v", c, err)
	}
	f.now = f.now.Add(time.Hour)
	must(t, f.SetGreeting(ctx, ana, office.GreetingOwn, sound[:10], "audio/mpeg", nil))
	second, err := f.Greeting(ctx, ana, f.now)
	if err != nil || second.BlobID == first.BlobID || !f.has(t, ana, second.BlobID) {
		t.Fatalf("%+v, %v", second, err)
	}
	must(t, f.SetGreeting(ctx, ana, office.GreetingDefault, sound, "audio/mpeg", nil)) // has no sound of its own
	if g, err := f.Greeting(ctx, ana, f.now); g != (office.Greeting{Kind: office.GreetingDefault}) || err != nil {
		t.Errorf("%+v, %v", g, err)
	}
	must(t, f.SetGreeting(ctx, ana, office.GreetingOwn, nil, "", nil))
	if g, err := f.Greeting(ctx, ana, f.now); g.BlobID != second.BlobID || err != nil {
		t.Errorf("as it was: %+v, %v", g, err)
	}
	if err := f.SetGreeting(ctx, ana, office.GreetingTemporary, nil, "", nil); !errors.Is(err, office.ErrGreeting) {
		t.Errorf("without any sound: %v", err)
	}
	if err := f.SetGreeting(ctx, "nobody", office.GreetingOwn, sound, "audio/mpeg", nil); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("of nobody: %v", err)
	}
	if n := f.files(t, "blobs"); n != 2 {
		t.Errorf("%d files, want what is heard and what was replaced", n)
	}
	f.now = f.now.Add(25 * time.Hour)
	f.keepHouse(t)
	if f.has(t, ana, first.BlobID) || !f.has(t, ana, second.BlobID) {
		t.Error("what was replaced is still there, or what is heard is not")
	}
	must(t, f.RemoveExtension(ctx, "101", 0))
	if n := f.files(t, "blobs"); n != 0 {
		t.Errorf("%d files of an extension that is gone", n)
	}
}
