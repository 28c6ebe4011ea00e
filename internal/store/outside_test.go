package store_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

func trunks(t *testing.T, f *fixture) {
	ctx := t.Context()
	wake, cancel := f.Configured()
	defer cancel()
	var want []office.Trunk
	for i, tr := range []office.Trunk{ // in the order in which they are tried
		{Name: "zeta", URI: "sip:192.0.2.1:5070", Transport: "udp", Priority: -1, Format: office.E164},
		{Name: "alfa", URI: "sip:carrier.example.com", Transport: "tls", Register: true, Username: "5555550100", Format: office.NationalFormat, T38: true},
		{Name: "beta", URI: "sip:carrier.example.org", Transport: "tcp", Format: office.E164},
	} {
		got, err := f.AddTrunk(ctx, tr, fmt.Sprint("secret", i))
		tr.ID = got.ID
		if err != nil || got != tr || !got.ID.Valid() || !woken(wake) {
			t.Fatalf("%+v, %v", got, err)
		}
		want = append(want, got)
	}
	if _, err := f.AddTrunk(ctx, office.Trunk{Name: "alfa", URI: "sip:x"}, "x"); !errors.Is(err, office.ErrExists) || woken(wake) {
		t.Errorf("the name was taken: %v", err)
	}
	f.restart(t)
	if all, err := f.Trunks(ctx); err != nil || !slices.Equal(all, want) {
		t.Errorf("%+v, %v\nwant %+v", all, err, want)
	}
	for i, tr := range want {
		if secret, err := f.TrunkSecret(ctx, tr.ID); secret != fmt.Sprint("secret", i) || err != nil {
			t.Errorf("%s: %q, %v", tr.Name, secret, err)
		}
	}
	wake, cancel = f.Configured()
	defer cancel()
	changed := office.Trunk{ID: want[1].ID, Name: "alfa", URI: "sip:new.example.com", Transport: "tcp", Username: "1", Priority: 7, Format: office.E164}
	other := "another secret"
	for _, secret := range []*string{nil, &other} { // none stays what it was
		must(t, f.SetTrunk(ctx, changed, secret))
		kept := "secret1"
		if secret != nil {
			kept = *secret
		}
		if got, err := f.TrunkSecret(ctx, changed.ID); got != kept || err != nil || !woken(wake) {
			t.Errorf("changed: %q, %v", got, err)
		}
	}
	if all, err := f.Trunks(ctx); err != nil || !slices.Equal(all, []office.Trunk{want[0], want[2], changed}) {
		t.Errorf("%+v, %v", all, err)
	}
	if err := f.SetTrunk(ctx, office.Trunk{ID: "nobody"}, nil); !errors.Is(err, office.ErrNotFound) || woken(wake) {
		t.Errorf("a trunk that is not there was changed: %v", err)
	}
	must(t, f.RemoveTrunk(ctx, "alfa"))
	if !woken(wake) {
		t.Error("removed, and nobody was woken")
	}
	if all, err := f.Trunks(ctx); err != nil || !slices.Equal(all, []office.Trunk{want[0], want[2]}) {
		t.Errorf("%+v, %v", all, err)
	}
	if err := f.RemoveTrunk(ctx, "alfa"); !errors.Is(err, office.ErrNotFound) || woken(wake) {
		t.Errorf("removed twice: %v", err)
	}
	if _, err := f.TrunkSecret(ctx, want[1].ID); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("the secret of a trunk that is gone: %v", err)
	}
	if again, err := f.AddTrunk(ctx, want[1], ""); err != nil || again.ID == want[1].ID {
		t.Errorf("the same name again: %+v, %v", again, err)
	}
}

func lines(t *testing.T, f *fixture) {
	ctx := t.Context()
	for _, n := range []office.Number{"101", "102", "103"} {
		f.add(t, n)
	}
	wake, cancel := f.Configured()
	defer cancel()
	const desk, front = office.Number("+525555550123"), office.Number("+525555550122")
	for _, l := range []office.Line{
		{Number: desk, Extensions: []office.Number{"103", "101"}},        // in their order, not by number
		{Number: desk, Extensions: []office.Number{"102", "103", "102"}}, // in place of it; twice is once
		{Number: front, Extensions: []office.Number{}, Menu: true},
		{Number: front, Extensions: []office.Number{"101"}, Fax: true},
	} {
		must(t, f.SetLine(ctx, l))
		if !woken(wake) {
			t.Errorf("%s: nobody was woken", string(l.Number))
		}
		if len(l.Extensions) == 3 {
			l.Extensions = []office.Number{"103", "102"}
		}
		if got, err := f.LineOf(ctx, l.Number); err != nil || !reflect.DeepEqual(got, l) {
			t.Errorf("%+v, %v; want %+v", got, err, l)
		}
	}
	rings := func(want string) {
		t.Helper()
		all, err := f.Lines(ctx)
		must(t, err)
		var got []string
		for _, l := range all {
			got = append(got, fmt.Sprintf("%s:%s", string(l.Number[len(l.Number)-3:]), strings.Join(plain(l.Extensions), "+")))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("got %s, want %s", s, want)
		}
	}
	f.restart(t)
	rings("122:101 123:103+102")

	// A line of what does not exist changes nothing, and neither does its number.
	wake, cancel = f.Configured()
	defer cancel()
	if err := f.SetLine(ctx, office.Line{Number: desk, Extensions: []office.Number{"101", "199"}}); !errors.Is(err, office.ErrNotFound) || woken(wake) {
		t.Errorf("it rings nobody: %v", err)
	}
	rings("122:101 123:103+102")
	must(t, f.RemoveExtension(ctx, "103", time.Hour)) // its lines ring it no more
	if !woken(wake) {
		t.Error("a line rings somebody less, and nobody was woken")
	}
	rings("122:101 123:102")
	must(t, f.RemoveLine(ctx, desk))
	if !woken(wake) {
		t.Error("removed, and nobody was woken")
	}
	rings("122:101")
	for what, err := range map[string]error{
		"removed twice": f.RemoveLine(ctx, desk),
		"asked for":     func() error { _, err := f.LineOf(ctx, desk); return err }(),
	} {
		if !errors.Is(err, office.ErrNotFound) {
			t.Errorf("a line that is gone was %s: %v", what, err)
		}
	}
}

func plain(numbers []office.Number) (out []string) {
	for _, n := range numbers {
		out = append(out, string(n))
	}
	return out
}

// The numbers that may go out are the company's and those that ring the
// extension.
func callerIDs(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	const main, desk, door = office.Number("+525555550100"), office.Number("+525555550099"), office.Number("+525555550123")
	shows := func(when string, account office.ID, number office.Number, choices ...office.Number) {
		t.Helper()
		got, err := f.CallerIDSettings(ctx, account)
		if err != nil || got.Number != number || !slices.Equal(got.Choices, choices) {
			t.Errorf("%s: %+v, %v; want %q of %q", when, got, err, number, choices)
		}
	}
	choose := func(account office.ID, n office.Number) error {
		_, err := f.SetCallerID(ctx, account, n, "")
		return err
	}
	shows("before there is a company", ana, "")
	must(t, f.SetCompany(ctx, office.Company{Number: main, Region: "MX"}))
	shows("with a company", ana, "", main)
	must(t, f.SetLine(ctx, office.Line{Number: door, Extensions: []office.Number{"102", "101"}}))
	must(t, f.SetLine(ctx, office.Line{Number: desk, Extensions: []office.Number{"101"}}))
	must(t, f.SetLine(ctx, office.Line{Number: main, Extensions: []office.Number{"101"}})) // is not there twice
	shows("of two lines", ana, "", main, desk, door)
	shows("of one line", beto, "", main, door)
	must(t, choose(ana, desk))
	shows("chosen", ana, desk, main, desk, door)
	for what, n := range map[string]office.Number{"of somebody else": desk, "of nobody": "+525555550000", "no number": "x\x00"} {
		if err := choose(beto, n); !errors.Is(err, office.ErrNumber) {
			t.Errorf("%s: %v", what, err)
		}
	}
	shows("after what was refused", beto, "", main, door)
	must(t, f.SetLine(ctx, office.Line{Number: desk, Extensions: []office.Number{"102"}}))
	shows("a line that rings somebody else now", ana, "", main, door)
	must(t, f.SetLine(ctx, office.Line{Number: desk, Extensions: []office.Number{"101"}}))
	shows("the same line again", ana, desk, main, desk, door)
	must(t, f.RemoveLine(ctx, desk))
	shows("a line that is gone", ana, "", main, door)
	must(t, choose(ana, main))
	must(t, f.SetCompany(ctx, office.Company{Number: door, Region: "MX"}))
	shows("of a company that has another number", ana, main, door, main) // which is its line too
}

func usage(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	mexico := time.FixedZone("CST", -6*3600)
	late := time.Date(2026, 3, 4, 23, 59, 0, 0, mexico) // already the 5th in UTC
	next := late.Add(time.Hour)
	is := func(account office.ID, day time.Time, calls int, talk time.Duration) {
		t.Helper()
		if u, err := f.Usage(ctx, account, day); u != (store.Usage{Calls: calls, Time: talk}) || err != nil {
			t.Errorf("%v: %+v, %v; want %d calls of %v", day, u, err, calls, talk)
		}
	}
	is(ana, late, 0, 0)
	must(t, f.AddUsage(ctx, ana, late, 90*time.Second))
	must(t, f.AddUsage(ctx, ana, late, 1500*time.Millisecond))
	must(t, f.AddUsage(ctx, ana, next, time.Hour))
	f.restart(t)
	is(ana, late, 2, 91500*time.Millisecond)
	is(ana, late.Add(-23*time.Hour), 2, 91500*time.Millisecond) // the same day
	is(ana, next, 1, time.Hour)
	is(beto, late, 0, 0)
	is("nobody", late, 0, 0)
	if err := f.AddUsage(ctx, "nobody", late, time.Second); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("charged to nobody: %v", err)
	}
	f.now = late.Add(60 * 24 * time.Hour)
	f.keepHouse(t)
	is(ana, late, 2, 91500*time.Millisecond)
	f.now = late.Add(62 * 24 * time.Hour)
	f.keepHouse(t)
	is(ana, late, 0, 0)
}
