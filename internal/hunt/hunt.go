// Package hunt looks for somebody who answers a call: it decides which telephones
// of which extensions ring, when the call is forwarded, who has answered and who
// is told to stop. A Hunt is the decision alone, a state machine without clock,
// socket or goroutine; Run carries it out on a World, which in the office is the
// call of package pbx, its only caller, and in tests whatever the test wants. How
// a telephone is reached, what is said to the caller and what is written into
// the log is not its business.
package hunt

import (
	"slices"
	"time"

	"timbre/internal/office"
)

// How long a hunt waits for what is not the extension's own ring time.
const (
	// OfflineTime is how long no device may show a sign of life before its
	// extension counts as offline.
	OfflineTime = 4 * time.Second
	// ForwardTime is how long the forward rings.
	ForwardTime = 25 * time.Second
	// KeyTime is how long who answers a forward may take to press a key once the
	// question has been spoken. It is for the World to keep.
	KeyTime = 10 * time.Second
	// AskTime is the same with the question, whatever becomes of that.
	AskTime = 30 * time.Second
)

// A Member is one extension that the call is for, as it is when the hunt begins.
type Member struct {
	Devices    int           // that can be rung; named by 0 to Devices-1
	RingTime   time.Duration // of the own devices
	Forwarding office.ForwardingSettings
	Full       bool // it has as many calls as it may
	Quiet      bool // it does not want to be disturbed
}

// A Leg names one telephone that is dialled: its place in the order of dialling.
type Leg int

// None is no leg.
const None Leg = -1

// A Target is who is dialled: the device Device of a member, or the Number to
// which its calls are forwarded.
type Target struct {
	Member int
	Device int                // of no meaning where there is a Number
	Number office.Number      // empty: a device
	Key    bool               // who answers must press a key before the call is theirs
	When   office.ForwardWhen // why it is forwarded; empty: a device has sent the call there
}

// A Happening is what an Event tells.
type Happening int

// What can happen in a hunt. Rings to Redirected are said of a leg that was
// dialled, each leg ends with one of Answers to Redirected; Key is said of
// one that was asked.
const (
	Rings      Happening = iota // the telephone rings
	Early                       // it sends sound before it answers
	Answers                     // it answers
	Fails                       // it refuses with Code, or cannot be reached
	Redirected                  // it sends the call to Number; empty: to the voicemail
	Key                         // Key was pressed; 0: none, as it hung up
	Tick                        // it is the time that Next named, or later
	GivesUp                     // the caller does
	Stops                       // the office does
)

// An Event is something that happened.
type Event struct {
	What   Happening
	Leg    Leg
	Code   int           // SIP status of Fails and Redirected; 0: none
	Number office.Number // of Redirected
	Key    rune
}

// A Deed is what an Action does.
type Deed int

// What a hunt does. End is the last action, and there is exactly one.
const (
	Dial   Deed = iota // Leg is Target
	Ring               // the caller hears ringing, and nothing else any more
	Pass               // the caller hears what Leg sends
	Ask                // who answered Leg is asked for the key; the caller still hears ringing
	Cancel             // Leg is not wanted any more; Elsewhere: because another has answered
	Hangup             // Leg, which has answered, is hung up
	End                // the hunt is over with Result
)

// An Action is something to be done.
type Action struct {
	Do        Deed
	Leg       Leg
	Target    Target // of Dial
	Elsewhere bool   // of Cancel
	Result    Result // of End
}

// A Result is how a hunt ended. Where there is a Winner the call is that leg's,
// and the Target with which it was dialled says whose it is.
type Result struct {
	Winner  Leg
	Target  Target // of the winner
	Members []Verdict
}

// A Verdict is how a hunt ended for one member.
type Verdict struct {
	Outcome office.Outcome
	Code    int           // the SIP status that said so; 0: none
	Forward office.Number // to which the call was forwarded; empty: it was not
}

// A Hunt is the search of one call. Its methods are for one goroutine. Handle and
// Start return what is to be done, in that order.
type Hunt struct {
	members []*member
	legs    []*leg
	early   Leg  // whose sound the caller hears
	told    bool // the caller that it rings
	over    bool
	out     []Action
}

// A phase is how far a leg has come.
type phase int

const (
	dialing phase = iota
	ringing
	asked // it has answered and was asked for the key
	gone  // it is over, or will be: canceled, hung up, refused
	won
)

type leg struct {
	Target
	phase phase
	until time.Time // of asked
}

// alive reports whether the leg may still win.
func (l *leg) alive() bool { return l.phase < gone }

// New returns a hunt for the members that begins with Start.
func New(members ...Member) *Hunt {
	h := &Hunt{early: None}
	for i, m := range members {
		h.members = append(h.members, &member{Member: m, hunt: h, index: i})
	}
	return h
}

// Start begins the hunt.
func (h *Hunt) Start(now time.Time) []Action {
	for _, m := range h.members {
		m.start(now)
	}
	h.conclude()
	return h.take()
}

// Handle says what follows from e. After the end only Answers of a leg that was
// canceled has a consequence: it is hung up.
func (h *Hunt) Handle(now time.Time, e Event) []Action {
	switch {
	case e.What == Answers && !h.legs[e.Leg].alive():
		h.do(Action{Do: Hangup, Leg: e.Leg})
	case h.over:
	case e.What == GivesUp:
		h.end(Result{Winner: None, Members: h.verdicts(office.Canceled, 487)})
	case e.What == Stops:
		h.end(Result{Winner: None, Members: h.verdicts(office.Failed, 503)})
	case e.What == Tick:
		for _, m := range h.members {
			m.tick(now)
		}
		h.conclude()
	case h.legs[e.Leg].alive():
		h.hear(now, e)
		h.conclude()
	}
	return h.take()
}

// hear is told of a leg that may still win.
func (h *Hunt) hear(now time.Time, e Event) {
	l := h.legs[e.Leg]
	m := h.members[l.Member]
	switch e.What {
	case Rings:
		l.phase, m.rang = max(l.phase, ringing), true
		h.tell()
	case Early:
		l.phase, m.rang = max(l.phase, ringing), true
		if h.alone() && !l.Key {
			h.told, h.early = true, e.Leg
			h.do(Action{Do: Pass, Leg: e.Leg})
			return
		}
		h.tell()
	case Answers:
		if !l.Key {
			h.win(e.Leg)
			return
		}
		l.phase, l.until = asked, now.Add(AskTime)
		h.tell()
		h.do(Action{Do: Ask, Leg: e.Leg})
	case Key:
		switch e.Key {
		case '1':
			h.win(e.Leg)
		case '2', 0:
			h.drop(e.Leg, false)
			m.settle(now)
		}
	default:
		m.lost(now, e)
	}
}

// Next returns when Tick is due; zero: never.
func (h *Hunt) Next() time.Time {
	var next time.Time
	if h.over {
		return next
	}
	for _, m := range h.members {
		for _, t := range m.timers() {
			if !t.IsZero() && (next.IsZero() || t.Before(next)) {
				next = t
			}
		}
	}
	return next
}

// take returns what is to be done.
func (h *Hunt) take() []Action {
	out := h.out
	h.out = nil
	return out
}

func (h *Hunt) do(a Action) { h.out = append(h.out, a) }

// dial rings t.
func (h *Hunt) dial(t Target) Leg {
	h.hush()
	h.legs = append(h.legs, &leg{Target: t})
	n := Leg(len(h.legs) - 1)
	h.do(Action{Do: Dial, Leg: n, Target: t})
	return n
}

// hush lets the caller hear ringing in place of what a leg sends.
func (h *Hunt) hush() {
	if h.early != None {
		h.early = None
		h.do(Action{Do: Ring})
	}
}

// tell lets the caller hear ringing, once.
func (h *Hunt) tell() {
	if !h.told {
		h.told = true
		h.do(Action{Do: Ring})
	}
}

// alone reports whether only one leg may still win.
func (h *Hunt) alone() bool {
	n := 0
	for _, l := range h.legs {
		if l.alive() {
			n++
		}
	}
	return n == 1
}

// drop ends a leg that may still win.
func (h *Hunt) drop(n Leg, elsewhere bool) {
	l := h.legs[n]
	switch l.phase {
	case dialing, ringing:
		h.do(Action{Do: Cancel, Leg: n, Elsewhere: elsewhere})
	case asked:
		h.do(Action{Do: Hangup, Leg: n})
	}
	l.phase = gone
}

// win gives the call to a leg.
func (h *Hunt) win(n Leg) {
	l := h.legs[n]
	l.phase = won
	verdicts := h.verdicts(office.AnsweredElsewhere, 0)
	v := &verdicts[l.Member]
	v.Outcome, v.Code = office.Answered, 0
	if l.Number != "" {
		v.Outcome, v.Forward = office.Forwarded, l.Number
	}
	h.end(Result{Winner: n, Target: l.Target, Members: verdicts})
}

// verdicts returns o for every member that nobody has declined for.
func (h *Hunt) verdicts(o office.Outcome, code int) []Verdict {
	var vs []Verdict
	for _, m := range h.members {
		v := Verdict{Outcome: o, Code: code, Forward: m.forwarded}
		if m.why == office.Declined || m.why == office.ToVoicemail {
			v.Outcome, v.Code = m.why, m.code
		}
		vs = append(vs, v)
	}
	return vs
}

// conclude ends the hunt once nobody is left who could answer.
func (h *Hunt) conclude() {
	if h.over || slices.ContainsFunc(h.members, func(m *member) bool { return !m.over }) {
		return
	}
	var vs []Verdict
	for _, m := range h.members {
		vs = append(vs, Verdict{Outcome: m.why, Code: m.code, Forward: m.forwarded})
	}
	h.end(Result{Winner: None, Members: vs})
}

// end ends the hunt and all legs but the winner.
func (h *Hunt) end(r Result) {
	h.over = true
	for n, l := range h.legs {
		if l.alive() {
			h.drop(Leg(n), r.Winner != None)
		}
	}
	h.do(Action{Do: End, Leg: r.Winner, Result: r})
}
