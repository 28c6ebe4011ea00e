package model

import (
	"time"

	"timbre/internal/office"
	"timbre/softphone"
)

// A Call is one call of the phone. *softphone.Call is one.
type Call interface {
	ID() office.ID
	Incoming() bool
	Peer() office.Party
	Answer()
	Decline()
	Hangup()
	Mute(on bool)
	SendDigit(d rune) error
}

// afterglow is how long a call that is over is still shown, so that its end is
// seen; a failed one stays until there is time to read why.
const (
	afterglow     = 2 * time.Second
	afterglowLong = 8 * time.Second
)

// A Talk is the call that is shown, in words.
type Talk struct {
	Name, Under string
	State       string // "Llamando…", the duration, or why it ended
	Problem     bool   // State says why it failed
	Ringing     bool   // incoming, to be answered or declined
	Active      bool   // people talk
	Over        bool
	Muted       bool
	Locked      bool   // the padlock is closed: encrypted on every side that is known
	Padlock     string // what the padlock means, in words; empty before anybody talks
	Digits      string // tones sent so far
}

// A Phone is the number box, the call bar, the call page and the window of an
// incoming call.
type Phone struct {
	Registration softphone.Registration
	AudioMissing bool   // the call that goes on, or the last one, had no sound card
	Talk         *Talk  // nil: no call
	Problem      string // why the number in the box was not dialled; empty for none

	NameOf   func(office.Number) string // of those that are known; nil: nobody is
	OnChange func()                     // anything but the seconds of the call
	OnTick   func()                     // Talk.State alone

	desk   *Desk
	dial   func(office.Number) (Call, error) // nil until there is a phone
	call   Call
	status softphone.Status
	known  office.Party // whom the user meant to call
	ticks  func()
	fade   func()
}

// NewPhone returns a phone page without a phone.
func NewPhone(desk *Desk) *Phone { return &Phone{desk: desk} }

// Connect gives the page its phone: dial places a call. nil takes it away.
func (p *Phone) Connect(dial func(office.Number) (Call, error)) {
	p.dial = dial
	if dial == nil {
		p.Registration = softphone.Registration{}
		p.drop()
	}
	changed(p.OnChange)
}

// SetRegistration takes a change of softphone.Config.OnRegistration.
func (p *Phone) SetRegistration(r softphone.Registration) {
	p.Registration = r
	if r.State == softphone.Registered {
		p.Problem = ""
	}
	changed(p.OnChange)
}

// Dial calls what stands in the number box. It reports whether a call began;
// where not, Problem says why.
func (p *Phone) Dial(text string) bool {
	n, err := office.ParseNumber(text)
	if err != nil {
		p.Problem = p.desk.Phrases.Words(err)
		changed(p.OnChange)
		return false
	}
	return p.DialParty(office.Party{Number: n})
}

// DialParty calls somebody from a list.
func (p *Phone) DialParty(who office.Party) bool {
	p.Problem = ""
	switch {
	case p.call != nil && !p.Talk.Over:
		p.Problem = p.desk.Phrases.Words(softphone.ErrInCall)
	case (p.dial == nil || p.Registration.State != softphone.Registered) && who.Number.IsEmergency(p.desk.Region):
		p.Problem = p.desk.Phrases.Say("callError.emergency")
	case p.dial == nil || p.Registration.State != softphone.Registered:
		p.Problem = p.desk.Phrases.Words(softphone.ErrNotRunning)
	default:
		c, err := p.dial(who.Number)
		if err != nil {
			p.Problem = p.desk.Phrases.Words(err)
			break
		}
		p.known = who
		p.Update(c, softphone.Status{State: softphone.Dialing, StartedAt: p.desk.Now()})
		return true
	}
	changed(p.OnChange)
	return false
}

// CloseProblem takes the words about the number box away.
func (p *Phone) CloseProblem() {
	p.Problem = ""
	changed(p.OnChange)
}

// Update takes a change of a call, as softphone.Config.OnIncoming and OnCall
// tell it.
func (p *Phone) Update(c Call, s softphone.Status) {
	if p.call == nil || p.call.ID() != c.ID() {
		if s.State == softphone.Ended {
			return // one that is no longer shown
		}
		p.drop()
		p.call, p.Talk, p.Problem = c, &Talk{}, ""
		p.ticks = p.desk.Every(time.Second/4, func() {
			if p.call != nil && p.status.State == softphone.Active {
				p.Talk.State = Length(p.status.Duration(p.desk.Now()).Truncate(time.Second))
				changed(p.OnTick)
			}
		})
	} else if rank[s.State] < rank[p.status.State] || p.status.State == softphone.Ended {
		return // told late
	}
	p.status = s
	if s.State == softphone.Active || s.AudioErr != nil { // before, nobody has looked
		p.AudioMissing = s.AudioErr != nil
	}
	p.describe()
	if s.State == softphone.Ended {
		if p.Problem == p.desk.Phrases.Words(softphone.ErrInCall) { // there is none now
			p.Problem = ""
		}
		p.ticks()
		glow := afterglow
		if p.Talk.Problem {
			glow = afterglowLong
		}
		p.fade = p.desk.after(glow, p.Dismiss)
	}
	changed(p.OnChange)
}

// rank is the order in which a call goes through its states.
var rank = map[softphone.CallState]int{softphone.Dialing: 1, softphone.Ringing: 2, softphone.Active: 3, softphone.Ended: 4}

// describe puts the call into words.
func (p *Phone) describe() {
	words, s, t := p.desk.Phrases, p.status, p.Talk
	who := p.call.Peer()
	if who.Name == "" && !p.call.Incoming() && p.known.Number == who.Number {
		who.Name = p.known.Name
	}
	if who.Name == "" && p.NameOf != nil {
		who.Name = p.NameOf(who.Number)
	}
	t.Name, t.Under = words.Name(who, p.desk.Region), words.Under(who, p.desk.Region)
	t.Ringing = p.call.Incoming() && s.State == softphone.Ringing
	t.Active, t.Over, t.Muted = s.State == softphone.Active, s.State == softphone.Ended, s.Muted
	t.Locked, t.Padlock = false, ""
	switch s.State {
	case softphone.Dialing:
		t.State = words.Say("call.dialing")
	case softphone.Ringing:
		t.State = words.Say("call.ringing")
		if t.Ringing {
			t.State = words.Say("call.incoming")
		}
	case softphone.Active:
		t.State = Length(s.Duration(p.desk.Now()).Truncate(time.Second))
		t.Locked, t.Padlock = padlock(words, s)
	case softphone.Ended:
		t.State = words.Say("call.ended")
		if !p.call.Incoming() || !s.AnsweredAt.IsZero() {
			if why := words.CallWords(s, who.Number, p.desk.Region); why != "" {
				t.State, t.Problem = why, true
			}
		}
	}
}

// padlock says honestly what protects the sound. It is closed unless a side is
// known to be open; the words say how far it is known.
func padlock(p *Phrasebook, s softphone.Status) (locked bool, words string) {
	switch {
	case !s.Secure:
		return false, p.Say("call.insecure")
	case s.FarMedia == "srtp":
		return true, p.Say("call.secureEnd")
	case s.FarMedia == "":
		return true, p.Say("call.secure")
	}
	return false, p.Say("call.mixed")
}

// Answer takes the incoming call.
func (p *Phone) Answer() {
	if p.Talk != nil && p.Talk.Ringing {
		p.call.Answer()
	}
}

// Decline refuses the incoming call.
func (p *Phone) Decline() {
	if p.Talk != nil && p.Talk.Ringing {
		p.call.Decline()
	}
}

// Hangup ends the call, or takes the one that is over from the screen.
func (p *Phone) Hangup() {
	switch {
	case p.Talk == nil:
	case p.Talk.Over:
		p.Dismiss()
	default:
		p.call.Hangup()
	}
}

// ToggleMute silences the microphone or opens it again.
func (p *Phone) ToggleMute() {
	if p.Talk != nil && p.Talk.Active {
		p.call.Mute(!p.Talk.Muted)
	}
}

// Press sends one key of the keypad.
func (p *Phone) Press(key rune) {
	if p.Talk == nil || !p.Talk.Active {
		return
	}
	if err := p.call.SendDigit(key); err == nil {
		p.Talk.Digits += string(key)
		changed(p.OnChange)
	}
}

// Dismiss takes a call that is over from the screen.
func (p *Phone) Dismiss() {
	if p.Talk == nil || !p.Talk.Over {
		return
	}
	p.drop()
	changed(p.OnChange)
}

// InCall reports whether a call goes on.
func (p *Phone) InCall() bool { return p.Talk != nil && !p.Talk.Over }

// drop forgets the call that is shown.
func (p *Phone) drop() {
	if p.ticks != nil {
		p.ticks()
	}
	if p.fade != nil {
		p.fade()
	}
	p.call, p.Talk, p.ticks, p.fade, p.status = nil, nil, nil, nil, softphone.Status{}
}
