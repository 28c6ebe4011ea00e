package pbx

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/sdp"
	"timbre/internal/ua"
)

func TestOutsideCall(t *testing.T) {
	t.Parallel()
	x := open(t)
	c := x.carrier(t, "carrier", 1)
	ana := x.unregistered(t, "101", "tls")
	answered := c.answers(700)
	caller := ana.call("55-1234-5678", 1000)
	callee := receive(t, answered, "the call")
	caller.hears(t, 700)
	callee.hears(t, 1000)
	if to := callee.in.To(); to != string(mobile) {
		t.Errorf("the carrier is asked for %s", to)
	}
	if from := callee.in.From(); from.Number != companyNumber {
		t.Errorf("the carrier sees %s", string(from.Number))
	}
	caller.hangUp(t)
	callee.wait()
	out := x.log(t, "101", 1)[0]
	if out.Outcome != office.Answered || out.Kind != office.Outgoing || out.Peer.Number != mobile || out.Encryption != (office.Encryption{Local: "srtp", Remote: "rtp"}) {
		t.Errorf("log %+v", out)
	}
	legs := x.telephones(t, "101", out.ID)
	if len(legs) != 2 || legs[0].DeviceID != ana.device.ID || legs[1].Trunk != "carrier" || legs[1].Codec != "PCMA" ||
		legs[0].Encryption != "srtp" || legs[1].Received == 0 || legs[1].AnsweredAt == nil {
		t.Errorf("legs %+v", legs)
	}
	x.until(t, "it is charged", func() bool {
		u, err := x.store.Usage(t.Context(), x.extension(t, "101").Account, x.today(t))
		return err == nil && u.Calls == 1
	})
}

// TestCallerIDIsTheOffices has a phone say that it is somebody else.
func TestCallerIDIsTheOffices(t *testing.T) {
	t.Parallel()
	x := open(t)
	c := x.carrier(t, "carrier", 1)
	x.line(t, "+525555550123", "101")
	if _, err := x.store.SetCallerID(t.Context(), x.extension(t, "101").Account, "+525555550123", ""); err != nil {
		t.Fatal(err)
	}
	answered := c.answers(700)
	leg, err := x.unregistered(t, "101", "udp").dial(t.Context(), string(mobile), func(t *ua.Target) { t.From.Name = "Presidencia" })
	if err != nil {
		t.Fatal(err)
	}
	k := receive(t, answered, "the call")
	if from := k.in.From(); from.Number != "+525555550123" || strings.Contains(from.Name, "Presidencia") {
		t.Errorf("the carrier sees %q %q", string(from.Number), from.Name)
	}
	newTalk(leg, 1000).hangUp(t)
}

// TestRightsToCallOutside is the table of who may not.
func TestRightsToCallOutside(t *testing.T) {
	for _, c := range []struct {
		name   string
		rights office.Rights
		number string
		before func(t *testing.T, x *exchange, c *carrier)
		reason string
	}{
		{"class", office.Rights{Classes: "internal,national"}, "0013105550123", nil, "403"},
		{"nothing outside", office.Rights{Classes: "internal"}, string(mobile), nil, "403"},
		{"minutes", office.Rights{Classes: "internal,national", Minutes: 10}, string(mobile), func(t *testing.T, x *exchange, _ *carrier) {
			if err := x.store.AddUsage(t.Context(), x.extension(t, "101").Account, x.today(t), 10*time.Minute); err != nil {
				t.Fatal(err)
			}
		}, office.MinutesUsed},
		{"calls", office.Rights{Classes: "internal,national", MaxCalls: 1}, string(mobile), func(t *testing.T, x *exchange, c *carrier) {
			answered := c.answers(700)
			x.unregistered(t, "101", "udp").call(string(mobile), 1000)
			receive(t, answered, "the first call")
		}, office.TooManyCalls},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := open(t)
			line := x.carrier(t, "carrier", 1)
			x.may(t, "101", c.rights)
			if c.before != nil {
				c.before(t, x, line)
			}
			line.does(func(context.Context, *ua.Incoming) { t.Error("it is called") })
			said := make(chan *ua.Leg, 1)
			_, err := x.unregistered(t, "101", "udp").dial(t.Context(), c.number, func(t *ua.Target) { t.OnEarly = func(l *ua.Leg) { said <- l } })
			var refused *ua.StatusError
			if !errors.As(err, &refused) || refused.Code != 403 || refused.Why != c.reason {
				t.Fatalf("%v, because of %+v", err, refused)
			}
			if l := receive(t, said, "the spoken reason"); l.Stats().ReceivedPackets < 20 {
				t.Errorf("%d packets are heard", l.Stats().ReceivedPackets)
			}
			if out := x.log(t, "101", 1)[0]; out.Outcome != office.Failed || out.Reason != c.reason {
				t.Errorf("log %+v", out)
			}
		})
	}
}

func TestEarlySoundOfACarrierIsHeard(t *testing.T) {
	t.Parallel()
	x := open(t)
	c := x.carrier(t, "carrier", 1)
	c.does(func(ctx context.Context, in *ua.Incoming) {
		leg, err := in.Progress(ctx, ua.AnswerOptions{})
		if err != nil {
			t.Error(err)
			return
		}
		k := newTalk(leg, 600)
		<-time.After(300 * time.Millisecond)
		if err := in.Reject(404); err != nil {
			t.Error(err)
		}
		k.wait()
	})
	heard := make(chan *talk, 1)
	_, err := x.unregistered(t, "101", "udp").dial(t.Context(), string(mobile), func(target *ua.Target) {
		target.OnEarly = func(l *ua.Leg) { heard <- newTalk(l, 1000) }
	})
	var refused *ua.StatusError
	if !errors.As(err, &refused) || refused.Code != 404 {
		t.Fatal(err)
	}
	k := receive(t, heard, "sound before the answer")
	k.wait()
	if k.leg.Stats().ReceivedPackets < 5 {
		t.Errorf("%d packets are heard", k.leg.Stats().ReceivedPackets)
	}
}

func TestOutcomesOutside(t *testing.T) {
	for _, c := range []struct {
		code    int
		outcome office.Outcome
	}{
		{486, office.Busy}, {603, office.Declined}, {480, office.NoAnswer}, {404, office.Failed}, {302, office.NoAnswer},
	} {
		t.Run(status(c.code), func(t *testing.T) {
			t.Parallel()
			x := open(t)
			x.carrier(t, "carrier", 1).rejects(c.code, ua.Headers{"Contact": "<sip:102@office.test>"})
			if _, err := x.unregistered(t, "101", "udp").dial(t.Context(), string(mobile)); err == nil {
				t.Fatal("it is answered")
			}
			if out := x.log(t, "101", 1)[0]; out.Outcome != c.outcome || out.Kind != office.Outgoing {
				t.Errorf("log %+v", out)
			}
		})
	}
}

func TestEmergency(t *testing.T) {
	t.Parallel()
	x := open(t)
	first, second := x.carrier(t, "first", 1), x.carrier(t, "second", 2)
	first.rejects(403)
	answered := second.answers(700)
	x.may(t, "101", office.Rights{Classes: "internal", MaxCalls: 1})
	ana := x.unregistered(t, "101", "udp")
	for _, p := range []string{"*43", "*43"} { // as many calls as it may have
		ana.call(p, 1000)
	}
	caller := ana.call("911", 1000)
	callee := receive(t, answered, "the emergency call")
	if callee.in.To() != "911" || callee.in.From().Number != companyNumber {
		t.Errorf("to %s from %s", callee.in.To(), string(callee.in.From().Number))
	}
	caller.hears(t, 700)
	caller.hangUp(t)
	if told := x.notices(t); told[office.NoticeEmergency] != 1 {
		t.Errorf("told of %v", told)
	}
	if _, err := x.Click(t.Context(), x.extension(t, "101").Account, "", "911", "all"); !errors.Is(err, office.ErrNotAllowed) {
		t.Errorf("by click: %v", err)
	}
}

func TestEmergencyWithoutALine(t *testing.T) {
	t.Parallel()
	x := open(t)
	said := make(chan *ua.Leg, 1)
	_, err := x.unregistered(t, "101", "udp").dial(t.Context(), "911", func(t *ua.Target) { t.OnEarly = func(l *ua.Leg) { said <- l } })
	var refused *ua.StatusError
	if !errors.As(err, &refused) || refused.Code != 503 {
		t.Fatal(err)
	}
	if l := receive(t, said, "the advice"); l.Stats().ReceivedPackets < 20 {
		t.Errorf("%d packets are heard", l.Stats().ReceivedPackets)
	}
}

func TestManyOutsideCallsAreTold(t *testing.T) {
	t.Parallel()
	x := open(t)
	x.carrier(t, "carrier", 1).rejects(486)
	ana := x.unregistered(t, "101", "udp")
	for range manyCalls + 3 {
		if _, err := ana.dial(t.Context(), string(mobile)); err == nil {
			t.Fatal("it is answered")
		}
	}
	if told := x.notices(t); told[office.NoticeManyCalls] != 1 {
		t.Errorf("told of %v", told)
	}
}

// TestInboundRingsTogether has an outside number ring two extensions.
func TestInboundRingsTogether(t *testing.T) {
	t.Parallel()
	x := open(t)
	c := x.carrier(t, "carrier", 1)
	x.line(t, "+525555550123", "102", "103")
	luis, eva := x.phone(t, "102", "udp"), x.phone(t, "103", "tls")
	luis.rings()
	answered := eva.answers(700, sdp.G722)
	leg, err := c.dial(t.Context(), "5555550123", func(t *ua.Target) {
		t.From = office.Party{Number: "5512345678", Name: "Rosa\u202e"}
		t.Identity = office.Party{Number: mobile, Name: "Rosa\u202e"}
	})
	if err != nil {
		t.Fatal(err)
	}
	caller := newTalk(leg, 1000)
	callee := receive(t, answered, "the call")
	if from := callee.in.From(); from != (office.Party{Number: mobile, Name: "Rosa"}) {
		t.Errorf("the callee sees %+v", from)
	}
	caller.hangUp(t)
	callee.wait()
	in, other := x.log(t, "103", 1)[0], x.log(t, "102", 1)[0]
	if in.Outcome != office.Answered || in.Kind != office.Incoming || in.Peer.Number != mobile || in.AnsweredBy != eva.device.Name {
		t.Errorf("log %+v", in)
	}
	if other.Outcome != office.AnsweredElsewhere || other.Kind != office.Incoming || other.AnsweredAt != nil {
		t.Errorf("log of the other %+v", other)
	}
	legs := x.telephones(t, "103", in.ID)
	if len(legs) != 2 || legs[0].Trunk != "carrier" || legs[1].Device != eva.device.Name || legs[1].Codec != "G722" {
		t.Errorf("legs %+v", legs)
	}
}

// TestTrunkReachesTheOfficeOnly has a carrier dial what it may not.
func TestTrunkReachesTheOfficeOnly(t *testing.T) {
	t.Parallel()
	x := open(t)
	c := x.carrier(t, "carrier", 1)
	x.line(t, "+525555550123", "102")
	for _, number := range []string{"102", "vm-102", "*43", "*97", "911", string(mobile), "+525555550199"} {
		_, err := c.dial(t.Context(), number)
		var refused *ua.StatusError
		if !errors.As(err, &refused) || refused.Code != 404 {
			t.Errorf("%s: %v", number, err)
		}
	}
	for _, n := range []office.Number{"101", "102", "103"} {
		x.log(t, n, 0)
	}
}

func TestInboundLeavesAMessage(t *testing.T) {
	t.Parallel()
	x := open(t)
	c := x.carrier(t, "carrier", 1)
	x.line(t, "+525555550123", "102", "103")
	leg, err := c.dial(t.Context(), "5555550123")
	if err != nil {
		t.Fatal(err)
	}
	k := newTalk(leg, 440)
	x.speaks(t, k, 3*time.Second)
	k.hangUp(t)
	x.messages(t, "102", 1)
	if in := x.log(t, "103", 1)[0]; in.Outcome != office.NoAnswer || in.Kind != office.Missed {
		t.Errorf("log of the second %+v", in)
	}
}
