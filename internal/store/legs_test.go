package store_test

import (
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// legs returns those of a call to two telephones.
func legs(started time.Time) []office.CallLeg {
	answered := started.Add(2 * time.Second)
	return []office.CallLeg{
		{
			Party: office.Party{Number: "101", Name: "Ana “López” \\ 'x'"}, Device: "laptop", DeviceID: "dlaptop", Outcome: office.Answered,
			StartedAt: started, AnsweredAt: &answered, EndedAt: started.Add(time.Minute), Codec: "opus", Encryption: "srtp", Received: 1 << 40, Lost: 3, Jitter: 0.0125,
		},
		{Party: office.Party{Number: "+525512345678"}, Trunk: "carrier", Outcome: office.Canceled, Reason: "487", StartedAt: started, EndedAt: started.Add(time.Second)},
	}
}

func callLegs(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	want := legs(f.now)
	side := store.Side{Account: ana, Call: call("c1", office.Incoming, f.now)}
	side.Call.Legs = want[:1]
	must(t, f.BeginCalls(ctx, side))
	kept := func(when string, account office.ID, want map[office.ID][]office.CallLeg, ids ...office.ID) {
		t.Helper()
		got, err := f.CallLegs(ctx, account, ids...)
		if err != nil || len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", when, got, err, want)
		}
	}
	kept("while it is live", ana, nil, "c1")
	side.Call.Legs, side.Call.Outcome = want, office.Answered
	must(t, f.EndCalls(ctx, side, store.Side{Account: ana, Call: ended("c2", office.Missed, office.Busy, f.now)}))
	f.restart(t)
	kept("all", ana, map[office.ID][]office.CallLeg{"c1": want}, "c1", "c2", "none", "\x00\xff")
	kept("of somebody else", beto, nil, "c1")
	kept("of no calls", ana, nil)
	side.Call.Legs = nil // who ends it again knows less
	must(t, f.EndCalls(ctx, side))
	kept("after it ended again", ana, map[office.ID][]office.CallLeg{"c1": want}, "c1")
	if got, err := f.Calls(ctx, ana, "c1"); err != nil || len(got) != 1 || got[0].Legs != nil {
		t.Errorf("legs that nobody asked for: %+v, %v", got, err)
	}
}

// A device that took part says how its leg was, during the call or afterwards.
func quality(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana, beto := f.add(t, "101"), f.add(t, "102")
	side := store.Side{Account: ana, Call: call("c1", office.Incoming, f.now)}
	side.Call.Legs = legs(f.now)
	side.Call.Legs = append(side.Call.Legs, office.CallLeg{DeviceID: "desk"})
	must(t, f.BeginCalls(ctx, side))
	good := office.Quality{Codec: "opus", Loss: 0.001, Jitter: 0.004, Delay: 0.06}
	bad := office.Quality{Codec: "opus", Loss: 0.2, Jitter: 0.1, Delay: 0.4}

	state, err := f.State(ctx, ana, store.TypeCall)
	must(t, err)
	must(t, f.addQuality(t, ana, "c1", "dlaptop", good))
	if st, err := f.State(ctx, ana, store.TypeCall); st != state || err != nil {
		t.Errorf("a live call moved the state to %s, %v", st, err)
	}
	side.Call.Outcome = office.Answered
	must(t, f.EndCalls(ctx, side)) // keeps what was said
	f.restart(t)
	said := func(want map[office.ID]office.Quality) {
		t.Helper()
		if got, err := f.Calls(ctx, ana, "c1"); err != nil || len(got) != 1 || !reflect.DeepEqual(got[0].Quality, want) {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	}
	said(map[office.ID]office.Quality{"dlaptop": good})
	state, err = f.State(ctx, ana, store.TypeCall)
	must(t, err)
	wake, cancel := f.Subscribe(ana)
	defer cancel()
	must(t, f.addQuality(t, ana, "c1", "dlaptop", good))
	if st, err := f.State(ctx, ana, store.TypeCall); st != state || err != nil || woken(wake) {
		t.Errorf("the same again moved the state to %s, %v", st, err)
	}
	must(t, f.addQuality(t, ana, "c1", "dlaptop", bad))
	must(t, f.addQuality(t, ana, "c1", "desk", good))
	said(map[office.ID]office.Quality{"dlaptop": bad, "desk": good})
	if c, err := f.Changes(ctx, ana, store.TypeCall, state, 0); err != nil || words(c.Updated) != "c1" || len(c.Created) != 0 || !woken(wake) {
		t.Errorf("%+v, %v", c, err)
	}

	for what, c := range map[string]struct {
		account, call, device office.ID
		want                  error
	}{
		"a device that took no part": {ana, "c1", "other", office.ErrNotAllowed},
		"no device":                  {ana, "c1", "", office.ErrNotAllowed}, // as the leg outside
		"somebody else's call":       {beto, "c1", "dlaptop", office.ErrNotFound},
		"no call":                    {ana, "none", "dlaptop", office.ErrNotFound},
		"what is no id":              {ana, "\x00\xff", "dlaptop", office.ErrNotFound},
		"no account":                 {"nobody", "c1", "dlaptop", office.ErrNotFound},
	} {
		if err := f.addQuality(t, c.account, c.call, c.device, good); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := f.SetQualities(ctx, ana, "desk", state, map[office.ID]office.Quality{"c1": bad}); !errors.Is(err, store.ErrStateMismatch) {
		t.Errorf("in another state: %v", err)
	}
	said(map[office.ID]office.Quality{"dlaptop": bad, "desk": good})
	now, err := f.State(ctx, ana, store.TypeCall)
	must(t, err)
	done, err := f.SetQualities(ctx, ana, "desk", now, map[office.ID]office.Quality{"c1": bad, "none": bad})
	if err != nil || done.OldState != now || done.NewState == now || words(done.Updated) != "c1" || words(done.NotFound) != "none" {
		t.Errorf("%+v, %v", done, err)
	}
}

// What several devices say at once is all kept.
func qualityAtOnce(t *testing.T, f *fixture) {
	ctx := t.Context()
	ana := f.add(t, "101")
	side := store.Side{Account: ana, Call: ended("c1", office.Incoming, office.Answered, f.now)}
	want := map[office.ID]office.Quality{}
	for _, d := range []office.ID{"d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8"} {
		side.Call.Legs = append(side.Call.Legs, office.CallLeg{DeviceID: d})
		want[d] = office.Quality{Codec: string(d)}
	}
	must(t, f.EndCalls(ctx, side))
	var wg sync.WaitGroup
	for d, q := range want {
		wg.Go(func() {
			if err := f.addQuality(t, ana, "c1", d, q); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, err := f.Calls(ctx, ana, "c1"); err != nil || len(got) != 1 || !reflect.DeepEqual(got[0].Quality, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

// addQuality notes one quality; the error says why it was not noted.
func (f *fixture) addQuality(t *testing.T, account, call, device office.ID, q office.Quality) error {
	t.Helper()
	res, err := f.SetQualities(t.Context(), account, device, "", map[office.ID]office.Quality{call: q})
	switch {
	case err != nil:
		return err
	case len(res.NotFound) == 1:
		return office.ErrNotFound
	case len(res.NotAllowed) == 1:
		return office.ErrNotAllowed
	case len(res.Updated) != 1:
		t.Errorf("%+v: want the call once", res)
	}
	return nil
}
