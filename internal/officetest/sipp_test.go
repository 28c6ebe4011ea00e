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
	caller, err := o.AddDevice(ctx, "101", "sipp")
	if err != nil {
		t.Fatal(err)
	}
	answerer, err := o.AddDevice(ctx, "102", "sipp")
	if err != nil {
		t.Fatal(err)
	}
	answer, err := o.SippAnswerer(ctx, answerer)
	if err != nil {
		t.Fatal(err)
	}
	const calls = 50
	call, err := o.Sipp(ctx, officetest.SippLoad{
		Scenario: officetest.SippCall, Server: o.Ready.SIP, Calls: calls, Rate: 25, Talk: 2 * time.Second,
		Rows: []officetest.SippRow{{Account: caller, Number: "102"}},
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
