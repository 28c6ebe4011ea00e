package officetest_test

import (
	"context"
	"testing"
	"time"

	"timbre/internal/officetest"
	"timbre/softphone"
)

func TestTwoThirdPartyPhonesTalk(t *testing.T) {
	t.Parallel()
	ctx := limit(t, time.Minute)
	o := started(t, ctx, officetest.Start, officetest.Options{})
	ana, luis := baresip(t, ctx, o, "101", 1000, false), baresip(t, ctx, o, "102", 440, true)
	if err := ana.Dial("102"); err != nil {
		t.Fatal(err)
	}
	await(t, ctx, ana, "CALL_ESTABLISHED")
	await(t, ctx, luis, "CALL_ESTABLISHED")
	talk(t, ctx)
	if err := ana.Hangup(); err != nil {
		t.Fatal(err)
	}
	closed(t, ctx, luis)
	closed(t, ctx, ana)
	hears(t, "101", heard(t, ana), 440, 1000)
	hears(t, "102", heard(t, luis), 1000, 440)
}

func TestThirdPartyPhoneCallsAndIsCalled(t *testing.T) {
	t.Parallel()
	ctx := limit(t, time.Minute)
	o := started(t, ctx, officetest.Start, officetest.Options{})
	desk := baresip(t, ctx, o, "101", 1000, true)
	ours := phone(t, ctx, o, "102", officetest.PhoneOptions{Hz: 440, Answer: true})

	// Called by ours: SRTP on one side of the office, RTP on the other.
	c, err := ours.Call("101")
	if err != nil {
		t.Fatal(err)
	}
	reach(t, ctx, ours, c, softphone.Active)
	await(t, ctx, desk, "CALL_ESTABLISHED")
	talk(t, ctx)
	if s := c.Status(); !s.Secure || s.FarMedia != "rtp" {
		t.Errorf("secure %v, far media %q, want true and rtp", s.Secure, s.FarMedia)
	}
	c.Hangup()
	<-c.Done()
	closed(t, ctx, desk)
	hears(t, "ours", ours.Ear.Heard(), 1000, 440)
	hears(t, "baresip", heard(t, desk), 440, 1000)

	// Calling ours.
	ours.Ear.Forget()
	if err := desk.Dial("102"); err != nil {
		t.Fatal(err)
	}
	c = <-ours.Incoming
	reach(t, ctx, ours, c, softphone.Active)
	if p := c.Peer(); p.Number != "101" || p.Name != "Ana López" {
		t.Errorf("called by %+v", p)
	}
	await(t, ctx, desk, "CALL_ESTABLISHED")
	talk(t, ctx)
	if err := desk.Hangup(); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	closed(t, ctx, desk)
	hears(t, "ours", ours.Ear.Heard(), 1000, 440)
	all, err := desk.Heard()
	if err != nil || len(all) != 2 {
		t.Fatalf("%d recordings, %v", len(all), err)
	}
	hears(t, "baresip", all[1], 440, 1000)
}

// closed waits until b's call is over and its recording complete.
func closed(t *testing.T, ctx context.Context, b *officetest.Baresip) {
	t.Helper()
	await(t, ctx, b, "CALL_CLOSED")
}
