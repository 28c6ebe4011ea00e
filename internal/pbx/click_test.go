package pbx

import (
	"errors"
	"testing"
	"time"

	"timbre/internal/office"
)

func TestClick(t *testing.T) {
	t.Parallel()
	x := open(t)
	line := x.carrier(t, "carrier", 1)
	asking, desk := x.phone(t, "101", "tls"), x.phone(t, "101", "udp")
	picked, called := desk.answers(1000), line.answers(700)
	id, err := x.Click(t.Context(), x.extension(t, "101").Account, asking.device.ID, "5512345678", "others")
	if err != nil {
		t.Fatal(err)
	}
	own := receive(t, picked, "the ringing of the desk")
	if own.in.Header("Alert-Info") == "" && own.in.Header("Call-Info") == "" {
		t.Error("the desk is not asked to answer by itself")
	}
	if own.in.From().Number != mobile {
		t.Errorf("the desk shows %s", string(own.in.From().Number))
	}
	callee := receive(t, called, "the call outside")
	own.hears(t, 700)
	callee.hears(t, 1000)
	own.hangUp(t)
	callee.wait()
	out := x.log(t, "101", 1)[0]
	if out.ID != id || out.Kind != office.Outgoing || out.Outcome != office.Answered || out.Peer.Number != mobile {
		t.Errorf("log %+v", out)
	}
	if legs := x.telephones(t, "101", id); len(legs) != 2 {
		t.Errorf("legs %+v", legs)
	}
}

func TestClickThatNobodyPicksUp(t *testing.T) {
	t.Parallel()
	x := open(t)
	x.carrier(t, "carrier", 1)
	x.phone(t, "101", "udp").rejects(480)
	if _, err := x.Click(t.Context(), x.extension(t, "101").Account, "", "5512345678", "all"); err != nil {
		t.Fatal(err)
	}
	if out := x.log(t, "101", 1)[0]; out.Outcome != office.NoAnswer || out.Reason != office.NotPickedUp || out.Kind != office.Outgoing {
		t.Errorf("log %+v", out)
	}
}

func TestClicksThatAreRefused(t *testing.T) {
	t.Parallel()
	x := open(t)
	account := x.extension(t, "101").Account
	if _, err := x.Click(t.Context(), account, "", "102", "all"); !errors.Is(err, office.ErrNoDevice) {
		t.Errorf("without a telephone: %v", err)
	}
	asking := x.phone(t, "101", "udp")
	for number, want := range map[office.Number]error{
		"5512345678": office.ErrNoTrunk, "0013105550123": office.ErrNotAllowed, "199": office.ErrNumber, "911": office.ErrNotAllowed, "102": office.ErrNoDevice,
	} {
		if _, err := x.Click(t.Context(), account, asking.device.ID, number, "others"); !errors.Is(err, want) {
			t.Errorf("%s: %v", string(number), err)
		}
	}
	x.log(t, "101", 0)
}

func TestPresence(t *testing.T) {
	t.Parallel()
	x := open(t)
	wake, cancel := x.SubscribePresence()
	defer cancel()
	luis := x.phone(t, "102", "udp")
	is := func(n office.Number, s office.PresenceState) {
		t.Helper()
		for end := time.After(patient); x.Presence(t.Context())[n] != s; {
			select {
			case <-wake:
			case <-end:
				t.Fatalf("%s is never %s but %s", n, s, x.Presence(t.Context())[n])
			}
		}
	}
	is("102", office.Free)
	rung, canceled := luis.rings()
	go x.unregistered(t, "101", "udp").dial(t.Context(), "102")
	receive(t, rung, "the call")
	is("102", office.Ringing)
	is("101", office.InCall)
	receive(t, canceled, "the end of the ringing")
	is("102", office.Free)
	until := time.Now().Add(time.Hour)
	if _, err := x.store.SetAvailability(t.Context(), x.extension(t, "102").Account, office.Availability{DNDUntil: &until}, ""); err != nil {
		t.Fatal(err)
	}
	set := time.Now()
	is("102", office.DND)
	if took := time.Since(set); took > presenceLook/2 {
		t.Errorf("who follows waits %v", took)
	}
	if s, ok := x.Presence(t.Context())["103"]; ok {
		t.Errorf("103 is %s", s)
	}
}
