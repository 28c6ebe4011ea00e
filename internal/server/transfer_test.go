package server_test

import (
	"context"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/officetest"
	"timbre/softphone"
)

// row returns whom a sipp pretends to be that has a device of extension n.
func row(t *testing.T, ctx context.Context, o *officetest.Office, n, calls office.Number) officetest.SippRow {
	t.Helper()
	a, err := o.AddDevice(ctx, n, "sipp")
	if err != nil {
		t.Fatal(err)
	}
	return officetest.SippRow{Account: a, Number: calls}
}

// result fails the test unless all went as s expects.
func result(t *testing.T, ctx context.Context, s *officetest.Sipp) {
	t.Helper()
	if _, err := s.Result(ctx); err != nil {
		t.Error(err)
	}
}

// TestDeskPhoneTransfersAttended has a desk phone call two others, and leave them
// to each other.
func TestDeskPhoneTransfersAttended(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	o := running(t, ctx, officetest.Options{})
	luis := desk(t, ctx, o, "102", officetest.BaresipOptions{Hz: 440, Answer: true})
	marta := telephone(t, ctx, o, "103", officetest.PhoneOptions{Hz: 1300, Answer: true})
	s, err := o.Sipp(ctx, officetest.SippLoad{
		Scenario: officetest.SippAttend, Server: o.Ready.SIP, Calls: 1, Rows: []officetest.SippRow{row(t, ctx, o, "101", "102")}, Other: "103",
	})
	if err != nil {
		t.Fatal(err)
	}
	result(t, ctx, s)
	taken := rings(t, ctx, marta)
	await(t, ctx, luis, "CALL_ESTABLISHED")
	hears(t, ctx, marta, 440)
	listens(t, ctx, luis, 1300)
	if got := taken.Status(); got.State != softphone.Active || got.FarMedia != "rtp" {
		t.Errorf("%+v", got)
	}
	taken.Hangup()
	await(t, ctx, luis, "CALL_CLOSED")
}

// TestDeskPhoneTransfersToVoicemail has the caller leave a message for somebody
// else than was called.
func TestDeskPhoneTransfersToVoicemail(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	o := running(t, ctx, officetest.Options{})
	luis := desk(t, ctx, o, "102", officetest.BaresipOptions{Hz: 440, Answer: true})
	marta, err := o.Login(ctx, "103")
	if err != nil {
		t.Fatal(err)
	}
	ana := wired(t, ctx, o, "101")("102")
	go ana.Say(ctx, 1000) // ends with the call
	await(t, ctx, luis, "CALL_ESTABLISHED")
	if err := ana.Hears(ctx, 440); err != nil {
		t.Fatal(err)
	}
	if err := luis.Transfer("vm-103"); err != nil {
		t.Fatal(err)
	}
	await(t, ctx, luis, "CALL_CLOSED")
	speaks(t, ctx, o, ana)
	if m := messages(t, ctx, marta, 1)[0]; m.From.Number != "101" || m.Duration < office.Duration(time.Second) {
		t.Errorf("%+v", m)
	}
}

// TestDeskPhonesSendOn answer 302: one to another extension, one to a voicemail.
func TestDeskPhonesSendOn(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	o := running(t, ctx, officetest.Options{People: []officetest.Person{
		{Extension: "101", Name: "Ana López"}, {Extension: "102", Name: "Luis Peña"}, {Extension: "103", Name: "Marta Ruiz"}, {Extension: "104", Name: "Sala"},
	}})
	for from, to := range map[office.Number]office.Number{"102": "103", "104": "vm-103"} {
		load := officetest.SippLoad{Scenario: officetest.SippRedirect, Other: to}
		if _, err := o.SippPhone(context.WithoutCancel(ctx), load, row(t, ctx, o, from, "").Account); err != nil {
			t.Fatal(err)
		}
	}
	ana := telephone(t, ctx, o, "101", officetest.PhoneOptions{Hz: 1000})
	marta := telephone(t, ctx, o, "103", officetest.PhoneOptions{Hz: 1300, Answer: true})
	call := dial(t, ana, "102")
	reach(t, ctx, ana, call, softphone.Active)
	hears(t, ctx, ana, 1300)
	taken := rings(t, ctx, marta)
	call.Hangup()
	ended(t, ctx, taken)

	leaveMessage(t, ctx, o, wired(t, ctx, o, "101"), "104")
	martas, err := o.Login(ctx, "103")
	if err != nil {
		t.Fatal(err)
	}
	if m := messages(t, ctx, martas, 1)[0]; m.From.Number != "101" {
		t.Errorf("%+v", m)
	}
}
