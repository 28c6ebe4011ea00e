package pbx

import (
	"context"
	"errors"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/internal/ua"
)

// refers has k's telephone ask that the call be transferred and returns how that
// went.
func (k *talk) refers(t *testing.T, uri string, replaces *ua.Leg) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	return k.leg.Refer(ctx, uri, replaces)
}

func TestBlindTransfer(t *testing.T) {
	for _, c := range []struct {
		name    string
		byCaler bool // the caller transfers, else the callee
		to      string
	}{
		{"by the called", false, "sip:103@office.test"},
		{"by the caller", true, "sip:103@office.test"},
		{"to the outside", false, "sip:5512345678@127.0.0.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := open(t)
			line := x.carrier(t, "carrier", 1)
			ana, luis, eva := x.unregistered(t, "101", "udp"), x.phone(t, "102", "udp"), x.phone(t, "103", "tls")
			answered, taken := luis.answers(700), eva.answers(600)
			if c.name == "to the outside" {
				taken = line.answers(600)
			}
			caller := ana.call("102", 1000)
			callee := receive(t, answered, "the call")
			from, stays, hz := callee, caller, 1000.
			if c.byCaler {
				from, stays, hz = caller, callee, 700
			}
			transferred := x.cfg.Now().Truncate(time.Millisecond)
			if err := from.refers(t, c.to, nil); err != nil {
				t.Fatal(err)
			}
			third := receive(t, taken, "the transferred call")
			from.wait() // it is out
			stays.hears(t, 600)
			third.hears(t, hz)
			third.hangUp(t)
			stays.wait()
			for _, n := range []office.Number{"101", "102"} {
				if l := x.log(t, n, 1)[0]; l.Outcome != office.Answered {
					t.Errorf("log of %s %+v", n, l)
				}
			}
			if c.name == "to the outside" {
				x.until(t, "who transferred pays", func() bool { return x.paid(t, "102") })
			} else if in := x.log(t, "103", 1)[0]; in.Outcome != office.Answered || in.StartedAt.Before(transferred) {
				t.Errorf("log of the third %+v", in)
			}
		})
	}
}

// TestTransferInVain has nobody to transfer to: the call goes back.
func TestTransferInVain(t *testing.T) {
	t.Parallel()
	x := open(t)
	line := x.carrier(t, "carrier", 1)
	line.rejects(486)
	ana, luis := x.unregistered(t, "101", "udp"), x.phone(t, "102", "udp")
	answered := luis.answers(700)
	caller := ana.call("102", 1000)
	callee := receive(t, answered, "the call")
	var refused *ua.StatusError
	if err := callee.refers(t, "sip:5512345678@office.test", nil); !errors.As(err, &refused) || refused.Code != 486 {
		t.Errorf("told %v", err)
	}
	callee.hears(t, 1000)
	caller.hears(t, 700)
	caller.hangUp(t)
	callee.wait()
}

// TestTransfersThatAreRefused is the table of where nobody is transferred to.
func TestTransfersThatAreRefused(t *testing.T) {
	t.Parallel()
	x := open(t)
	x.carrier(t, "carrier", 1)
	answered := x.phone(t, "102", "udp").answers(700)
	caller := x.unregistered(t, "101", "udp").call("102", 1000)
	callee := receive(t, answered, "the call")
	for to, code := range map[string]int{
		"sip:199@office.test":                404,
		"sip:luis@office.test":               404,
		"sip:103@elsewhere.test":             403,
		"sip:911@office.test":                403,
		"sip:*43@office.test":                403,
		"sip:0013105550123@office.test":      403,
		"sip:conference@office.test":         403,
		"sip:5512345678@premium.example.org": 403,
	} {
		var refused *ua.StatusError
		if err := callee.refers(t, to, nil); !errors.As(err, &refused) || refused.Code != code {
			t.Errorf("%s: %v", to, err)
		}
	}
	callee.hears(t, 1000)
	caller.hangUp(t)
}

func TestTransferToVoicemail(t *testing.T) {
	t.Parallel()
	x := open(t)
	answered := x.phone(t, "102", "udp").answers(700)
	caller := x.unregistered(t, "101", "udp").call("102", 440)
	callee := receive(t, answered, "the call")
	if err := callee.refers(t, "sip:vm-103@office.test", nil); err != nil {
		t.Fatal(err)
	}
	callee.wait()
	x.speaks(t, caller, 3e9)
	caller.hangUp(t)
	x.messages(t, "103", 1)
}

// TestAttendedTransfer has 102 talk with 101 and with 103 and then leave them
// alone.
func TestAttendedTransfer(t *testing.T) {
	t.Parallel()
	x := open(t)
	ana, luis, eva := x.unregistered(t, "101", "udp"), x.phone(t, "102", "udp"), x.phone(t, "103", "tls")
	answered, asked := luis.answers(700), eva.answers(600)
	caller := ana.call("102", 1000)
	first := receive(t, answered, "the call")
	second := luis.call("103", 700)
	third := receive(t, asked, "the question")
	second.hears(t, 600)
	if err := first.refers(t, "sip:103@office.test", second.leg); err != nil {
		t.Fatal(err)
	}
	first.wait()
	second.wait()
	caller.hears(t, 600)
	third.hears(t, 1000)
	x.until(t, "one call is left", func() bool { return x.LiveCalls() == 1 })
	alone := time.Now()
	caller.hangUp(t)
	third.wait()
	if l := x.log(t, "101", 1)[0]; l.Outcome != office.Answered {
		t.Errorf("log of 101 %+v", l)
	}
	x.log(t, "102", 2)
	if leg := x.legOf(t, "103", "103"); !leg.EndedAt.After(alone) || leg.Received == 0 {
		t.Errorf("103 talked with both: %+v", leg)
	}
	if l := x.log(t, "103", 1)[0]; l.Outcome != office.Answered || l.Encryption != (office.Encryption{Local: "srtp", Remote: "rtp"}) {
		t.Errorf("log of 103 %+v", l)
	}
	x.nothingIsLeft(t)
}

// TestAttendedTransferOfWhoCalled has the third one be the caller of the second
// call.
func TestAttendedTransferOfWhoCalled(t *testing.T) {
	t.Parallel()
	x := open(t)
	ana, luis, eva := x.unregistered(t, "101", "udp"), x.phone(t, "102", "udp"), x.unregistered(t, "103", "udp")
	answered := luis.answers(700)
	caller := ana.call("102", 1000)
	first := receive(t, answered, "the first call")
	third := eva.call("102", 600)
	second := receive(t, answered, "the second call")
	second.hears(t, 600)
	if err := first.refers(t, "sip:103@office.test", second.leg); err != nil {
		t.Fatal(err)
	}
	first.wait()
	second.wait()
	caller.hears(t, 600)
	third.hears(t, 1000)
	x.until(t, "one call is left", func() bool { return x.LiveCalls() == 1 })
	alone := time.Now()
	third.hangUp(t)
	caller.wait()
	x.log(t, "102", 2)
	if leg := x.legOf(t, "103", "103"); !leg.EndedAt.After(alone) || leg.Received == 0 {
		t.Errorf("103 talked with both: %+v", leg)
	}
	if leg := x.legOf(t, "102", "103"); leg.EndedAt.After(alone) || leg.Received == 0 || leg.Outcome != office.Answered {
		t.Errorf("102 was there at the beginning alone: %+v", leg)
	}
	x.nothingIsLeft(t)
}

// TestNobodyTakesOverTheCallOfOthers has a telephone name a call that is not its
// own.
func TestNobodyTakesOverTheCallOfOthers(t *testing.T) {
	t.Parallel()
	x := open(t)
	luis, eva := x.phone(t, "102", "udp"), x.phone(t, "103", "udp")
	answered, asked := luis.answers(700), eva.answers(600)
	victim := x.unregistered(t, "101", "udp").call("102", 1000)
	receive(t, answered, "the call")
	mine := x.unregistered(t, "101", "udp").call("103", 500)
	thief := receive(t, asked, "the call of the thief")
	if err := thief.refers(t, "sip:102@office.test", victim.leg); err == nil {
		t.Error("it was carried out")
	}
	victim.hears(t, 700)
	mine.hears(t, 600)
	victim.hangUp(t)
	mine.hangUp(t)
}

func TestTrunkTransfersNobody(t *testing.T) {
	t.Parallel()
	x := open(t)
	line := x.carrier(t, "carrier", 1)
	outside := line.answers(700)
	caller := x.unregistered(t, "101", "udp").call(string(mobile), 1000)
	callee := receive(t, outside, "the call")
	var refused *ua.StatusError
	if err := callee.refers(t, "sip:103@office.test", nil); !errors.As(err, &refused) || refused.Code != 603 {
		t.Errorf("told %v", err)
	}
	caller.hears(t, 700)
	caller.hangUp(t)
}

// legOf returns the telephone of n in the log of ext, in the newest call that tells
// of it.
func (x *exchange) legOf(t *testing.T, ext, n office.Number) (leg office.CallLeg) {
	t.Helper()
	ids, err := x.store.QueryCalls(t.Context(), x.extension(t, ext).Account, store.CallFilter{}, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		for _, leg := range x.telephones(t, ext, id) {
			if leg.Party.Number == n {
				return leg
			}
		}
	}
	t.Errorf("the log of %s does not tell of %s", ext, n)
	return leg
}

// paid reports whether ext was charged for one call.
func (x *exchange) paid(t *testing.T, ext office.Number) bool {
	u, err := x.store.Usage(t.Context(), x.extension(t, ext).Account, x.today(t))
	return err == nil && u.Calls == 1
}
