package officetest_test

import (
	"context"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/officetest"
	"timbre/softphone"
)

// TestRingingEndsWithTheServer kills the server while a phone rings: nobody
// calls any more, and the next call must find the phone free.
func TestRingingEndsWithTheServer(t *testing.T) {
	t.Parallel()
	ctx := limit(t, time.Minute)
	o, err := officetest.Prepare(ctx, officetest.Options{Bin: bin})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { o.Close() })
	server, err := o.SpawnServer(context.WithoutCancel(ctx))
	if err != nil {
		t.Fatal(err)
	}
	ana := phone(t, ctx, o, "101", officetest.PhoneOptions{})
	luis := phone(t, ctx, o, "102", officetest.PhoneOptions{})
	if _, err := ana.Call("102"); err != nil {
		t.Fatal(err)
	}
	ringing := <-luis.Incoming
	server.Kill()
	if _, err := o.SpawnServer(context.WithoutCancel(ctx)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ringing.Done():
		if s := ringing.Status(); s.State != softphone.Ended || s.Outcome == office.Answered {
			t.Errorf("it ended as %+v", s)
		}
	case <-time.After(15 * time.Second):
		t.Error("it rings for a call that is no more")
	}
}
