package server_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"timbre/internal/api"
	"timbre/internal/office"
	"timbre/internal/officetest"
	"timbre/internal/store"
	"timbre/internal/ua"
	"timbre/softphone"
)

const (
	ownNumber office.Number = "+525555550123"
	somebody  office.Number = "+525512345678"
)

// TestOfficeCallsOut dials as people do, and has the carrier see what it should.
func TestOfficeCallsOut(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	o := running(t, ctx, officetest.Options{})
	c := carrier(t, ctx, o, "carrier", 1, officetest.CarrierOptions{})
	c.Behave("+34911234567", officetest.Refuses(0, 404))
	c.Behave("+525587654321", officetest.Refuses(100*time.Millisecond, 486))
	ana := telephone(t, ctx, o, "101", officetest.PhoneOptions{Hz: 1000})

	call := dial(t, ana, "55 1234 5678")
	reach(t, ctx, ana, call, softphone.Active)
	w := next(t, ctx, c)
	if got := w.In.To(); got != string(somebody) {
		t.Errorf("the carrier is asked for %s", got)
	}
	if from, id := w.In.From(), w.In.Header("P-Asserted-Identity"); from.Number != officetest.Company || id == "" {
		t.Errorf("the carrier is called by %s, %s", string(from.Number), id)
	}
	hears(t, ctx, ana, 440)
	if err := w.Hears(ctx, 1000); err != nil {
		t.Errorf("the other side: %v", err)
	}
	if s := call.Status(); !s.Secure || s.FarMedia != "rtp" {
		t.Errorf("%+v", s)
	}
	if err := call.SendDigit('7'); err != nil {
		t.Error(err)
	}
	if err := w.Wait(ctx, func() bool { return w.Digits() == "7" }); err != nil {
		t.Errorf("digits %q: %v", w.Digits(), err)
	}
	call.Hangup()
	ended(t, ctx, call)
	hung(t, ctx, w)

	if s := ended(t, ctx, dial(t, ana, "5587654321")); s.Outcome != office.Busy {
		t.Errorf("busy: %+v", s)
	}
	// Not within the rights that an extension begins with.
	abroad := ended(t, ctx, dial(t, ana, "0034911234567"))
	if abroad.Code != 403 || len(c.Calls) != 1 { // that of the busy one
		t.Errorf("abroad: %+v; %d calls reached the carrier", abroad, len(c.Calls))
	}
	all := office.Classes("internal,national,international")
	if err := o.SetExtension(ctx, "101", api.ExtensionChange{Allow: &all}); err != nil {
		t.Fatal(err)
	}
	if s := ended(t, ctx, dial(t, ana, "00 34 911 234 567")); s.Code != 404 {
		t.Errorf("abroad, now allowed: %+v", s)
	}
}

// TestCallsFromOutside ring one extension, or several together; other numbers
// lead nowhere.
func TestCallsFromOutside(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	o := running(t, ctx, officetest.Options{})
	c := carrier(t, ctx, o, "carrier", 1, officetest.CarrierOptions{})
	line(t, ctx, o, ownNumber, "101")
	line(t, ctx, o, "+525555550124", "101", "102")
	ana := telephone(t, ctx, o, "101", officetest.PhoneOptions{Hz: 1000})
	luis := telephone(t, ctx, o, "102", officetest.PhoneOptions{Hz: 1300})

	type result struct {
		w   *officetest.Wire
		err error
	}
	call := func(number string) <-chan result {
		r := make(chan result, 1)
		go func() {
			w, err := c.Call(ctx, o.Ready.SIP, number, officetest.From(somebody, "Fulano\u202e \x07de Tal"))
			r <- result{w, err}
		}()
		return r
	}
	got := call("5555550123") // as a carrier of the country may write it
	ringing := rings(t, ctx, ana)
	if p := ringing.Peer(); p.Number != somebody || p.Name != "Fulano de Tal" {
		t.Errorf("called by %+v", p)
	}
	ringing.Answer()
	r := <-got
	if r.err != nil {
		t.Fatal(r.err)
	}
	go r.w.Say(ctx, 440)
	hears(t, ctx, ana, 440)
	if err := r.w.Hears(ctx, 1000); err != nil {
		t.Error(err)
	}
	if err := r.w.Leg().Hangup(ctx); err != nil {
		t.Error(err)
	}
	ended(t, ctx, ringing)

	got = call("+525555550124")
	one, other := rings(t, ctx, ana), rings(t, ctx, luis)
	other.Answer()
	if r = <-got; r.err != nil {
		t.Fatal(r.err)
	}
	if s := ended(t, ctx, one); s.Outcome == office.Answered {
		t.Errorf("the other phone: %+v", s)
	}
	if err := r.w.Hears(ctx, 1300); err != nil {
		t.Error(err)
	}
	other.Hangup()
	hung(t, ctx, r.w)

	for _, n := range []string{"+525555550199", "101", "*97", "+525512345678"} {
		var refused *ua.StatusError
		if r := <-call(n); !errors.As(r.err, &refused) || refused.Code != 404 {
			t.Errorf("%s: %v, want 404", n, r.err)
		}
	}
}

// TestForwardEndsInTheOfficesVoicemail forwards to a mobile whose own voicemail
// answers, and presses no key: the office's mailbox has the message.
func TestForwardEndsInTheOfficesVoicemail(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	o := prepared(t, ctx, officetest.Options{})
	data(t, ctx, o, func(s *store.Store) error {
		e, err := s.Extension(ctx, "101")
		if err != nil {
			return err
		}
		_, err = s.SetForwardingSettings(ctx, e.Account, office.ForwardingSettings{
			IsEnabled: true, When: office.WhenSet{office.ForwardAlways: true}, Number: somebody, RequireKey: true,
		}, "")
		return err
	})
	serve(t, ctx, o)
	c := carrier(t, ctx, o, "carrier", 1, officetest.CarrierOptions{})
	c.Behave(string(somebody), officetest.Mailbox(100*time.Millisecond))
	ana, err := o.Login(ctx, "101")
	if err != nil {
		t.Fatal(err)
	}

	leaveMessage(t, ctx, o, wired(t, ctx, o, "102"), "101")
	mobile := next(t, ctx, c)
	hung(t, ctx, mobile)
	if m := messages(t, ctx, ana, 1)[0]; m.From.Number != "102" || m.Duration < office.Duration(2*time.Second) {
		t.Errorf("%+v", m)
	}
	if officetest.Loudest(mobile.Heard(), 440) > -30 {
		t.Error("the mobile's voicemail has heard the caller")
	}

	// A person presses 1.
	c.Behave(string(somebody), officetest.Presses(100*time.Millisecond, 500*time.Millisecond, "1", 440))
	luis := telephone(t, ctx, o, "102", officetest.PhoneOptions{Hz: 1000})
	call := dial(t, luis, "101")
	reach(t, ctx, luis, call, softphone.Active)
	hears(t, ctx, luis, 440)
	mobile = next(t, ctx, c)
	mobile.Forget()
	if err := mobile.Hears(ctx, 1000); err != nil {
		t.Error(err)
	}
	call.Hangup()
	hung(t, ctx, mobile)
}

// TestFailoverBetweenCarriers has the first one, which registers, fail in turn in
// every way.
func TestFailoverBetweenCarriers(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	o := running(t, ctx, officetest.Options{})
	first := carrier(t, ctx, o, "first", 1, officetest.CarrierOptions{Transport: "tcp", Username: "525555550100", Password: "a secret", Realm: "asterisk"})
	second := carrier(t, ctx, o, "second", 2, officetest.CarrierOptions{})
	ana := telephone(t, ctx, o, "101", officetest.PhoneOptions{})
	for _, tt := range []struct {
		name   string
		first  officetest.Subscriber
		second bool
		active bool
	}{
		{"it answers", officetest.Answers(100*time.Millisecond, 0), false, true},
		{"503", officetest.Refuses(0, 503), true, true},
		{"busy", officetest.Refuses(50*time.Millisecond, 486), false, false},
		{"silent", officetest.Silent(), true, true},
	} {
		first.Behave("", tt.first)
		call := dial(t, ana, "5512345678")
		if tt.active {
			reach(t, ctx, ana, call, softphone.Active)
			call.Hangup()
		}
		ended(t, ctx, call)
		hung(t, ctx, next(t, ctx, first))
		if tt.second {
			hung(t, ctx, next(t, ctx, second))
		}
		if len(second.Calls) != 0 {
			t.Errorf("%s: the second carrier was tried", tt.name)
		}
	}
	// In from the carrier at which the office registered, by the contact it gave.
	line(t, ctx, o, ownNumber, "101")
	w := make(chan *officetest.Wire, 1)
	go func() {
		got, err := first.Call(ctx, "", string(ownNumber), officetest.From(somebody, ""))
		if err != nil {
			t.Error(err)
		}
		w <- got
	}()
	ringing := rings(t, ctx, ana)
	ringing.Answer()
	if got := <-w; got != nil {
		got.Leg().Hangup(ctx)
	}
	ended(t, ctx, ringing)
	// Without the trunk the registration is taken back, while the server runs.
	if err := o.RemoveTrunk(ctx, "first"); err != nil {
		t.Fatal(err)
	}
	if err := first.Registered(ctx, false); err != nil {
		t.Error(err)
	}
}

func TestEmergencyCalls(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	o := running(t, ctx, officetest.Options{})
	none := office.Classes("internal")
	if err := o.SetExtension(ctx, "101", api.ExtensionChange{Allow: &none}); err != nil {
		t.Fatal(err)
	}
	ana := telephone(t, ctx, o, "101", officetest.PhoneOptions{})
	began := time.Now()
	s := ended(t, ctx, dial(t, ana, "911"))
	if s.Outcome == office.Answered || time.Since(began) > 20*time.Second {
		t.Errorf("without a line: %+v after %v", s, time.Since(began))
	}
	first := carrier(t, ctx, o, "first", 1, officetest.CarrierOptions{})
	second := carrier(t, ctx, o, "second", 2, officetest.CarrierOptions{})
	first.Behave("911", officetest.Refuses(0, 403))
	call := dial(t, ana, "911")
	reach(t, ctx, ana, call, softphone.Active)
	w := next(t, ctx, second)
	if w.In.To() != "911" || w.In.From().Number != officetest.Company {
		t.Errorf("to %s by %s", w.In.To(), string(w.In.From().Number))
	}
	call.Hangup()
	hung(t, ctx, w)
}

// TestSippIsACarrier stands in for the network with sipp: out, out of service,
// sound before the answer, in, and in with 100rel.
func TestSippIsACarrier(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	o := running(t, ctx, officetest.Options{})
	line(t, ctx, o, ownNumber, "101")
	ana := telephone(t, ctx, o, "101", officetest.PhoneOptions{Hz: 1000, Answer: true})
	at := func(name string, priority int, load officetest.SippLoad) {
		s, err := o.Sipp(context.WithoutCancel(ctx), load)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.AddTrunk(ctx, trunkTo(name, s.Port, priority), ""); err != nil {
			t.Fatal(err)
		}
		if err := o.TrunkUp(ctx, name, true); err != nil {
			t.Fatalf("%v\n%s", err, s.Output())
		}
	}
	at("down", 1, officetest.SippLoad{Scenario: officetest.SippCarrierRefuse})
	at("early", 2, officetest.SippLoad{Scenario: officetest.SippCarrierEarly, Talk: 2 * time.Second})
	call := dial(t, ana, "5512345678")
	reach(t, ctx, ana, call, softphone.Active)
	hears(t, ctx, ana, 1000) // itself, from the carrier
	call.Hangup()
	ended(t, ctx, call)

	from := func(scenario string, talk time.Duration) {
		t.Helper()
		port, err := officetest.FreePort()
		if err != nil {
			t.Fatal(err)
		}
		if err := o.AddTrunk(ctx, trunkTo(scenario, port, 9), ""); err != nil {
			t.Fatal(err)
		}
		s, err := o.Sipp(ctx, officetest.SippLoad{
			Scenario: scenario, Server: o.Ready.SIP, Port: port, Calls: 1, Talk: talk, Rows: []officetest.SippRow{{Number: ownNumber}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Result(ctx); err != nil {
			t.Errorf("%s: %v", scenario, err)
		}
	}
	from(officetest.SippCarrier100rel, 0)
	ana.Ear.Forget()
	from(officetest.SippCarrierCall, 2*time.Second)
	in := rings(t, ctx, ana)
	if p := in.Peer(); p.Number != "+525599990000" || p.Name != "Fulano de Tal" {
		t.Errorf("called by %+v", p)
	}
	ended(t, ctx, in)
	if level := officetest.Loudest(ana.Ear.Heard(), 1000); level < -18 {
		t.Errorf("the carrier's tone is heard at %.1f dBFS", level)
	}
}
