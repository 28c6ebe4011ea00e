package model

import (
	"context"

	"timbre/softphone"
	"timbre/sync/engine"
)

// A Light is the colour of the registration dot.
type Light int

// The lights, from bad to good.
const (
	Dark  Light = iota // offline
	Red                // refused: a person must act
	Amber              // on the way
	Green              // can be called
)

// A Standing is the frame around the pages: who is logged in, how things stand
// with the office, and the line that says what is wrong.
type Standing struct {
	Account engine.Account
	Light   Light
	State   string // registration in words
	Line    string // what is wrong, in words; empty while nothing is
	Pending int    // changes not yet sent
	Demo    bool   // a made-up office: the line says what to try

	KnowsFile bool   // the user has read that there is no keychain
	OnKnown   func() // that was read now

	OnChange func()

	desk    *Desk
	status  func() engine.Status
	account func() (engine.Account, bool)
	phone   *Phone
	shut    map[string]bool // lines that the user closed
}

// NewStanding returns the frame for what status and account say.
func NewStanding(desk *Desk, status func() engine.Status, account func() (engine.Account, bool), phone *Phone) *Standing {
	return &Standing{desk: desk, status: status, account: account, phone: phone, shut: map[string]bool{}}
}

// Reload asks again how things stand.
func (s *Standing) Reload() {
	if a, ok := s.account(); ok {
		s.Account = a
	}
	st, p, r := s.status(), s.desk.Phrases, s.phone.Registration
	s.Pending = st.Pending
	offline := !st.Online && !st.Since.IsZero()
	switch {
	case r.State == softphone.Registered:
		s.Light, s.State = Green, p.Say("state.registered", "ext", string(s.Account.Extension))
	case st.SessionEnded || r.State == softphone.Refused:
		s.Light, s.State = Red, p.Say("state.refused")
	case offline || r.State == softphone.Offline:
		s.Light, s.State = Dark, p.Say("state.offline")
	default:
		s.Light, s.State = Amber, p.Say("state.registering")
	}
	switch {
	case st.SessionEnded:
		s.Line = p.Say("line.session")
	case r.State == softphone.Refused:
		s.Line = p.Say("line.refused", "reason", p.Words(r.Err))
	case offline:
		s.Line = p.Say("line.offline", "time", st.Since.In(s.desk.Now().Location()).Format("15:04"))
		if st.Pending > 0 {
			s.Line += " " + p.Count("line.pending", st.Pending)
		}
	case r.State == softphone.Offline:
		s.Line = p.Say("line.unregistered")
	case s.phone.AudioMissing:
		s.Line = p.Say("line.audioMissing")
	case s.Demo:
		s.Line = p.Say("line.demo")
	case st.SecretsInFile && !s.KnowsFile:
		s.Line = p.Say("login.keptOpenly")
	default:
		s.Line = ""
	}
	if s.shut[s.Line] {
		s.Line = ""
	}
	changed(s.OnChange)
}

// Warns reports whether the line tells of something wrong, not only of how
// things are.
func (s *Standing) Warns() bool {
	p := s.desk.Phrases
	return s.Line != p.Say("line.demo") && s.Line != p.Say("login.keptOpenly")
}

// CloseLine hides the line for good; one that says something else, if only since
// when, is another one.
func (s *Standing) CloseLine() {
	if s.Line == s.desk.Phrases.Say("login.keptOpenly") {
		s.KnowsFile = true
		changed(s.OnKnown)
	}
	s.shut[s.Line] = true
	s.Reload()
}

// Leaving says what logging out means now, sentence by sentence.
func (s *Standing) Leaving() string {
	p := s.desk.Phrases
	text := p.Say("logout.text")
	if s.phone.InCall() {
		text += " " + p.Say("logout.inCall")
	}
	if s.Pending > 0 {
		text += " " + p.Count("logout.pending", s.Pending)
	}
	return text
}

// Logout ends the session; then runs when that is done, with words for what
// went wrong or none.
func (s *Standing) Logout(door Door, wipe bool, then func(problem string)) {
	s.desk.Go(func(ctx context.Context) func() {
		err := door.Logout(ctx, wipe)
		if err != nil {
			s.desk.Log.Error("logging out", "err", err)
		}
		return func() { then(s.desk.Phrases.Words(err)) }
	})
}
