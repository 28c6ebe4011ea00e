package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/sync/engine"
	"timbre/sync/jmap"
	"timbre/sync/local"
)

// A history that is cut off goes on where it was, in another process too: the top
// is there at once, and nothing comes twice.
func TestHistoryGoesOnAfterARestart(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	const all, page = 2300, 500
	h.calls(0, all)
	dir := t.TempDir()
	e := profile(t, dir, engine.Options{})
	must(t, e.Login(ctx, h.request()))
	asked := 0
	h.faulty(func(r *http.Request) fault {
		if r.URL.Path == "/jmap/api" {
			asked++
		}
		if asked > 2 {
			return lost
		}
		return none
	})
	if err := e.SyncOnce(ctx); !errors.Is(err, office.ErrOffline) {
		t.Errorf("got %v", err)
	}
	calls, err := e.Calls(ctx, local.Filter{Limit: all})
	must(t, err)
	if len(calls) != 2*page || calls[0].Peer.Name != "Peer 2299" {
		t.Errorf("%d calls, the first of %s", len(calls), calls[0].Peer.Name)
	}
	h.faulty(nil)
	h.call(all) // it does not wait for the old ones
	h.requests()
	again := profile(t, dir, engine.Options{})
	must(t, again.SyncOnce(ctx))
	if n := len(h.requests()); n > 5 { // three pages, and what changed meanwhile
		t.Errorf("it took %d requests", n)
	}
	calls, err = again.Calls(ctx, local.Filter{Limit: 2 * all})
	must(t, err)
	if len(calls) != all+1 || calls[0].Peer.Name != "Peer 2300" || calls[all].Peer.Name != "Peer 0" {
		t.Errorf("%d calls", len(calls))
	}
}

// What the user does while history is read does not wait for its end.
func TestEditsDoNotWaitForHistory(t *testing.T) {
	limits := jmap.DefaultLimits
	t.Cleanup(func() { jmap.DefaultLimits = limits }) // after that of the office
	jmap.DefaultLimits.MaxObjectsInGet = 20
	h := open(t)
	ctx := context.Background()
	h.calls(0, 600)
	v := h.leave(1, 10)
	e := profile(t, t.TempDir(), engine.Options{})
	must(t, e.Login(ctx, h.request()))
	asked, heard := 0, 0
	h.faulty(func(r *http.Request) fault {
		if r.URL.Path != "/jmap/api" {
			return none
		}
		if asked++; asked == 5 {
			must(t, e.MarkVoicemail(ctx, v.ID, false))
		}
		if heard == 0 && !strings.Contains(h.voicemails(), "*") {
			heard = asked
		}
		return none
	})
	must(t, e.SyncOnce(ctx))
	h.faulty(nil)
	if asked < 30 || heard == 0 || heard > 9 { // the page that is under way, the next one, the edit
		t.Errorf("%d requests; the message is heard at number %d", asked, heard)
	}
}

// The object at which a full read stands may be gone when it goes on.
func TestHistoryWhosePlaceIsGone(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	var gone office.ID
	for i := range 30 {
		if v := h.leave(i, 10); i == 0 {
			gone = v.ID // the oldest, at which the first page ends
		}
	}
	dir := t.TempDir()
	e := h.login(dir, engine.Options{})
	folder, err := local.Folder(dir, h.account())
	must(t, err)
	m, err := local.Open(ctx, folder, local.Options{})
	must(t, err)
	defer m.Close()
	r, err := m.AgainRead(ctx, local.VoicemailType)
	must(t, err)
	must(t, m.AddRead(ctx, r, r.Since, local.Objects{}, gone))
	_, err = h.store.SetVoicemails(ctx, h.account(), storeDestroy(gone))
	must(t, err)
	must(t, e.SyncOnce(ctx))
	if got, want := list(t, e), h.voicemails(); got != want || strings.Count(got, "*") != 29 {
		t.Errorf("list %q, want %q", got, want)
	}
}

// A board says what extensions do.
type board struct {
	mu     sync.Mutex
	states map[office.Number]office.PresenceState // guarded by mu
	wake   chan struct{}
}

func newBoard() *board {
	return &board{states: map[office.Number]office.PresenceState{}, wake: make(chan struct{}, 1)}
}

func (b *board) Presence(context.Context) map[office.Number]office.PresenceState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.states)
}

func (b *board) SubscribePresence() (<-chan struct{}, func()) { return b.wake, func() {} }

func (b *board) set(n office.Number, s office.PresenceState) {
	b.mu.Lock()
	b.states[n] = s
	b.mu.Unlock()
	b.wake <- struct{}{}
}

func TestPresenceIsPushed(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	e := h.login(t.TempDir(), engine.Options{})
	if e.Presence() != nil {
		t.Error("it is known without Run")
	}
	entries, err := e.Directory(ctx, "ana")
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	s := e.Subscribe()
	defer s.Close()
	start(t, e)
	await(t, s, "it is offline", func() bool { return e.Presence()[entries[0].ID] == office.Offline })
	for _, state := range []office.PresenceState{office.Ringing, office.InCall, office.Free} {
		h.board.set("101", state)
		await(t, s, "it is "+string(state), func() bool { return e.Presence()[entries[0].ID] == state })
	}
	h.faulty(always("", lost))
	h.restart() // ends the event source
	await(t, s, "nobody knows", func() bool { return e.Presence() == nil })
}

// A directory that is longer than what the server says at once is asked of in pages,
// also when it has just become so.
func TestPresenceOfALargeOffice(t *testing.T) {
	limits := jmap.DefaultLimits
	t.Cleanup(func() { jmap.DefaultLimits = limits }) // after that of the office
	jmap.DefaultLimits.MaxObjectsInGet = 4
	for _, before := range []int{3, 10} {
		h := open(t)
		ctx := context.Background()
		add := func(n int) office.ID {
			t.Helper()
			number := office.Number(fmt.Sprint(300 + n))
			_, _, err := h.gate.AddExtension(ctx, office.Extension{Number: number, Name: fmt.Sprint("Line ", n)}, "secret-101")
			must(t, err)
			entries, err := h.store.Entries(ctx, nil)
			must(t, err)
			i := slices.IndexFunc(entries, func(e office.Entry) bool { return e.Number == number })
			return entries[i].ID
		}
		for n := range before {
			add(n)
		}
		e := profile(t, t.TempDir(), engine.Options{})
		must(t, e.Login(ctx, h.request()))
		s := e.Subscribe()
		defer s.Close()
		start(t, e)
		await(t, s, "all are heard of", func() bool { return len(e.Presence()) == before+1 })
		for n := before; n < before+2; n++ {
			id := add(n)
			h.board.set(office.Number(fmt.Sprint(300+n)), office.InCall)
			await(t, s, "the new one is heard of", func() bool { return e.Presence()[id] == office.InCall && len(e.Presence()) == n+2 })
		}
	}
}

// Who wants no downloads gets the lists and, when he asks, a sound.
func TestNoDownloads(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	e := h.login(t.TempDir(), engine.Options{NoDownloads: true})
	s := e.Subscribe()
	defer s.Close()
	start(t, e)
	first, second := h.leave(1, 3000), h.leave(2, 3000)
	await(t, s, "both are heard of", func() bool { return strings.Count(list(t, e), "*") == 2 })
	sound, err := e.Audio(ctx, first.ID)
	must(t, err)
	h.sameSound(sound, first)
	must(t, e.MarkVoicemail(ctx, first.ID, false))
	await(t, s, "the edit is sent", func() bool { return e.Status().Pending == 0 })
	for _, asked := range h.requests() {
		if strings.Contains(asked, string(second.BlobID)) {
			t.Errorf("nobody wanted %s", asked)
		}
	}
}

// Who was away for longer than the server remembers what is gone reads everything
// anew.
func TestLaptopThatWasAwayFor61Days(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	gone, kept := h.leave(1, 10), h.leave(2, 10)
	e := h.login(t.TempDir(), engine.Options{})
	must(t, e.MarkVoicemail(ctx, kept.ID, false))
	_, err := h.store.SetVoicemails(ctx, h.account(), storeDestroy(gone.ID))
	must(t, err)
	h.age()
	must(t, e.SyncOnce(ctx))
	if got, want := list(t, e), h.voicemails(); got != want || got != string(kept.ID)+" " {
		t.Errorf("list %q, server %q", got, want)
	}
	if rows, err := e.Search(ctx, "caller", 10); err != nil || len(rows) != 1 || rows[0].Voicemail == nil || time.Duration(rows[0].Voicemail.Duration) != 3*time.Second {
		t.Errorf("found %+v, %v", rows, err)
	}
}
