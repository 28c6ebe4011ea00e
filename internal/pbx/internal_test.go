package pbx

import (
	"context"
	"errors"
	"testing"

	"timbre/internal/office"
	"timbre/internal/ua"
)

// TestClassInternal has an extension that may call outside only: by no way does it
// reach another one.
func TestClassInternal(t *testing.T) {
	t.Parallel()
	x := open(t)
	x.line(t, "+525555550123", "102")
	line := x.carrier(t, "carrier", 1)
	x.may(t, "101", office.Rights{Classes: "national"})
	answered := line.answers(700)
	x.phone(t, "102", "udp").does(func(context.Context, *ua.Incoming) { t.Error("it is called") })
	ana := x.unregistered(t, "101", "udp")
	for _, to := range []string{"102"} {
		var refused *ua.StatusError
		if _, err := ana.dial(t.Context(), to); !errors.As(err, &refused) || refused.Code != 403 {
			t.Errorf("%s: %v", to, err)
		}
	}
	ana.call("*43", 1000).hangUp(t) // its own voice is no extension
	caller := ana.call(string(mobile), 1000)
	callee := receive(t, answered, "the call outside")
	for _, to := range []string{"102", "vm-102"} {
		var refused *ua.StatusError
		if err := caller.refers(t, "sip:"+to+"@office.test", nil); !errors.As(err, &refused) || refused.Code != 403 {
			t.Errorf("transfer to %s: %v", to, err)
		}
	}
	callee.hears(t, 1000)
	caller.hangUp(t)
	callee.wait()
	if _, err := x.Click(t.Context(), x.extension(t, "101").Account, "", "102", "all"); !errors.Is(err, office.ErrNotAllowed) {
		t.Errorf("by click: %v", err)
	}
	x.forwards(t, "101", "102", false, false, office.ForwardAlways)
	x.unregistered(t, "103", "udp").call("101", 1000).hangUp(t)
	if l := x.log(t, "103", 1)[0]; l.Outcome != office.ToVoicemail {
		t.Errorf("log of who was forwarded %+v", l)
	}
}
