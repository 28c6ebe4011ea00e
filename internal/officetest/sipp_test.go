package officetest_test

import (
	"testing"
	"time"

	"timbre/internal/officetest"
)

func TestSippRegistersAndCalls(t *testing.T) {
	t.Parallel()
	ctx := limit(t, time.Minute)
	o := started(t, ctx, officetest.Start, officetest.Options{})
	const lines, calls = 5, 50
	callers, answerers, err := o.Lines(ctx, lines)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := o.SippAnswerer(ctx, answerers...)
	if err != nil {
		t.Fatal(err)
	}
	call, err := o.Sipp(ctx, officetest.SippLoad{
		Scenario: officetest.SippCall, Server: o.Ready.SIP, Calls: calls, Rate: 25, AtOnce: lines, Talk: 300 * time.Millisecond,
		Rows: callers,
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := call.Result(ctx)
	if err != nil {
		t.Fatalf("%v\nthe answering side:\n%s", err, answer.Output())
	}
	if r.Successful != calls || r.Failed != 0 {
		t.Errorf("%d calls went well and %d failed, want %d and 0", r.Successful, r.Failed, calls)
	}
}
