package pbx

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/ua"
)

// TestForwardsInACircleOutside has two extensions forward to two mobiles, each of
// which forwards to the number of the other one.
func TestForwardsInACircleOutside(t *testing.T) {
	const mobile2, line1, line2 office.Number = "+525512345679", "+525555550101", "+525555550102"
	for _, c := range []struct {
		name     string
		mobile   func(in *ua.Incoming, t *ua.Target) // what the network says when a mobile forwards
		legs     int32                               // calls outside, at most
		box      office.Number                       // who gets the message
		circling office.Number                       // in whose log stands why
	}{
		{"the network tells the caller", func(in *ua.Incoming, t *ua.Target) { t.From = in.From() }, 1, "101", "102"},
		{"the network tells who diverted", func(in *ua.Incoming, t *ua.Target) {
			t.From.Number, t.Diversion = "5587654321", in.Diversion()
		}, 1, "101", "102"},
		{"the network tells nothing", func(in *ua.Incoming, t *ua.Target) { t.From.Number = office.Number(in.To()) }, 2 * maxForwards, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := open(t)
			network := x.carrier(t, "carrier", 1)
			x.line(t, line1, "101")
			x.line(t, line2, "102")
			x.forwards(t, "101", mobile, false, false, office.ForwardAlways)
			x.forwards(t, "102", mobile2, false, false, office.ForwardAlways)
			var legs atomic.Int32
			network.does(func(ctx context.Context, in *ua.Incoming) {
				legs.Add(1)
				network.forwards(ctx, in, map[string]office.Number{string(mobile): line2, string(mobile2): line1}[in.To()], c.mobile)
			})
			start := time.Now()
			k := x.unregistered(t, "103", "udp").call("101", 440)
			if took := time.Since(start); took > patient/2 {
				t.Errorf("the circle ends after %v", took)
			}
			x.speaks(t, k, 3*time.Second)
			k.hangUp(t)
			if n := legs.Load(); n == 0 || n > c.legs {
				t.Errorf("%d calls outside, want at most %d", n, c.legs)
			}
			if c.box != "" {
				x.messages(t, c.box, 1)
				if in := x.log(t, c.circling, 1)[0]; in.Reason != "482" || in.Kind != office.Missed {
					t.Errorf("log %+v", in)
				}
			}
			x.nothingIsLeft(t)
		})
	}
}

// forwards has a mobile in the network forward a call to another number.
func (c *carrier) forwards(ctx context.Context, in *ua.Incoming, to office.Number, say func(*ua.Incoming, *ua.Target)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-in.Canceled():
			cancel()
		case <-ctx.Done():
		}
	}()
	far, err := c.dial(ctx, string(to), func(t *ua.Target) { say(in, t) })
	var refused *ua.StatusError
	if errors.As(err, &refused) {
		_ = in.Reject(refused.Code)
	}
	if err != nil {
		return
	}
	near, err := in.Answer(ctx, ua.AnswerOptions{})
	if err != nil {
		_ = far.Hangup(ctx)
		return
	}
	near.Listen(func(p *ua.Packet) { _ = far.WritePacket(p) })
	far.Listen(func(p *ua.Packet) { _ = near.WritePacket(p) })
	select {
	case <-near.Done():
	case <-far.Done():
	}
	bye, done := context.WithTimeout(context.Background(), patient)
	defer done()
	_ = errors.Join(near.Hangup(bye), far.Hangup(bye))
}

// TestCallThatComesBackRingsFirst reaches an extension that forwards only where
// nobody answers, of which a mobile that the office called knows.
func TestCallThatComesBackRingsFirst(t *testing.T) {
	t.Parallel()
	x := open(t)
	network := x.carrier(t, "carrier", 1)
	x.line(t, "+525555550102", "102")
	x.forwards(t, "102", mobile, false, false, office.ForwardNoAnswer)
	answered := x.phone(t, "102", "udp").answers(700)
	leg, err := network.dial(t.Context(), "5555550102", func(t *ua.Target) {
		t.Diversion = []ua.Diversion{{Party: office.Party{Number: companyNumber}, Reason: "unconditional"}}
	})
	if err != nil {
		t.Fatal(err)
	}
	receive(t, answered, "the call")
	newTalk(leg, 1000).hangUp(t)
}
