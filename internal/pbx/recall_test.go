package pbx

import (
	"context"
	"errors"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/ua"
)

// withoutVoicemail switches the voicemail of an extension off.
func (x *exchange) withoutVoicemail(t *testing.T, n office.Number) {
	t.Helper()
	a := x.extension(t, n).Account
	v, err := x.store.VoicemailSettings(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	v.IsEnabled = false
	if _, err := x.store.SetVoicemailSettings(t.Context(), a, v, ""); err != nil {
		t.Fatal(err)
	}
}

// TestTransferThatFails is the table of where who transferred, and waits, gets the
// call back.
func TestTransferThatFails(t *testing.T) {
	for _, c := range []struct {
		name, to string
		before   func(t *testing.T, x *exchange, line *carrier)
		code     int // which who transfers is told
	}{
		{"busy outside", string(mobile), func(_ *testing.T, _ *exchange, line *carrier) { line.rejects(486) }, 486},
		{"no such number outside", string(mobile), func(_ *testing.T, _ *exchange, line *carrier) { line.rejects(404) }, 404},
		{"no answer", "103", func(t *testing.T, x *exchange, _ *carrier) {
			x.ringsFor(t, "103", 500*time.Millisecond)
			x.withoutVoicemail(t, "103")
			x.phone(t, "103", "udp").rings()
		}, 480},
		{"nobody there", "103", func(t *testing.T, x *exchange, _ *carrier) { x.withoutVoicemail(t, "103") }, 480},
		{"the limit of outside calls", string(mobile), func(t *testing.T, x *exchange, line *carrier) {
			x.may(t, "102", office.Rights{Classes: "internal,national", MaxCalls: 1})
			answered := line.answers(500)
			x.unregistered(t, "102", "udp").call(string(mobile), 900)
			receive(t, answered, "the only outside call")
		}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := open(t)
			line := x.carrier(t, "carrier", 1)
			answered := x.phone(t, "102", "udp").answers(700)
			caller := x.unregistered(t, "101", "udp").call("102", 1000)
			callee := receive(t, answered, "the call")
			c.before(t, x, line)
			var refused *ua.StatusError
			if err := callee.refers(t, "sip:"+c.to+"@office.test", nil); !errors.As(err, &refused) || refused.Code != c.code {
				t.Errorf("told %v", err)
			}
			callee.hears(t, 1000)
			caller.hears(t, 700)
			answered = x.phone(t, "101", "udp").answers(600) // it can be transferred again
			if err := callee.refers(t, "sip:101@office.test", nil); err != nil {
				t.Error(err)
			}
			receive(t, answered, "the second transfer")
			caller.hears(t, 600)
			caller.hangUp(t)
		})
	}
}

// TestWhoTransferredInVainIsRecalled has the telephone that transfers hang up at
// once, as most do: it rings again where nobody else answers.
func TestWhoTransferredInVainIsRecalled(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers bool
	}{{"and answers", true}, {"and does not", false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := open(t)
			line := x.carrier(t, "carrier", 1)
			x.ringsFor(t, "102", time.Second)
			luis := x.phone(t, "102", "udp")
			answered := luis.answers(700)
			caller := x.unregistered(t, "101", "udp").call("102", 440)
			callee := receive(t, answered, "the call")
			rung, gone := make(chan struct{}), make(chan struct{})
			line.does(func(_ context.Context, in *ua.Incoming) {
				if err := in.Ring(); err != nil {
					t.Error(err)
				}
				close(rung)
				<-gone
				if err := in.Reject(486); err != nil {
					t.Error(err)
				}
			})
			told := make(chan error, 1)
			go func() { told <- callee.refers(t, "sip:"+string(mobile)+"@office.test", nil) }()
			receive(t, rung, "the transfer")
			callee.hangUp(t)
			if err := receive(t, told, "the end of the transfer"); !errors.Is(err, ua.ErrClosed) {
				t.Errorf("told %v", err)
			}
			if c.answers {
				answered = luis.answers(650)
				close(gone)
				back := receive(t, answered, "the call again")
				if from := back.in.From(); from.Number != "101" {
					t.Errorf("it shows %s", string(from.Number))
				}
				caller.hears(t, 650)
				back.hears(t, 440)
				caller.hangUp(t)
				back.wait()
				if in := x.log(t, "102", 2); in[0].Outcome != office.Answered || in[1].Outcome != office.Answered {
					t.Errorf("log %+v", in)
				}
			} else {
				luis.rings()
				close(gone)
				x.speaks(t, caller, 3*time.Second)
				caller.hangUp(t)
				x.messages(t, "102", 1)
				if in := x.log(t, "102", 2); in[0].Outcome != office.ToVoicemail || in[1].Outcome != office.Answered {
					t.Errorf("log %+v", in)
				}
			}
			if u, err := x.store.Usage(t.Context(), x.extension(t, "102").Account, x.today(t)); err != nil || u.Calls != 0 {
				t.Errorf("charged for %+v, %v", u, err)
			}
			x.nothingIsLeft(t)
		})
	}
}
