package server_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"timbre/internal/api"
	"timbre/internal/office"
	"timbre/internal/officetest"
	"timbre/internal/server"
)

// clicked asks for a call with ring and an Idempotency-Key, and returns its id.
func clicked(t *testing.T, r server.Ready, token, key string, n office.Number, ring string) office.ID {
	t.Helper()
	var c api.Clicked
	header := http.Header{"Authorization": {"Bearer " + token}, "Idempotency-Key": {key}}
	post(t, r, "/v1/calls", header, map[string]string{"number": string(n), "ring": ring}, &c)
	return c.ID
}

// TestClickRingsTheOwnPhoneFirst then the far one; who asks twice is called once,
// also where the server was started again in between.
func TestClickRingsTheOwnPhoneFirst(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	o := running(t, ctx, officetest.Options{})
	s := loginOf(t, o.Ready, "101", o.Person("101").Password)
	own := desk(t, ctx, o, "101", officetest.BaresipOptions{Hz: 1000})
	luis := telephone(t, ctx, o, "102", officetest.PhoneOptions{Hz: 440})
	id := clicked(t, o.Ready, s.Token, "one", "102", "others")
	await(t, ctx, own, "CALL_INCOMING")
	if again := clicked(t, o.Ready, s.Token, "one", "102", "others"); again != id {
		t.Errorf("asked again: %s, not %s", again, id)
	}
	if n := len(luis.Incoming); n != 0 {
		t.Error("the far phone rings before the own one is answered")
	}
	if err := own.Answer(); err != nil {
		t.Fatal(err)
	}
	await(t, ctx, own, "CALL_ESTABLISHED")
	call := rings(t, ctx, luis)
	if p := call.Peer(); p.Number != "101" || p.Name != "Ana López" {
		t.Errorf("called by %+v", p)
	}
	call.Answer()
	hears(t, ctx, luis, 1000)
	listens(t, ctx, own, 440)
	call.Hangup()
	ended(t, ctx, call)
	await(t, ctx, own, "CALL_CLOSED")
	if err := own.Stop(); err != nil { // it would wait long for a server that is gone
		t.Error(err)
	}

	if err := o.StopServer(); err != nil {
		t.Fatal(err)
	}
	serve(t, context.WithoutCancel(ctx), o)
	if again := clicked(t, o.Ready, s.Token, "one", "102", "others"); again != id {
		t.Errorf("asked again after a restart: %s, not %s", again, id)
	}
	ana, err := o.Login(ctx, "101")
	if err != nil {
		t.Fatal(err)
	}
	if c := calls(t, ctx, ana, 1)[0]; c.ID != id || c.Kind != office.Outgoing || c.Outcome != office.Answered || c.Peer.Number != "102" {
		t.Errorf("%+v, want %s answered by 102", c, id)
	}
}

// TestClickThatNobodyPicksUp calls nobody.
func TestClickThatNobodyPicksUp(t *testing.T) {
	t.Parallel()
	ctx := within(t, time.Minute)
	o := running(t, ctx, officetest.Options{})
	s := loginOf(t, o.Ready, "101", o.Person("101").Password)
	own := desk(t, ctx, o, "101", officetest.BaresipOptions{Hz: 1000})
	luis := telephone(t, ctx, o, "102", officetest.PhoneOptions{Hz: 440})
	id := clicked(t, o.Ready, s.Token, "one", "102", "all")
	await(t, ctx, own, "CALL_INCOMING")
	if err := own.Hangup(); err != nil {
		t.Fatal(err)
	}
	ana, err := o.Login(ctx, "101")
	if err != nil {
		t.Fatal(err)
	}
	if c := calls(t, ctx, ana, 1)[0]; c.ID != id || c.Kind != office.Outgoing || c.Reason != office.NotPickedUp {
		t.Errorf("%+v", c)
	}
	if len(luis.Incoming) != 0 {
		t.Error("the far phone rings")
	}
}
