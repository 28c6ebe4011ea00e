package server_test

import (
	"context"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/officetest"
	"timbre/softphone"
)

// desk returns a registered baresip of extension n.
func desk(t *testing.T, ctx context.Context, o *officetest.Office, n office.Number, opt officetest.BaresipOptions) *officetest.Baresip {
	t.Helper()
	a, err := o.AddDevice(ctx, n, "baresip")
	if err != nil {
		t.Fatal(err)
	}
	opt.Account, opt.Server = a, o.Ready.SIP
	b, err := o.Baresip(context.WithoutCancel(ctx), opt)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// await fails the test unless b says event.
func await(t *testing.T, ctx context.Context, b *officetest.Baresip, event string) {
	t.Helper()
	if err := b.Await(ctx, event); err != nil {
		t.Fatal(err)
	}
}

// heard fails the test unless b's last call heard the tone hz.
func heard(t *testing.T, who string, b *officetest.Baresip, hz float64) {
	t.Helper()
	all, err := b.Heard()
	if err != nil || len(all) == 0 {
		t.Fatalf("%s: %d recordings, %v", who, len(all), err)
	}
	if level := officetest.Loudest(all[len(all)-1], hz); level < -20 {
		t.Errorf("%s hears %g Hz at %.1f dBFS", who, hz, level)
	}
}

// talk lets a call go on until sound has passed.
func talk(t *testing.T, ctx context.Context) {
	t.Helper()
	select {
	case <-time.After(2500 * time.Millisecond):
	case <-ctx.Done():
		t.Fatal(ctx.Err())
	}
}

// TestBaresipIsACarrier by address and port, out and in.
func TestBaresipIsACarrier(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	o := running(t, ctx, officetest.Options{})
	port, err := officetest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	c, err := o.Baresip(context.WithoutCancel(ctx), officetest.BaresipOptions{
		Account: office.SIPAccount{Username: string(somebody), Domain: o.Ready.SIP}, Port: port, Hz: 440, Answer: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.AddTrunk(ctx, trunkTo("carrier", port, 1), ""); err != nil {
		t.Fatal(err)
	}
	if err := o.TrunkUp(ctx, "carrier", true); err != nil {
		t.Fatal(err)
	}
	line(t, ctx, o, ownNumber, "101")
	ana := telephone(t, ctx, o, "101", officetest.PhoneOptions{Hz: 1000})

	call := dial(t, ana, "5512345678")
	reach(t, ctx, ana, call, softphone.Active)
	await(t, ctx, c, "CALL_ESTABLISHED")
	hears(t, ctx, ana, 440)
	talk(t, ctx)
	call.Hangup()
	await(t, ctx, c, "CALL_CLOSED")
	heard(t, "the carrier", c, 1000)

	ana.Ear.Forget()
	if err := c.Dial("5555550123"); err != nil {
		t.Fatal(err)
	}
	in := rings(t, ctx, ana)
	if p := in.Peer(); p.Number != somebody {
		t.Errorf("called by %+v", p)
	}
	in.Answer()
	await(t, ctx, c, "CALL_ESTABLISHED")
	hears(t, ctx, ana, 440)
	in.Hangup()
	await(t, ctx, c, "CALL_CLOSED")
}

// TestPhonesWithoutACommonCodec talk through the office's translation.
func TestPhonesWithoutACommonCodec(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	o := running(t, ctx, officetest.Options{})
	wide := desk(t, ctx, o, "101", officetest.BaresipOptions{Hz: 1000, Codecs: "G722/16000/1"})
	narrow := desk(t, ctx, o, "102", officetest.BaresipOptions{Hz: 440, Codecs: "PCMU/8000/1", Answer: true})
	if err := wide.Dial("102"); err != nil {
		t.Fatal(err)
	}
	await(t, ctx, wide, "CALL_ESTABLISHED")
	await(t, ctx, narrow, "CALL_ESTABLISHED")
	talk(t, ctx)
	if err := wide.Hangup(); err != nil {
		t.Fatal(err)
	}
	await(t, ctx, narrow, "CALL_CLOSED")
	await(t, ctx, wide, "CALL_CLOSED")
	heard(t, "the one with G.722", wide, 440)
	heard(t, "the one with PCMU", narrow, 1000)
}

// TestDeskPhoneTransfers a call of ours, without asking first.
func TestDeskPhoneTransfers(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	o := running(t, ctx, officetest.Options{})
	luis := desk(t, ctx, o, "102", officetest.BaresipOptions{Hz: 440, Answer: true})
	ana := telephone(t, ctx, o, "101", officetest.PhoneOptions{Hz: 1000})
	marta := telephone(t, ctx, o, "103", officetest.PhoneOptions{Hz: 1300, Answer: true})
	call := dial(t, ana, "102")
	reach(t, ctx, ana, call, softphone.Active)
	await(t, ctx, luis, "CALL_ESTABLISHED")
	hears(t, ctx, ana, 440)
	if err := luis.Transfer("103"); err != nil {
		t.Fatal(err)
	}
	taken := rings(t, ctx, marta)
	reach(t, ctx, marta, taken, softphone.Active)
	hears(t, ctx, ana, 1300)
	hears(t, ctx, marta, 1000)
	await(t, ctx, luis, "CALL_CLOSED")
	if s := call.Status(); s.State != softphone.Active {
		t.Errorf("the transferred call: %+v", s)
	}
	call.Hangup()
	ended(t, ctx, taken)
}

// TestMessageLampOfADeskPhone is dark, lit by a message, and dark again.
func TestMessageLampOfADeskPhone(t *testing.T) {
	t.Parallel()
	ctx := within(t, 2*time.Minute)
	o := running(t, ctx, officetest.Options{People: []officetest.Person{
		{Extension: "101", Name: "Ana López", Ring: 5 * time.Second}, {Extension: "102", Name: "Luis Peña"},
	}})
	ana := desk(t, ctx, o, "101", officetest.BaresipOptions{Hz: 1000})
	if err := ana.Lamp(ctx, 0); err != nil {
		t.Fatal(err)
	}
	leaveMessage(t, ctx, o, wired(t, ctx, o, "102"), "101")
	await(t, ctx, ana, "CALL_CLOSED")
	if err := ana.Lamp(ctx, 1); err != nil {
		t.Fatal(err)
	}
	anas, err := o.Login(ctx, "101")
	if err == nil {
		err = anas.SyncOnce(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	list := messages(t, ctx, anas, 1)
	if err := anas.MarkVoicemail(ctx, list[0].ID, false); err != nil {
		t.Fatal(err)
	}
	messages(t, ctx, anas, 1)
	if err := ana.Lamp(ctx, 0); err != nil {
		t.Error(err)
	}
}
