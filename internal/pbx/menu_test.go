package pbx

import (
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/ua"
)

// TestCallBackFromTheMenu has a user hear a message by telephone and call back who
// left it, within the user's own rights.
func TestCallBackFromTheMenu(t *testing.T) {
	t.Parallel()
	x := open(t)
	line := x.carrier(t, "carrier", 1)
	x.line(t, "+525555550123", "101")
	if err := x.gate.ResetPIN(t.Context(), "101", "7319"); err != nil {
		t.Fatal(err)
	}
	leg, err := line.dial(t.Context(), "5555550123", func(t *ua.Target) { t.From.Number = "5512345678" })
	if err != nil {
		t.Fatal(err)
	}
	k := newTalk(leg, 440)
	x.speaks(t, k, 3*time.Second)
	k.hangUp(t)
	x.messages(t, "101", 1)

	called := line.answers(700)
	own := x.unregistered(t, "101", "udp").call("*97", 1000)
	for _, digit := range "7319#18" {
		if err := own.leg.SendDigit(t.Context(), digit); err != nil {
			t.Fatal(err)
		}
	}
	callee := receive(t, called, "the call back")
	if callee.in.To() != string(mobile) {
		t.Errorf("called back %s", callee.in.To())
	}
	own.hears(t, 700)
	callee.hears(t, 1000)
	own.hangUp(t)
	callee.wait()
	for _, l := range x.log(t, "101", 2) {
		if l.Kind == office.Outgoing && (l.Outcome != office.Answered || l.Peer.Number != "*97") {
			t.Errorf("log %+v", l)
		}
	}
	x.until(t, "it is charged", func() bool { return x.paid(t, "101") })
}
