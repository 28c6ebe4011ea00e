package officetest_test

import (
	"context"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/officetest"
	"timbre/softphone"
)

// TestRingingEndsWithTheServer kills the server while a phone rings: the next
// call must find both phones free.
func TestRingingEndsWithTheServer(t *testing.T) {
	t.Parallel()
	ctx := limit(t, 30*time.Second)
	o, err := officetest.Prepare(ctx, officetest.Options{Bin: bin})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Errorf("closing the office: %v", err)
		}
	})
	server, err := o.SpawnServer(context.WithoutCancel(ctx))
	if err != nil {
		t.Fatal(err)
	}
	ana := phone(t, ctx, o, "101", officetest.PhoneOptions{})
	luis := phone(t, ctx, o, "102", officetest.PhoneOptions{})
	dialing, err := ana.Call("102")
	if err != nil {
		t.Fatal(err)
	}
	ringing := <-luis.Incoming
	server.Kill()
	if _, err := o.SpawnServer(context.WithoutCancel(ctx)); err != nil {
		t.Fatal(err)
	}
	for who, c := range map[string]*softphone.Call{"101": dialing, "102": ringing} {
		select {
		case <-c.Done():
			if s := c.Status(); s.State != softphone.Ended || s.Outcome == office.Answered {
				t.Errorf("the call of %s ended as %+v", who, s)
			}
		case <-ctx.Done():
			t.Fatalf("the call of %s goes on without a server", who)
		}
	}
}
