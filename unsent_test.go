package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"timbre/internal/office"
	"timbre/sync/engine"
)

// TestUnsentChangesAreNotLostInSilence ends sessions while a change waits.
func TestUnsentChangesAreNotLostInSilence(t *testing.T) {
	o := newOffice(t)
	s, other := signIn(t, o, "101"), signIn(t, o, "101")
	ring := func(seconds string, flags ...string) {
		s.run(append([]string{"prefs", "set", "voicemail", "ringSeconds=" + seconds}, flags...)...)
	}
	rings := func() string { return other.run("prefs", "show", "voicemail") }

	ring("17", "--offline")
	if out := s.run("sync", "--once", "--json"); !strings.Contains(out, `"pending":0`) {
		t.Errorf("sync: %s", out)
	}
	ring("18", "--offline")
	if _, _, errs := s.try("", "logout", "--offline"); !strings.Contains(errs, "it stays on this computer") {
		t.Errorf("what waits is not told: %q", errs)
	}
	if strings.Contains(rings(), "18") {
		t.Fatalf("it was sent: %s", rings())
	}
	s.signIn(o, "101", o.Person("101").Password)
	s.run("sync", "--once")
	if !strings.Contains(rings(), "18") {
		t.Errorf("it was not sent after the login: %s", rings())
	}

	ring("19", "--offline")
	if status, _, errs := s.try("", "logout", "--wipe"); status != 0 || errs != "" {
		t.Errorf("status %d, %q", status, errs)
	}
	if !strings.Contains(rings(), "19") {
		t.Errorf("it was wiped before it was sent: %s", rings())
	}

	s.signIn(o, "101", o.Person("101").Password)
	ring("20", "--offline")
	_, out, errs := s.try("", "logout", "--wipe", "--offline")
	if !strings.Contains(errs, "will be lost") || !strings.Contains(out, "The server does not know") {
		t.Errorf("%q, %q", out, errs)
	}
}

// TestInterruptedEditIsMade interrupts a command when its change is made: it is
// kept, and whoever pressed the keys is told so.
func TestInterruptedEditIsMade(t *testing.T) {
	s := signIn(t, newOffice(t), "101")
	var out, errs bytes.Buffer
	o := newOptions(strings.NewReader(""), &out, &errs)
	o.profile = s.profile
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	err := o.withAccount(func(e *engine.Engine) error {
		return o.edit(ctx, e, subject{}, func() error {
			defer interrupt()
			return e.SetVoicemailSettings(ctx, map[string]any{"ringSeconds": 21})
		})
	})
	if err != nil || errs.String() != o.words.Say("cli.queued")+"\n" {
		t.Errorf("%v, %q", err, errs.String())
	}
	if !strings.Contains(s.run("prefs", "show", "voicemail", "--offline"), "21") {
		t.Error("it is gone")
	}
}

func TestWhyAChangeWaits(t *testing.T) {
	for key, err := range map[string]error{
		"cli.queued": errOffline, "cli.queued.login": office.ErrSession, "cli.queued.offline": office.ErrOffline,
		"cli.queued.unavailable": errors.New("anything else"),
	} {
		if got := whyQueued(err); got != key {
			t.Errorf("%v: %s", err, got)
		}
	}
}
