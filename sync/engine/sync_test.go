package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/engine"
	"timbre/sync/local"
)

func TestSyncMirrorsTheServer(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	for i := range 3 {
		h.leave(i, 10)
		h.call(i)
	}
	a, b := h.login(t.TempDir(), engine.Options{}), h.login(t.TempDir(), engine.Options{})
	calls, err := a.Calls(ctx, local.Filter{Kind: office.Missed})
	must(t, err)
	if len(calls) != 3 || calls[0].Peer.Name != "Peer 2" {
		t.Errorf("calls %+v", calls)
	}
	if got, want := list(t, a), h.voicemails(); got != want || strings.Count(got, "*") != 3 {
		t.Errorf("list %q, want %q", got, want)
	}
	// One device edits, the other hears of it, in one request.
	rows, err := a.Voicemails(ctx, local.Filter{})
	must(t, err)
	must(t, a.MarkVoicemail(ctx, rows[0].ID, false))
	must(t, a.DeleteVoicemailNow(ctx, rows[1].ID))
	h.leave(9, 10)
	h.requests()
	must(t, a.SyncOnce(ctx))
	must(t, b.SyncOnce(ctx))
	if sent := h.requests(); !slices.Equal(sent, []string{"POST /jmap/api", "POST /jmap/api"}) {
		t.Errorf("two syncs took %v", sent)
	}
	for _, e := range []*engine.Engine{a, b} {
		if got, want := list(t, e), h.voicemails(); got != want || strings.Count(got, "*") != 2 || strings.Count(got, " ") != 3 {
			t.Errorf("list %q, want %q", got, want)
		}
	}
}

// What a sync sends it hears of in the same answer: the outbox comes before the
// changes.
func TestOutboxGoesFirst(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	v := h.leave(1, 10)
	dir := t.TempDir()
	e := h.login(dir, engine.Options{})
	must(t, e.MarkVoicemail(ctx, v.ID, false))
	must(t, e.SetProfile(ctx, map[string]any{"email": "ana@example.com"}))
	h.requests()
	must(t, e.SyncOnce(ctx))
	if sent := h.requests(); len(sent) != 1 {
		t.Errorf("it took %v", sent)
	}
	folder, err := local.Folder(dir, h.account())
	must(t, err)
	m, err := local.Open(ctx, folder, local.Options{})
	must(t, err)
	defer m.Close()
	now, err := h.store.States(ctx, h.account())
	must(t, err)
	for _, kind := range []local.Type{local.VoicemailType, local.ProfileType} {
		if state, err := m.State(ctx, kind); err != nil || state != string(now[store.Type(kind)]) {
			t.Errorf("%s is at %s, %v; the server at %s", kind, state, err, now[store.Type(kind)])
		}
	}
}

// More rows than one answer may hold must all arrive, whether they are read in
// full or as changes.
func TestSyncOfManyRows(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	const first, more = 1203, 601
	h.calls(0, first)
	e := h.login(t.TempDir(), engine.Options{})
	count := func() int {
		calls, err := e.Calls(ctx, local.Filter{Limit: 10000})
		must(t, err)
		return len(calls)
	}
	if n := count(); n != first {
		t.Errorf("%d calls of %d", n, first)
	}
	h.calls(first, first+more)
	must(t, e.SyncOnce(ctx))
	if n := count(); n != first+more {
		t.Errorf("%d calls of %d", n, first+more)
	}
}

func TestEditsWithoutNetworkAreSentLater(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	v, w := h.leave(1, 10), h.leave(2, 10)
	dir := t.TempDir()
	h.login(dir, engine.Options{})
	offline := profile(t, dir, engine.Options{Offline: true})
	must(t, offline.MarkVoicemail(ctx, v.ID, false))
	must(t, offline.DeleteVoicemailNow(ctx, w.ID))
	if n := offline.Status().Pending; n != 2 {
		t.Errorf("%d pending", n)
	}
	e := profile(t, dir, engine.Options{})
	h.faulty(always("", lost))
	if err := e.SyncOnce(ctx); !errors.Is(err, office.ErrOffline) {
		t.Errorf("got %v", err)
	}
	if s := e.Status(); s.Online || s.Since.IsZero() || !errors.Is(s.Err, office.ErrOffline) || s.Pending != 2 {
		t.Errorf("%+v", s)
	}
	h.faulty(nil)
	must(t, e.SyncOnce(ctx))
	if got := h.voicemails(); got != string(v.ID)+" " || list(t, e) != got {
		t.Errorf("server %q, list %q", got, list(t, e))
	}
	if s := e.Status(); !s.Online || s.Pending != 0 {
		t.Errorf("%+v", s)
	}
}

// An edit whose answer was lost is sent again and must not count as refused.
func TestLostAnswers(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	v, w := h.leave(1, 10), h.leave(2, 10)
	e := h.login(t.TempDir(), engine.Options{})
	must(t, e.MarkVoicemail(ctx, v.ID, false))
	must(t, e.DeleteVoicemailNow(ctx, w.ID))
	h.faulty(always("/jmap/api", unanswered))
	if err := e.SyncOnce(ctx); !errors.Is(err, office.ErrOffline) {
		t.Errorf("got %v", err)
	}
	if got := h.voicemails(); got != string(v.ID)+" " {
		t.Fatalf("on the server: %q", got)
	}
	if err := e.UndoDelete(ctx, w.ID); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("undone after it was sent: %v", err)
	}
	h.faulty(nil)
	must(t, e.SyncOnce(ctx))
	refused, err := e.Refused(ctx)
	if err != nil || len(refused) != 0 || e.Status().Pending != 0 || list(t, e) != h.voicemails() {
		t.Errorf("refused %v, %v; pending %d; list %q", refused, err, e.Status().Pending, list(t, e))
	}
}

func TestUndo(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	v := h.leave(1, 10)
	var ahead atomic.Int64
	e := h.login(t.TempDir(), engine.Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	must(t, e.DeleteVoicemail(ctx, v.ID))
	must(t, e.SyncOnce(ctx))
	if got := list(t, e); got != "" || h.voicemails() == "" {
		t.Errorf("list %q, server %q", got, h.voicemails())
	}
	must(t, e.UndoDelete(ctx, v.ID))
	if got := list(t, e); got != string(v.ID)+"* " {
		t.Errorf("list %q", got)
	}
	must(t, e.DeleteVoicemail(ctx, v.ID))
	ahead.Store(int64(local.Hold))
	must(t, e.SyncOnce(ctx))
	if h.voicemails() != "" || list(t, e) != "" {
		t.Errorf("list %q, server %q", list(t, e), h.voicemails())
	}
}

// A state that the server does not know, such as after a restore, is answered
// with cannotCalculateChanges: everything is read again, and what is gone goes.
func TestUnknownStateReadsEverythingAnew(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	v := h.leave(1, 10)
	dir := t.TempDir()
	e := h.login(dir, engine.Options{})
	folder, err := local.Folder(dir, h.account())
	must(t, err)
	m, err := local.Open(ctx, folder, local.Options{})
	must(t, err)
	defer m.Close()
	since, err := m.State(ctx, local.VoicemailType)
	must(t, err)
	must(t, m.Apply(ctx, local.Page{Type: local.VoicemailType, Since: since, State: "another-epoch.7"}))
	_, err = h.store.SetVoicemails(ctx, h.account(), storeDestroy(v.ID))
	must(t, err)
	h.leave(2, 10)
	must(t, e.SyncOnce(ctx))
	if got, want := list(t, e), h.voicemails(); got != want || strings.Contains(got, string(v.ID)) {
		t.Errorf("list %q, want %q", got, want)
	}
	h.leave(3, 10)
	must(t, e.SyncOnce(ctx)) // from the new state on
	if got, want := list(t, e), h.voicemails(); got != want {
		t.Errorf("list %q, want %q", got, want)
	}
}

func TestRunIsWokenByTheEventSource(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	e := h.login(t.TempDir(), engine.Options{})
	s := e.Subscribe()
	defer s.Close()
	start(t, e)
	select {
	case <-h.streamed:
	case <-time.After(limit):
		t.Fatal("the event source is not asked")
	}
	for i := range 3 {
		v := h.leave(100+i, 3000)
		await(t, s, "the message is heard of, with its sound", func() bool {
			got, err := e.Voicemail(ctx, v.ID)
			return err == nil && got.HasAudio
		})
		h.call(i)
		await(t, s, "the call is heard of", func() bool {
			calls, err := e.Calls(ctx, local.Filter{})
			return err == nil && len(calls) == i+1
		})
	}
	// An edit goes out by itself.
	rows, err := e.Voicemails(ctx, local.Filter{})
	must(t, err)
	must(t, e.MarkVoicemail(ctx, rows[0].ID, false))
	await(t, s, "the edit is sent", func() bool { return e.Status().Pending == 0 })
	if got, want := list(t, e), h.voicemails(); got != want {
		t.Errorf("list %q, want %q", got, want)
	}
}

// Everything breaks, and everything comes back by itself.
func TestRunRecovers(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	e := h.login(t.TempDir(), engine.Options{})
	s := e.Subscribe()
	defer s.Close()
	h.faulty(always("", lost))
	start(t, e)
	await(t, s, "it is offline", func() bool { return !e.Status().Online })
	v := h.leave(1, 2500)
	h.faulty(nil)
	await(t, s, "it is online again", func() bool { return e.Status().Online })
	await(t, s, "the message is there", func() bool {
		got, err := e.Voicemail(ctx, v.ID)
		return err == nil && got.HasAudio
	})
}

// Two processes have one profile open: what the one does without a network, the
// other shows and sends.
func TestTwoProcesses(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	v := h.leave(1, 10)
	dir := t.TempDir()
	app := h.login(dir, engine.Options{})
	s := app.Subscribe()
	defer s.Close()
	start(t, app)
	cli := profile(t, dir, engine.Options{Offline: true})
	must(t, cli.MarkVoicemail(ctx, v.ID, false))
	await(t, s, "the app shows and sends it", func() bool {
		return list(t, app) == string(v.ID)+" " && app.Status().Pending == 0
	})
	if got := h.voicemails(); got != string(v.ID)+" " {
		t.Errorf("on the server: %q", got)
	}
	must(t, cli.Logout(ctx, false))
	await(t, s, "the app is logged out too", func() bool { return !app.LoggedIn() })
	other := profile(t, dir, engine.Options{})
	must(t, other.Login(ctx, h.request()))
	await(t, s, "the app is logged in too", func() bool { return app.LoggedIn() && app.Status().Online })
}

// The first file that a process seals makes the cache key; another that was there
// before can open it.
func TestFaxOfAnotherProcess(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	dir := t.TempDir()
	app := h.login(dir, engine.Options{})
	page := filepath.Join(t.TempDir(), "page.pdf")
	must(t, os.WriteFile(page, []byte("%PDF-1.4 of one page"), 0o600))
	_, err := profile(t, dir, engine.Options{Offline: true}).SendFax(ctx, "+525555550123", page)
	must(t, err)
	must(t, app.SyncOnce(ctx))
	refused, err := app.Refused(ctx)
	must(t, err)
	if n := app.Status().Pending; n != 0 || len(refused) != 0 {
		t.Errorf("%d pending, refused %+v", n, refused)
	}
}

// Another process builds the local copy anew: a process that runs goes on with the
// new one.
func TestCopyThatAnotherProcessBuiltAnew(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	v := h.leave(1, 10)
	dir := t.TempDir()
	app := h.login(dir, engine.Options{})
	s := app.Subscribe()
	defer s.Close()
	start(t, app)
	folder, err := local.Folder(dir, h.account())
	must(t, err)
	must(t, os.WriteFile(filepath.Join(folder, "damaged"), nil, 0o600))
	other := profile(t, dir, engine.Options{})
	must(t, other.SyncOnce(ctx))
	must(t, other.MarkVoicemail(ctx, v.ID, false))
	await(t, s, "the app shows and sends what the other did", func() bool {
		return list(t, app) == string(v.ID)+" " && other.Status().Pending == 0
	})
	if got := h.voicemails(); got != string(v.ID)+" " {
		t.Errorf("on the server: %q", got)
	}
}

// Something between ends the event source at once, however often it is asked: it
// is asked less and less.
func TestEventSourceThatEndsAtOnce(t *testing.T) {
	h := open(t)
	e := h.login(t.TempDir(), engine.Options{})
	h.faulty(always("/eventsource", over))
	start(t, e)
	var begun time.Time
	for i := range 3 {
		select {
		case <-h.streamed:
		case <-time.After(limit):
			t.Fatal("the event source is not asked")
		}
		if i == 0 {
			begun = time.Now()
		}
	}
	if d := time.Since(begun); d < 1400*time.Millisecond { // half a second at least, then a whole one
		t.Errorf("asked three times in %v", d)
	}
}

func TestAudio(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	v := h.leave(1, 200_000)
	dir := t.TempDir()
	e := h.login(dir, engine.Options{})
	if _, err := profile(t, dir, engine.Options{Offline: true}).Audio(ctx, v.ID); !errors.Is(err, office.ErrOffline) {
		t.Errorf("got %v", err)
	}
	h.faulty(always("/jmap/download/", cut))
	for range 2 { // each brings one chunk of 64 KiB and a bit
		if _, err := e.Audio(ctx, v.ID); !errors.Is(err, office.ErrOffline) {
			t.Errorf("a cut download: %v", err)
		}
	}
	h.requests()
	h.faulty(nil)
	sound, err := e.Audio(ctx, v.ID)
	must(t, err)
	sent := h.requests()
	if len(sent) != 1 || !strings.HasSuffix(sent[0], " bytes=131072-") {
		t.Errorf("it was not continued: %v", sent)
	}
	h.sameSound(sound, v)
	sound, err = profile(t, dir, engine.Options{Offline: true}).Audio(ctx, v.ID)
	if err != nil {
		t.Fatalf("offline, though it is cached: %v", err)
	}
	h.sameSound(sound, v)
	to := fmt.Sprint(t.TempDir(), "/message.mp3")
	must(t, e.Download(ctx, v.ID, to))
	saved, err := os.Open(to)
	must(t, err)
	h.sameSound(saved, v)
	if _, err := e.Audio(ctx, "none"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if sent := h.requests(); len(sent) != 0 {
		t.Errorf("it is cached, and yet %v", sent)
	}
	isSealed(t, dir, v.BlobID)
}

// isSealed fails unless the blob is in one file that its key alone opens.
func isSealed(t *testing.T, dir string, blob office.ID) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "blobs", string(blob)+"*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	raw, err := os.ReadFile(files[0])
	must(t, err)
	if len(raw) <= 200_000 {
		t.Errorf("%d octets are not sealed", len(raw))
	}
}

// A file that was damaged on the disk is fetched again.
func TestDamagedSoundIsFetchedAgain(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	v := h.leave(1, 200_000)
	dir := t.TempDir()
	e := h.login(dir, engine.Options{})
	sound, err := e.Audio(ctx, v.ID)
	must(t, err)
	must(t, sound.Close())
	files, err := filepath.Glob(filepath.Join(dir, "*", "blobs", string(v.BlobID)+"*"))
	must(t, err)
	raw, err := os.ReadFile(files[0])
	must(t, err)
	raw[100_000] ^= 1
	must(t, os.WriteFile(files[0], raw, 0o600))
	sound, err = e.Audio(ctx, v.ID)
	must(t, err)
	if _, err := io.Copy(io.Discard, sound); !errors.Is(err, local.ErrDamaged) {
		t.Errorf("it was read: %v", err)
	}
	must(t, sound.Close())
	sound, err = e.Audio(ctx, v.ID)
	must(t, err)
	h.sameSound(sound, v)
}

// The user of a full disk is told so, and not to look at the network.
func TestAudioOnAFullDisk(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	v := h.leave(1, 200_000)
	dir := t.TempDir()
	e := h.login(dir, engine.Options{})
	must(t, e.SyncOnce(ctx))
	folders, err := filepath.Glob(filepath.Join(dir, "*", "blobs"))
	if err != nil || len(folders) != 1 {
		t.Fatal(folders, err)
	}
	part := filepath.Join(folders[0], string(v.BlobID)+".part")
	must(t, os.Symlink("/dev/full", part))
	if _, err := e.Audio(ctx, v.ID); !errors.Is(err, syscall.ENOSPC) || errors.Is(err, office.ErrOffline) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(part); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what fills the disk stays: %v", err)
	}
	sound, err := e.Audio(ctx, v.ID)
	must(t, err)
	h.sameSound(sound, v)
}

func TestFetchBlobsTakesTheNewestFirst(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	old, newest := h.leave(1, 1500), h.leave(2, 1500)
	e := h.login(t.TempDir(), engine.Options{})
	var asked atomic.Int64
	h.faulty(func(r *http.Request) fault {
		if strings.Contains(r.URL.Path, "/jmap/download/") && asked.Add(1) > 1 {
			return lost
		}
		return none
	})
	if err := e.FetchBlobs(ctx); !errors.Is(err, office.ErrOffline) {
		t.Errorf("got %v", err)
	}
	for id, want := range map[office.ID]bool{newest.ID: true, old.ID: false} {
		if v, err := e.Voicemail(ctx, id); err != nil || v.HasAudio != want {
			t.Errorf("%+v, %v", v, err)
		}
	}
	h.faulty(nil)
	must(t, e.FetchBlobs(ctx))
	if v, err := e.Voicemail(ctx, old.ID); err != nil || !v.HasAudio {
		t.Errorf("%+v, %v", v, err)
	}
}

// A sound that the server cannot serve does not keep the older ones away.
func TestFetchBlobsGoesOn(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	old, bad := h.leave(1, 2500), h.leave(2, 2500)
	e := h.login(t.TempDir(), engine.Options{})
	h.faulty(always(string(bad.BlobID), broken))
	must(t, e.FetchBlobs(ctx))
	for id, want := range map[office.ID]bool{bad.ID: false, old.ID: true} {
		if v, err := e.Voicemail(ctx, id); err != nil || v.HasAudio != want {
			t.Errorf("%+v, %v", v, err)
		}
	}
}

// A damaged local copy mends itself: the lists come from the server again, and
// what only this device knew is still sent.
func TestDamagedCopyMendsItself(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	v := h.leave(1, 10)
	h.calls(0, 400)
	dir := t.TempDir()
	e, err := engine.Open(dir, engine.Options{})
	must(t, err)
	must(t, e.Login(ctx, h.request()))
	must(t, e.SyncOnce(ctx))
	must(t, e.MarkVoicemail(ctx, v.ID, false))
	must(t, e.Close())
	folder, err := local.Folder(dir, h.account())
	must(t, err)
	path := filepath.Join(folder, "mirror.db")
	raw, err := os.ReadFile(path)
	must(t, err)
	for i := len(raw) * 3 / 4; i < len(raw); i++ { // the lists; what only we know is in front
		raw[i] ^= 0xa5
	}
	must(t, os.WriteFile(path, raw, 0o600))

	h.call(400) // something that touches the damaged list
	e = profile(t, dir, engine.Options{})
	if _, err := e.Calls(ctx, local.Filter{Limit: 1000}); !errors.Is(err, local.ErrCorrupt) {
		t.Fatalf("the list is not damaged: %v", err)
	}
	must(t, e.SyncOnce(ctx))
	calls, err := e.Calls(ctx, local.Filter{Limit: 1000})
	if err != nil || len(calls) != 401 {
		t.Errorf("%d calls, %v", len(calls), err)
	}
	if got := h.voicemails(); got != string(v.ID)+" " || list(t, e) != got {
		t.Errorf("server %q, list %q", got, list(t, e))
	}
}
