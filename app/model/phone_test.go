package model

import (
	"errors"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/softphone"
	"timbre/sync/engine"
)

// line is a phone without a network: it notes what it is told.
type line struct {
	id       office.ID
	incoming bool
	peer     office.Party
	told     string
	err      error
}

func (l *line) ID() office.ID      { return l.id }
func (l *line) Incoming() bool     { return l.incoming }
func (l *line) Peer() office.Party { return l.peer }
func (l *line) Answer()            { l.told += "answer " }
func (l *line) Decline()           { l.told += "decline " }
func (l *line) Hangup()            { l.told += "hangup " }
func (l *line) Mute(on bool) {
	if on {
		l.told += "mute "
	} else {
		l.told += "unmute "
	}
}
func (l *line) SendDigit(d rune) error { l.told += string(d) + " "; return l.err }

func newPhone(b *bench) (*Phone, *line) {
	p, l := NewPhone(b.Desk), &line{id: "1"}
	p.Connect(func(n office.Number) (Call, error) {
		l.peer = office.Party{Number: n}
		return l, nil
	})
	p.SetRegistration(softphone.Registration{State: softphone.Registered})
	return p, l
}

func TestDial(t *testing.T) {
	b := newBench(t, office.Spanish)
	p, l := newPhone(b)
	p.NameOf = func(office.Number) string { return "Luis" }
	if p.Dial("ana") || p.Problem != b.Phrases.Words(office.ErrNumber) {
		t.Errorf("a name was dialled: %q", p.Problem)
	}
	if !p.Dial(" (1) 02 ") || l.peer.Number != "102" || p.Problem != "" {
		t.Fatalf("%+v, %q", l.peer, p.Problem)
	}
	if p.Talk.Name != "Luis" || p.Talk.Under != "Ext. 102" || p.Talk.State != "Llamando…" || !p.InCall() {
		t.Errorf("%+v", p.Talk)
	}
	if p.Dial("103") || p.Problem != b.Phrases.Words(softphone.ErrInCall) {
		t.Errorf("a second call began: %q", p.Problem)
	}
	p.Press('1') // nobody there yet
	p.ToggleMute()
	p.Answer()
	p.Hangup()
	if l.told != "hangup " {
		t.Errorf("the phone was told %q", l.told)
	}
}

func TestDialNeedsALine(t *testing.T) {
	b := newBench(t, office.Spanish)
	p, _ := newPhone(b)
	want := b.Phrases.Words(softphone.ErrNotRunning)
	p.SetRegistration(softphone.Registration{State: softphone.Offline})
	if p.Dial("102") || p.Problem != want {
		t.Errorf("offline: %q", p.Problem)
	}
	if p.Dial("911") || p.Problem != b.Phrases.Say("callError.emergency") {
		t.Errorf("an emergency offline: %q", p.Problem)
	}
	p.SetRegistration(softphone.Registration{State: softphone.Registered})
	if p.Problem != "" {
		t.Error("the problem stays after it has gone")
	}
	p.Connect(func(office.Number) (Call, error) { return nil, softphone.ErrInCall })
	if p.Dial("102") || p.Problem != b.Phrases.Words(softphone.ErrInCall) {
		t.Errorf("refused by the phone: %q", p.Problem)
	}
	p.Connect(nil)
	if p.Dial("102") || p.Problem != want {
		t.Errorf("without a phone: %q", p.Problem)
	}
}

func TestTalk(t *testing.T) {
	b := newBench(t, office.Spanish)
	p, l := newPhone(b)
	p.Dial("102")
	p.Update(l, softphone.Status{State: softphone.Ringing})
	if p.Talk.State != "Timbrando…" || p.Talk.Ringing {
		t.Errorf("%+v", p.Talk)
	}
	active := softphone.Status{State: softphone.Active, AnsweredAt: noon.Add(-72 * time.Second), Secure: true, FarMedia: "srtp"}
	p.Update(l, active)
	if !p.Talk.Active || p.Talk.State != "1:12" || !p.Talk.Locked || p.Talk.Padlock != "Cifrada en los dos lados" {
		t.Errorf("%+v", p.Talk)
	}
	ticked := false
	p.OnTick = func() { ticked = true }
	b.Now = func() time.Time { return noon.Add(time.Second) }
	b.until("a second", func() bool { return ticked })
	if p.Talk.State != "1:13" {
		t.Errorf("a second later: %q", p.Talk.State)
	}
	p.ToggleMute()
	active.Muted = true
	p.Update(l, active)
	p.ToggleMute()
	p.Press('4')
	p.Press('#')
	l.err = errors.New("full")
	p.Press('9')
	if l.told != "mute unmute 4 # 9 " || p.Talk.Digits != "4#" {
		t.Errorf("told %q, shown %q", l.told, p.Talk.Digits)
	}
	p.Update(l, softphone.Status{State: softphone.Ringing}) // told late
	if !p.Talk.Active {
		t.Error("the call went back")
	}
}

func TestPadlockIsHonest(t *testing.T) {
	p := NewPhrasebook(office.Spanish)
	for _, c := range []struct {
		secure bool
		far    string
		locked bool
		key    string
	}{
		{false, "srtp", false, "call.insecure"},
		{true, "rtp", false, "call.mixed"},
		{true, "mixed", false, "call.mixed"},
		{true, "", true, "call.secure"},
		{true, "srtp", true, "call.secureEnd"},
	} {
		locked, words := padlock(p, softphone.Status{Secure: c.secure, FarMedia: c.far})
		if locked != c.locked || words != p.Say(c.key) {
			t.Errorf("%+v: %v, %q", c, locked, words)
		}
	}
}

func TestEndOfACall(t *testing.T) {
	b := newBench(t, office.Spanish)
	p, l := newPhone(b)
	p.Dial("999")
	p.Update(l, softphone.Status{State: softphone.Ended, Outcome: office.Failed, Code: 404})
	if !p.Talk.Over || !p.Talk.Problem || p.Talk.State != b.Phrases.Say("callError.notFound") || p.InCall() {
		t.Fatalf("%+v", p.Talk)
	}
	p.Update(l, softphone.Status{State: softphone.Active}) // told late
	if !p.Talk.Over {
		t.Error("the call rose again")
	}
	p.Hangup() // takes it from the screen
	if p.Talk != nil || l.told != "" {
		t.Errorf("%+v, told %q", p.Talk, l.told)
	}
	l.id = "2"
	p.Dial("102")
	p.Update(l, softphone.Status{State: softphone.Ended, Outcome: office.Answered, AnsweredAt: noon})
	if p.Talk.State != "Llamada terminada" || p.Talk.Problem {
		t.Errorf("%+v", p.Talk)
	}
	b.until("the call off the screen", func() bool { return p.Talk == nil })
}

func TestIncoming(t *testing.T) {
	b := newBench(t, office.Spanish)
	p, _ := newPhone(b)
	in := &line{id: "in", incoming: true, peer: office.Party{Number: "+525512345678", Name: "Luis"}}
	p.Update(in, softphone.Status{State: softphone.Ringing})
	if !p.Talk.Ringing || p.Talk.Name != "Luis" || p.Talk.Under != "55 1234 5678" || p.Talk.State != "Llamada entrante" {
		t.Errorf("%+v", p.Talk)
	}
	p.Answer()
	p.Decline()
	if in.told != "answer decline " {
		t.Errorf("told %q", in.told)
	}
	p.Update(in, softphone.Status{State: softphone.Ended, Outcome: office.NoAnswer, Code: 487})
	if p.Talk.Problem || p.Talk.State != "Llamada terminada" { // not the user's fault
		t.Errorf("%+v", p.Talk)
	}
	other := &line{id: "other", incoming: true}
	p.Update(other, softphone.Status{State: softphone.Ended}) // never shown
	if p.Talk.Name != "Luis" {
		t.Errorf("%+v", p.Talk)
	}
	p.Update(other, softphone.Status{State: softphone.Ringing}) // takes the place of the one that is over
	if !p.Talk.Ringing || p.Talk.Name != "Número privado" {
		t.Errorf("%+v", p.Talk)
	}
	p.Connect(nil)
	if p.Talk != nil {
		t.Error("the call stays without a phone")
	}
}

func TestStanding(t *testing.T) {
	b := newBench(t, office.Spanish)
	p, l := newPhone(b)
	var st engine.Status
	s := NewStanding(b.Desk, func() engine.Status { return st }, func() (engine.Account, bool) { return engine.Account{Extension: "101", Name: "Ana"}, true }, p)
	online := engine.Status{Online: true, Since: noon}
	for _, c := range []struct {
		status engine.Status
		phone  softphone.RegistrationState
		err    error
		light  Light
		state  string
		line   string
	}{
		{engine.Status{}, "", nil, Amber, "Conectando…", ""}, // before the first attempt nothing is wrong
		{online, softphone.Registering, nil, Amber, "Conectando…", ""},
		{online, softphone.Registered, nil, Green, "Registrada · ext. 101", ""},
		{engine.Status{Since: noon.Add(-80 * time.Minute), Pending: 2}, softphone.Offline, nil, Dark, "Sin conexión", "Sin conexión desde las 10:40. Puedes leer y escuchar todo; no puedes llamar. 2 cambios esperan a que vuelva."},
		{online, softphone.Offline, nil, Dark, "Sin conexión", b.Phrases.Say("line.unregistered")},
		{online, softphone.Refused, office.ErrFingerprint, Red, "No registrada", "El servidor no aceptó el registro de este equipo. " + b.Phrases.Words(office.ErrFingerprint)},
		{engine.Status{SessionEnded: true, Since: noon}, softphone.Refused, nil, Red, "No registrada", b.Phrases.Say("line.session")},
	} {
		st = c.status
		p.Registration = softphone.Registration{State: c.phone, Err: c.err}
		s.Reload()
		if s.Light != c.light || s.State != c.state || s.Line != c.line {
			t.Errorf("%+v %s: %d %q %q", c.status, c.phone, s.Light, s.State, s.Line)
		}
	}
	// A closed line stays away until another one comes.
	s.CloseLine()
	s.Reload()
	if s.Line != "" {
		t.Errorf("closed, but there: %q", s.Line)
	}
	st = online
	p.SetRegistration(softphone.Registration{State: softphone.Registered})
	p.Dial("102")
	p.Update(l, softphone.Status{State: softphone.Active, AnsweredAt: noon, AudioErr: errors.New("no card")})
	s.Reload()
	if s.Line != b.Phrases.Say("line.audioMissing") || !s.Warns() {
		t.Errorf("no sound card: %q", s.Line)
	}
	st.Pending = 1
	s.Reload()
	if got := s.Leaving(); got != "Este equipo dejará de recibir tus llamadas. La llamada en curso se cortará. Un cambio todavía no se ha enviado y se perderá." {
		t.Errorf("leaving: %q", got)
	}
}

// The notice about the missing keychain is read once, in whatever session.
func TestStandingTellsOfTheFileOnce(t *testing.T) {
	b := newBench(t, office.Spanish)
	p, _ := newPhone(b)
	known := false
	begin := func() *Standing {
		s := NewStanding(b.Desk, func() engine.Status { return engine.Status{Online: true, Since: noon, SecretsInFile: true} }, func() (engine.Account, bool) { return engine.Account{}, true }, p)
		s.KnowsFile, s.OnKnown = known, func() { known = true }
		s.Reload()
		return s
	}
	if s := begin(); s.Line != b.Phrases.Say("login.keptOpenly") {
		t.Errorf("at first: %q", s.Line)
	}
	s := begin() // nobody closed it
	if s.CloseLine(); s.Line != "" || !known {
		t.Errorf("closed: %q, noted: %v", s.Line, known)
	}
	if s := begin(); s.Line != "" {
		t.Errorf("at the next start: %q", s.Line)
	}
}
