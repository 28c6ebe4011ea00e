package pbx

import (
	"context"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/ua"
)

// A race is what happens once a forward with a key is answered.
type race struct {
	name string
	desk time.Duration // after which the desk answers; negative: never
	key  time.Duration // after which the mobile presses 1; negative: never
	give time.Duration // after which the caller gives up; negative: never
}

// TestForwardWithAKeyLeavesNoGhost has the desk answer, the mobile accept and the
// caller give up in the same moment, in every order: one talks at most, nobody
// else does, and nothing is charged that was not accepted.
func TestForwardWithAKeyLeavesNoGhost(t *testing.T) {
	t.Parallel()
	const now, never = 0, -1
	x := open(t)
	line := x.carrier(t, "carrier", 1)
	x.forwards(t, "102", mobile, true, true, office.ForwardAlways)
	ana, luis := x.unregistered(t, "101", "udp"), x.phone(t, "102", "udp")
	accepted := 0
	for _, c := range []race{
		{"desk and key", now, now, never},
		{"desk, key", now, time.Millisecond, never},
		{"key, desk", time.Millisecond, now, never},
		{"key, desk, a moment later", 20 * time.Millisecond, now, never},
		{"key and the end", never, now, now},
		{"key, the end", never, now, 2 * time.Millisecond},
		{"the end, key", never, 2 * time.Millisecond, now},
		{"the end while asked", never, never, now},
		{"desk and the end", now, never, now},
		{"all at once", now, now, now},
	} {
		start := make(chan struct{}) // when the mobile is asked for the key
		wait := func(d time.Duration, over <-chan struct{}) bool {
			select {
			case <-start:
			case <-over:
				return false
			}
			if d < 0 {
				return false
			}
			<-time.After(d)
			return true
		}
		ctx, giveUp := context.WithCancel(t.Context())
		go func() {
			if wait(c.give, ctx.Done()) {
				giveUp()
			}
		}()
		desk := make(chan struct{})
		luis.does(func(ctx context.Context, in *ua.Incoming) {
			defer close(desk)
			if in.Ring() != nil {
				return
			}
			if !wait(c.desk, in.Canceled()) {
				<-in.Canceled()
				return
			}
			if leg, err := in.Answer(ctx, ua.AnswerOptions{}); err == nil {
				newTalk(leg, 600).wait()
			}
		})
		outside := make(chan struct{})
		line.does(func(ctx context.Context, in *ua.Incoming) {
			defer close(outside)
			leg, err := in.Answer(ctx, ua.AnswerOptions{})
			if err != nil {
				return
			}
			k := newTalk(leg, 700)
			close(start)
			if wait(c.key, leg.Done()) {
				_ = leg.SendDigit(ctx, '1')
			}
			k.wait()
		})
		leg, err := ana.dial(ctx, "102")
		if err == nil {
			k := newTalk(leg, 1000)
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
			}
			k.hangUp(t)
		} else if c.give < 0 {
			t.Errorf("%s: %v", c.name, err)
		}
		receive(t, desk, c.name+": the end of the desk's leg")
		receive(t, outside, c.name+": the end of the mobile's leg")
		giveUp()
		x.nothingIsLeft(t)
		x.nothingIsOpen(t)
	}
	calls, outgoing := x.log(t, "102", 10), x.log(t, "101", 10)
	for i, in := range calls {
		if in.Outcome == office.Forwarded {
			accepted++
		}
		if talked := in.Outcome == office.Forwarded || in.Outcome == office.Answered; talked != (outgoing[i].Outcome == office.Answered) {
			t.Errorf("%s for who called, %s for who was called", outgoing[i].Outcome, in.Outcome)
		}
	}
	u, err := x.store.Usage(t.Context(), x.extension(t, "102").Account, x.today(t))
	if err != nil || u.Calls < accepted {
		t.Errorf("%d forwards accepted, charged %+v, %v", accepted, u, err)
	}
}

// nothingIsOpen waits until no outside call is counted.
func (x *exchange) nothingIsOpen(t *testing.T) {
	t.Helper()
	x.until(t, "no outside call is open", func() bool { return len(x.tolls()) == 0 })
}

// TestForwardWithinTheLimits charges a forward to who forwards, and lets its limits
// hold for it, whoever calls.
func TestForwardWithinTheLimits(t *testing.T) {
	for _, c := range []struct {
		name   string
		rights office.Rights
		used   time.Duration
		cut    bool // after it was answered; else it goes to voicemail
	}{
		{"calls", office.Rights{Classes: "internal,national", MaxCalls: 1}, 0, false},
		{"no minute left", office.Rights{Classes: "internal,national", Minutes: 10}, 10 * time.Minute, false},
		{"the last seconds", office.Rights{Classes: "internal,national", Minutes: 10}, 10*time.Minute - 2*time.Second, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := open(t)
			line := x.carrier(t, "carrier", 1)
			x.may(t, "102", c.rights)
			x.forwards(t, "102", mobile, false, false, office.ForwardAlways)
			if err := x.store.AddUsage(t.Context(), x.extension(t, "102").Account, x.today(t), c.used); err != nil {
				t.Fatal(err)
			}
			answered := line.answers(700)
			if c.rights.MaxCalls > 0 {
				x.unregistered(t, "102", "udp").call(string(mobile), 900)
				receive(t, answered, "its only outside call")
			}
			caller := x.unregistered(t, "101", "udp").call("102", 440)
			if c.cut {
				receive(t, answered, "the forward").wait()
				caller.wait()
			} else {
				x.speaks(t, caller, 3*time.Second)
				caller.hangUp(t)
				x.messages(t, "102", 1)
			}
			if u, err := x.store.Usage(t.Context(), x.extension(t, "101").Account, x.today(t)); err != nil || u.Calls > 0 {
				t.Errorf("who calls pays %+v, %v", u, err)
			}
		})
	}
}

// TestPhonesThatSendTheCallInACircle has two desks redirect to one another.
func TestPhonesThatSendTheCallInACircle(t *testing.T) {
	t.Parallel()
	x := open(t)
	x.phone(t, "102", "udp").rejects(302, ua.Headers{"Contact": "<sip:103@office.test>"})
	x.phone(t, "103", "udp").rejects(302, ua.Headers{"Contact": "<sip:102@office.test>"})
	k := x.unregistered(t, "101", "udp").call("102", 440)
	x.speaks(t, k, 3*time.Second)
	k.hangUp(t)
	x.messages(t, "102", 1)
	x.log(t, "102", 1)
	x.log(t, "103", 1)
	x.nothingIsLeft(t)
}

// TestPanicWhileItRingsIsNotCounted has the caller's side of a hunt fail: the
// extension that rings is free again.
func TestPanicWhileItRingsIsNotCounted(t *testing.T) {
	t.Parallel()
	x := open(t)
	rung, canceled := x.phone(t, "102", "udp").rings()
	c := x.newCall()
	c.run(t.Context(), &origin{}, func(ctx context.Context) {
		ch := &chase{c: c, hops: ua.DefaultHops, codecs: offer(nil), ring: func() { panic("ringing") }}
		ch.enlist(ctx, []office.Extension{x.extension(t, "102")}, "", x.cfg.Now())
		ch.run(ctx, nil)
	})
	receive(t, rung, "the call")
	receive(t, canceled, "its end")
	if in := x.log(t, "102", 1)[0]; in.Outcome != office.Failed {
		t.Errorf("log %+v", in)
	}
	x.nothingIsLeft(t)
}
