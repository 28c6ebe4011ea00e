package hunt

import (
	"time"

	"timbre/internal/office"
)

// A member is the state of one extension of a hunt.
type member struct {
	Member
	hunt  *Hunt
	index int

	rang      bool          // one of its telephones did
	tried     bool          // it has been forwarded
	forwarded office.Number // where to
	stays     bool          // its devices ring until the forward is over
	over      bool
	why       office.Outcome // why nobody answered so far
	code      int

	ringUntil    time.Time // the end of the ring time; zero: it is over
	offlineAt    time.Time // when it counts as offline; zero: never
	forwardUntil time.Time // the end of the forward's ringing; zero: it does not ring
}

// timers returns all times at which something is due; zero: never.
func (m *member) timers() []time.Time {
	if m.over {
		return nil
	}
	ts := []time.Time{m.ringUntil, m.offlineAt, m.forwardUntil}
	for _, l := range m.hunt.legs {
		if l.Member == m.index && l.phase == asked {
			ts = append(ts, l.until)
		}
	}
	return ts
}

// start rings the devices or forwards the call.
func (m *member) start(now time.Time) {
	f := m.Forwarding
	m.why = office.NoAnswer
	switch {
	case m.Full:
		m.why, m.code = office.Busy, 486
	case m.Quiet:
		m.code = 480
	case m.Devices == 0:
		m.code = 480
	case !f.Forwards(office.ForwardAlways) || f.RingLocal:
		m.ringUntil = now.Add(m.RingTime)
		if f.Forwards(office.ForwardOffline) && !f.Forwards(office.ForwardAlways) {
			m.offlineAt = now.Add(min(OfflineTime, m.RingTime))
		}
		for d := range m.Devices {
			m.hunt.dial(Target{Member: m.index, Device: d})
		}
	}
	if f.Forwards(office.ForwardAlways) {
		m.forward(now, f.Number, office.ForwardAlways)
	}
	m.settle(now)
}

// forward dials the number to which the calls go in a case.
func (m *member) forward(now time.Time, n office.Number, when office.ForwardWhen) {
	m.tried, m.forwarded, m.forwardUntil, m.offlineAt = true, n, now.Add(ForwardTime), time.Time{}
	m.hunt.dial(Target{Member: m.index, Number: n, Key: m.Forwarding.IsEnabled && m.Forwarding.RequireKey, When: when})
}

// forwards reports whether the call is to be forwarded in the case that has come,
// and which that is.
func (m *member) forwards() (when office.ForwardWhen, is bool) {
	f := m.Forwarding
	switch {
	case m.tried || m.why == office.Declined || m.why == office.ToVoicemail:
		return "", false
	case m.why == office.Busy, m.Quiet && f.Forwards(office.ForwardBusy):
		when = office.ForwardBusy
	case m.rang || m.Quiet:
		when = office.ForwardNoAnswer
	default:
		when = office.ForwardOffline
	}
	return when, f.Forwards(when)
}

// alive reports whether a leg of the own devices, or the forward, may still win.
func (m *member) alive() (devices, forward bool) {
	for _, l := range m.hunt.legs {
		if l.Member == m.index && l.alive() {
			if l.Number == "" {
				devices = true
			} else {
				forward = true
			}
		}
	}
	return devices, forward
}

// settle looks what is left: where no telephone rings any more, the call is
// forwarded or the member is over.
func (m *member) settle(now time.Time) {
	if m.over {
		return
	}
	devices, forward := m.alive()
	if !forward {
		m.forwardUntil = time.Time{}
		if m.stays {
			m.silence()
			devices = false
		}
	}
	if devices || forward {
		return
	}
	when, is := m.forwards()
	if !is {
		m.over = true
		return
	}
	m.ringUntil = time.Time{}
	m.forward(now, m.Forwarding.Number, when)
}

// silence stops the ringing of the own devices.
func (m *member) silence() {
	m.ringUntil = time.Time{}
	for n, l := range m.hunt.legs {
		if l.Member == m.index && l.Number == "" && l.alive() {
			m.hunt.drop(Leg(n), false)
		}
	}
}

// quit stops the ringing of everything: a person has decided.
func (m *member) quit(why office.Outcome, code int) {
	m.silence()
	for n, l := range m.hunt.legs {
		if l.Member == m.index && l.alive() {
			m.hunt.drop(Leg(n), false)
		}
	}
	m.why, m.code, m.over = why, code, true
}

// lost is told that a leg will not answer.
func (m *member) lost(now time.Time, e Event) {
	l := m.hunt.legs[e.Leg]
	device := l.Number == ""
	switch {
	case e.What == Redirected && device && e.Number == "":
		l.phase = gone
		m.quit(office.ToVoicemail, e.Code)
		return
	case e.What == Redirected && device && !m.tried:
		l.phase = gone
		m.silence()
		m.forward(now, e.Number, "")
		return
	case e.What == Fails && device && e.Code == 603:
		l.phase = gone
		m.quit(office.Declined, e.Code)
		return
	case e.What == Fails && device && (e.Code == 486 || e.Code == 600):
		m.why, m.code = office.Busy, e.Code
	case m.code == 0:
		m.code = e.Code
	}
	l.phase = gone
	m.settle(now)
}

// tick does what is due at now.
func (m *member) tick(now time.Time) {
	due := func(t time.Time) bool { return !m.over && !t.IsZero() && !now.Before(t) }
	for n, l := range m.hunt.legs {
		if l.Member == m.index && l.phase == asked && due(l.until) {
			m.hunt.drop(Leg(n), false)
		}
	}
	if due(m.forwardUntil) {
		m.forwardUntil = time.Time{}
		m.stopForward()
	}
	if due(m.offlineAt) {
		m.offlineAt = time.Time{}
		m.offline(now)
	}
	if due(m.ringUntil) {
		m.ringUntil = time.Time{}
		m.unanswered(now)
	}
	m.settle(now)
}

// stopForward cancels a forward that rings in vain; one that is being asked for
// the key has its own time.
func (m *member) stopForward() {
	for n, l := range m.hunt.legs {
		if l.Member == m.index && l.Number != "" && (l.phase == dialing || l.phase == ringing) {
			m.hunt.drop(Leg(n), false)
		}
	}
}

// offline forwards the call where no device has shown a sign of life.
func (m *member) offline(now time.Time) {
	when, is := m.forwards()
	if !is || when != office.ForwardOffline {
		return
	}
	if !m.Forwarding.RingLocal {
		m.silence()
	}
	m.forward(now, m.Forwarding.Number, when)
}

// unanswered is the end of the ring time.
func (m *member) unanswered(now time.Time) {
	m.why, m.code, m.rang = office.NoAnswer, 0, true // it rang, so that no busy device counts
	when, is := m.forwards()
	if !is {
		m.silence()
		return
	}
	if m.stays = m.Forwarding.RingLocal; !m.stays {
		m.silence()
	}
	m.forward(now, m.Forwarding.Number, when)
}
