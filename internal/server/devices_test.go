package server_test

import (
	"context"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/officetest"
	"timbre/softphone"
	"timbre/sync/engine"
	"timbre/sync/local"
)

// calls syncs until the log has n calls, and returns them, newest first.
func calls(t *testing.T, ctx context.Context, e *engine.Engine, n int) []local.Call {
	t.Helper()
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		err := e.SyncOnce(ctx)
		list, err2 := e.Calls(ctx, local.Filter{})
		if err == nil && err2 == nil && len(list) == n {
			tick.Stop()
			return list
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%d calls, want %d: %v, %v", len(list), n, err, err2)
		}
	}
}

// TestTwoDevicesOfAnExtension ring together; one takes the call, and the log has it
// once.
func TestTwoDevicesOfAnExtension(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	o := running(t, ctx, officetest.Options{})
	luis := desk(t, ctx, o, "102", officetest.BaresipOptions{Hz: 1000})
	first := desk(t, ctx, o, "101", officetest.BaresipOptions{Hz: 440})
	second := desk(t, ctx, o, "101", officetest.BaresipOptions{Hz: 1300})
	if err := luis.Dial("101"); err != nil {
		t.Fatal(err)
	}
	await(t, ctx, first, "CALL_INCOMING")
	await(t, ctx, second, "CALL_INCOMING")
	if err := second.Answer(); err != nil {
		t.Fatal(err)
	}
	await(t, ctx, first, "CALL_CLOSED")
	await(t, ctx, second, "CALL_ESTABLISHED")
	listens(t, ctx, luis, 1300)
	if err := luis.Hangup(); err != nil {
		t.Fatal(err)
	}
	await(t, ctx, second, "CALL_CLOSED")
	for n, kind := range map[office.Number]office.CallKind{"101": office.Incoming, "102": office.Outgoing} {
		e, err := o.Login(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		if c := calls(t, ctx, e, 1)[0]; c.Kind != kind || c.Outcome != office.Answered || c.AnsweredBy == "" {
			t.Errorf("%s: %+v", n, c)
		}
	}
}

// TestDeskPhoneHolds hears and is heard again afterwards.
func TestDeskPhoneHolds(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	o := running(t, ctx, officetest.Options{})
	luis := desk(t, ctx, o, "102", officetest.BaresipOptions{Hz: 440, Answer: true})
	ana := telephone(t, ctx, o, "101", officetest.PhoneOptions{Hz: 1000})
	call := dial(t, ana, "102")
	await(t, ctx, luis, "CALL_ESTABLISHED")
	hears(t, ctx, ana, 440)
	if err := luis.Hold(ctx); err != nil {
		t.Fatal(err)
	}
	misses(t, ctx, ana, 440)
	if err := luis.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	hears(t, ctx, ana, 440)
	if err := call.SendDigit('5'); err != nil {
		t.Fatal(err)
	}
	pressed(t, ctx, luis, "5")
	if s := call.Status(); s.State != softphone.Active {
		t.Errorf("%+v", s)
	}
	call.Hangup()
	await(t, ctx, luis, "CALL_CLOSED")
}
