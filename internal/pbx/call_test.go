package pbx

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/registrar"
	"timbre/internal/sdp"
	"timbre/internal/ua"
)

func TestTwoPhonesTalk(t *testing.T) {
	for _, c := range []struct {
		name             string
		caller, callee   string // transports
		offered          []sdp.Codec
		taken            []sdp.Codec
		local, remote    string // encryption in the caller's log
		calleeHangsUp    bool
		codecs, farCodec string
	}{
		{"plain", "udp", "udp", nil, nil, "rtp", "rtp", false, "PCMA", "PCMA"},
		{"secure", "tls", "tls", nil, nil, "srtp", "srtp", true, "PCMA", "PCMA"},
		{"secure to plain", "tls", "udp", nil, nil, "srtp", "rtp", false, "PCMA", "PCMA"},
		{"plain to secure", "udp", "tls", nil, nil, "rtp", "srtp", true, "PCMA", "PCMA"},
		{"translated", "udp", "udp", []sdp.Codec{sdp.PCMU}, []sdp.Codec{sdp.PCMA}, "rtp", "rtp", false, "PCMU", "PCMA"},
		{"the other way", "tls", "udp", []sdp.Codec{sdp.PCMA}, []sdp.Codec{sdp.PCMU}, "srtp", "rtp", false, "PCMA", "PCMU"},
		{"the winner's codec", "udp", "udp", []sdp.Codec{sdp.PCMA, sdp.PCMU}, []sdp.Codec{sdp.PCMU}, "rtp", "rtp", false, "PCMU", "PCMU"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := open(t)
			ana, luis := x.phone(t, "101", c.caller), x.phone(t, "102", c.callee)
			answered := luis.answers(700, c.taken...)
			caller := ana.call("102", 1000, c.offered...)
			callee := receive(t, answered, "the call")
			if x.LiveCalls() != 1 || len(x.Registered()) != 2 {
				t.Errorf("%d calls, %v registered", x.LiveCalls(), x.Registered())
			}
			caller.hears(t, 700)
			callee.hears(t, 1000)
			if caller.leg.Codec().Name != c.codecs || callee.leg.Codec().Name != c.farCodec {
				t.Errorf("they speak %s and %s", caller.leg.Codec().Name, callee.leg.Codec().Name)
			}
			if from := callee.in.From(); from != (office.Party{Number: "101", Name: "Ana"}) {
				t.Errorf("the callee sees %+v", from)
			}
			if c.calleeHangsUp {
				callee.hangUp(t)
				caller.wait()
			} else {
				caller.hangUp(t)
				callee.wait()
			}
			out, in := x.log(t, "101", 1)[0], x.log(t, "102", 1)[0]
			if out.Kind != office.Outgoing || out.Outcome != office.Answered || out.Peer != (office.Party{Number: "102", Name: "Luis"}) || out.AnsweredAt == nil {
				t.Errorf("caller's log %+v", out)
			}
			if in.Kind != office.Incoming || in.Outcome != office.Answered || in.Peer != (office.Party{Number: "101", Name: "Ana"}) || in.AnsweredBy != luis.device.Name {
				t.Errorf("callee's log %+v", in)
			}
			if out.Encryption != (office.Encryption{Local: c.local, Remote: c.remote}) || in.Encryption != (office.Encryption{Local: c.remote, Remote: c.local}) {
				t.Errorf("encryption %+v and %+v", out.Encryption, in.Encryption)
			}
			if got := callee.in.Header(office.CallHeader); got != string(in.ID) {
				t.Errorf("the callee's phone was told the call %q, not %q", got, in.ID)
			}
			if got := callee.in.Header(office.FarMediaHeader); got != c.local {
				t.Errorf("the callee's phone was told %q", got)
			}
		})
	}
}

// TestWhatBecomesOfACall is the table of the outcomes, for both sides.
func TestWhatBecomesOfACall(t *testing.T) {
	for _, c := range []struct {
		name    string
		callee  func(luis *phone) // nil: not registered
		caller  office.Outcome
		kind    office.CallKind
		outcome office.Outcome
		reason  string
	}{
		{"busy", func(p *phone) { p.rejects(486) }, office.ToVoicemail, office.Missed, office.Busy, "486"},
		{"declined", func(p *phone) { p.rejects(603) }, office.ToVoicemail, office.Incoming, office.Declined, "603"},
		{"sent to voicemail", func(p *phone) { p.rejects(302, ua.Headers{"Contact": "<sip:vm-102@office.test>"}) }, office.ToVoicemail, office.Missed, office.ToVoicemail, "302"},
		{"no answer", func(p *phone) { p.rings() }, office.ToVoicemail, office.Missed, office.NoAnswer, ""},
		{"not to be had", func(p *phone) { p.rejects(480) }, office.ToVoicemail, office.Missed, office.NoAnswer, "480"},
		{"not registered", nil, office.ToVoicemail, office.Missed, office.NoAnswer, "480"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := open(t)
			ana := x.unregistered(t, "101", "udp")
			x.ringsFor(t, "102", time.Second)
			if c.callee != nil {
				c.callee(x.phone(t, "102", "tls"))
			}
			ana.call("102", 1000).hangUp(t)
			out, in := x.log(t, "101", 1)[0], x.log(t, "102", 1)[0]
			if out.Kind != office.Outgoing || out.Outcome != c.caller {
				t.Errorf("caller's log %+v", out)
			}
			if in.Kind != c.kind || in.Outcome != c.outcome || in.Reason != c.reason || in.AnsweredAt != nil || in.Duration != 0 {
				t.Errorf("callee's log %+v", in)
			}
		})
	}
}

func TestOneBusyDeviceDoesNotMakeABusyExtension(t *testing.T) {
	t.Parallel()
	x := open(t)
	x.ringsFor(t, "102", 500*time.Millisecond)
	x.phone(t, "102", "udp").rejects(486)
	x.phone(t, "102", "udp").rings()
	x.unregistered(t, "101", "udp").call("102", 1000).hangUp(t)
	if in := x.log(t, "102", 1)[0]; in.Outcome != office.NoAnswer {
		t.Errorf("callee's log %+v", in)
	}
}

func TestCallerGivesUp(t *testing.T) {
	t.Parallel()
	x := open(t)
	ana, luis := x.phone(t, "101", "udp"), x.phone(t, "102", "udp")
	_, canceled := luis.rings()
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	told := make(chan string, 4)
	leg, err := ana.dial(ctx, "102", func(t *ua.Target) {
		t.OnRinging = func(_ int, header func(string) string) {
			told <- header(office.CallHeader)
			giveUp()
		}
	})
	if leg != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", leg, err)
	}
	receive(t, canceled, "the CANCEL")
	out, in := x.log(t, "101", 1)[0], x.log(t, "102", 1)[0]
	if got := receive(t, told, "180"); got != string(out.ID) {
		t.Errorf("the caller's phone was told the call %q, not %q", got, out.ID)
	}
	if out.Outcome != office.Canceled || out.Kind != office.Outgoing {
		t.Errorf("caller's log %+v", out)
	}
	if in.Outcome != office.Canceled || in.Kind != office.Missed {
		t.Errorf("callee's log %+v", in)
	}
}

// TestCancelMeetsAnswer has the caller give up in the moment of the answer, over
// and over: both legs end, and both logs say the same.
func TestCancelMeetsAnswer(t *testing.T) {
	t.Parallel()
	x := open(t)
	ana, luis := x.unregistered(t, "101", "udp"), x.phone(t, "102", "udp")
	const times = 10
	for range times {
		ctx, giveUp := context.WithCancel(t.Context())
		over := make(chan struct{})
		luis.does(func(ctx context.Context, in *ua.Incoming) {
			defer close(over)
			if err := in.Ring(); err != nil {
				return
			}
			giveUp()
			if leg, err := in.Answer(ctx, ua.AnswerOptions{}); err == nil {
				<-leg.Done()
			}
		})
		if leg, err := ana.dial(ctx, "102"); err == nil {
			newTalk(leg, 1000).hangUp(t)
		}
		receive(t, over, "the end of the answered call")
		giveUp()
	}
	out, in := x.log(t, "101", times), x.log(t, "102", times)
	outcome := map[time.Time]office.Outcome{}
	for _, c := range out {
		outcome[c.StartedAt] = c.Outcome
	}
	for _, c := range in {
		if o := outcome[c.StartedAt]; o != c.Outcome || o != office.Canceled && o != office.Answered {
			t.Errorf("%s for the caller, %s for the callee", o, c.Outcome)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	x := open(t)
	ana := x.unregistered(t, "101", "udp")
	stranger := x.unregistered(t, "103", "udp")
	stranger.target.Auth = &ua.Credentials{Username: "nobody", Password: "x", Realm: "timbre"}
	for _, c := range []struct {
		name   string
		from   *phone
		number string
		code   int
	}{
		{"unknown extension", ana, "199", 404},
		{"unknown service", ana, "*99", 404},
		{"outside, without a line", ana, "5512345678", 503},
		{"no number", ana, "luis", 404},
		{"unknown user", stranger, "101", 401},
		{"unknown user, unknown extension", stranger, "199", 401},
	} {
		leg, err := c.from.dial(t.Context(), c.number)
		var refused *ua.StatusError
		if leg != nil || !errors.As(err, &refused) || refused.Code != c.code {
			t.Errorf("%s: %v, %v", c.name, leg, err)
		}
	}
	calls := x.log(t, "101", 4)
	for _, number := range []office.Number{"", "+525512345678", "*99", "199"} { // in any order: they may have begun in one millisecond
		i := slices.IndexFunc(calls, func(c office.Call) bool { return c.Peer.Number == number })
		if i < 0 {
			t.Errorf("no call to %q in %+v", string(number), calls)
		} else if calls[i].Outcome != office.Failed || calls[i].Reason != map[bool]string{false: "404", true: office.NoTrunk}[number == "+525512345678"] || calls[i].Kind != office.Outgoing {
			t.Errorf("%+v", calls[i])
		}
	}
	x.log(t, "103", 0)
}

func TestFirstDeviceWins(t *testing.T) {
	t.Parallel()
	x := open(t)
	ana := x.phone(t, "101", "udp")
	mobile, desk, busy := x.phone(t, "102", "udp"), x.phone(t, "102", "tls"), x.phone(t, "102", "udp")
	_, canceled := mobile.rings()
	busy.rejects(486) // does not end it for the others
	answered := desk.answers(700)
	caller := ana.call("102", 1000)
	callee := receive(t, answered, "the call")
	receive(t, canceled, "the CANCEL of the other device")
	caller.hears(t, 700)
	callee.hears(t, 1000)
	caller.hangUp(t)
	callee.wait()
	if in := x.log(t, "102", 1)[0]; in.AnsweredBy != desk.device.Name || in.Outcome != office.Answered {
		t.Errorf("callee's log %+v", in)
	}
}

func TestDeclineEndsTheRingingOfAll(t *testing.T) {
	t.Parallel()
	x := open(t)
	ana := x.phone(t, "101", "udp")
	mobile, desk := x.phone(t, "102", "udp"), x.phone(t, "102", "tls")
	rung, canceled := mobile.rings()
	desk.does(func(_ context.Context, in *ua.Incoming) {
		receive(t, rung, "the ringing of the other device")
		if err := in.Reject(603); err != nil {
			t.Error(err)
		}
	})
	caller := ana.call("102", 1000)
	receive(t, canceled, "the CANCEL of the other device")
	caller.hangUp(t)
	if in := x.log(t, "102", 1)[0]; in.Outcome != office.Declined {
		t.Errorf("callee's log %+v", in)
	}
}

// TestDoubleAnswerLeavesNoGhost has two devices answer at the same moment, over
// and over: one talks, the other is hung up.
func TestDoubleAnswerLeavesNoGhost(t *testing.T) {
	t.Parallel()
	x := open(t)
	ana := x.phone(t, "101", "udp")
	a, b := x.phone(t, "102", "udp"), x.phone(t, "102", "udp")
	for range 5 {
		both := make(chan struct{}, 2)
		talks := make(chan *talk, 2)
		answer := func(ctx context.Context, in *ua.Incoming) {
			both <- struct{}{}
			for len(both) < 2 && ctx.Err() == nil { // until the other rings too
				select {
				case <-in.Canceled():
					return
				case <-time.After(time.Millisecond):
				}
			}
			leg, err := in.Answer(ctx, ua.AnswerOptions{})
			if err != nil {
				talks <- nil // canceled just before
				return
			}
			k := newTalk(leg, 700)
			talks <- k
			k.wait()
		}
		a.does(answer)
		b.does(answer)
		caller := ana.call("102", 1000)
		caller.hears(t, 700)
		caller.hangUp(t)
		for range 2 {
			if k := receive(t, talks, "the other answer"); k != nil {
				k.wait()
			}
		}
	}
	for _, in := range x.log(t, "102", 5) {
		if in.Outcome != office.Answered {
			t.Errorf("callee's log %+v", in)
		}
	}
}

func TestOwnExtensionRingsTheOtherDevices(t *testing.T) {
	t.Parallel()
	x := open(t)
	desk, mobile := x.phone(t, "101", "udp"), x.phone(t, "101", "tls")
	answered := mobile.answers(700)
	caller := desk.call("101", 1000)
	receive(t, answered, "the call")
	caller.hears(t, 700)
	caller.hangUp(t)
	x.log(t, "101", 2)
}

func TestThirdCallFindsTheExtensionBusy(t *testing.T) {
	t.Parallel()
	x := open(t)
	luis := x.phone(t, "102", "udp")
	answered := luis.answers(700)
	callers := []*phone{x.unregistered(t, "101", "udp"), x.unregistered(t, "101", "udp"), x.unregistered(t, "103", "udp")}
	first := callers[0].call("102", 1000)
	second := callers[1].call("102", 1000)
	receive(t, answered, "the first call")
	receive(t, answered, "the second call")
	third := callers[2].call("102", 1000) // answered by voicemail
	third.hangUp(t)
	if in := x.log(t, "102", 1)[0]; in.Outcome != office.Busy || in.Peer.Number != "103" {
		t.Errorf("callee's log %+v", in)
	}
	var refused *ua.StatusError
	if _, err := callers[0].dial(t.Context(), "*43"); !errors.As(err, &refused) || refused.Code != 486 {
		t.Errorf("a third call of the caller: %v", err)
	}
	first.hangUp(t)
	second.hangUp(t)
	x.log(t, "102", 3)
	fourth := callers[2].call("102", 1000)
	receive(t, answered, "a call after that")
	fourth.hangUp(t)
}

func TestEchoTest(t *testing.T) {
	t.Parallel()
	x := open(t)
	ana := x.unregistered(t, "101", "tls")
	k := ana.call("*43", 1000)
	if err := k.leg.SendDigit(t.Context(), '1'); err != nil { // enough of the prompt
		t.Fatal(err)
	}
	k.hears(t, 1000)
	k.hangUp(t)
	if out := x.log(t, "101", 1)[0]; out.Outcome != office.Answered || out.Peer.Number != "*43" || out.Encryption.Local != "srtp" {
		t.Errorf("log %+v", out)
	}
}

func TestStopEndsCallsWithTheirRecords(t *testing.T) {
	t.Parallel()
	x := open(t)
	ana, luis := x.unregistered(t, "101", "udp"), x.phone(t, "102", "udp")
	eva := x.unregistered(t, "103", "udp")
	answered := luis.answers(700)
	caller := ana.call("102", 1000)
	callee := receive(t, answered, "the call")
	caller.hears(t, 700)
	rung, _ := luis.rings()
	dialled := make(chan error, 1)
	go func() {
		_, err := eva.dial(t.Context(), "102")
		dialled <- err
	}()
	receive(t, rung, "the second call")
	x.stop()
	caller.wait()
	callee.wait()
	if receive(t, dialled, "the end of the second call") == nil {
		t.Error("the second call was answered")
	}
	if out := x.log(t, "101", 1)[0]; out.Outcome != office.Answered || out.Reason != office.Interrupted {
		t.Errorf("log of the call in progress %+v", out)
	}
	if out := x.log(t, "103", 1)[0]; out.Outcome != office.Failed || out.Reason != office.Interrupted {
		t.Errorf("log of the ringing call %+v", out)
	}
	x.log(t, "102", 2)
}

// TestPanicEndsOneCall takes something away that one kind of call needs.
func TestPanicEndsOneCall(t *testing.T) {
	t.Parallel()
	x := open(t, func(p *PBX) { p.sounds = nil })
	ana, luis := x.phone(t, "101", "udp"), x.phone(t, "102", "udp")
	k := ana.call("*43", 1000)
	k.wait()
	if out := x.log(t, "101", 1)[0]; out.Outcome != office.Failed {
		t.Errorf("log %+v", out)
	}
	answered := luis.answers(700)
	k = ana.call("102", 1000)
	receive(t, answered, "a call after that")
	if x.LiveCalls() != 1 {
		t.Errorf("%d calls", x.LiveCalls())
	}
	k.hangUp(t)
}

func TestClosedConnectionIsNoRegistration(t *testing.T) {
	t.Parallel()
	x := open(t)
	luis := x.phone(t, "102", "tls")
	if len(x.Registered()) != 1 {
		t.Fatalf("registered: %v", x.Registered())
	}
	luis.vanish()
	for end := time.After(patient); len(x.Registered()) > 0; {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-end:
			t.Fatal("it is still registered")
		}
	}
}

func TestDeadDeviceKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	x := open(t)
	ana, luis := x.phone(t, "101", "udp"), x.phone(t, "102", "udp")
	dead := x.unregistered(t, "102", "udp")
	for i, transport := range []string{"udp", "tls"} { // nobody listens there
		_, err := x.table.Register(t.Context(), registrar.Request{
			Username: dead.account.Username, CallID: "x", CSeq: uint32(i), Transport: transport,
			Source:   netip.MustParseAddrPort("127.0.0.1:9"),
			Contacts: []registrar.Contact{{URI: "sip:x@127.0.0.1:9;transport=" + transport, Expires: time.Minute}},
		}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
	}
	answered := luis.answers(700)
	caller := ana.call("102", 1000)
	receive(t, answered, "the call")
	caller.hears(t, 700)
	caller.hangUp(t)
}
