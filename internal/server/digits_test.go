package server_test

import (
	"context"
	"testing"
	"time"

	"timbre/internal/officetest"
	"timbre/internal/sdp"
	"timbre/softphone"
)

// TestDigitsBetweenPhones has each kind of telephone press keys to another: by
// RFC 4733 with the clocks of G.711 and Opus and other payload types, and by INFO.
func TestDigitsBetweenPhones(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	o := running(t, ctx, officetest.Options{})
	luis := desk(t, ctx, o, "102", officetest.BaresipOptions{Hz: 440, Answer: true})
	marta := desk(t, ctx, o, "103", officetest.BaresipOptions{Hz: 1300})
	ana := telephone(t, ctx, o, "101", officetest.PhoneOptions{Hz: 1000})

	if err := marta.Dial("102"); err != nil {
		t.Fatal(err)
	}
	await(t, ctx, marta, "CALL_ESTABLISHED")
	press(t, ctx, marta, "15*#")
	pressed(t, ctx, luis, "15*#")
	if err := marta.Hangup(); err != nil {
		t.Fatal(err)
	}
	await(t, ctx, luis, "CALL_CLOSED")

	call := dial(t, ana, "102")
	reach(t, ctx, ana, call, softphone.Active)
	hears(t, ctx, ana, 440)
	for _, d := range "204" {
		if err := call.SendDigit(d); err != nil {
			t.Fatal(err)
		}
	}
	pressed(t, ctx, luis, "204")
	call.Hangup()
	await(t, ctx, luis, "CALL_CLOSED")

	// Opus with events of its clock, and payload types that nobody else has here.
	opus, event := sdp.Opus, sdp.TelephoneEvent
	opus.PayloadType, event.PayloadType, event.Clock = 120, 121, opus.Clock
	p, from := lightPhone(t, ctx, o, "101", officetest.Answers(0, 0))
	from.Codecs = []sdp.Codec{opus, event}
	w, err := p.Call(ctx, o.Ready.SIP, "102", from)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range "68" {
		if err := w.Leg().SendDigit(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	pressed(t, ctx, luis, "68")
	press(t, ctx, luis, "0*")
	if err := w.Wait(ctx, func() bool { return w.Digits() == "0*" }); err != nil {
		t.Errorf("digits %q: %v", w.Digits(), err)
	}
	if err := w.Leg().Hangup(ctx); err != nil {
		t.Error(err)
	}
	await(t, ctx, luis, "CALL_CLOSED")

	s, err := o.Sipp(ctx, officetest.SippLoad{
		Scenario: officetest.SippPress, Server: o.Ready.SIP, Calls: 1, Rows: []officetest.SippRow{row(t, ctx, o, "101", "102")}, Digits: "3#9*",
		Talk: 3 * time.Second, // for the last of them to arrive
	})
	if err != nil {
		t.Fatal(err)
	}
	pressed(t, ctx, luis, "3#9*")
	result(t, ctx, s)
}

// TestVoicemailByDeskPhone hears and saves a message at *97, by RFC 4733 from
// baresip, then hears and deletes it, by INFO from sipp.
func TestVoicemailByDeskPhone(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	o := running(t, ctx, officetest.Options{})
	if err := o.SetPIN(ctx, "101", "7319"); err != nil {
		t.Fatal(err)
	}
	anas, err := o.Login(ctx, "101")
	if err != nil {
		t.Fatal(err)
	}
	if heard := leaveMessage(t, ctx, o, wired(t, ctx, o, "102"), "101"); !officetest.Beeped(heard) {
		t.Errorf("in %v that were heard there was no beep", heard.Duration())
	}
	if !messages(t, ctx, anas, 1)[0].IsNew {
		t.Error("the message is not new")
	}

	ana := desk(t, ctx, o, "101", officetest.BaresipOptions{Hz: 1000})
	if err := ana.Dial("*97"); err != nil {
		t.Fatal(err)
	}
	await(t, ctx, ana, "CALL_ESTABLISHED")
	press(t, ctx, ana, "7319#1")
	listens(t, ctx, ana, 440)
	press(t, ctx, ana, "9")
	if err := ana.Hangup(); err != nil {
		t.Fatal(err)
	}
	await(t, ctx, ana, "CALL_CLOSED")
	if messages(t, ctx, anas, 1)[0].IsNew {
		t.Error("a message that was heard is still new")
	}

	s, err := o.Sipp(ctx, officetest.SippLoad{
		Scenario: officetest.SippPress, Server: o.Ready.SIP, Calls: 1, Rows: []officetest.SippRow{row(t, ctx, o, "101", "*97")},
		Digits: "7319#17", Talk: 8 * time.Second, // until all is done
	})
	if err != nil {
		t.Fatal(err)
	}
	result(t, ctx, s)
	messages(t, ctx, anas, 0)
}

// press has b press keys.
func press(t *testing.T, ctx context.Context, b *officetest.Baresip, keys string) {
	t.Helper()
	if err := b.Press(ctx, keys); err != nil {
		t.Fatal(err)
	}
}

// pressed fails the test unless those keys, and no others, are pressed to b.
func pressed(t *testing.T, ctx context.Context, b *officetest.Baresip, keys string) {
	t.Helper()
	for _, k := range keys {
		got, err := b.Digit(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(k) {
			t.Errorf("%q was pressed, not %q", got, k)
		}
	}
}

// listens waits until b hears the tone hz.
func listens(t *testing.T, ctx context.Context, b *officetest.Baresip, hz float64) {
	t.Helper()
	if err := b.Hears(ctx, hz); err != nil {
		t.Fatal(err)
	}
}
