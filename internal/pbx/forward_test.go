package pbx

import (
	"errors"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/ua"
)

func TestForwardIsAcceptedWithAKey(t *testing.T) {
	t.Parallel()
	x := open(t)
	c := x.carrier(t, "carrier", 1)
	x.forwards(t, "102", mobile, true, true, office.ForwardAlways)
	luis := x.phone(t, "102", "udp")
	_, canceled := luis.rings()
	answered := c.presses(700, '1')
	caller := x.unregistered(t, "101", "udp").call("102", 1000)
	callee := receive(t, answered, "the forward")
	receive(t, canceled, "the end of the ringing of the desk")
	caller.hears(t, 700)
	callee.hears(t, 1000)
	if d := callee.in.Diversion(); len(d) != 1 || d[0].Party.Number != companyNumber {
		t.Errorf("diversion %+v", d)
	}
	caller.hangUp(t)
	callee.wait()
	out, in := x.log(t, "101", 1)[0], x.log(t, "102", 1)[0]
	if in.Outcome != office.Forwarded || in.Kind != office.Incoming || in.ForwardedTo != mobile || in.AnsweredBy != string(mobile) || in.AnsweredAt == nil {
		t.Errorf("callee's log %+v", in)
	}
	if out.Outcome != office.Answered || out.ForwardedTo != "" {
		t.Errorf("caller's log %+v", out)
	}
	if legs := x.telephones(t, "102", in.ID); len(legs) != 3 {
		t.Errorf("legs %+v", legs)
	}
	if legs := x.telephones(t, "101", out.ID); len(legs) != 1 {
		t.Errorf("the caller learns of %+v", legs)
	}
	x.until(t, "the forwarding extension pays", func() bool {
		u, err := x.store.Usage(t.Context(), x.extension(t, "102").Account, x.today(t))
		return err == nil && u.Calls == 1
	})
}

// TestForwardThatIsNotAccepted ends in the office's voicemail: the caller never
// hears the other one.
func TestForwardThatIsNotAccepted(t *testing.T) {
	t.Parallel()
	x := open(t)
	c := x.carrier(t, "carrier", 1)
	x.forwards(t, "102", mobile, false, true, office.ForwardOffline)
	answered := c.presses(700, '2')
	caller := x.unregistered(t, "101", "udp").call("102", 440)
	callee := receive(t, answered, "the forward")
	callee.wait()
	x.speaks(t, caller, 3*time.Second)
	caller.hangUp(t)
	x.messages(t, "102", 1)
	if in := x.log(t, "102", 1)[0]; in.Outcome != office.ToVoicemail || in.Kind != office.Missed || in.ForwardedTo != mobile {
		t.Errorf("callee's log %+v", in)
	}
}

func TestForwardToAnotherExtension(t *testing.T) {
	t.Parallel()
	x := open(t)
	x.forwards(t, "102", "103", false, false, office.ForwardAlways)
	answered := x.phone(t, "103", "tls").answers(700)
	caller := x.unregistered(t, "101", "udp").call("102", 1000)
	callee := receive(t, answered, "the forward")
	caller.hears(t, 700)
	callee.hears(t, 1000)
	caller.hangUp(t)
	callee.wait()
	in, at := x.log(t, "102", 1)[0], x.log(t, "103", 1)[0]
	if in.Outcome != office.Forwarded || in.ForwardedTo != "103" {
		t.Errorf("log of the called %+v", in)
	}
	if at.Outcome != office.Answered || at.Peer.Number != "101" {
		t.Errorf("log of who answered %+v", at)
	}
}

// TestForwardingInACircleEndsInVoicemail: 102 to 103 to 102.
func TestForwardingInACircleEndsInVoicemail(t *testing.T) {
	t.Parallel()
	x := open(t)
	x.forwards(t, "102", "103", false, false, office.ForwardAlways)
	x.forwards(t, "103", "102", false, false, office.ForwardAlways)
	x.unregistered(t, "101", "udp").call("102", 1000).hangUp(t)
	if out := x.log(t, "101", 1)[0]; out.Outcome != office.ToVoicemail {
		t.Errorf("log %+v", out)
	}
	x.log(t, "102", 1)
	x.log(t, "103", 1)
}

func TestForwardWithoutRightsEndsInVoicemail(t *testing.T) {
	t.Parallel()
	x := open(t)
	x.carrier(t, "carrier", 1)
	x.may(t, "102", office.Rights{Classes: "internal"})
	x.forwards(t, "102", mobile, false, false, office.ForwardAlways)
	x.unregistered(t, "101", "udp").call("102", 1000).hangUp(t)
	if out := x.log(t, "101", 1)[0]; out.Outcome != office.ToVoicemail {
		t.Errorf("log %+v", out)
	}
}

// TestPhoneSendsTheCallElsewhere is the table of 302.
func TestPhoneSendsTheCallElsewhere(t *testing.T) {
	for _, c := range []struct {
		name, contact string
		answers       office.Number // who gets the call; empty: the voicemail of box
		box           office.Number
	}{
		{"another box", "<sip:vm-103@office.test>", "", "103"},
		{"another extension", "<sip:103@office.test>", "103", ""},
		{"another extension, escaped", "<sip:%31%30%33@office.test>", "103", ""},
		{"outside", "<tel:" + string(mobile) + ";phone-context=x>", mobile, ""},
		{"outside, as some write it", "<sip:%2B525512345678@127.0.0.1:5060;user=phone>", mobile, ""},
		{"not allowed", "<sip:0013105550123@office.test>", "", "102"},
		{"somebody else's", "<sip:103@elsewhere.test>", "", "102"},
		{"nonsense", "<sip:luis@office.test>", "", "102"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := open(t)
			line := x.carrier(t, "carrier", 1)
			x.phone(t, "102", "udp").rejects(302, ua.Headers{"Contact": c.contact})
			outside, eva := line.answers(700), x.phone(t, "103", "udp").answers(700)
			caller := x.unregistered(t, "101", "udp").call("102", 440)
			switch c.answers {
			case "103":
				receive(t, eva, "the call")
			case mobile:
				receive(t, outside, "the call")
			default:
				x.speaks(t, caller, 3*time.Second)
				caller.hangUp(t)
				x.messages(t, c.box, 1)
				return
			}
			caller.hears(t, 700)
			caller.hangUp(t)
			if in := x.log(t, "102", 1)[0]; in.Outcome != office.Forwarded || in.ForwardedTo != c.answers {
				t.Errorf("log %+v", in)
			}
			if c.answers == mobile {
				x.until(t, "the extension of the phone pays", func() bool { return x.paid(t, "102") })
			}
		})
	}
}

func TestNotDisturbed(t *testing.T) {
	t.Parallel()
	x := open(t)
	until := time.Now().Add(time.Hour)
	if _, err := x.store.SetAvailability(t.Context(), x.extension(t, "102").Account, office.Availability{DNDUntil: &until}, ""); err != nil {
		t.Fatal(err)
	}
	x.phone(t, "102", "udp") // which must not ring
	x.unregistered(t, "101", "udp").call("102", 1000).hangUp(t)
	if in := x.log(t, "102", 1)[0]; in.Kind != office.Missed || in.Outcome != office.NoAnswer && in.Outcome != office.ToVoicemail {
		t.Errorf("log %+v", in)
	}
}

func TestVoicemailThatIsOff(t *testing.T) {
	t.Parallel()
	x := open(t)
	x.withoutVoicemail(t, "102")
	said := make(chan *ua.Leg, 1)
	_, err := x.unregistered(t, "101", "udp").dial(t.Context(), "102", func(t *ua.Target) { t.OnEarly = func(l *ua.Leg) { said <- l } })
	var refused *ua.StatusError
	if !errors.As(err, &refused) || refused.Code != 480 {
		t.Fatal(err)
	}
	if l := receive(t, said, "the spoken words"); l.Stats().ReceivedPackets < 20 {
		t.Errorf("%d packets are heard", l.Stats().ReceivedPackets)
	}
	if in := x.log(t, "102", 1)[0]; in.Kind != office.Missed || in.Outcome != office.NoAnswer {
		t.Errorf("log %+v", in)
	}
}
