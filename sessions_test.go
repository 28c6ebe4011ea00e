package main

import (
	"regexp"
	"strings"
	"testing"

	"timbre/sync/engine"
)

func TestSessions(t *testing.T) {
	o := newOffice(t)
	s, other := signIn(t, o, "101"), signIn(t, o, "101")
	stranger := signIn(t, o, "102")
	var all []engine.Session
	s.json(&all, "sessions", "list")
	if len(all) != 2 || all[0].IsCurrent == all[1].IsCurrent || all[0].LastUsedAt.IsZero() || all[0].ExpiresAt.IsZero() {
		t.Fatalf("%+v", all)
	}
	mine, theirs := all[0], all[1]
	if theirs.IsCurrent {
		mine, theirs = theirs, mine
	}
	lines := strings.Split(strings.TrimSpace(s.run("sessions", "list")), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "ID ") || strings.Count(strings.Join(lines, "\n"), "this computer") != 1 {
		t.Errorf("listed:\n%s", strings.Join(lines, "\n"))
	}
	for _, line := range lines[1:] {
		if !regexp.MustCompile(`^[a-z0-9]{12}  \S+ +127\.0\.0\.1 +today \d\d:\d\d +today \d\d:\d\d +\S.*\d\d:\d\d( +this computer)?$`).MatchString(line) {
			t.Errorf("listed: %q", line)
		}
	}
	s.refused("There is no session", "", "sessions", "revoke", "none")
	stranger.refused("There is no session", "", "sessions", "revoke", string(theirs.ID)) // of another extension
	s.refused("timbre logout", "", "sessions", "revoke", string(mine.ID))
	for _, args := range [][]string{{"sessions", "list", "--offline"}, {"sessions", "revoke", string(theirs.ID), "--offline"}} {
		s.refused("cannot be reached", "", args...)
	}
	other.run("sync", "--once")
	if out := s.run("sessions", "revoke", string(theirs.ID), "--json"); out != `{"id":"`+string(theirs.ID)+`","revoked":true}`+"\n" {
		t.Errorf("revoke: %q", out)
	}
	other.refused("Your session has ended", "", "sync", "--once")
	s.json(&all, "sessions", "list")
	if len(all) != 1 || !all[0].IsCurrent {
		t.Errorf("left: %+v", all)
	}
	if third := signIn(t, o, "101"); true {
		s.json(&all, "sessions", "list")
		for _, x := range all {
			if !x.IsCurrent {
				if out := s.run("sessions", "revoke", string(x.ID)); out != x.DeviceName+" was signed out.\n" {
					t.Errorf("revoke: %q", out)
				}
			}
		}
		third.refused("Your session has ended", "", "sessions", "list")
	}
}
