package store_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// call returns a live call.
func call(id office.ID, kind office.CallKind, started time.Time) office.Call {
	return office.Call{ID: id, Kind: kind, Peer: office.Party{Number: "102", Name: "Beto Núñez"}, StartedAt: started}
}

// ended returns a finished call.
func ended(id office.ID, kind office.CallKind, o office.Outcome, started time.Time) office.Call {
	c := call(id, kind, started)
	c.Outcome = o
	return c
}

func calls(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	out, in := call("out", office.Outgoing, f.now), call("in", office.Incoming, f.now)
	must(t, f.BeginCalls(ctx, store.Side{Account: ana, Call: out}, store.Side{Account: beto, Call: in}))
	if got, err := f.QueryCalls(ctx, ana, store.CallFilter{}, store.Page{}); len(got) != 0 || err != nil {
		t.Fatalf("a live call is in the log: %v, %v", got, err)
	}
	if got, err := f.Calls(ctx, ana, "out"); len(got) != 0 || err != nil {
		t.Fatalf("a live call is in the log: %v, %v", got, err)
	}
	answered := f.now.Add(3 * time.Second)
	out.AnsweredAt, in.AnsweredAt = &answered, &answered
	out.RingDuration = office.Duration(3 * time.Second)
	must(t, f.BeginCalls(ctx, store.Side{Account: ana, Call: out}, store.Side{Account: beto, Call: in})) // once more, on answer
	out.Outcome, in.Outcome = office.Answered, office.Answered
	out.Reason, out.Duration, out.AnsweredBy, out.ForwardedTo = "200", office.Duration(61500*time.Millisecond), "laptop", "103"
	out.Encryption = office.Encryption{Local: "srtp", Remote: "rtp"}
	must(t, f.EndCalls(ctx, store.Side{Account: beto, Call: in}, store.Side{Account: ana, Call: out}))
	f.restart(t)
	got, err := f.Calls(ctx, ana, "out", "in", "none", "\x00") // the other's side is not one's own
	if err != nil || len(got) != 1 || got[0].AnsweredAt == nil || !got[0].AnsweredAt.Equal(answered) {
		t.Fatalf("got %+v, %v", got, err)
	}
	got[0].AnsweredAt, out.AnsweredAt = nil, nil
	if !reflect.DeepEqual(got[0], out) {
		t.Fatalf("got  %+v\nwant %+v", got[0], out)
	}
	never := ended("never", office.Missed, office.Busy, f.now) // not begun
	must(t, f.EndCalls(ctx, store.Side{Account: ana, Call: never}))
	if n, err := f.CountCalls(ctx, ana, store.CallFilter{}); n != 2 || err != nil {
		t.Fatalf("%d calls, %v", n, err)
	}
	if err := f.BeginCalls(ctx, store.Side{Account: ana, Call: never}); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("a finished call became live: %v", err)
	}
	if err := f.EndCalls(ctx, store.Side{Account: beto, Call: never}); !errors.Is(err, office.ErrNotFound) {
		t.Fatalf("changed somebody else's call: %v", err)
	}
	if err := f.EndCalls(ctx, store.Side{Account: ana, Call: call("x", office.Incoming, f.now)}); err == nil {
		t.Fatal("a call without outcome ended")
	}
	if got, err := f.Calls(ctx, ana); len(got) != 0 || err != nil {
		t.Fatalf("no ids: %v, %v", got, err)
	}
}

func callFilters(t *testing.T, f *fixture) {
	ctx := t.Context()
	account := f.add(t, "101")
	other := f.add(t, "102")
	day := 24 * time.Hour
	parties := []office.Party{{Number: "+525512345678", Name: "Beto Núñez"}, {Number: "103", Name: "100% _Carla_"}, {}}
	var sides []store.Side
	for i := range 12 { // two calls at each time: the id decides
		c := ended(office.ID(fmt.Sprintf("c%02d", i)), []office.CallKind{office.Incoming, office.Outgoing, office.Missed}[i%3], office.Answered, f.now.Add(time.Duration(i/2)*day))
		c.Peer = parties[i%3]
		sides = append(sides, store.Side{Account: account, Call: c})
	}
	must(t, f.EndCalls(ctx, append(sides, store.Side{Account: other, Call: ended("z", office.Missed, office.Busy, f.now)})...))
	for _, c := range []struct {
		what string
		f    store.CallFilter
		p    store.Page
		want string
	}{
		{"all", store.CallFilter{}, store.Page{}, "c11 c10 c09 c08 c07 c06 c05 c04 c03 c02 c01 c00"},
		{"kind", store.CallFilter{Kind: office.Missed}, store.Page{}, "c11 c08 c05 c02"},
		{"after is inclusive", store.CallFilter{After: f.now.Add(4 * day)}, store.Page{}, "c11 c10 c09 c08"},
		{"before is exclusive", store.CallFilter{Before: f.now.Add(day)}, store.Page{}, "c01 c00"},
		{"span and kind", store.CallFilter{Kind: office.Incoming, After: f.now.Add(day), Before: f.now.Add(4 * day)}, store.Page{}, "c06 c03"},
		{"name without accents", store.CallFilter{Text: "nunez"}, store.Page{}, "c09 c06 c03 c00"},
		{"words in any order", store.CallFilter{Text: "NÚÑEZ 5512"}, store.Page{}, "c09 c06 c03 c00"},
		{"wildcards are letters", store.CallFilter{Text: "100% _c"}, store.Page{}, "c10 c07 c04 c01"},
		{"wildcards match nothing else", store.CallFilter{Text: "b%o"}, store.Page{}, ""},
		{"what is no text", store.CallFilter{Text: "beto\x00\xff"}, store.Page{}, "c09 c06 c03 c00"},
		{"first page", store.CallFilter{}, store.Page{Limit: 5}, "c11 c10 c09 c08 c07"},
		{"behind an anchor", store.CallFilter{}, store.Page{Anchor: "c07", Limit: 3}, "c06 c05 c04"},
		{"behind an anchor that the filter leaves out", store.CallFilter{Kind: office.Missed}, store.Page{Anchor: "c07"}, "c05 c02"},
		{"position", store.CallFilter{}, store.Page{Position: 10, Limit: 9}, "c01 c00"},
		{"position behind an anchor", store.CallFilter{}, store.Page{Anchor: "c05", Position: 2, Limit: 2}, "c02 c01"},
		{"past the end", store.CallFilter{}, store.Page{Anchor: "c00"}, ""},
	} {
		got, err := f.QueryCalls(ctx, account, c.f, c.p)
		if words(got) != c.want || err != nil {
			t.Errorf("%s: %v, %v; want %s", c.what, got, err, c.want)
		}
		if n, err := f.CountCalls(ctx, account, c.f); c.p == (store.Page{}) && (n != len(got) || err != nil) {
			t.Errorf("%s: counted %d, %v", c.what, n, err)
		}
		for i, id := range got {
			if at, err := f.PlaceOfCall(ctx, account, c.f, id); c.p == (store.Page{}) && (at != i || err != nil) {
				t.Errorf("%s: call %s is at %d, %v; want %d", c.what, id, at, err, i)
			}
		}
	}
	for _, anchor := range []office.ID{"none", "\x00", "z"} { // z is not in this account's log
		if _, err := f.QueryCalls(ctx, account, store.CallFilter{}, store.Page{Anchor: anchor}); !errors.Is(err, office.ErrNotFound) {
			t.Errorf("anchor %s: %v", anchor, err)
		}
		if at, err := f.PlaceOfCall(ctx, account, store.CallFilter{}, anchor); !errors.Is(err, office.ErrNotFound) {
			t.Errorf("call %s is at %d, %v", anchor, at, err)
		}
	}
	if at, err := f.PlaceOfCall(ctx, account, store.CallFilter{Kind: office.Missed}, "c07"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("a call that the filter leaves out is at %d, %v", at, err)
	}
}

func words(ids []office.ID) string {
	s := make([]string, len(ids))
	for i, id := range ids {
		s[i] = string(id)
	}
	return strings.Join(s, " ")
}

func interruptedCalls(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	must(t, f.BeginCalls(ctx, store.Side{Account: ana, Call: call("out", office.Outgoing, f.now)}, store.Side{Account: beto, Call: call("in", office.Incoming, f.now)}))
	before, err := f.State(ctx, beto, store.TypeCall)
	must(t, err)
	f.restart(t)
	for account, want := range map[office.ID]office.Call{ana: call("out", office.Outgoing, f.now), beto: call("in", office.Incoming, f.now)} {
		want.Outcome, want.Reason = office.Failed, office.Interrupted
		if got, err := f.Calls(ctx, account, want.ID); err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	if c, err := f.Changes(ctx, beto, store.TypeCall, before, 0); err != nil || words(c.Created) != "in" {
		t.Fatalf("the clients do not hear of it: %+v, %v", c, err)
	}
	after, err := f.State(ctx, beto, store.TypeCall)
	must(t, err)
	f.restart(t)
	if again, err := f.State(ctx, beto, store.TypeCall); again != after || err != nil {
		t.Fatalf("interrupted twice: %s then %s, %v", after, again, err)
	}
}

// What is remembered of where a page ended is right, and forgotten when anything
// changes, on whatever server.
func placesOfPages(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	add := func(s *store.Store, account office.ID, i int) {
		t.Helper()
		kind := []office.CallKind{office.Incoming, office.Outgoing}[i%2]
		c := ended(office.ID(fmt.Sprintf("%s-%03d", account[:4], i)), kind, office.Answered, f.now.Add(time.Duration(i)*time.Second))
		must(t, s.EndCalls(ctx, store.Side{Account: account, Call: c}))
	}
	for i := range 40 {
		add(f.Store, ana, i)
		add(f.Store, beto, i)
	}
	servers := []*store.Store{f.Store}
	if other := f.other(t); other != nil {
		servers = append(servers, other)
	}
	next := 40
	for round, server := range servers {
		for what, c := range map[string]struct {
			account office.ID
			filter  store.CallFilter
			page    store.Page
		}{
			"all":              {ana, store.CallFilter{}, store.Page{Limit: 7}},
			"of somebody else": {beto, store.CallFilter{}, store.Page{Limit: 3}},
			"of a kind":        {ana, store.CallFilter{Kind: office.Outgoing}, store.Page{Limit: 4}},
			"from a position":  {ana, store.CallFilter{}, store.Page{Limit: 5, Position: 3}},
		} {
			all, err := f.QueryCalls(ctx, c.account, c.filter, store.Page{})
			must(t, err)
			for n := 0; ; n++ {
				ids, err := f.QueryCalls(ctx, c.account, c.filter, c.page)
				must(t, err)
				if len(ids) == 0 {
					break
				}
				last := ids[len(ids)-1]
				for range 2 { // before and after a change
					if at, err := f.PlaceOfCall(ctx, c.account, c.filter, last); err != nil || at != slices.Index(all, last) {
						t.Fatalf("round %d, %s: %s is in place %d, %v; want %d", round, what, last, at, err, slices.Index(all, last))
					}
					if n%2 == 0 {
						break
					}
					add(server, c.account, next)
					next++
					all, err = f.QueryCalls(ctx, c.account, c.filter, store.Page{})
					must(t, err)
				}
				c.page.Anchor, c.page.Position = last, 0
			}
		}
	}
	if _, err := f.PlaceOfCall(ctx, "nobody", store.CallFilter{}, "x"); !errors.Is(err, office.ErrNotFound) {
		t.Errorf("a place of nobody: %v", err)
	}
}

// A call that the server's stop cut in the middle of the talk was not missed, and
// lasted as long as the server is known to have run.
func interruptedTalks(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	answered := f.now.Add(10 * time.Second)
	in, out := call("in", office.Missed, f.now), call("out", office.Outgoing, f.now)
	in.AnsweredAt, out.AnsweredAt = &answered, &answered
	late := call("late", office.Missed, f.now)
	after := f.now.Add(time.Hour)
	late.AnsweredAt = &after
	must(t, f.BeginCalls(ctx, store.Side{Account: ana, Call: out}, store.Side{Account: beto, Call: in}, store.Side{Account: beto, Call: late}))
	f.now = f.now.Add(3 * time.Minute).Truncate(time.Second)
	f.house(t) // seen for the last time
	talk := f.now.Sub(answered)
	f.now = f.now.Add(time.Hour)
	f.restart(t)
	for account, want := range map[office.ID]office.Call{ana: out, beto: in} {
		if want.Kind == office.Missed {
			want.Kind = office.Incoming
		}
		want.Outcome, want.Reason, want.Duration = office.Failed, office.Interrupted, office.Duration(talk)
		if got, err := f.Calls(ctx, account, want.ID); err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	if got, err := f.Calls(ctx, beto, "late"); err != nil || len(got) != 1 || got[0].Duration != 0 {
		t.Errorf("answered after the server was last seen: %+v, %v", got, err)
	}
}

// What was counted holds until the log changes, in any way.
func countedCalls(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	check := func(what string, all, missed int) {
		t.Helper()
		for range 2 {
			for kind, want := range map[office.CallKind]int{"": all, office.Missed: missed} {
				if n, err := f.CountCalls(ctx, ana, store.CallFilter{Kind: kind}); n != want || err != nil {
					t.Fatalf("%s: %d calls of kind %q, %v; want %d", what, n, kind, err, want)
				}
			}
		}
	}
	check("an empty log", 0, 0)
	one := ended("one", office.Missed, office.NoAnswer, f.now)
	must(t, f.EndCalls(ctx, store.Side{Account: ana, Call: one}, store.Side{Account: beto, Call: ended("his", office.Missed, office.NoAnswer, f.now)}))
	check("a missed call", 1, 1)
	must(t, f.BeginCalls(ctx, store.Side{Account: ana, Call: call("live", office.Incoming, f.now)}))
	check("a live call", 1, 1)
	one.Kind = office.Incoming
	must(t, f.EndCalls(ctx, store.Side{Account: ana, Call: one}))
	check("a call that was not missed after all", 1, 0)
	must(t, f.SetRetention(ctx, store.Retention{Calls: time.Hour}))
	f.now = f.now.Add(2 * time.Hour)
	f.house(t)
	check("a call that was too old", 0, 0)
	if n, err := f.CountCalls(ctx, "nobody", store.CallFilter{}); n != 0 || err != nil {
		t.Errorf("nobody's: %d, %v", n, err)
	}
}

// A server starts on a disk without room, and enters what its stop cut when there
// is room again.
func interruptedOnAFullDisk(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	for i := range 250 { // more than go into one commit
		must(t, f.BeginCalls(ctx, store.Side{Account: ana, Call: call(office.ID(fmt.Sprint("c", i)), office.Outgoing, f.now)}))
	}
	must(t, f.BeginCalls(ctx, store.Side{Account: beto, Call: call("gone", office.Incoming, f.now)}))
	must(t, f.Exec(ctx, "ALTER TABLE feed RENAME TO full_disk")) // nothing of it can be written
	f.restart(t)
	must(t, f.Exec(ctx, "ALTER TABLE full_disk RENAME TO feed"))
	must(t, f.BeginCalls(ctx, store.Side{Account: ana, Call: call("now", office.Outgoing, f.now)}))
	must(t, f.RemoveExtension(ctx, "102", 0))
	f.house(t)
	if n, err := f.CountCalls(ctx, ana, store.CallFilter{}); n != 250 || err != nil {
		t.Errorf("%d calls in the log, %v; want those that were cut, and not the one that goes on", n, err)
	}
}

func concurrentCalls(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			a := store.Side{Account: ana, Call: ended(office.ID(fmt.Sprintf("a%d", i)), office.Outgoing, office.Answered, f.now)}
			b := store.Side{Account: beto, Call: ended(office.ID(fmt.Sprintf("b%d", i)), office.Incoming, office.Answered, f.now)}
			sides := []store.Side{a, b}
			if i%2 == 0 {
				slices.Reverse(sides)
			}
			if err := f.EndCalls(ctx, sides...); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, account := range []office.ID{ana, beto} {
		if n, err := f.CountCalls(ctx, account, store.CallFilter{}); n != 40 || err != nil {
			t.Fatalf("%d calls, %v", n, err)
		}
	}
}

func status(t *testing.T, f *fixture) {
	ctx := t.Context()
	must(t, f.Ping(ctx))
	f.add(t, "101")
	f.login(t, "101", "t1")
	_, err := f.AddDevice(ctx, office.Device{Extension: "101", Username: "desk"}, store.Secret{})
	must(t, err)
	got, err := f.Status(ctx)
	want := store.Status{Database: got.Database, Extensions: 1, Devices: 1, Sessions: 1}
	if got != want || err != nil || got.Database == "" {
		t.Fatalf("got %+v, %v", got, err)
	}
}
