package softphone_test

import (
	"context"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/officetest"
	"timbre/softphone"
)

// running returns an office that runs in this process until the test ends.
func running(t *testing.T) (context.Context, *officetest.Office) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	o, err := officetest.Start(context.WithoutCancel(ctx), officetest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Errorf("closing the office: %v", err)
		}
	})
	return ctx, o
}

// telephone returns a phone of the office that says a tone and takes every call.
func telephone(t *testing.T, ctx context.Context, o *officetest.Office, n office.Number, hz float64) *officetest.Phone {
	t.Helper()
	p, err := o.Phone(context.WithoutCancel(ctx), n, officetest.PhoneOptions{Hz: hz, Answer: true})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestOurPhonesShareOpus hears both ways, through the office, what no narrow codec
// carries.
func TestOurPhonesShareOpus(t *testing.T) {
	ctx, o := running(t)
	ana, luis := telephone(t, ctx, o, "101", 5000), telephone(t, ctx, o, "102", 5500)
	c, err := ana.Call("102")
	if err != nil {
		t.Fatal(err)
	}
	taken := next(t, luis.Incoming)
	for p, hz := range map[*officetest.Phone]float64{ana: 5500, luis: 5000} {
		if err := p.Ear.Hears(ctx, hz); err != nil {
			t.Error(err)
		}
	}
	for _, c := range []*softphone.Call{c, taken} {
		r := c.Report(c.Status(), time.Now())
		if r.Codec != "opus" || r.Received == 0 || !r.Secure || r.FarMedia != "srtp" {
			t.Errorf("report %+v", r)
		}
	}
	c.Hangup()
	next(t, taken.Done())
}

// TestDeskPhoneThatSpeaksPCMUAlone calls one of ours, and is called.
func TestDeskPhoneThatSpeaksPCMUAlone(t *testing.T) {
	ctx, o := running(t)
	ana := telephone(t, ctx, o, "101", 1000)
	account, err := o.AddDevice(ctx, "102", "baresip")
	if err != nil {
		t.Fatal(err)
	}
	desk, err := o.Baresip(context.WithoutCancel(ctx), officetest.BaresipOptions{
		Account: account, Server: o.Ready.SIP, Hz: 440, Answer: true, Codecs: "PCMU/8000/1",
	})
	if err != nil {
		t.Fatal(err)
	}
	for who, call := range map[string]func() (*softphone.Call, error){
		"ours":      func() (*softphone.Call, error) { return ana.Call("102") },
		"the other": func() (*softphone.Call, error) { err := desk.Dial("101"); return next(t, ana.Incoming), err },
	} {
		ana.Ear.Forget()
		c, err := call()
		if err != nil {
			t.Fatal(err)
		}
		if err := desk.Await(ctx, "CALL_ESTABLISHED"); err != nil {
			t.Fatal(err)
		}
		if err := ana.Ear.Hears(ctx, 440); err != nil {
			t.Errorf("%s called: %v", who, err)
		}
		if err := desk.Hears(ctx, 1000); err != nil {
			t.Errorf("%s called: %v", who, err)
		}
		if s := c.Status(); s.State != softphone.Active || s.FarMedia != "rtp" {
			t.Errorf("%s called: %+v, %+v", who, s, c.Stats())
		}
		c.Hangup()
		next(t, c.Done())
		if err := desk.Await(ctx, "CALL_CLOSED"); err != nil {
			t.Fatal(err)
		}
	}
}
