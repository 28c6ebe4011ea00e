package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/officetest"
	"timbre/softphone"
)

func TestCallRefusesWhatItCannotDo(t *testing.T) {
	s := shell{t, t.TempDir()}
	for part, line := range map[string]string{
		"timbre call NUMBER":              "call",
		`--dtmf cannot be "12x"`:          "call 102 --dtmf 12x",
		`--for cannot be "-1s"`:           "call 102 --for=-1s",
		`--for cannot be "soon"`:          "call 102 --for soon",
		"cannot be dialled":               "call nobody",
		"not signed in":                   "call 102 --headless",
		"Unknown flag: --pony":            "phone --pony",
		"timbre phone":                    "phone 102",
		`--auto-answer cannot be "maybe"`: "phone --auto-answer=maybe",
	} {
		s.refused(part, "", strings.Fields(line)...)
	}
}

// TestPhoneAndCall is the phone of the command line at a real office.
func TestPhoneAndCall(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o := newOffice(t)
	s := signIn(t, o, "101")
	s.refused("cannot be reached", "", "call", "102", "--offline")
	s.refused(`--audio cannot be "tape"`, "", "call", "102", "--audio", "tape")
	for number, part := range map[string]string{
		"555":        "the number does not exist",
		"5555550100": "no line to the outside",
		"911":        "Call from a mobile",
	} {
		// The line that it was tried stands once, and nothing is said to be over that never began.
		status, out, errs := s.try("", "call", number, "--audio", "null")
		if status != 1 || strings.Count(out, ": Calling…") != 1 || strings.Contains(out, "ended") || !strings.Contains(errs, part) || strings.Contains(errs, "ended") || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: status %d, %q, %q", number, status, out, errs)
		}
	}
	logged(t, o, "101", 3)
	if out := s.run("log"); !strings.Contains(out, "Could not call: the number does not exist. Check it") || !strings.Contains(out, "Could not call: the office has no line to the outside now. Tell") || !strings.Contains(out, "Emergency 911") {
		t.Errorf("the log does not say why:\n%s", out)
	}
	missing := filepath.Join(t.TempDir(), "none.wav")
	s.refused(missing+" cannot be used. The file", "", "phone", "--audio", "wav:"+missing+",")
	s.refused("cannot be used", "", "call", "102", "--audio", "wav:,"+filepath.Join(missing, "out.wav"))
	s.echo()
	s.answers(ctx, o)
	if err := o.StopServer(); err != nil {
		t.Fatal(err)
	}
	s.refused("cannot be reached", "", "call", "102", "--headless", "--audio", "null")
	s.refused("Call from a mobile", "", "call", "911", "--headless", "--audio", "null")
}

// What stands between a phone and the office is said when it changes, not at
// every attempt.
func TestRegistrationIsSaidOnce(t *testing.T) {
	var out, errs bytes.Buffer
	o := newOptions(strings.NewReader(""), &out, &errs)
	p := &terminal{o: o, registered: make(chan softphone.Registration, 1)}
	p.cfg.Account.Extension = "101"
	say := func(state softphone.RegistrationState, err error) {
		p.registration(softphone.Registration{State: state, Err: err})
	}
	down := errors.New("dial tcp: connection refused")
	p.awaited.Store(true)
	say(softphone.Offline, down) // told by whoever waits
	p.awaited.Store(false)
	for range 3 {
		say(softphone.Registering, nil)
		say(softphone.Offline, down)
	}
	say(softphone.Registered, nil)
	say(softphone.Registered, nil)
	say(softphone.Offline, down)
	say(softphone.Offline, office.ErrFingerprint)
	say(softphone.Refused, nil)
	w := o.words
	offline := w.Words(office.ErrOffline) + "\n"
	if want := offline + offline + w.Words(office.ErrFingerprint) + "\n" + w.Words(office.ErrSession) + "\n"; errs.String() != want {
		t.Errorf("errors:\n%s\nwant:\n%s", errs.String(), want)
	}
	if out.String() != "Registered · ext. 101\n" {
		t.Errorf("output %q", out.String())
	}
}

// TestLinesOfACall holds what is printed of calls: each news once, and no end where
// nothing began.
func TestLinesOfACall(t *testing.T) {
	var out bytes.Buffer
	p := &terminal{o: newOptions(strings.NewReader(""), &out, io.Discard), region: "MX"}
	luis, abroad := office.Party{Number: "102", Name: "Luis"}, office.Party{Number: "0013055550100"}
	answered := time.Now()
	for _, c := range []struct {
		call     office.ID
		incoming bool
		peer     office.Party
		s        softphone.Status
	}{
		{"1", false, abroad, softphone.Status{State: softphone.Dialing}},
		{"1", false, abroad, softphone.Status{State: softphone.Dialing, LogID: "abc"}}, // 183
		{"1", false, abroad, softphone.Status{State: softphone.Ringing}},
		{"1", false, abroad, softphone.Status{State: softphone.Ringing}},
		{"1", false, abroad, softphone.Status{State: softphone.Ended, Outcome: office.Failed, Code: 404}},
		{"2", true, luis, softphone.Status{State: softphone.Ringing}},
		{"2", true, luis, softphone.Status{State: softphone.Ended, Outcome: office.Canceled}},
		{"3", true, luis, softphone.Status{State: softphone.Ringing}},
		{"3", true, luis, softphone.Status{State: softphone.Active, AnsweredAt: answered}},
		{"3", true, luis, softphone.Status{State: softphone.Active, AnsweredAt: answered, Muted: true}},
		{"3", true, luis, softphone.Status{State: softphone.Ended, Outcome: office.Answered, AnsweredAt: answered, EndedAt: answered.Add(65 * time.Second)}},
	} {
		p.say(c.call, p.stands(c.incoming, c.peer, c.s))
	}
	want := "(+1) 305 555 0100: Calling…\n(+1) 305 555 0100: Ringing…\nLuis: Incoming call\nLuis: Hung up before\nLuis: Incoming call\nLuis: In a call\nLuis: Call ended · 1:05\n"
	if out.String() != want {
		t.Errorf("printed:\n%s\nwant:\n%s", out.String(), want)
	}
}

// The last words about a call that nobody took are those of why.
func TestLastWordsOfACall(t *testing.T) {
	o := newOptions(strings.NewReader(""), io.Discard, io.Discard)
	for _, c := range []struct {
		s    softphone.Status
		want string
	}{
		{softphone.Status{State: softphone.Ended, Outcome: office.Failed, Code: 403, Why: office.MinutesUsed}, o.words.Say("callError.minutesUsed")},
		{softphone.Status{State: softphone.Ended, Outcome: office.Busy, Code: 486}, o.words.Say("callError.busy")},
		{softphone.Status{State: softphone.Ended, Outcome: office.Canceled, Code: 487}, "Canceled."},
	} {
		if got := o.say(&unansweredError{c.s, "5555550100", "MX"}); got != c.want {
			t.Errorf("%+v: %q, want %q", c.s, got, c.want)
		}
	}
}

// echo calls the echo test and looks for its own tone in what came back.
func (s shell) echo() {
	s.t.Helper()
	wav := filepath.Join(s.t.TempDir(), "echo.wav")
	in := filepath.Join(s.t.TempDir(), "tone.wav")
	if err := officetest.WriteTone(in, 1000, 20*time.Second); err != nil {
		s.t.Fatal(err)
	}
	// A key cuts the announcement short.
	out := s.run("call", "*43", "--headless", "--audio", "wav:"+in+","+wav, "--for", "3s", "--dtmf", "1")
	for _, want := range []string{"Registered", "Echo test: Calling…", "Echo test: In a call", "Echo test: Call ended"} {
		if !strings.Contains(out, want) {
			s.t.Errorf("it did not say %q:\n%s", want, out)
		}
	}
	heard, err := officetest.ReadWAV(wav)
	if err != nil {
		s.t.Fatal(err)
	}
	if level := officetest.Loudest(heard, 1000); level < -18 {
		s.t.Errorf("the echo of 1000 Hz is at %.1f dBFS in %v", level, heard.Duration())
	}
}

// answers lets 102 call the phone that answers by itself.
func (s shell) answers(ctx context.Context, o *officetest.Office) {
	s.t.Helper()
	phone, hangUp := context.WithCancel(ctx)
	defer hangUp()
	r, w := io.Pipe()
	var errs bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(phone, []string{"phone", "--auto-answer", "--audio", "null", "--profile", s.profile}, strings.NewReader(""), w, &errs)
		w.Close()
	}()
	said := newLines(r)
	if err := said.until(ctx, "Registered"); err != nil {
		s.t.Fatal(err)
	}
	luis, err := o.Phone(context.WithoutCancel(ctx), "102", officetest.PhoneOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	c, err := luis.Call("101")
	if err != nil {
		s.t.Fatal(err)
	}
	if err := luis.Reach(ctx, c, softphone.Active); err != nil {
		s.t.Fatal(err)
	}
	c.Hangup()
	for _, want := range []string{"Luis Peña: Incoming call", "Luis Peña: In a call", "Luis Peña: Call ended"} {
		if err := said.until(ctx, want); err != nil {
			s.t.Error(err)
		}
	}
	hangUp()
	if status := <-ended; status != 0 || errs.Len() > 0 {
		s.t.Errorf("interrupted: status %d, %s", status, errs.String())
	}
}

// lines are what a command prints, as it comes.
type lines struct{ c chan string }

func newLines(r io.Reader) *lines {
	l := &lines{make(chan string, 1000)}
	go func() {
		defer close(l.c)
		for scan := bufio.NewScanner(r); scan.Scan(); {
			l.c <- scan.Text()
		}
	}()
	return l
}

// until waits for a line that holds want.
func (l *lines) until(ctx context.Context, want string) error {
	var seen []string
	for {
		select {
		case line, ok := <-l.c:
			if !ok {
				return errors.New("it ended without " + want + ":\n" + strings.Join(seen, "\n"))
			}
			if seen = append(seen, line); strings.Contains(line, want) {
				return nil
			}
		case <-ctx.Done():
			return errors.New("it did not say " + want + ":\n" + strings.Join(seen, "\n"))
		}
	}
}
