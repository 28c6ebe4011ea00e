package engine_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/sync/engine"
	"timbre/sync/local"
)

// email returns the address that a user of e sees, and whether it is pending.
func email(t *testing.T, e *engine.Engine) (string, bool) {
	t.Helper()
	p, pending, err := e.Profile(context.Background())
	must(t, err)
	return p.Email, len(pending) > 0
}

func TestSettingsAreChangedOffline(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	_, _, err := h.gate.AddExtension(ctx, office.Extension{Number: "102", Name: "Luis"}, "secret-102")
	must(t, err)
	dir := t.TempDir()
	fresh := profile(t, dir, engine.Options{})
	must(t, fresh.Login(ctx, h.request()))
	if err := fresh.SetProfile(ctx, map[string]any{"email": "a@example.com"}); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("changed before they are known: %v", err)
	}
	must(t, fresh.SyncOnce(ctx))
	offline := profile(t, dir, engine.Options{Offline: true})
	must(t, offline.SetProfile(ctx, map[string]any{"email": "a@example.com"}))
	must(t, offline.SetVoicemailSettings(ctx, map[string]any{"ringSeconds": 40, "attachAudio": true}))
	must(t, offline.SetForwardingSettings(ctx, map[string]any{"isEnabled": true, "number": "102", "when": []string{"busy"}}))
	until := time.Now().Add(time.Hour)
	must(t, offline.SetAvailability(ctx, map[string]any{"dndUntil": until}))
	if address, pending := email(t, offline); address != "a@example.com" || !pending {
		t.Errorf("%q, pending %v", address, pending)
	}
	if n := offline.Status().Pending; n != 4 {
		t.Errorf("%d pending", n)
	}
	h.requests()
	must(t, fresh.SyncOnce(ctx))
	if sent := h.requests(); len(sent) != 1 {
		t.Errorf("it took %v", sent)
	}
	v, err := h.store.VoicemailSettings(ctx, h.account())
	must(t, err)
	f, err := h.store.ForwardingSettings(ctx, h.account())
	must(t, err)
	a, err := h.store.Availability(ctx, h.account())
	must(t, err)
	if v.RingSeconds != 40 || !v.AttachAudio || !f.IsEnabled || f.Number != "102" || a.DNDUntil == nil || a.DNDUntil.UnixMilli() != until.UnixMilli() {
		t.Errorf("the server has %+v %+v %+v", v, f, a)
	}
	if address, pending := email(t, fresh); address != "a@example.com" || pending || fresh.Status().Pending != 0 {
		t.Errorf("%q, pending %v", address, pending)
	}
}

// What is wrong is said at once, and not queued.
func TestWrongSettings(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	e := h.login(t.TempDir(), engine.Options{})
	for name, c := range map[string]struct {
		err, want error
	}{
		"ring time":   {e.SetVoicemailSettings(ctx, map[string]any{"ringSeconds": 1}), office.ErrRingTime},
		"type":        {e.SetVoicemailSettings(ctx, map[string]any{"ringSeconds": "long"}), office.ErrName},
		"property":    {e.SetAvailability(ctx, map[string]any{"until": nil, "x": 1}), office.ErrName},
		"number":      {e.SetForwardingSettings(ctx, map[string]any{"number": "101"}), office.ErrNumber},
		"e-mail":      {e.SetProfile(ctx, map[string]any{"email": "nobody"}), office.ErrEmail},
		"language":    {e.SetProfile(ctx, map[string]any{"language": "tlh"}), office.ErrLanguage},
		"caller's id": {e.SetCallerIDSettings(ctx, map[string]any{"number": 3}), office.ErrName},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	if n := e.Status().Pending; n != 0 {
		t.Errorf("%d pending", n)
	}
	// What only the server knows is refused there.
	must(t, e.SetCallerIDSettings(ctx, map[string]any{"number": "+525555550199"}))
	must(t, e.SyncOnce(ctx))
	refused, err := e.Refused(ctx)
	if err != nil || len(refused) != 1 || refused[0].Reason != "invalidProperties" && refused[0].Reason != "forbidden" {
		t.Errorf("refused %+v, %v", refused, err)
	}
}

// Two devices change settings without having heard of each other: different
// properties are both made; of one property the first is, and the second is shown
// with both values.
func TestSettingsOfTwoDevices(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	a, b := h.login(t.TempDir(), engine.Options{}), h.login(t.TempDir(), engine.Options{})
	must(t, a.SetVoicemailSettings(ctx, map[string]any{"ringSeconds": 40}))
	must(t, b.SetVoicemailSettings(ctx, map[string]any{"attachAudio": true}))
	must(t, a.SyncOnce(ctx))
	must(t, b.SyncOnce(ctx))
	must(t, a.SyncOnce(ctx))
	for _, e := range []*engine.Engine{a, b} {
		if s, pending, err := e.VoicemailSettings(ctx); err != nil || s.RingSeconds != 40 || !s.AttachAudio || len(pending) > 0 {
			t.Errorf("%+v, pending %v, %v", s, pending, err)
		}
	}

	must(t, a.SetProfile(ctx, map[string]any{"email": "a@example.com"}))
	must(t, b.SetProfile(ctx, map[string]any{"email": "b@example.com"}))
	must(t, a.SyncOnce(ctx))
	must(t, b.SyncOnce(ctx))
	if address, pending := email(t, b); address != "a@example.com" || pending {
		t.Errorf("%q, pending %v", address, pending)
	}
	refused, err := b.Refused(ctx)
	if err != nil || len(refused) != 1 || refused[0].Reason != local.Conflict || string(refused[0].Mine) != `{"email":"b@example.com"}` || string(refused[0].Theirs) != `{"email":"a@example.com"}` {
		t.Fatalf("refused %+v, %v", refused, err)
	}
	must(t, b.Retry(ctx, refused[0].Seq))
	must(t, b.SyncOnce(ctx))
	must(t, a.SyncOnce(ctx))
	for _, e := range []*engine.Engine{a, b} {
		if address, pending := email(t, e); address != "b@example.com" || pending {
			t.Errorf("%q, pending %v", address, pending)
		}
	}
}

// tone returns a WAV file of a second of silence, which is a greeting.
func tone(t *testing.T) string {
	t.Helper()
	const n = 16000
	wav := "RIFF\x24\x7d\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\x7d\x00\x00" + strings.Repeat("\x00", 2*n)
	path := filepath.Join(t.TempDir(), "greeting.wav")
	must(t, os.WriteFile(path, []byte(wav), 0o600))
	return path
}

// A greeting goes up by itself, whatever happens to the upload, and comes down on
// another device.
func TestGreeting(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	e, other := h.login(t.TempDir(), engine.Options{}), h.login(t.TempDir(), engine.Options{})
	if _, err := e.Greeting(ctx); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("a default greeting: %v", err)
	}
	must(t, e.SetGreeting(ctx, tone(t), nil))
	h.faulty(always("/jmap/upload/", unanswered))
	if err := e.SyncOnce(ctx); !errors.Is(err, office.ErrOffline) {
		t.Errorf("got %v", err)
	}
	if s, pending, err := e.VoicemailSettings(ctx); err != nil || s.Greeting.Kind != office.GreetingOwn || len(pending) != 1 {
		t.Errorf("%+v, pending %v, %v", s, pending, err)
	}
	waits, err := e.Greeting(ctx)
	must(t, err)
	must(t, waits.Close())
	h.faulty(nil)
	must(t, e.SyncOnce(ctx))
	s, err := h.store.VoicemailSettings(ctx, h.account())
	if err != nil || s.Greeting.Kind != office.GreetingOwn || s.Greeting.BlobID == "" || e.Status().Pending != 0 {
		t.Fatalf("%+v, %v, %d pending", s, err, e.Status().Pending)
	}
	must(t, other.SyncOnce(ctx))
	sound, err := other.Greeting(ctx)
	must(t, err)
	h.sameSound(sound, office.Voicemail{BlobID: s.Greeting.BlobID})
	must(t, other.SetGreeting(ctx, "", nil))
	must(t, other.SyncOnce(ctx))
	if s, err := h.store.VoicemailSettings(ctx, h.account()); err != nil || s.Greeting.Kind != office.GreetingDefault {
		t.Errorf("%+v, %v", s, err)
	}
}

// What is no sound is uploaded and refused; what waits behind it is not.
func TestWrongGreetingIsRefused(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	e := h.login(t.TempDir(), engine.Options{})
	path := filepath.Join(t.TempDir(), "no.wav")
	must(t, os.WriteFile(path, []byte("this is no sound at all"), 0o600))
	must(t, e.SetGreeting(ctx, path, nil))
	must(t, e.SetVoicemailSettings(ctx, map[string]any{"ringSeconds": 33}))
	must(t, e.SyncOnce(ctx))
	refused, err := e.Refused(ctx)
	if err != nil || len(refused) != 1 || refused[0].Action != local.SendGreeting || e.Status().Pending != 0 {
		t.Errorf("refused %+v, %v; %d pending", refused, err, e.Status().Pending)
	}
	if s, err := h.store.VoicemailSettings(ctx, h.account()); err != nil || s.RingSeconds != 33 || s.Greeting.Kind != office.GreetingDefault {
		t.Errorf("%+v, %v", s, err)
	}
}

// awaitNoBlobs waits until the housekeeping has removed all blobs.
func (h *house) awaitNoBlobs() {
	h.t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(time.Millisecond) { // it goes on beside us
		files, err := filepath.Glob(filepath.Join(h.cfg.Dir, "blobs", "*", "*"))
		must(h.t, err)
		if len(files) == 0 {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("they stay: %v", files)
		}
	}
}

// An upload that the server has forgotten meanwhile is made again.
func TestForgottenUpload(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	dir := t.TempDir()
	e := h.login(dir, engine.Options{})
	must(t, e.SetGreeting(ctx, tone(t), nil))
	uploaded := false
	h.faulty(func(r *http.Request) fault { // the upload works, and nothing after it
		if strings.Contains(r.URL.Path, "/jmap/upload/") {
			uploaded = true
		} else if uploaded {
			return lost
		}
		return none
	})
	if err := e.SyncOnce(ctx); !errors.Is(err, office.ErrOffline) {
		t.Errorf("got %v", err)
	}
	h.faulty(nil)
	h.ahead.Add(int64(25 * time.Hour))
	h.restart()
	h.awaitNoBlobs()
	must(t, profile(t, dir, engine.Options{}).SyncOnce(ctx))
	if s, err := h.store.VoicemailSettings(ctx, h.account()); err != nil || s.Greeting.Kind != office.GreetingOwn {
		t.Errorf("%+v, %v", s, err)
	}
	if refused, err := e.Refused(ctx); err != nil || len(refused) != 0 {
		t.Errorf("refused %+v, %v", refused, err)
	}
}

func TestSessionsAndSecrets(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	e, other := h.login(t.TempDir(), engine.Options{}), h.login(t.TempDir(), engine.Options{})
	sessions, err := e.Sessions(ctx)
	if err != nil || len(sessions) != 2 {
		t.Fatalf("%+v, %v", sessions, err)
	}
	for _, s := range sessions {
		if s.DeviceName != "laptop" || s.CreatedAt.IsZero() {
			t.Errorf("%+v", s)
		}
		if !s.IsCurrent {
			must(t, e.RevokeSession(ctx, s.ID))
		}
	}
	if err := e.RevokeSession(ctx, "nobodys"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if err := other.SyncOnce(ctx); !errors.Is(err, office.ErrSession) {
		t.Errorf("got %v", err)
	}
	for name, c := range map[string]struct {
		err, want error
	}{
		"wrong password":         {e.ChangePassword(ctx, "wrong", "new-secret-101"), office.ErrLogin},
		"short password":         {e.ChangePassword(ctx, "secret-101", "x"), office.ErrPassword},
		"password":               {e.ChangePassword(ctx, "secret-101", "new-secret-101"), nil},
		"PIN, wrong password":    {e.SetPIN(ctx, "secret-101", "7391"), office.ErrLogin},
		"PIN that anyone thinks": {e.SetPIN(ctx, "new-secret-101", "1234"), office.ErrPIN},
		"PIN":                    {e.SetPIN(ctx, "new-secret-101", "7391"), nil},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	must(t, e.SyncOnce(ctx))
	if s, _, err := e.VoicemailSettings(ctx); err != nil || !s.HasPin {
		t.Errorf("%+v, %v", s, err)
	}
	offline := profile(t, t.TempDir(), engine.Options{Offline: true})
	if err := offline.SetPIN(ctx, "a", "b"); !errors.Is(err, office.ErrOffline) {
		t.Errorf("got %v", err)
	}
}

// The cache key outlives a logout that keeps the copy, and no other.
func TestSoundsAfterALogout(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	v := h.leave(1, 3000)
	dir := t.TempDir()
	e := h.login(dir, engine.Options{})
	must(t, e.FetchBlobs(ctx))
	must(t, e.Logout(ctx, false))
	if raw, err := os.ReadFile(filepath.Join(dir, "credentials")); err != nil || strings.Contains(string(raw), "token") || !strings.Contains(string(raw), "key") {
		t.Errorf("credentials %s, %v", raw, err)
	}
	must(t, e.Login(ctx, h.request()))
	must(t, e.SyncOnce(ctx))
	h.requests()
	sound, err := e.Audio(ctx, v.ID)
	must(t, err)
	h.sameSound(sound, v)
	if sent := h.requests(); len(sent) != 0 {
		t.Errorf("it was fetched again: %v", sent)
	}
	must(t, e.Logout(ctx, true))
	if _, err := os.Stat(filepath.Join(dir, "credentials")); err == nil {
		t.Error("the key is left behind")
	}
	_, err = e.Audio(ctx, v.ID)
	if !errors.Is(err, office.ErrSession) {
		t.Errorf("got %v", err)
	}
}
