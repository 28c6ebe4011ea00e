package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/officetest"
)

func TestGreeting(t *testing.T) {
	o := newOffice(t)
	s, other := signIn(t, o, "101"), signIn(t, o, "101")
	dir := t.TempDir()
	wav, long, broken := filepath.Join(dir, "hello.wav"), filepath.Join(dir, "long.wav"), filepath.Join(dir, "broken.wav")
	for name, length := range map[string]time.Duration{wav: 2 * time.Second, long: office.MaxGreeting + 2*time.Second} {
		if err := officetest.WriteTone(name, 440, length); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(broken, []byte("RIFF\x00\x00\x00\x00WAVEnothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, errs := s.try("", "greeting", "set", wav, "--offline")
	if status != 0 || out != "The file becomes your greeting.\n" || errs != "The change is kept and will be sent with the next command or with timbre sync.\n" {
		t.Errorf("status %d, %q, %q", status, out, errs)
	}
	if p := s.prefs("voicemail", "--offline"); p.Voicemail.Greeting.Kind != office.GreetingOwn || strings.Join(p.Pending["voicemail"], ",") != "greeting" {
		t.Errorf("offline: %+v", p)
	}
	if g := other.prefs().Voicemail.Greeting; g.Kind != office.GreetingDefault {
		t.Errorf("it was sent: %+v", g)
	}
	s.run("sync", "--once")
	own := other.prefs().Voicemail.Greeting
	if own.Kind != office.GreetingOwn || own.BlobID == "" {
		t.Errorf("it was not sent: %+v", own)
	}
	for _, name := range []string{long, broken} {
		s.refused("A greeting must be a WAV or MP3 file of at most 90 seconds and 10 MB.", "", "greeting", "set", name)
	}
	if g := other.prefs().Voicemail.Greeting; g != own {
		t.Errorf("it is another now: %+v", g)
	}
	until := time.Now().Add(24 * time.Hour).Truncate(time.Second)
	var answer greetingAnswer
	s.json(&answer, "greeting", "set", wav, "--until", until.Format(time.RFC3339))
	if g := other.prefs().Voicemail.Greeting; g.Kind != office.GreetingTemporary || g.Until == nil || !g.Until.Equal(until) || answer.Greeting.Kind != g.Kind || answer.Pending {
		t.Errorf("temporary: %+v, answered %+v", g, answer)
	}
	if out := s.run("prefs", "show", "voicemail"); !strings.Contains(out, "temporary until "+until.Local().Format(time.RFC3339)) {
		t.Errorf("shown: %s", out)
	}
	if out := s.run("greeting", "set", "default"); out != "The default greeting is back.\n" {
		t.Errorf("default: %q", out)
	}
	if g := other.prefs().Voicemail.Greeting; g.Kind != office.GreetingDefault {
		t.Errorf("it is not the default one: %+v", g)
	}
}
