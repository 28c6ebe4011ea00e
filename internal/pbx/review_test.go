package pbx

import (
	"errors"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/internal/ua"
)

// TestWhatTheOfficeForbidsEnds has the administrator stop a call to the outside that
// goes on, in every way there is.
func TestWhatTheOfficeForbidsEnds(t *testing.T) {
	yes, internal, one := true, office.Classes("internal"), 1
	for _, c := range []struct {
		name   string
		forbid func(x *exchange, device office.ID) error
	}{
		{"device", func(x *exchange, device office.ID) error { return x.store.RemoveDevice(x.t.Context(), device) }},
		{"extension disabled", func(x *exchange, _ office.ID) error { return x.sets("101", store.ExtensionPatch{Disabled: &yes}) }},
		{"extension removed", func(x *exchange, _ office.ID) error { return x.store.RemoveExtension(x.t.Context(), "101", 0) }},
		{"class", func(x *exchange, _ office.ID) error { return x.sets("101", store.ExtensionPatch{Classes: &internal}) }},
		{"minutes", func(x *exchange, _ office.ID) error { return x.sets("101", store.ExtensionPatch{Minutes: &one}) }},
		{"trunk", func(x *exchange, _ office.ID) error {
			return x.store.RemoveTrunk(x.t.Context(), "carrier")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := open(t)
			line := x.carrier(t, "carrier", 1)
			if err := x.store.AddUsage(t.Context(), x.extension(t, "101").Account, x.today(t), time.Hour); err != nil {
				t.Fatal(err)
			}
			answered := line.answers(700)
			ana := x.unregistered(t, "101", "udp")
			caller := ana.call(string(mobile), 1000)
			callee := receive(t, answered, "the call")
			caller.hears(t, 700)
			if err := c.forbid(x, ana.device.ID); err != nil {
				t.Fatal(err)
			}
			caller.wait()
			callee.wait()
			x.nothingIsLeft(t)
		})
	}
}

// TestTelephoneThatIsTakenAwayTalksNoMore: inside the office too, and before somebody
// answers.
func TestTelephoneThatIsTakenAwayTalksNoMore(t *testing.T) {
	t.Parallel()
	x := open(t)
	luis, eva := x.phone(t, "102", "udp"), x.phone(t, "103", "udp")
	answered := luis.answers(700)
	caller := x.unregistered(t, "101", "udp").call("102", 1000)
	callee := receive(t, answered, "the call")
	if err := x.store.RemoveDevice(t.Context(), luis.device.ID); err != nil {
		t.Fatal(err)
	}
	callee.wait()
	caller.wait()
	rung, canceled := eva.rings()
	ana := x.unregistered(t, "101", "udp")
	called := make(chan error, 1)
	go func() {
		_, err := ana.dial(t.Context(), "103")
		called <- err
	}()
	receive(t, rung, "the call")
	if err := x.store.RemoveDevice(t.Context(), ana.device.ID); err != nil {
		t.Fatal(err)
	}
	receive(t, canceled, "the end of the ringing")
	var refused *ua.StatusError
	if err := receive(t, called, "the end of the call"); !errors.As(err, &refused) || refused.Code != 487 {
		t.Errorf("the caller is told %v", err)
	}
	x.nothingIsLeft(t)
}

// TestEmergencyCallIsNobodysToEnd takes the telephone away that calls for help: the
// call goes on, but does not lead anywhere else.
func TestEmergencyCallIsNobodysToEnd(t *testing.T) {
	t.Parallel()
	x := open(t)
	line := x.carrier(t, "carrier", 1)
	answered := line.answers(700)
	ana := x.unregistered(t, "101", "udp")
	caller := ana.call("911", 1000)
	callee := receive(t, answered, "the call")
	if err := x.store.RemoveDevice(t.Context(), ana.device.ID); err != nil {
		t.Fatal(err)
	}
	if err := x.sets("101", store.ExtensionPatch{Minutes: new(int)}); err != nil { // reviewed once more
		t.Fatal(err)
	}
	var refused *ua.StatusError
	if err := caller.refers(t, "sip:"+string(mobile)+"@office.test", nil); !errors.As(err, &refused) || refused.Code != 403 {
		t.Errorf("a transfer is told %v", err)
	}
	caller.hears(t, 700)
	callee.hears(t, 1000)
	caller.hangUp(t)
	callee.wait()
	select {
	case <-answered:
		t.Error("the carrier is called again")
	default:
	}
	x.nothingIsLeft(t)
}

// TestMinutesAreThoseOfAllCalls has two calls use up what is left of a day: a second
// one does not make it longer.
func TestMinutesAreThoseOfAllCalls(t *testing.T) {
	t.Parallel()
	x := open(t)
	line := x.carrier(t, "carrier", 1)
	x.may(t, "101", office.Rights{Classes: "internal,national", Minutes: 10})
	account := x.extension(t, "101").Account
	if err := x.store.AddUsage(t.Context(), account, x.today(t), 10*time.Minute-4*time.Second); err != nil {
		t.Fatal(err)
	}
	answered := line.answers(700)
	one, two := x.unregistered(t, "101", "udp"), x.unregistered(t, "101", "udp")
	first, second := one.call(string(mobile), 1000), two.call(string(mobile), 1000)
	for range 2 {
		receive(t, answered, "a call")
	}
	first.wait()
	second.wait()
	x.nothingIsLeft(t)
	u, err := x.store.Usage(t.Context(), account, x.today(t))
	if err != nil || u.Time < 10*time.Minute-100*time.Millisecond || u.Time > 10*time.Minute+1500*time.Millisecond {
		t.Errorf("of 10 minutes it talked %v, %v", u.Time, err)
	}
}

// TestMinutesCutACallInAMailbox has the extension that pays leave an outside call
// alone with a mailbox.
func TestMinutesCutACallInAMailbox(t *testing.T) {
	t.Parallel()
	x := open(t)
	line := x.carrier(t, "carrier", 1)
	x.may(t, "101", office.Rights{Classes: "internal,national", Minutes: 10})
	if err := x.store.AddUsage(t.Context(), x.extension(t, "101").Account, x.today(t), 10*time.Minute-3*time.Second); err != nil {
		t.Fatal(err)
	}
	answered := line.answers(440)
	caller := x.unregistered(t, "101", "udp").call(string(mobile), 1000)
	callee := receive(t, answered, "the call")
	if err := caller.refers(t, "sip:vm-102@office.test", nil); err != nil {
		t.Fatal(err)
	}
	caller.wait()
	callee.wait()
	x.nothingIsLeft(t)
}

// TestDayOfACall is the table of the days for which a call is charged: those of the
// office, not of the server.
func TestDayOfACall(t *testing.T) {
	mexico := office.Company{Region: "MX"}.Location()
	for _, c := range []struct {
		from   time.Time
		talked time.Duration
		want   []stint
	}{
		{time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC), time.Hour, []stint{ // until midnight, in Mexico
			{time.Date(2026, 3, 3, 23, 0, 0, 0, mexico), time.Hour},
		}},
		{time.Date(2026, 3, 4, 5, 30, 0, 0, time.UTC), time.Hour, []stint{
			{time.Date(2026, 3, 3, 23, 30, 0, 0, mexico), 30 * time.Minute}, {time.Date(2026, 3, 4, 0, 0, 0, 0, mexico), 30 * time.Minute},
		}},
		{time.Date(2026, 3, 4, 17, 0, 0, 0, time.UTC), 0, []stint{{time.Date(2026, 3, 4, 11, 0, 0, 0, mexico), 0}}},
		{time.Date(2026, 3, 4, 17, 0, 0, 0, time.UTC), -time.Hour, []stint{{time.Date(2026, 3, 4, 11, 0, 0, 0, mexico), 0}}},
	} {
		got := split(c.from.In(mexico), c.talked)
		if len(got) != len(c.want) {
			t.Errorf("%v from %v: %v", c.talked, c.from, got)
			continue
		}
		for i, w := range c.want {
			if !got[i].day.Equal(w.day) || got[i].date() != w.date() || got[i].talked != w.talked {
				t.Errorf("%v from %v: %v, not %v", c.talked, c.from, got[i], w)
			}
		}
	}
}

// TestMinutesOfADay: what was talked before midnight is not of today.
func TestMinutesOfADay(t *testing.T) {
	now := time.Date(2026, 3, 4, 0, 10, 0, 0, time.UTC)
	a := &tab{minutes: 60, day: "2026-03-04", used: 20 * time.Minute, open: map[*toll]bool{
		{answered: now.Add(-30 * time.Minute)}: true, {answered: now.Add(-5 * time.Minute)}: true, {}: true, // which rings
	}}
	if left, talking := a.left(now, now); left != 25*time.Minute || talking != 2 {
		t.Errorf("%v left, in %d calls", left, talking)
	}
	if left, _ := a.left(now.Add(24*time.Hour), now.Add(24*time.Hour)); left != 40*time.Minute { // yesterday's are forgotten
		t.Errorf("%v left on the next day", left)
	}
}

// sets changes an extension.
func (x *exchange) sets(n office.Number, p store.ExtensionPatch) error {
	_, err := x.store.SetExtension(x.t.Context(), n, p)
	return err
}

// today returns the time where the office is.
func (x *exchange) today(t *testing.T) time.Time {
	t.Helper()
	return x.cfg.Now().In(x.zone(t.Context()))
}
