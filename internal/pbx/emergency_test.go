package pbx

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"timbre/internal/hunt"
	"timbre/internal/office"
	"timbre/internal/ua"
)

// TestEmergencyWithoutTheStore has the database go away: what was read before will
// do for an emergency, and for nothing else.
func TestEmergencyWithoutTheStore(t *testing.T) {
	t.Parallel()
	x := open(t)
	c := x.carrier(t, "carrier", 1)
	answered := c.answers(700)
	ana := x.unregistered(t, "101", "udp")
	const own = "+525555550123"
	x.line(t, own, "101")
	if _, err := x.store.SetCallerID(t.Context(), x.extension(t, "101").Account, own, ""); err != nil {
		t.Fatal(err)
	}
	ana.call(string(mobile), 1000).hangUp(t)
	receive(t, answered, "the call before")
	x.until(t, "the call is over", func() bool { return x.LiveCalls() == 0 })
	if err := x.store.Close(); err != nil {
		t.Fatal(err)
	}
	var refused *ua.StatusError
	if _, err := ana.dial(t.Context(), "102"); !errors.As(err, &refused) || refused.Code != 500 {
		t.Errorf("a call that is none: %v", err)
	}
	began := time.Now()
	caller := ana.call("911", 1000)
	callee := receive(t, answered, "the emergency call")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it is answered after %v", took)
	}
	if callee.in.From().Number != own {
		t.Errorf("from %s", string(callee.in.From().Number))
	}
	caller.hears(t, 700)
	caller.hangUp(t)
}

// TestEmergenciesOfOneTelephone calls more often than anybody has a reason to.
func TestEmergenciesOfOneTelephone(t *testing.T) {
	t.Parallel()
	x := open(t)
	c := x.carrier(t, "carrier", 1)
	answered := c.answers(700)
	ana, luis := x.unregistered(t, "101", "udp"), x.unregistered(t, "102", "udp")
	var calls []*talk
	for range maxEmergencies {
		calls = append(calls, ana.call("911", 1000))
		receive(t, answered, "the emergency call")
	}
	var refused *ua.StatusError
	if _, err := ana.dial(t.Context(), "911"); !errors.As(err, &refused) || refused.Code != 403 || refused.Why != office.TooManyCalls {
		t.Errorf("one more: %v", err)
	}
	calls = append(calls, luis.call("911", 1000)) // another one in need
	for _, k := range calls {
		k.hangUp(t)
	}
	x.until(t, "they are over", func() bool { return x.LiveCalls() == 0 })
	ana.call("911", 1000).hangUp(t)
	if told := x.notices(t); told[office.NoticeEmergency] != 2 {
		t.Errorf("told of %v", told)
	}
}

// TestNobodyRingsOutsideForEver has a carrier that says again and again that it rings,
// and then nothing.
func TestNobodyRingsOutsideForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		w := waiting{signs: make(chan sign), ended: make(chan ending, 1), giveUp: cancel, most: ringOutside}
		const times = 3
		go func() {
			for range times {
				time.Sleep(ringOutside - time.Second)
				w.signs <- sign{what: hunt.Rings}
			}
			<-ctx.Done()
			w.ended <- ending{err: context.Canceled}
		}()
		began, heard := time.Now(), 0
		e, left := w.wait(t.Context(), nil, func(sign) { heard++ })
		var refused *ua.StatusError
		if !errors.As(e.err, &refused) || refused.Code != 408 || left {
			t.Errorf("it ends with %v %v", e.err, left)
		}
		if took := time.Since(began); heard != times || took != times*(ringOutside-time.Second)+ringOutside {
			t.Errorf("%d signs, %v", heard, took)
		}
	})
}
