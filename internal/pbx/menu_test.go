package pbx

import (
	"context"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/internal/ua"
)

// TestCallBackFromTheMenu has a user hear a message by telephone and call back who
// left it, within the user's own rights.
func TestCallBackFromTheMenu(t *testing.T) {
	t.Parallel()
	x := open(t)
	line := x.carrier(t, "carrier", 1)
	x.line(t, "+525555550123", "101")
	x.opens(t, "101", "7319")
	x.message(t, line, "5555550123", "101")

	called := line.answers(700)
	own := x.unregistered(t, "101", "udp").call("*97", 1000)
	own.presses(t, "7319#18")
	callee := receive(t, called, "the call back")
	if callee.in.To() != string(mobile) {
		t.Errorf("called back %s", callee.in.To())
	}
	own.hears(t, 700)
	callee.hears(t, 1000)
	callee.hangUp(t)
	own.presses(t, "18") // back in the menu
	again := receive(t, called, "the second call back")
	own.hears(t, 700)
	own.hangUp(t)
	again.wait()
	visits, calls := 0, 0
	for _, l := range x.log(t, "101", 4) {
		switch legs := x.telephones(t, "101", l.ID); {
		case l.Kind == office.Missed: // the message
		case l.Outcome != office.Answered || l.Kind != office.Outgoing:
			t.Errorf("log %+v", l)
		case l.Peer.Number == "*97" && len(legs) == 1:
			visits++
		case l.Peer.Number == mobile && len(legs) == 2 && legs[1].Trunk == "carrier":
			calls++
		default:
			t.Errorf("log %+v with %+v", l, legs)
		}
	}
	if visits != 1 || calls != 2 {
		t.Errorf("%d visits of the menu, %d calls", visits, calls)
	}
	x.until(t, "both are charged", func() bool {
		u, err := x.store.Usage(t.Context(), x.extension(t, "101").Account, x.today(t))
		return err == nil && u.Calls == 2
	})
	x.nothingIsLeft(t)
}

// presses presses keys.
func (k *talk) presses(t *testing.T, keys string) {
	t.Helper()
	for _, digit := range keys {
		if err := k.leg.SendDigit(t.Context(), digit); err != nil {
			t.Fatal(err)
		}
	}
}

// message has somebody from outside leave a message for the extension of a line.
func (x *exchange) message(t *testing.T, c *carrier, line string, ext office.Number) {
	t.Helper()
	leg, err := c.dial(t.Context(), line, func(t *ua.Target) { t.From.Number = "5512345678" })
	if err != nil {
		t.Fatal(err)
	}
	k := newTalk(leg, 440)
	x.speaks(t, k, 3*time.Second)
	k.hangUp(t)
	x.messages(t, ext, 1)
}

// opens sets the PIN with which an extension's mailbox opens.
func (x *exchange) opens(t *testing.T, ext office.Number, pin string) {
	t.Helper()
	if err := x.gate.ResetPIN(t.Context(), ext, pin); err != nil {
		t.Fatal(err)
	}
}

// TestCallBackInVain has the other one be busy: its owner is in the menu again.
func TestCallBackInVain(t *testing.T) {
	t.Parallel()
	x := open(t)
	line := x.carrier(t, "carrier", 1)
	x.line(t, "+525555550123", "101")
	x.opens(t, "101", "7319")
	x.message(t, line, "5555550123", "101")
	tried := make(chan struct{}, 2)
	line.does(func(_ context.Context, in *ua.Incoming) {
		if err := in.Reject(486); err != nil {
			t.Error(err)
		}
		tried <- struct{}{}
	})
	own := x.unregistered(t, "101", "udp").call("*97", 1000)
	own.presses(t, "7319#18")
	receive(t, tried, "the call back")
	own.presses(t, "#") // enough of the words
	called := line.answers(700)
	own.presses(t, "18")
	receive(t, called, "the second call back").hangUp(t)
	own.presses(t, "*")
	own.wait() // goodbye
	x.nothingIsLeft(t)
}

// TestCallBackIntoAMailbox leaves two messages for who is not there, from the menu.
func TestCallBackIntoAMailbox(t *testing.T) {
	t.Parallel()
	x := open(t)
	x.opens(t, "101", "7319")
	from := x.unregistered(t, "102", "udp").call("vm-101", 440)
	x.speaks(t, from, 3*time.Second)
	from.hangUp(t)
	x.messages(t, "101", 1)
	own := x.unregistered(t, "101", "udp").call("*97", 600)
	own.presses(t, "7319#")
	for n := range 2 {
		own.presses(t, "18")
		x.speaks(t, own, 3*time.Second)
		own.presses(t, "#")
		x.messages(t, "102", n+1)
	}
	own.hangUp(t)
	x.nothingIsLeft(t)
}

// TestWaysIntoTheMenu opens the mailbox of 102 in every way that there is, and
// deletes its message.
func TestWaysIntoTheMenu(t *testing.T) {
	for _, c := range []struct {
		name, keys string
		enter      func(t *testing.T, x *exchange, line *carrier) (*ua.Leg, error)
	}{
		{"*97", "7319#17", func(t *testing.T, x *exchange, _ *carrier) (*ua.Leg, error) {
			return x.unregistered(t, "102", "udp").dial(t.Context(), "*97")
		}},
		{"*98 from another extension", "102#7319#17", func(t *testing.T, x *exchange, _ *carrier) (*ua.Leg, error) {
			return x.unregistered(t, "101", "tls").dial(t.Context(), "*98")
		}},
		{"a number for the menu", "102#7319#17", func(t *testing.T, x *exchange, line *carrier) (*ua.Leg, error) {
			if err := x.store.SetLine(t.Context(), office.Line{Number: "+525555550197", Menu: true}); err != nil {
				t.Fatal(err)
			}
			return line.dial(t.Context(), "5555550197")
		}},
		{"* during the greeting", "*7319#17", func(t *testing.T, _ *exchange, line *carrier) (*ua.Leg, error) {
			return line.dial(t.Context(), "5555550123")
		}},
		{"* during the greeting, inside", "*7319#17", func(t *testing.T, x *exchange, _ *carrier) (*ua.Leg, error) {
			return x.unregistered(t, "103", "udp").dial(t.Context(), "vm-102")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := open(t)
			line := x.carrier(t, "carrier", 1)
			x.line(t, "+525555550123", "102")
			x.opens(t, "102", "7319")
			x.message(t, line, "5555550123", "102")
			leg, err := c.enter(t, x, line)
			if err != nil {
				t.Fatal(err)
			}
			k := newTalk(leg, 1000)
			k.presses(t, c.keys)
			account := x.extension(t, "102").Account
			x.until(t, "the message is deleted", func() bool {
				n, err := x.store.CountVoicemails(t.Context(), account, store.VoicemailFilter{})
				return err == nil && n == 0
			})
			k.presses(t, "*")
			k.wait()
			x.nothingIsLeft(t)
		})
	}
}

// TestThreeWrongPINsEndTheCall tries at somebody's mailbox, who is told.
func TestThreeWrongPINsEndTheCall(t *testing.T) {
	t.Parallel()
	x := open(t)
	line := x.carrier(t, "carrier", 1)
	x.line(t, "+525555550123", "102")
	x.opens(t, "102", "7319")
	email := "luis@example.com"
	if _, err := x.store.SetExtension(t.Context(), "102", store.ExtensionPatch{Email: &email}); err != nil {
		t.Fatal(err)
	}
	leg, err := line.dial(t.Context(), "5555550123")
	if err != nil {
		t.Fatal(err)
	}
	k := newTalk(leg, 1000)
	k.presses(t, "*")
	for range 3 {
		k.presses(t, "1111#")
	}
	k.wait()
	if told := x.notices(t); told[office.NoticeWrongPIN] != 1 {
		t.Errorf("told of %v", told)
	}
	x.nothingIsLeft(t)
}
