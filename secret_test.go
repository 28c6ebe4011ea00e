package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
)

// TestSecrets changes password and PIN. None of them is ever printed.
func TestSecrets(t *testing.T) {
	o := newOffice(t)
	s, other := signIn(t, o, "101"), signIn(t, o, "101")
	old, fresh, pin := o.Person("101").Password, "tres-tristes-tigres", "73195"
	try := func(stdin, part string, args ...string) {
		t.Helper()
		status, out, errs := s.try(stdin, args...)
		for _, secret := range []string{old, fresh, pin, "wrong-wrong"} {
			if strings.Contains(out+errs, secret) {
				t.Errorf("%v tells a secret: %q, %q", args, out, errs)
			}
		}
		if text := out + errs; !strings.Contains(text, part) || strings.Count(text, "\n") != 1 || (status == 0) != (errs == "") {
			t.Errorf("%v with %q: status %d, %q, %q; want %q", args, stdin, status, out, errs, part)
		}
	}
	try("", "Missing: Current password", "password")
	try(old+"\n", "Missing: New password", "password")
	try(old+"\n\n"+fresh+"\n", "Missing: New password", "password")
	try(old+"\nshort\n", "A password has 8 to 128 characters", "password")
	try("wrong-wrong\n"+fresh+"\n", "The current password is not right", "password")
	try("wrong-wrong\n"+pin+"\n", "The current password is not right", "pin")
	try(old+"\n1234\n", "not be easy to guess", "pin")
	try(old+"\n101101\n", "not be easy to guess", "pin")
	try(old+"\n", "Missing: New PIN", "pin")
	if s.prefs().Voicemail.HasPin {
		t.Error("there is a PIN")
	}
	try(old+"\r\n"+pin, "PIN changed.", "pin") // no end of the last line
	if !other.prefs().Voicemail.HasPin {
		t.Error("there is no PIN")
	}
	try(old+"\n", `{"hasPin":false}`, "pin", "--remove", "--json")
	if other.prefs().Voicemail.HasPin {
		t.Error("there is a PIN still")
	}
	try(old+"\n"+fresh+"\n", "Password changed. Your other devices must sign in again.", "password")
	s.run("sync", "--once")
	other.refused("Your session has ended", "", "sync", "--once")
	shell{t, t.TempDir()}.signIn(o, "101", fresh)
	try(fresh+"\n"+old+"\n", `{"changed":true}`, "password", "--json")
	s.givesUp()
	if err := o.StopServer(); err != nil {
		t.Fatal(err)
	}
	try(old+"\n"+fresh+"\n", "cannot be reached", "password")
	try(old+"\n"+pin+"\n", "cannot be reached", "pin")
}

// givesUp interrupts a command that waits for somebody to type.
func (s shell) givesUp() {
	s.t.Helper()
	ctx, stop := context.WithCancel(s.t.Context())
	stop()
	silent, w := io.Pipe()
	defer w.Close()
	var out, errs bytes.Buffer
	if status := run(ctx, []string{"password", "--profile", s.profile}, silent, &out, &errs); status != 1 || errs.String() != "Canceled.\n" {
		s.t.Errorf("interrupted: status %d, %q", status, errs.String())
	}
}
