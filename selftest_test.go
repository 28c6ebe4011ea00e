package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/softphone"
	"timbre/softphone/audio"
	"timbre/sync/local"
)

// TestQualityReachesTheLog is the self test at a real office, what a call sounded like in
// its log, and all of it in a file of diagnostics.
func TestQualityReachesTheLog(t *testing.T) {
	o := newOffice(t)
	s := signIn(t, o, "101")
	s.refused("cannot be reached", "", "selftest", "--offline")
	s.refused(`--audio cannot be "tape"`, "", "selftest", "--audio", "tape")
	out := s.run("selftest", "--audio", "null")
	for _, part := range []string{"Registration  fine", "10 of 10 sounds", "Round trip", "opus", "Encrypted", "All is well"} {
		if !strings.Contains(out, part) {
			t.Errorf("it did not say %q:\n%s", part, out)
		}
	}
	if strings.Contains(out, "Microphone") || strings.Contains(out, "Speaker") {
		t.Errorf("it tried devices that nobody asked for:\n%s", out)
	}
	s.run("call", "*43", "--audio", "null", "--for", "4s")
	s.try("", "call", "5555550100", "--audio", "null")
	logged(t, o, "101", 3)
	var calls []local.Call
	s.json(&calls, "log")
	found := false
	for _, c := range calls {
		for _, q := range c.Quality {
			found = true
			if q.Codec != "opus" || q.MOS < 3 || q.Delay <= 0 || q.Check() != nil {
				t.Errorf("the log holds %+v", q)
			}
		}
	}
	if !found {
		t.Errorf("no quality came into the log: %+v", calls)
	}
	s.diagnosed(filepath.Join(t.TempDir(), "timbre.txt"))
	if err := o.StopServer(); err != nil {
		t.Fatal(err)
	}
	if status, out, errs := s.try("", "selftest", "--audio", "null"); status != 1 || !strings.Contains(out, "cannot be reached") || !strings.Contains(errs, "Not all is well") {
		t.Errorf("without an office: status %d, %q, %q", status, out, errs)
	}
}

// diagnosed saves diagnostics and looks at them.
func (s shell) diagnosed(file string) {
	s.t.Helper()
	s.run("diagnostics", file)
	s.refused("", "", "diagnostics", file)
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		s.t.Fatalf("%v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, part := range []string{
		"Timbre diagnostics", "opus (" + softphone.OpusLibrary + ")", "Echo cancellation", "Microphone", "extension 101",
		"Registration        fine", "up to date", "*43", "…00", "MOS 4",
	} {
		if !strings.Contains(string(text), part) {
			s.t.Errorf("the diagnostics lack %q:\n%s", part, text)
		}
	}
	if key := noWords.FindString(string(text)); key != "" {
		s.t.Errorf("%s has no words", key)
	}
	secrets, err := os.ReadFile(filepath.Join(s.profile, "credentials"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, part := range strings.FieldsFunc(string(secrets)+` "5555550100" "+525555550100"`, func(r rune) bool { return strings.ContainsRune("\" {}:,\n", r) }) {
		if len(part) > 9 && strings.Contains(string(text), part) && !strings.Contains(part, "secret") {
			s.t.Errorf("the diagnostics tell %q:\n%s", part, text)
		}
	}
}

// TestFindingsInWords holds what a self test says of what is wrong.
func TestFindingsInWords(t *testing.T) {
	good := softphone.Quality{Codec: "opus", Talk: time.Minute, Received: 3000, RoundTrip: 80 * time.Millisecond}
	lossy := good
	lossy.Loss = 0.2
	registered := softphone.Registration{State: softphone.Registered}
	for _, c := range []struct {
		d    softphone.Diagnosis
		want []string
	}{
		{softphone.Diagnosis{Registration: softphone.Registration{State: softphone.Refused}}, []string{"Registration  Your session has ended"}},
		{softphone.Diagnosis{Registration: softphone.Registration{State: softphone.Offline}}, []string{"cannot be reached"}},
		{softphone.Diagnosis{Registration: registered}, []string{"Echo test     nobody answered"}},
		{softphone.Diagnosis{Registration: registered, Call: softphone.Status{State: softphone.Ended, Outcome: office.Failed, Code: 404}}, []string{"the number does not exist"}},
		{softphone.Diagnosis{Registration: registered, Asked: 10, Heard: 7, Quality: lossy}, []string{"7 of 10", "20.0 %", "80 ms", "\nThe call sounded bad: the network towards this computer lost 20%"}},
		{
			softphone.Diagnosis{Registration: registered, Asked: 10, Heard: 10, Quality: good, Microphone: &softphone.DeviceCheck{Peak: -18}, Speaker: &softphone.DeviceCheck{}},
			[]string{"Microphone    -18 dBFS\n", "Speaker       fine\n", "All is well."},
		},
		{
			softphone.Diagnosis{
				Registration: registered, Asked: 10, Heard: 10, Quality: good,
				Microphone: &softphone.DeviceCheck{Err: softphone.ErrNoSound}, Speaker: &softphone.DeviceCheck{Err: audio.ErrNoDevice},
			},
			[]string{"Microphone    no sound at all", "Speaker       there is none"},
		},
		{
			softphone.Diagnosis{
				Registration: registered, Asked: 10, Heard: 10, Quality: good,
				Microphone: &softphone.DeviceCheck{Peak: -70}, Speaker: &softphone.DeviceCheck{Err: errors.New("broken")},
			},
			[]string{"-70 dBFS · no voice was heard", "Speaker       does not work"},
		},
	} {
		o := newOptions(strings.NewReader(""), io.Discard, io.Discard)
		text := o.found(c.d, "MX")
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("it did not say %q:\n%s", want, text)
			}
		}
		if strings.Contains(text, "All is well") != c.d.OK() || noWords.MatchString(text) {
			t.Errorf("it said:\n%s", text)
		}
		if f := newFindings(o, c.d); f.OK != c.d.OK() || f.Quality.Check() != nil || (f.Microphone == nil) != (c.d.Microphone == nil) {
			t.Errorf("in JSON: %+v", f)
		}
	}
}
