package store_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

func company(t *testing.T, f *fixture) {
	if _, err := f.Company(t.Context()); !errors.Is(err, office.ErrNoCompany) {
		t.Fatalf("an empty office: %v", err)
	}
	for _, want := range []office.Company{
		{Number: "+525555550100", Name: "Ejemplo", Region: "MX"},
		{Number: "+525555550101", Name: "Otro «nombre»", Region: "US", TimeZone: "America/Tijuana", Email: "a@example.com"}, // set again
	} {
		must(t, f.SetCompany(t.Context(), want))
		if got, err := f.Company(t.Context()); got != want || err != nil {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
}

func extensions(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, err := f.AddExtension(ctx, office.Extension{Number: "101", Name: "Ana López", Email: "ana@example.com"}, "hash")
	must(t, err)
	if ana.Account == "" || ana.Language != office.Spanish || ana.RingTime != office.DefaultRingTime {
		t.Fatalf("got %+v", ana)
	}
	if _, err := f.AddExtension(ctx, office.Extension{Number: "101", Name: "Otra"}, "x"); !errors.Is(err, office.ErrExists) {
		t.Fatalf("the same number again: %v", err)
	}
	f.add(t, "100")
	name, ring, lang := "Ana María", 5*time.Second, office.English
	ana, err = f.SetExtension(ctx, "101", store.ExtensionPatch{Name: &name, RingTime: &ring, Language: &lang})
	must(t, err)
	if ana.Name != name || ana.RingTime != ring || ana.Language != lang || ana.Email != "ana@example.com" {
		t.Fatalf("got %+v", ana)
	}
	f.restart(t)
	for what, get := range map[string]func() (office.Extension, error){
		"by number":  func() (office.Extension, error) { return f.Extension(ctx, "101") },
		"by account": func() (office.Extension, error) { return f.ExtensionOf(ctx, ana.Account) },
	} {
		if got, err := get(); got != ana || err != nil {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	all, err := f.Extensions(ctx)
	if err != nil || len(all) != 2 || all[0].Number != "100" || all[1] != ana {
		t.Fatalf("got %+v, %v", all, err)
	}
	if hash, err := f.PasswordHash(ctx, "101"); hash != "hash" || err != nil {
		t.Fatalf("got %q, %v", hash, err)
	}
	_, err1 := f.Extension(ctx, "199")
	_, err2 := f.ExtensionOf(ctx, "nobody")
	_, err3 := f.PasswordHash(ctx, "199")
	_, err4 := f.SetExtension(ctx, "199", store.ExtensionPatch{})
	for i, err := range []error{err1, err2, err3, err4, f.SetPasswordHash(ctx, "199", "x", ""), f.RemoveExtension(ctx, "199", 0)} {
		if !errors.Is(err, office.ErrNotFound) {
			t.Errorf("missing extension, call %d: %v", i, err)
		}
	}
}

func removedExtensionIsKept(t *testing.T, f *fixture) {
	ctx := t.Context()
	account := f.add(t, "101")
	f.login(t, "101", "token")
	v := f.leave(t, account, "")
	must(t, f.RemoveExtension(ctx, "101", 24*time.Hour))
	if _, err := f.SessionByToken(ctx, "token"); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("the login outlived its extension: %v", err)
	}
	again := f.add(t, "101") // the number is free, what was kept is not its own
	if got, err := f.QueryVoicemails(ctx, again, store.VoicemailFilter{}, store.Page{}); len(got) != 0 || err != nil {
		t.Fatalf("got %v, %v", got, err)
	}
	f.now = f.now.Add(23 * time.Hour)
	f.house(t)
	if got, err := f.Voicemails(ctx, account, v.ID); len(got) != 1 || err != nil {
		t.Fatalf("gone too early: %v, %v", got, err)
	}
	f.now = f.now.Add(2 * time.Hour)
	f.house(t)
	f.gone(t, account, v)
	if _, err := f.State(ctx, again, store.TypeCall); err != nil {
		t.Fatal(err)
	}
}

func removedExtensionIsPurged(t *testing.T, f *fixture) {
	account := f.add(t, "101")
	v := f.leave(t, account, "")
	must(t, f.BeginRecording(t.Context(), store.Recording{ID: office.NewID(), Account: account, StartedAt: f.now}))
	must(t, f.BeginCalls(t.Context(), store.Side{Account: account, Call: call("c1", office.Incoming, f.now)}))
	must(t, f.EndCalls(t.Context(), store.Side{Account: account, Call: ended("c2", office.Missed, office.Busy, f.now)}))
	must(t, f.RemoveExtension(t.Context(), "101", 0))
	f.gone(t, account, v)
	err := f.EndCalls(t.Context(), store.Side{Account: account, Call: ended("c1", office.Missed, office.Canceled, f.now)})
	if !errors.Is(err, office.ErrNotFound) { // a call that outlived its extension
		t.Fatalf("got %v", err)
	}
}

func devices(t *testing.T, f *fixture) {
	ctx := t.Context()
	account := f.add(t, "101")
	f.add(t, "102")
	secret := store.Secret{MD5: "aa", SHA256: "bb"}
	desk, err := f.AddDevice(ctx, office.Device{Extension: "101", Name: "desk", Username: "dabc"}, secret)
	must(t, err)
	other, err := f.AddDevice(ctx, office.Device{Extension: "102", Name: "door", Username: "ddef"}, secret)
	must(t, err)
	if got, s, err := f.DeviceSecret(ctx, "dabc"); got != desk || s != secret || err != nil {
		t.Fatalf("got %+v, %v, %v; want %+v", got, s, err, desk)
	}
	if _, err := f.AddDevice(ctx, office.Device{Extension: "199", Username: "x"}, secret); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("a device of nobody: %v", err)
	}
	if all, err := f.Devices(ctx, ""); len(all) != 2 || err != nil {
		t.Fatalf("got %v, %v", all, err)
	}
	if all, err := f.Devices(ctx, "102"); err != nil || !slices.Equal(all, []office.Device{other}) {
		t.Fatalf("got %v, %v", all, err)
	}
	f.now = f.now.Add(time.Minute)
	must(t, f.Rebind(ctx, store.Rebinding{Used: desk.ID}))
	all, err := f.Registrants(ctx)
	if err != nil || len(all) != 2 || all[desk.ID].Account != account || !all[desk.ID].LastUsed.Equal(f.now) {
		t.Fatalf("got %v, %v", all, err)
	}
	must(t, f.RemoveDevice(ctx, desk.ID))
	if _, _, err := f.DeviceSecret(ctx, "dabc"); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("a removed device: %v", err)
	}
	if err := f.RemoveDevice(ctx, desk.ID); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("removed twice: %v", err)
	}
}

func sessions(t *testing.T, f *fixture) {
	ctx := t.Context()
	account := f.add(t, "101")
	first := f.login(t, "101", "t1")
	if first.Account != account || first.Extension != "101" || !first.Device.Session || first.Device.Name != "laptop" || first.Address != "192.0.2.1" {
		t.Fatalf("got %+v", first)
	}
	second := f.login(t, "101", "t2")
	f.now = f.now.Add(time.Minute)
	must(t, f.UseSession(ctx, first.ID, f.now.Add(2*time.Hour)))
	got, err := f.SessionByToken(ctx, "t1")
	if err != nil || !got.LastUsed.Equal(f.now) || !got.ExpiresAt.Equal(f.now.Add(2*time.Hour)) {
		t.Fatalf("got %+v, %v", got, err)
	}
	list, err := f.Sessions(ctx, account)
	if err != nil || len(list) != 2 || list[0] != got || list[1] != second {
		t.Fatalf("got %+v, %v", list, err)
	}
	if err := f.RemoveSession(ctx, f.add(t, "102"), first.ID); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("ended somebody else's session: %v", err)
	}
	f.now = f.now.Add(time.Hour) // the second is over
	if list, err := f.Sessions(ctx, account); err != nil || len(list) != 1 {
		t.Fatalf("got %+v, %v", list, err)
	}
	f.house(t)
	if _, err := f.SessionByToken(ctx, "t2"); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("an expired session stays: %v", err)
	}
	must(t, f.RemoveSession(ctx, account, first.ID))
	if all, err := f.Devices(ctx, "101"); len(all) != 0 || err != nil {
		t.Fatalf("devices outlived their sessions: %v, %v", all, err)
	}
	if err := f.UseSession(ctx, first.ID, f.now); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("used a session that ended: %v", err)
	}
	if _, err := f.AddSession(ctx, store.NewSession{Device: office.Device{Extension: "199"}}); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("a session of nobody: %v", err)
	}
	d := f.login(t, "101", "t3").Device
	must(t, f.RemoveDevice(ctx, d.ID))
	if _, err := f.SessionByToken(ctx, "t3"); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("a session outlived its device: %v", err)
	}
}

func rotatedSession(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.add(t, "101")
	s := f.login(t, "101", "t1")
	must(t, f.Rebind(ctx, store.Rebinding{Put: []store.Binding{{Device: s.Device.ID, Contact: "sip:a", CreatedAt: f.now}}}))
	fresh := store.Secret{MD5: "m2", SHA256: "s2"}
	must(t, f.RotateSession(ctx, s.ID, 1, fresh))
	if _, got, err := f.DeviceSecret(ctx, s.Device.Username); got != fresh || err != nil {
		t.Fatalf("got %v, %v", got, err)
	}
	if got, err := f.SessionByToken(ctx, "t1"); got.Rotation != 1 || err != nil {
		t.Fatalf("got %+v, %v", got, err)
	}
	if b, err := f.Bindings(ctx); len(b) != 0 || err != nil {
		t.Fatalf("registered with the old secret: %v, %v", b, err)
	}
	if err := f.RotateSession(ctx, s.ID, 1, fresh); !errors.Is(err, office.ErrNotFound) { // two at once
		t.Fatalf("got %v", err)
	}
}

func newPasswordEndsSessions(t *testing.T, f *fixture) {
	ctx := t.Context()
	account := f.add(t, "101")
	f.login(t, "101", "t1")
	f.login(t, "101", "t2")
	desk, err := f.AddDevice(ctx, office.Device{Extension: "101", Name: "desk", Username: "desk"}, store.Secret{})
	must(t, err)
	must(t, f.SetPasswordHash(ctx, "101", "newer", ""))
	if list, err := f.Sessions(ctx, account); err != nil || len(list) != 0 {
		t.Fatalf("got %+v, %v", list, err)
	}
	if all, err := f.Devices(ctx, "101"); err != nil || !slices.Equal(all, []office.Device{desk}) {
		t.Fatalf("a desk phone has no password: %v, %v", all, err)
	}
	if hash, err := f.PasswordHash(ctx, "101"); hash != "newer" || err != nil {
		t.Fatalf("got %q, %v", hash, err)
	}
}

func bindings(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.add(t, "101")
	d, err := f.AddDevice(ctx, office.Device{Extension: "101", Username: "desk"}, store.Secret{})
	must(t, err)
	b := store.Binding{Device: d.ID, Contact: "sip:a@192.0.2.1", Source: "192.0.2.1:5060", Transport: "udp", CallID: "x", CSeq: 1<<32 - 1, Expires: time.Hour, CreatedAt: f.now}
	must(t, f.Rebind(ctx, store.Rebinding{Put: []store.Binding{b}}))
	b.CSeq, b.CreatedAt = 2, f.now.Add(time.Second)
	c := b
	c.Contact, c.CreatedAt = "sip:b@192.0.2.1", f.now.Add(2*time.Second)
	f.now = f.now.Add(time.Minute)
	must(t, f.Rebind(ctx, store.Rebinding{Put: []store.Binding{b, c}})) // b in place of the first
	f.restart(t)
	if got, err := f.Bindings(ctx); err != nil || !slices.Equal(got, []store.Binding{b, c}) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if all, err := f.Devices(ctx, "101"); err != nil || !all[0].LastUsed.Equal(f.now) {
		t.Fatalf("got %+v, %v", all, err)
	}
	must(t, f.Rebind(ctx, store.Rebinding{Remove: map[office.ID][]string{d.ID: {b.Contact, "sip:unknown"}, "nobody": {c.Contact}}}))
	must(t, f.Rebind(ctx, store.Rebinding{}))
	if got, err := f.Bindings(ctx); err != nil || !slices.Equal(got, []store.Binding{c}) {
		t.Fatalf("got %+v, %v", got, err)
	}
	must(t, f.RemoveDevice(ctx, d.ID))
	if err := f.Rebind(ctx, store.Rebinding{Put: []store.Binding{b}}); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("registered a device that is gone: %v", err)
	}
	if err := f.Rebind(ctx, store.Rebinding{Used: d.ID}); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("used a device that is gone: %v", err)
	}
	if got, err := f.Bindings(ctx); err != nil || len(got) != 0 {
		t.Fatalf("got %+v, %v", got, err)
	}
}

// A clock that is far ahead when the server starts ends nothing that is kept for a
// time, also if the server is started again; after a day it is believed.
func clockSetAhead(t *testing.T, f *fixture) {
	ctx := t.Context()
	must(t, f.SetCompany(ctx, office.Company{Number: "+525555550100", Email: "admin@example.com"}))
	must(t, f.SetRetention(ctx, store.Retention{Calls: 100 * 24 * time.Hour, Voicemail: 100 * 24 * time.Hour}))
	ana := f.add(t, "101")
	f.leave(t, ana, "m1")
	f.Look(ctx)
	f.now = f.now.Add(365 * 24 * time.Hour)
	for range 2 {
		f.restart(t)
		f.Look(ctx)
		if m, err := f.Mailbox(ctx, ana); m.Messages != 1 || err != nil {
			t.Fatalf("%+v, %v: the message is gone", m, err)
		}
	}
	m, ok, err := f.ClaimMail(ctx, time.Minute)
	if err != nil || !ok || m.Notice.Kind != office.NoticeClock || m.To != "admin@example.com" {
		t.Errorf("the administrator was told %+v, %t, %v", m, ok, err)
	}
	if _, ok, err := f.ClaimMail(ctx, time.Minute); ok || err != nil {
		t.Errorf("told twice, %v", err)
	}
	must(t, f.Exec(ctx, "UPDATE meta SET value = '0' WHERE name = 'clock.doubted'")) // a day later
	f.restart(t)
	f.Look(ctx)
	if m, err := f.Mailbox(ctx, ana); m.Messages != 0 || err != nil {
		t.Errorf("%+v, %v: it stays for ever", m, err)
	}
}

func alive(t *testing.T, f *fixture) {
	f.restart(t)
	if a := f.Alive(); !a.IsZero() {
		t.Fatalf("alive at %v before any server ran", a)
	}
	f.house(t)
	if a := f.Alive(); !a.IsZero() {
		t.Fatalf("alive at %v: that is this server itself", a)
	}
	f.restart(t)
	if a := f.Alive(); !a.Equal(f.now.Truncate(time.Second)) {
		t.Fatalf("alive at %v, want %v", a, f.now)
	}
}
