package main

import (
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
)

// prefsAnswer is what prefs answers with --json.
type prefsAnswer struct {
	Voicemail    office.VoicemailSettings  `json:"voicemail"`
	Forwarding   office.ForwardingSettings `json:"forwarding"`
	CallerID     office.CallerIDSettings   `json:"callerid"`
	Profile      office.Profile            `json:"profile"`
	Availability office.Availability       `json:"availability"`
	Pending      map[string][]string       `json:"pending"`
}

// prefs returns the preferences.
func (s shell) prefs(flags ...string) (p prefsAnswer) {
	s.t.Helper()
	s.json(&p, append([]string{"prefs", "show"}, flags...)...)
	return p
}

// TestPreferences is the journey of somebody with two computers.
func TestPreferences(t *testing.T) {
	o := newOffice(t)
	if err := o.AddLine(t.Context(), office.Line{Number: "+525555550123", Extensions: []office.Number{"101"}}); err != nil {
		t.Fatal(err)
	}
	s, other := signIn(t, o, "101"), signIn(t, o, "101")
	first := s.prefs()
	if first.Profile.Name != "Ana López" || first.Profile.Extension != "101" || first.Voicemail.RingSeconds != 25 || len(first.Pending) > 0 {
		t.Errorf("at first: %+v", first)
	}
	for want, line := range map[string]string{
		"Preferences saved: isEnabled no, ringSeconds 30\n":                     "voicemail ringSeconds=30 isEnabled=no",
		"Preferences saved: isEnabled yes, when busy,noAnswer, number 102\n":    "forwarding isEnabled=yes when=noAnswer,busy number=102",
		"Preferences saved: number (+52) 55 5555 0123\n":                        "callerid number=5555550123",
		"Preferences saved: email ana@example.net, language en\n":               "profile language=en email=ana@example.net",
		"Preferences saved: dndUntil " + at("2026-11-30T09:00:00-06:00") + "\n": "availability dndUntil=2026-11-30T09:00:00-06:00",
	} {
		if out := s.run(append([]string{"prefs", "set"}, strings.Fields(line)...)...); out != want {
			t.Errorf("%s: %q, want %q", line, out, want)
		}
	}
	now := other.prefs()
	if v := now.Voicemail; v.IsEnabled || v.RingSeconds != 30 || v.AttachAudio != first.Voicemail.AttachAudio {
		t.Errorf("voicemail: %+v", v)
	}
	if f := now.Forwarding; !f.IsEnabled || f.Number != "102" || !f.When[office.ForwardBusy] || !f.When[office.ForwardNoAnswer] || f.When[office.ForwardAlways] {
		t.Errorf("forwarding: %+v", f)
	}
	if now.CallerID.Number != "+525555550123" || now.Profile.Language != office.English || now.Profile.Email != "ana@example.net" || now.Availability.DNDUntil == nil {
		t.Errorf("the others: %+v", now)
	}
	s.run("prefs", "set", "callerid", "number=")
	s.run("prefs", "set", "availability", "dndUntil=null")
	if now := other.prefs(); now.CallerID.Number != "" || now.Availability.DNDUntil != nil {
		t.Errorf("what was cleared: %+v", now)
	}
	s.changesNothing(other)
	s.setsOffline(other)
	s.settlesConflicts(other)
}

// at writes a time as the command line does.
func at(s string) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.Local().Format(time.RFC3339)
}

// changesNothing tries what cannot be, here or in the eyes of the server.
func (s shell) changesNothing(other shell) {
	s.t.Helper()
	before := other.run("prefs", "show", "--json")
	for line, part := range map[string]string{
		"voicemail ringSeconds=61":              "The ring time is 5 to 60 seconds",
		"voicemail isEnabled=yes ringSeconds=x": "Write: whole seconds, such as 25.",
		"profile email=nobody":                  "That e-mail address is not valid",
		"profile language=fr":                   "Write es-MX or en",
		"callerid number=5555559999":            "Choose one of these: (+52) 55 5555 0100, (+52) 55 5555 0123.",
		"forwarding number=911":                 "neither your own nor an emergency number",
		"forwarding number=101":                 "neither your own nor an emergency number",
		"forwarding when=":                      "it needs a number",
		"forwarding number=999 requireKey=no":   "Call Forwarding (number 999, requireKey no): the server did not accept the change. That forwarding is not valid",
	} {
		s.refused(part, "", append([]string{"prefs", "set"}, strings.Fields(line)...)...)
	}
	if after := other.run("prefs", "show", "--json"); after != before {
		s.t.Errorf("something changed:\n%s\n%s", before, after)
	}
	if out := s.run("refused", "list", "--json"); out != "[]\n" {
		s.t.Errorf("something is left to decide: %s", out)
	}
	// What is refused later is told once.
	s.run("prefs", "set", "forwarding", "number=999", "--offline")
	_, _, errs := s.try("", "prefs", "show")
	_, _, again := s.try("", "prefs", "show")
	if !strings.Contains(errs, "Call Forwarding (number 999): the server did not accept") || again != "" {
		s.t.Errorf("it was told: %q, and then %q", errs, again)
	}
}

func (s shell) setsOffline(other shell) {
	s.t.Helper()
	status, out, errs := s.try("", "prefs", "set", "voicemail", "attachAudio=yes", "--offline")
	if status != 0 || out != "Preferences saved: attachAudio yes\n" || errs != "The change is kept and will be sent with the next command or with timbre sync.\n" {
		s.t.Errorf("status %d, %q, %q", status, out, errs)
	}
	if p := s.prefs("voicemail", "--offline"); !p.Voicemail.AttachAudio || strings.Join(p.Pending["voicemail"], ",") != "attachAudio" || p.Profile.Name != "" {
		s.t.Errorf("offline: %+v", p)
	}
	if out := s.run("prefs", "show", "voicemail", "--offline"); !strings.Contains(out, "  attachAudio    yes      not sent yet  the e-mail") || !strings.Contains(out, "  ringSeconds    30                     seconds") {
		s.t.Errorf("it is not marked:\n%s", out)
	}
	if other.prefs().Voicemail.AttachAudio {
		s.t.Error("it was sent")
	}
	s.run("sync", "--once")
	if !other.prefs().Voicemail.AttachAudio || len(s.prefs().Pending) > 0 {
		s.t.Error("it was not sent")
	}
}

// settlesConflicts lets both computers change the same.
func (s shell) settlesConflicts(other shell) {
	s.t.Helper()
	collide := func(mine, theirs string) (seq string) {
		s.t.Helper()
		s.run("prefs", "set", "voicemail", "ringSeconds="+mine, "--offline")
		other.run("prefs", "set", "voicemail", "ringSeconds="+theirs)
		status, _, errs := s.try("", "prefs", "show")
		if status != 0 || !strings.Contains(errs, "Voicemail: another device changed it meanwhile. ringSeconds: yours "+mine+", on the server "+theirs+".") {
			s.t.Errorf("status %d, %q", status, errs)
		}
		var refused []refusedRow
		s.json(&refused, "refused", "list")
		if len(refused) != 1 || refused[0].Reason != "conflict" || string(refused[0].Mine) != `{"ringSeconds":`+mine+`}` || string(refused[0].Theirs) != `{"ringSeconds":`+theirs+`}` {
			s.t.Fatalf("refused: %+v", refused)
		}
		_, seq, _ = strings.Cut(errs, "timbre refused retry ")
		seq, _, _ = strings.Cut(seq, " ")
		if out := s.run("refused", "list"); !strings.HasPrefix(out, seq+"  ") || !strings.Contains(out, "timbre refused dismiss "+seq) {
			s.t.Errorf("listed: %q", out)
		}
		if out := s.run("sync", "--once"); !strings.Contains(out, "did not accept one change: see timbre refused list") {
			s.t.Errorf("sync: %q", out)
		}
		return seq
	}
	seq := collide("40", "20")
	// Other changes are none of it.
	s.run("prefs", "set", "voicemail", "isEnabled=yes")
	s.refused("There is no change", "", "refused", "retry", "0")
	if out := s.run("refused", "dismiss", seq); out != "The change is forgotten.\n" {
		s.t.Errorf("dismiss: %q", out)
	}
	if s.prefs().Voicemail.RingSeconds != 20 || s.run("refused", "list", "--json") != "[]\n" {
		s.t.Error("the server's value does not stay")
	}
	seq = collide("50", "21")
	if out := s.run("refused", "retry", seq, "--json"); out != `{"seq":`+seq+`,"pending":false}`+"\n" {
		s.t.Errorf("retry: %q", out)
	}
	if other.prefs().Voicemail.RingSeconds != 50 || s.run("refused", "list", "--json") != "[]\n" {
		s.t.Error("the user's value does not win")
	}
	// What is changed while the server can be reached is changed there as it is now.
	other.run("prefs", "set", "voicemail", "ringSeconds=22")
	s.run("prefs", "set", "voicemail", "ringSeconds=23")
	if other.prefs().Voicemail.RingSeconds != 23 {
		s.t.Error("an old copy stood in the way")
	}
}
