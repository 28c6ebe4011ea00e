package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// entries returns the lines of the directory, in order.
func (f *fixture) entries(t *testing.T, ids ...office.ID) string {
	t.Helper()
	all, err := f.Entries(t.Context(), ids)
	must(t, err)
	var out []string
	for _, e := range all {
		out = append(out, string(e.Number)+" "+e.Name)
	}
	return strings.Join(out, ", ")
}

// The directory is the same for all, and says what its lines are, not whose
// accounts.
func directory(t *testing.T, f *fixture) {
	ctx := t.Context()
	if s := f.entries(t); s != "" {
		t.Errorf("an empty office lists %s", s)
	}
	ana := f.add(t, "102")
	beto := f.add(t, "101")
	first, err := f.State(ctx, ana, store.TypeExtension)
	must(t, err)
	if st, err := f.State(ctx, beto, store.TypeExtension); st != first || err != nil {
		t.Errorf("it is in state %s for one and in %s for another, %v", first, st, err)
	}
	if s := f.entries(t); s != "101 Ana López, 102 Ana López" {
		t.Errorf("got %s", s)
	}
	all, err := f.Entries(ctx, nil)
	must(t, err)
	for _, e := range all {
		if e.ID == ana || e.ID == beto {
			t.Errorf("%+v names an account", e)
		}
	}
	if s := f.entries(t, all[0].ID, "none", "", "\x00\xff"); s != "101 Ana López" {
		t.Errorf("by id: %s", s)
	}
	if got, err := f.Entries(ctx, []office.ID{}); len(got) != 0 || err != nil {
		t.Errorf("no ids: %v, %v", got, err)
	}

	// What changes is told to all, and to those who wait for it.
	listed, cancel := f.Listed()
	defer cancel()
	mine, cancel := f.Subscribe(ana)
	defer cancel()
	name := "Beto"
	_, err = f.SetExtension(ctx, "101", store.ExtensionPatch{Name: &name})
	must(t, err)
	if !woken(listed) || !woken(mine) {
		t.Error("a new name woke nobody")
	}
	f.leave(t, beto, "m1")
	if woken(listed) {
		t.Error("a message woke those who wait for the directory")
	}
	since := func(what string, account office.ID, since store.State, created, updated, destroyed string) store.State {
		t.Helper()
		c, err := f.Changes(ctx, account, store.TypeExtension, since, 0)
		if err != nil || words(c.Created) != created || words(c.Updated) != updated || words(c.Destroyed) != destroyed {
			t.Errorf("%s: %+v, %v", what, c, err)
		}
		return c.NewState
	}
	second := since("a name", ana, first, "", string(all[0].ID), "")
	must(t, f.RemoveExtension(ctx, "101", 24*time.Hour))
	third := since("a removal", ana, second, "", "", string(all[0].ID))
	since("both", ana, first, "", "", string(all[0].ID))
	again := f.add(t, "101")
	if got, err := f.Entries(ctx, nil); err != nil || len(got) != 2 || got[0].ID == all[0].ID {
		t.Errorf("the number has the line of its former owner: %+v, %v", got, err)
	} else {
		since("somebody new", ana, third, string(got[0].ID), "", "")
	}
	if got := f.entries(t, all[0].ID); got != "" {
		t.Errorf("a line that is gone: %s", got)
	}

	// Who was away for long reads it all again, and the purge of an account does not touch it.
	f.now = f.now.Add(61 * 24 * time.Hour)
	f.house(t)
	if _, err := f.Changes(ctx, again, store.TypeExtension, second, 0); !errors.Is(err, store.ErrCannotCalculate) {
		t.Errorf("after 61 days: %v", err)
	}
	since("who saw the removal", ana, third, string(f.lineOf(t, "101")), "", "")

	// Who knows nothing reads it all in pages, however old the oldest line is.
	f.add(t, "103")
	all, err = f.Entries(ctx, nil)
	must(t, err)
	known := map[office.ID]bool{}
	at, pages := store.Nothing, 0
	for more := true; more; pages++ {
		c, err := f.Changes(ctx, ana, store.TypeExtension, at, 1)
		must(t, err)
		if len(c.Updated) != 0 || len(c.Destroyed) != 0 {
			t.Errorf("who knows nothing hears of %+v", c)
		}
		apply(known, c)
		at, more = c.NewState, c.HasMore
	}
	if now, err := f.State(ctx, ana, store.TypeExtension); err != nil || at != now || len(known) != len(all) || pages < len(all) {
		t.Errorf("%d lines in %d pages until %s, now %s, %v", len(known), pages, at, now, err)
	}
	if _, err := f.Changes(ctx, ana, store.TypeExtension, "x."+store.Nothing, 1); !errors.Is(err, store.ErrCannotCalculate) {
		t.Errorf("the beginning of another epoch: %v", err)
	}
}

// lineOf returns the id of n's line.
func (f *fixture) lineOf(t *testing.T, n office.Number) office.ID {
	t.Helper()
	all, err := f.Entries(t.Context(), nil)
	must(t, err)
	for _, e := range all {
		if e.Number == n {
			return e.ID
		}
	}
	return ""
}

// Extensions that come and go at once, on one server or two, leave a directory
// whose followers have missed nothing.
func directoryAtOnce(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana := f.add(t, "100")
	since, err := f.State(ctx, ana, store.TypeExtension)
	must(t, err)
	stores := []*store.Store{f.Store}
	if f.cfg.DSN != "" {
		stores = append(stores, f.second(t))
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s := stores[i%len(stores)]
			n := office.Number(fmt.Sprint(201 + i))
			name := "Beto"
			for round := range 5 {
				if _, err := s.AddExtension(ctx, office.Extension{Number: n, Name: "x"}, ""); err != nil {
					t.Error(err)
				}
				if _, err := s.SetExtension(ctx, n, store.ExtensionPatch{Name: &name}); err != nil {
					t.Error(err)
				}
				if round == 4 {
					break
				}
				if err := s.RemoveExtension(ctx, n, 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	mirror := map[office.ID]bool{}
	for more := true; more; {
		c, err := f.Changes(ctx, ana, store.TypeExtension, since, 3)
		must(t, err)
		apply(mirror, c)
		since, more = c.NewState, c.HasMore
	}
	all, err := f.Entries(ctx, nil)
	if err != nil || len(all) != 9 || len(mirror) != 8 {
		t.Errorf("%d lines, of which a follower has %d and one it knew, %v", len(all), len(mirror), err)
	}
	for _, e := range all {
		if e.Number != "100" && (!mirror[e.ID] || e.Name != "Beto") {
			t.Errorf("%+v is not as it was written", e)
		}
	}
}

// Of an extension that is removed nothing is left, in whatever table.
func nothingIsLeft(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, v := f.furnish(t)
	must(t, f.SetGreeting(ctx, ana, office.GreetingOwn, sound, "audio/mpeg", nil))
	must(t, f.SetPINHash(ctx, ana, "hash"))
	must(t, f.AddUsage(ctx, ana, f.now, time.Minute))
	must(t, f.Invite(ctx, "101", "invited", f.now.Add(time.Hour)))
	must(t, f.BeginRecording(ctx, store.Recording{ID: "r1", Account: ana, StartedAt: f.now}))
	must(t, f.AddMail(ctx, store.Mail{Account: ana, To: "ana@example.com", Notice: office.Notice{Kind: office.NoticeMailboxFull}, Every: time.Hour}))
	f.leave(t, ana, "m1")
	_, err := f.SetVoicemails(ctx, ana, store.VoicemailSet{Destroy: []office.ID{"m1"}})
	must(t, err)
	d, err := f.AddDevice(ctx, office.Device{Extension: "101", Username: "danas"}, store.Secret{})
	must(t, err)
	must(t, f.Rebind(ctx, store.Rebinding{Put: []store.Binding{{Device: d.ID, Contact: "sip:a", CreatedAt: f.now}}}))
	const many = 1100 // more than one statement deletes
	sides := make([]store.Side, many)
	for i := range sides {
		sides[i] = store.Side{Account: ana, Call: ended(office.NewID(), office.Missed, office.Busy, f.now)}
	}
	must(t, f.EndCalls(ctx, sides...))
	before, err := f.RowsOf(ctx, ana)
	must(t, err)
	for _, table := range []string{
		"account", "feed", "tombstone", "extension", "device", "call", "recording", "blob", "voicemail", "settings", "greeting", "mail", "talk",
		"memo", "invitation", "entry",
	} {
		if before[table] == 0 {
			t.Errorf("the test leaves nothing in table %s", table)
		}
	}
	must(t, f.RemoveExtension(ctx, "101", time.Hour))
	for table, n := range f.rowsOf(t, ana) {
		switch table {
		case "extension", "device", "settings", "greeting", "invitation", "entry":
			t.Errorf("%d rows in table %s outlive the extension", n, table)
		}
	}
	if !f.has(t, ana, v.BlobID) {
		t.Error("a message went with its extension")
	}
	f.now = f.now.Add(time.Hour)
	f.keepHouse(t)
	if left := f.rowsOf(t, ana); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if n := f.files(t, "blobs") + f.files(t, "recordings"); n != 0 {
		t.Errorf("%d files are left", n)
	}
	if s := f.entries(t); s != "102 Ana López" {
		t.Errorf("the others: %s", s)
	}
}

func (f *fixture) rowsOf(t *testing.T, account office.ID) map[string]int {
	t.Helper()
	n, err := f.RowsOf(t.Context(), account)
	must(t, err)
	return n
}
