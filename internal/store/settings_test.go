package store_test

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// A singleton is one of the objects of which each account has one.
type singleton struct {
	is   store.Type
	get  func(account office.ID) (any, error)
	set  func(account office.ID, v any, ifInState store.State) (store.SetResult, error)
	was  any   // before anything was set
	sets []any // one after the other
}

// singletons returns all of an office whose company has been set up.
func (f *fixture) singletons(t *testing.T) []singleton {
	ctx := t.Context()
	noon := f.now.Add(7 * time.Hour)
	forwarding := func(when ...office.ForwardWhen) office.ForwardingSettings {
		s := office.ForwardingSettings{IsEnabled: true, When: office.WhenSet{}, Number: "+525512345678", RingLocal: true}
		for _, w := range when {
			s.When[w] = true
		}
		return s
	}
	mailbox := office.VoicemailSettings{IsEnabled: true, RingSeconds: 25, Greeting: office.Greeting{Kind: office.GreetingDefault}}
	off := office.VoicemailSettings{RingSeconds: 60, AttachAudio: true, Greeting: office.Greeting{Kind: office.GreetingDefault}}
	mailbox.RingSeconds = int(office.DefaultRingTime / time.Second)
	profile := office.Profile{Name: "Ana López", Extension: "101", CompanyNumber: "+525555550100", Language: office.Spanish}
	english := profile
	english.Email, english.Language = "ana@example.com", office.English
	return []singleton{
		{
			store.TypeVoicemailSettings,
			func(a office.ID) (any, error) { return f.VoicemailSettings(ctx, a) },
			func(a office.ID, v any, st store.State) (store.SetResult, error) {
				return f.SetVoicemailSettings(ctx, a, v.(office.VoicemailSettings), st)
			},
			mailbox,
			[]any{off, mailbox},
		}, {
			store.TypeForwardingSettings,
			func(a office.ID) (any, error) { return f.ForwardingSettings(ctx, a) },
			func(a office.ID, v any, st store.State) (store.SetResult, error) {
				return f.SetForwardingSettings(ctx, a, v.(office.ForwardingSettings), st)
			},
			office.ForwardingSettings{When: office.WhenSet{office.ForwardAlways: true}, RequireKey: true},
			[]any{forwarding(office.ForwardBusy, office.ForwardNoAnswer), forwarding(office.ForwardOffline), office.ForwardingSettings{When: office.WhenSet{}}},
		}, {
			store.TypeCallerIDSettings,
			func(a office.ID) (any, error) { s, err := f.CallerIDSettings(ctx, a); return s.Number, err },
			func(a office.ID, v any, st store.State) (store.SetResult, error) {
				return f.SetCallerID(ctx, a, v.(office.Number), st)
			},
			office.Number(""),
			[]any{office.Number("+525555550100"), office.Number("")},
		}, {
			store.TypeProfile,
			func(a office.ID) (any, error) { return f.Profile(ctx, a) },
			func(a office.ID, v any, st store.State) (store.SetResult, error) {
				p := v.(office.Profile)
				return f.SetProfile(ctx, a, p.Email, p.Language, st)
			},
			profile,
			[]any{english, profile},
		}, {
			store.TypeAvailability,
			func(a office.ID) (any, error) { return f.Availability(ctx, a) },
			func(a office.ID, v any, st store.State) (store.SetResult, error) {
				return f.SetAvailability(ctx, a, v.(office.Availability), st)
			},
			office.Availability{},
			[]any{office.Availability{DNDUntil: &noon}, office.Availability{}},
		},
	}
}

// Each object is changed in a commit of its own, by whoever saw its last state.
func settings(t *testing.T, f *fixture) {
	must(t, f.SetCompany(t.Context(), office.Company{Number: "+525555550100", Region: "MX"}))
	ana, beto := f.add(t, "101"), f.add(t, "102")
	kept := f.add(t, "103")
	must(t, f.RemoveExtension(t.Context(), "103", time.Hour))
	for _, one := range f.singletons(t) {
		is := func(account office.ID, want any, when string) {
			t.Helper()
			if got, err := one.get(account); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %s: %+v, %v; want %+v", one.is, when, got, err, want)
			}
		}
		is(ana, one.was, "at first")
		for i, v := range one.sets {
			f.setOnce(t, ana, one, v)
			is(ana, v, "set "+strconv.Itoa(i+1))
		}
		last := f.setOnce(t, ana, one, one.sets[0])
		f.restart(t)
		is(ana, one.sets[0], "after a restart")
		if one.is != store.TypeProfile { // which names its owner
			is(beto, one.was, "of somebody else")
		}

		// What is refused changes nothing.
		for what, c := range map[string]struct {
			account   office.ID
			ifInState store.State
			want      error
		}{
			"in an old state":            {ana, last.OldState, store.ErrStateMismatch},
			"in a state of nothing":      {ana, "x", store.ErrStateMismatch},
			"of no account":              {"nobody", "", office.ErrNotFound},
			"of the directory":           {"directory", "", office.ErrNotFound},
			"of a removed extension":     {kept, "", office.ErrNotFound},
			"of what cannot name anyone": {"", "", office.ErrNotFound},
		} {
			if _, err := one.set(c.account, one.sets[1], c.ifInState); !errors.Is(err, c.want) {
				t.Errorf("%s %s was set: %v", one.is, what, err)
			}
			if c.account != ana {
				if got, err := one.get(c.account); !errors.Is(err, office.ErrNotFound) {
					t.Errorf("%s %s: %+v, %v", one.is, what, got, err)
				}
			}
		}
		is(ana, one.sets[0], "after what was refused")
		if st, err := f.State(t.Context(), ana, one.is); st != last.NewState || err != nil {
			t.Errorf("%s: what was refused moved the state from %s to %s, %v", one.is, last.NewState, st, err)
		}
	}
}

// setOnce sets v in the state in which account's object is, and checks that it
// alone changes, that its followers are told and that nobody else is.
func (f *fixture) setOnce(t *testing.T, account office.ID, one singleton, v any) store.SetResult {
	t.Helper()
	ctx := t.Context()
	before, err := f.States(ctx, account)
	must(t, err)
	mine, cancel := f.Subscribe(account)
	defer cancel()
	others, cancel := f.Subscribe("somebody")
	defer cancel()
	res, err := one.set(account, v, before[one.is])
	must(t, err)
	if res.OldState != before[one.is] || res.NewState == res.OldState || words(res.Updated) != "singleton" {
		t.Errorf("%s: %+v, want from %s", one.is, res, before[one.is])
	}
	if !woken(mine) || woken(others) {
		t.Errorf("%s: the account was not woken, or somebody else", one.is)
	}
	after, err := f.States(ctx, account)
	must(t, err)
	for is, st := range after {
		if want := before[is]; is == one.is && st != res.NewState || is != one.is && st != want {
			t.Errorf("%s was set: the state of %s went from %s to %s", one.is, is, want, st)
		}
	}
	for since, want := range map[store.State]string{res.OldState: "singleton", res.NewState: ""} {
		c, err := f.Changes(ctx, account, one.is, since, 0)
		if err != nil || words(c.Updated) != want || len(c.Created)+len(c.Destroyed) != 0 || c.NewState != res.NewState || c.HasMore {
			t.Errorf("%s since %s: %+v, %v", one.is, since, c, err)
		}
	}
	return res
}

// What the administrator changes of an extension moves the states of what its
// user sees of it, and of nothing else.
func statesOfAnExtension(t *testing.T, f *fixture) {
	ctx := t.Context()
	must(t, f.SetCompany(ctx, office.Company{Number: "+525555550100", Region: "MX"}))
	ana := f.add(t, "101")
	name, email, language, ring := "Ana María", "ana@example.com", office.English, 40*time.Second
	classes, count, yes, no := office.Classes("internal"), 1, true, false
	patch := func(p store.ExtensionPatch) func() error {
		return func() error { _, err := f.SetExtension(ctx, "101", p); return err }
	}
	for _, c := range []struct {
		what  string
		do    func() error
		moves string // in order
		woken bool
	}{
		{"a name", patch(store.ExtensionPatch{Name: &name}), "Extension Profile", true},
		{"the same name", patch(store.ExtensionPatch{Name: &name}), "", false},
		{"an address", patch(store.ExtensionPatch{Email: &email}), "Profile", true},
		{"a language", patch(store.ExtensionPatch{Language: &language}), "Profile", true},
		{"the ring time", patch(store.ExtensionPatch{RingTime: &ring}), "VoicemailSettings", true},
		{"rights", patch(store.ExtensionPatch{Classes: &classes, MaxCalls: &count, Minutes: &count, CallLimit: &count}), "", false},
		{"disabled", patch(store.ExtensionPatch{Disabled: &yes}), "", true},
		{"enabled", patch(store.ExtensionPatch{Disabled: &no}), "", true},
		{"a PIN", func() error { return f.SetPINHash(ctx, ana, "hash") }, "VoicemailSettings", true},
		{"the company", func() error { return f.SetCompany(ctx, office.Company{Number: "+525555550101"}) }, "CallerIdSettings Profile", true},
		{"a line", func() error {
			return f.SetLine(ctx, office.Line{Number: "+525555550123", Extensions: []office.Number{"101"}})
		}, "CallerIdSettings", true},
		{"another's line", func() error { return f.SetLine(ctx, office.Line{Number: "+525555550124"}) }, "", false},
		{"the line's removal", func() error { return f.RemoveLine(ctx, "+525555550123") }, "CallerIdSettings", true},
		{"another extension", func() error { f.add(t, "102"); return nil }, "Extension", true},
		{"its removal", func() error { return f.RemoveExtension(ctx, "102", 0) }, "Extension", true},
	} {
		before, err := f.States(ctx, ana)
		must(t, err)
		mine, cancel := f.Subscribe(ana)
		must(t, c.do())
		if got := woken(mine); got != c.woken {
			t.Errorf("%s: woken %t", c.what, got)
		}
		cancel()
		after, err := f.States(ctx, ana)
		must(t, err)
		if got := moved(before, after); got != c.moves {
			t.Errorf("%s: moved %q, want %q", c.what, got, c.moves)
		}
	}
}

// moved returns the types whose states differ, in order.
func moved(before, after map[store.Type]store.State) string {
	var out []string
	for _, is := range []store.Type{
		store.TypeAvailability, store.TypeCall, store.TypeCallerIDSettings, store.TypeExtension,
		store.TypeForwardingSettings, store.TypeProfile, store.TypeVoicemail, store.TypeVoicemailSettings,
	} {
		if before[is] != after[is] {
			out = append(out, string(is))
		}
	}
	return strings.Join(out, " ")
}

func pins(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana := f.add(t, "101")
	has := func(hash string) {
		t.Helper()
		if got, err := f.PINHash(ctx, ana); got != hash || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, hash)
		}
		if all, err := f.PINs(ctx); all[ana] != (hash != "") || len(all) > 1 || err != nil {
			t.Errorf("PINs of %v, %v", all, err)
		}
		if s, err := f.VoicemailSettings(ctx, ana); s.HasPin != (hash != "") || err != nil {
			t.Errorf("%+v, %v", s, err)
		}
	}
	has("")
	must(t, f.SetPINHash(ctx, ana, "h1"))
	has("h1")
	must(t, f.SetPINHash(ctx, ana, "h2"))
	f.restart(t)
	has("h2")
	s, err := f.VoicemailSettings(ctx, ana)
	must(t, err)
	s.HasPin = false // is not of these
	_, err = f.SetVoicemailSettings(ctx, ana, s, "")
	must(t, err)
	has("h2")
	must(t, f.SetPINHash(ctx, ana, ""))
	has("")
	if err := f.SetPINHash(ctx, "nobody", "x"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("a PIN of nobody: %v", err)
	}
	if _, err := f.PINHash(ctx, "nobody"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("a PIN of nobody: %v", err)
	}
}

// How an extension wants to be reached is read at once, and that of all who rest.
func reachability(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	until := f.now.Add(time.Hour)
	forwarding := office.ForwardingSettings{IsEnabled: true, When: office.WhenSet{office.ForwardBusy: true}, Number: "102", RequireKey: true}
	_, err := f.SetForwardingSettings(ctx, ana, forwarding, "")
	must(t, err)
	_, err = f.SetAvailability(ctx, ana, office.Availability{DNDUntil: &until}, "")
	must(t, err)
	for account, want := range map[office.ID]office.ForwardingSettings{ana: forwarding, beto: {When: office.WhenSet{office.ForwardAlways: true}, RequireKey: true}} {
		got, available, err := f.Reachability(ctx, account)
		if err != nil || !reflect.DeepEqual(got, want) || available.Disturbable(f.now) != (account == beto) {
			t.Errorf("%+v, %+v, %v", got, available, err)
		}
	}
	if _, _, err := f.Reachability(ctx, "nobody"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("of nobody: %v", err)
	}
	for now, want := range map[time.Time]int{f.now: 1, until: 0} {
		if all, err := f.Resting(ctx, now); err != nil || len(all) != want || want == 1 && !all[ana] {
			t.Errorf("resting at %v: %v, %v", now, all, err)
		}
	}
}

// A disabled extension lets nobody in, and lets in again who has a password.
func disabledExtension(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana := f.add(t, "101")
	must(t, f.SetPINHash(ctx, ana, "pin"))
	desk, err := f.AddDevice(ctx, office.Device{Extension: "101", Name: "desk", Username: "ddesk"}, store.Secret{MD5: "m", SHA256: "s"})
	must(t, err)
	f.login(t, "101", "laptop")
	f.leave(t, ana, "m1")
	doors := map[string]func() error{
		"password": func() error { _, err := f.PasswordHash(ctx, "101"); return err },
		"PIN":      func() error { _, err := f.PINHash(ctx, ana); return err },
		"device":   func() error { _, _, err := f.DeviceSecret(ctx, "ddesk"); return err },
		"registrant": func() error {
			all, err := f.Registrants(ctx)
			if _, ok := all[desk.ID]; !ok && err == nil {
				err = office.ErrNotFound
			}
			return err
		},
	}
	session := func() error { _, err := f.SessionByToken(ctx, "laptop"); return err }
	must(t, session())
	for _, disabled := range []bool{false, true, false} {
		last := f.Generation()
		e, err := f.SetExtension(ctx, "101", store.ExtensionPatch{Disabled: &disabled})
		if err != nil || e.Disabled != disabled || f.Generation() == last {
			t.Fatalf("%+v, %v; generation %d, then %d", e, err, last, f.Generation())
		}
		if all, err := f.PINs(ctx); !all[ana] || err != nil { // it has one, whether or not it is let in by it
			t.Errorf("disabled %t: PINs of %v, %v", disabled, all, err)
		}
		for name, open := range doors {
			if err := open(); disabled != errors.Is(err, office.ErrNotFound) || !disabled && err != nil {
				t.Errorf("%s, disabled %t: %v", name, disabled, err)
			}
		}
		if disabled {
			if err := session(); !errors.Is(err, office.ErrNotFound) {
				t.Errorf("the session goes on: %v", err)
			}
		}
	}
	if err := session(); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("the session came back: %v", err)
	}
	if m, err := f.Mailbox(ctx, ana); err != nil || m != (office.Mailbox{Messages: 1, New: 1, Bytes: stored}) {
		t.Errorf("what was kept: %+v, %v", m, err)
	}
	// Who logs in at the moment when it is disabled is not let in later.
	yes := true
	_, err = f.SetExtension(ctx, "101", store.ExtensionPatch{Disabled: &yes})
	must(t, err)
	if _, err := f.AddSession(ctx, store.NewSession{Device: office.Device{Extension: "101"}, ExpiresAt: f.now}); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("logged in while it is disabled: %v", err)
	}
}

// Who gave a password that was replaced meanwhile is not let in, however close
// the two come to each other.
func loginDuringANewPassword(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana := f.add(t, "101")
	other := f.other(t)
	login := func(s *store.Store, password, token string) error {
		_, err := s.AddSession(ctx, store.NewSession{
			Device: office.Device{Extension: "101", Username: "d" + token}, Token: token, Password: password, ExpiresAt: f.now.Add(time.Hour),
		})
		return err
	}
	must(t, login(f.Store, "hash", "first"))
	if err := login(f.Store, "guess", "second"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("with another password: %v", err)
	}
	password := "hash"
	for i := range 20 {
		next := strconv.Itoa(i)
		f.together(
			t, other,
			func(s *store.Store) error { return s.SetPasswordHash(ctx, "101", next, "") },
			func(s *store.Store) error {
				if err := login(s, password, "t"+next); !errors.Is(err, office.ErrNotFound) {
					return err
				}
				return nil
			},
		)
		if all, err := f.Sessions(ctx, ana); len(all) != 0 || err != nil {
			t.Fatalf("round %d: %d sessions of the former password go on, %v", i, len(all), err)
		}
		password = next
	}
}

// A mailbox counts what is in it.
func mailbox(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana := f.add(t, "101")
	is := func(want office.Mailbox) {
		t.Helper()
		if got, err := f.Mailbox(ctx, ana); got != want || err != nil {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	is(office.Mailbox{})
	f.leave(t, ana, "m1")
	f.leave(t, ana, "m2")
	f.leave(t, f.add(t, "102"), "x1")
	is(office.Mailbox{Messages: 2, New: 2, Bytes: 2 * stored})
	_, err := f.SetVoicemails(ctx, ana, store.VoicemailSet{IsNew: map[office.ID]bool{"m1": false}})
	must(t, err)
	is(office.Mailbox{Messages: 2, New: 1, Bytes: 2 * stored})
	_, err = f.SetVoicemails(ctx, ana, store.VoicemailSet{Destroy: []office.ID{"m2"}})
	must(t, err)
	is(office.Mailbox{Messages: 1, Bytes: stored})
	if m, err := f.Mailbox(ctx, "nobody"); m != (office.Mailbox{}) || err != nil {
		t.Errorf("of nobody: %+v, %v", m, err)
	}
}
