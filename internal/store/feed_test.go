package store_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// house does what a server does that runs for a moment.
func (f *fixture) house(t *testing.T) {
	t.Helper()
	must(t, f.KeepHouse(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	must(t, f.Run(ctx))
}

func changes(t *testing.T, f *fixture) {
	ctx := t.Context()
	account, other := f.add(t, "101"), f.add(t, "102")
	s0, err := f.State(ctx, account, store.TypeVoicemail)
	must(t, err)
	c0, err := f.State(ctx, account, store.TypeCall)
	must(t, err)
	f.leave(t, account, "m1")
	f.leave(t, account, "m2")
	s1, err := f.State(ctx, account, store.TypeVoicemail)
	must(t, err)
	set := func(s store.VoicemailSet) {
		t.Helper()
		_, err := f.SetVoicemails(ctx, account, s)
		must(t, err)
	}
	set(store.VoicemailSet{IsNew: map[office.ID]bool{"m1": false}})
	f.leave(t, account, "m3")
	set(store.VoicemailSet{Destroy: []office.ID{"m2", "m3"}})
	f.leave(t, account, "m4")
	f.leave(t, other, "x1")
	f.restart(t)
	for _, c := range []struct {
		what                        string
		since                       store.State
		created, updated, destroyed string
	}{
		{"from the start", s0, "m1 m4", "", ""}, // m2 and m3 came and went
		{"from the middle", s1, "m4", "m1", "m2"},
	} {
		got, err := f.Changes(ctx, account, store.TypeVoicemail, c.since, 0)
		if err != nil || words(got.Created) != c.created || words(got.Updated) != c.updated || words(got.Destroyed) != c.destroyed || got.HasMore || got.OldState != c.since {
			t.Errorf("%s: %+v, %v", c.what, got, err)
		}
		end, err := f.Changes(ctx, account, store.TypeVoicemail, got.NewState, 0)
		if err != nil || len(end.Created)+len(end.Updated)+len(end.Destroyed) != 0 || end.NewState != got.NewState {
			t.Errorf("%s, at the end: %+v, %v", c.what, end, err)
		}
	}
	if got, err := f.Changes(ctx, account, store.TypeCall, c0, 0); err != nil || got.NewState != c0 {
		t.Errorf("a voicemail changed the state of the calls: %+v, %v", got, err)
	}
	all, err := f.States(ctx, account)
	if err != nil || len(all) != 9 || all[store.TypeCall] != c0 || all[store.TypeVoicemail] == s1 {
		t.Errorf("got %v, %v", all, err)
	}
	for _, since := range []store.State{"", "x", "00", "0+", store.State(strings.Replace(string(s1), ".", ".9", 1)), "abcdefghijkl.1", s1 + "x", store.State(strings.Replace(string(s1), ".", ".-", 1))} {
		if _, err := f.Changes(ctx, account, store.TypeVoicemail, since, 0); !errors.Is(err, store.ErrCannotCalculate) {
			t.Errorf("since %q: %v", since, err)
		}
	}
	if _, err := f.Changes(ctx, "nobody", store.TypeVoicemail, s0, 0); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("a missing account: %v", err)
	}
	if _, err := f.States(ctx, "nobody"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("a missing account: %v", err)
	}
	if _, err := f.Changes(ctx, account, "Nonsense", s0, 0); err == nil {
		t.Error("an unknown type has changes")
	}
}

func changesInPages(t *testing.T, f *fixture) {
	ctx := t.Context()
	account := f.add(t, "101")
	since, err := f.State(ctx, account, store.TypeVoicemail)
	must(t, err)
	for i := range 5 {
		f.leave(t, account, office.ID(fmt.Sprintf("m%d", i)))
	}
	mirror := map[office.ID]bool{}
	read := func(pages int) {
		t.Helper()
		for n := 1; ; n++ {
			c, err := f.Changes(ctx, account, store.TypeVoicemail, since, 2)
			must(t, err)
			if len(c.Created)+len(c.Updated)+len(c.Destroyed) > 2 {
				t.Fatalf("more than asked for: %+v", c)
			}
			apply(mirror, c)
			since = c.NewState
			if !c.HasMore {
				if n != pages {
					t.Fatalf("%d pages, want %d", n, pages)
				}
				return
			}
		}
	}
	read(3)
	_, err = f.SetVoicemails(ctx, account, store.VoicemailSet{IsNew: map[office.ID]bool{"m0": false, "m1": false}, Destroy: []office.ID{"m1", "m2", "m3"}})
	must(t, err)
	read(2) // m0, and three tombstones
	if len(mirror) != 2 || !mirror["m0"] || !mirror["m4"] {
		t.Fatalf("got %v", mirror)
	}
}

// apply does to a mirror what a client does.
func apply(mirror map[office.ID]bool, c store.Changes) {
	for _, id := range append(c.Created, c.Updated...) {
		mirror[id] = true
	}
	for _, id := range c.Destroyed {
		delete(mirror, id)
	}
}

func tombstones(t *testing.T, f *fixture) {
	ctx := t.Context()
	account := f.add(t, "101")
	f.leave(t, account, "m1")
	f.leave(t, account, "m2")
	alive, err := f.State(ctx, account, store.TypeVoicemail)
	must(t, err)
	calls, err := f.State(ctx, account, store.TypeCall)
	must(t, err)
	_, err = f.SetVoicemails(ctx, account, store.VoicemailSet{Destroy: []office.ID{"m1"}})
	must(t, err)
	dead, err := f.State(ctx, account, store.TypeVoicemail)
	must(t, err)
	f.now = f.now.Add(59 * 24 * time.Hour)
	f.house(t)
	if c, err := f.Changes(ctx, account, store.TypeVoicemail, alive, 0); err != nil || words(c.Destroyed) != "m1" {
		t.Fatalf("after 59 days: %+v, %v", c, err)
	}
	f.now = f.now.Add(2 * 24 * time.Hour)
	f.house(t)
	if _, err := f.Changes(ctx, account, store.TypeVoicemail, alive, 0); !errors.Is(err, store.ErrCannotCalculate) {
		t.Fatalf("after 61 days: %v", err)
	}
	if n, err := f.Tombstones(ctx); n != 1 || err != nil {
		t.Errorf("%d tombstones, %v: who reads them now may be in the middle", n, err)
	}
	f.house(t)
	if n, err := f.Tombstones(ctx); n != 0 || err != nil {
		t.Errorf("%d tombstones at the next housekeeping, %v", n, err)
	}
	f.leave(t, account, "m3")
	if c, err := f.Changes(ctx, account, store.TypeVoicemail, dead, 0); err != nil || words(c.Created) != "m3" {
		t.Fatalf("who saw the deletion is not sent back: %+v, %v", c, err)
	}
	must(t, f.EndCalls(ctx, store.Side{Account: account, Call: ended("c1", office.Missed, office.Busy, f.now)}))
	if c, err := f.Changes(ctx, account, store.TypeCall, calls, 0); err != nil || words(c.Created) != "c1" {
		t.Fatalf("the calls lost nothing: %+v, %v", c, err)
	}
}

// woken reports whether a wake is waiting.
func woken(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func wakes(t *testing.T, f *fixture) {
	ctx := t.Context()
	account, other := f.add(t, "101"), f.add(t, "102")
	mine, cancel := f.Subscribe(account)
	second, cancelSecond := f.Subscribe(account)
	theirs, cancelTheirs := f.Subscribe(other)
	defer cancelTheirs()
	box, cancelBox := f.SubscribeType(account, store.TypeVoicemail)
	defer cancelBox()
	session := f.login(t, "101", "t1")
	woken(mine)
	woken(second)
	woken(box)
	for _, c := range []struct {
		what string
		do   func() error
		want bool
	}{
		{"a live call", func() error {
			return f.BeginCalls(ctx, store.Side{Account: account, Call: call("c1", office.Incoming, f.now)})
		}, false},
		{"a finished call", func() error {
			return f.EndCalls(ctx, store.Side{Account: account, Call: ended("c1", office.Missed, office.Busy, f.now)})
		}, true},
		{"two voicemails", func() error { f.leave(t, account, "m1"); f.leave(t, account, "m2"); return nil }, true},
		{"nothing new", func() error {
			_, err := f.SetVoicemails(ctx, account, store.VoicemailSet{IsNew: map[office.ID]bool{"m1": true}})
			return err
		}, false},
		{"a deletion", func() error {
			_, err := f.SetVoicemails(ctx, account, store.VoicemailSet{Destroy: []office.ID{"m1"}})
			return err
		}, true},
		{"the end of a session", func() error { return f.RemoveSession(ctx, account, session.ID) }, true},
		{"a new password", func() error { return f.SetPasswordHash(ctx, "101", "x", "") }, true},
	} {
		must(t, c.do())
		if got := woken(mine); got != c.want {
			t.Errorf("%s: woken %t", c.what, got)
		}
		if got := woken(second); got != c.want {
			t.Errorf("%s: the second follower was woken %t", c.what, got)
		}
		if got := woken(box); got != (c.want && c.what != "a finished call") {
			t.Errorf("%s: who follows the voicemails was woken %t", c.what, got)
		}
		if woken(mine) || woken(theirs) {
			t.Errorf("%s: woken twice, or somebody else", c.what)
		}
	}
	cancel()
	cancelSecond()
	must(t, f.RemoveExtension(ctx, "101", time.Hour))
	if woken(mine) {
		t.Error("woken after cancel")
	}
}

func generation(t *testing.T, f *fixture) {
	ctx := t.Context()
	last := f.Generation()
	check := func(what string, grows bool) {
		t.Helper()
		if now := f.Generation(); (now > last) != grows {
			t.Errorf("%s: generation went from %d to %d", what, last, now)
		}
		last = f.Generation()
	}
	account := f.add(t, "101")
	check("a new extension", true)
	s := f.login(t, "101", "t1")
	check("a login", true)
	must(t, f.UseSession(ctx, s.ID, f.now))
	must(t, f.Rebind(ctx, store.Rebinding{Used: s.Device.ID}))
	f.leave(t, account, "m1")
	check("daily use", false)
	must(t, f.RotateSession(ctx, s.ID, 1, store.Secret{}))
	check("a new secret", true)
	must(t, f.RemoveSession(ctx, account, s.ID))
	check("a logout", true)
	must(t, f.RemoveExtension(ctx, "101", 0))
	check("a removal", true)
}

// commits is how many commits are followed.
var commits = flag.Int("commits", 3000, "how many commits are followed")

// followersMissNothing lets readers follow the changes of an account beside
// several writers, on PostgreSQL from two processes' stores: in the end they have
// seen exactly what is there.
func followersMissNothing(t *testing.T, f *fixture) {
	ctx := t.Context()
	account := f.add(t, "101")
	since, err := f.State(ctx, account, store.TypeCall)
	must(t, err)
	const writers = 8
	each := *commits / writers
	stores := []*store.Store{f.Store}
	if f.cfg.DSN != "" {
		stores = append(stores, f.second(t))
	}
	var writing, reading sync.WaitGroup
	written := make(chan struct{})
	for r := range 2 {
		reading.Go(func() {
			mirror, since := map[office.ID]bool{}, since
			wake, cancel := f.Subscribe(account)
			defer cancel()
			for last := false; ; {
				c, err := f.Changes(ctx, account, store.TypeCall, since, 7+93*r)
				if err != nil {
					t.Error(err)
					return
				}
				apply(mirror, c)
				since = c.NewState
				switch {
				case c.HasMore:
					continue
				case last:
					if len(mirror) != writers*each {
						t.Errorf("follower %d saw %d of %d rows", r, len(mirror), writers*each)
					}
					return
				}
				select {
				case <-wake:
				case <-written:
					last = true
				}
			}
		})
	}
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				c := ended(office.ID(fmt.Sprintf("w%d-%d", w, i)), office.Missed, office.Busy, f.now)
				if err := stores[w%len(stores)].EndCalls(ctx, store.Side{Account: account, Call: c}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	close(written)
	reading.Wait()
}

// Those who wait for what is everybody's are woken by it alone.
func wakesOfEverybody(t *testing.T, f *fixture) {
	ctx := t.Context()
	must(t, f.SetCompany(ctx, office.Company{Number: "+525555550100", Region: "MX", Email: "admin@example.com"}))
	ana := f.add(t, "101")
	names := []string{"configured", "available", "mailed", "listed", "members"}
	var followed []<-chan struct{}
	for _, follow := range []func() (<-chan struct{}, func()){f.Configured, f.Available, f.Mailed, f.Listed, f.Members} {
		wake, cancel := follow()
		defer cancel()
		followed = append(followed, wake)
	}
	name := "Beto"
	for _, c := range []struct {
		what string
		do   func() error
		want string
	}{
		{"the company", func() error {
			return f.SetCompany(ctx, office.Company{Number: "+525555550100", Email: "admin@example.com"})
		}, "configured members"},
		{"the mailing", func() error { return f.SetMailing(ctx, office.Mailing{URL: "smtp://x"}, "") }, "configured"},
		{"a trunk", func() error { _, err := f.AddTrunk(ctx, office.Trunk{Name: "x"}, ""); return err }, "configured"},
		{"a line", func() error { return f.SetLine(ctx, office.Line{Number: "+525555550123"}) }, "configured"},
		{"mail", func() error { return f.AddMail(ctx, store.Mail{Notice: office.Notice{Kind: office.NoticeDisk}}) }, "mailed"},
		{"mail to nobody", func() error {
			return f.AddMail(ctx, store.Mail{Account: ana, Notice: office.Notice{Kind: office.NoticeWrongPIN}})
		}, ""},
		{"availability", func() error {
			_, err := f.SetAvailability(ctx, ana, office.Availability{DNDUntil: &f.now}, "")
			return err
		}, "available"},
		{"forwarding", func() error { _, err := f.SetForwardingSettings(ctx, ana, office.ForwardingSettings{}, ""); return err }, ""},
		{"what was refused", func() error {
			_, err := f.SetAvailability(ctx, ana, office.Availability{}, "x")
			if errors.Is(err, store.ErrStateMismatch) {
				err = nil
			}
			return err
		}, ""},
		{"a name", func() error { _, err := f.SetExtension(ctx, "101", store.ExtensionPatch{Name: &name}); return err }, "listed members"},
		{"an extension", func() error { f.add(t, "102"); return nil }, "listed members"},
		{"its removal", func() error { return f.RemoveExtension(ctx, "102", 0) }, "configured listed members"},
		{"a call", func() error {
			return f.EndCalls(ctx, store.Side{Account: ana, Call: ended("c1", office.Missed, office.Busy, f.now)})
		}, ""},
	} {
		must(t, c.do())
		var got []string
		for i, wake := range followed {
			if woken(wake) {
				got = append(got, names[i])
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: woken %q, want %q", c.what, s, c.want)
		}
	}
}
