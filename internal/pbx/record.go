package pbx

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/internal/ua"
)

// A record is what a call will leave in the logs: a row for each extension that
// takes part, and the telephones that did. It is safe for concurrent use: several
// telephones are dialled at the same time.
type record struct {
	mu     sync.Mutex
	rows   []*row   // guarded by mu
	traces []*trace // guarded by mu
}

// A row is one extension's line of a call. It is safe for concurrent use.
type row struct {
	account office.ID
	started time.Time

	mu       sync.Mutex
	answered time.Time   // guarded by mu; zero: it is not
	call     office.Call // guarded by mu
	over     bool        // guarded by mu; the call is over for this extension
}

// since returns how long ago start was. The clock of the computer may be set
// meanwhile: that counts for nothing.
func since(start, now time.Time) time.Duration { return max(0, now.Sub(start)) }

// after returns what now is by a clock that was not set since start.
func after(start, now time.Time) time.Time { return start.Add(since(start, now)).UTC() }

// add begins the row of an extension. An incoming call is missed until somebody
// answers.
func (r *record) add(account office.ID, kind office.CallKind, peer office.Party, now time.Time) *row {
	w := &row{account: account, started: now, call: office.Call{ID: office.NewID(), Kind: kind, StartedAt: now.UTC(), Peer: peer}}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = append(r.rows, w)
	return w
}

// id returns the id of the row.
func (w *row) id() office.ID { return w.call.ID } // never changes

// change changes the row, unless it is over; no row is none to change.
func (w *row) change(f func(*office.Call)) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		f(&w.call)
	}
}

// ends notes how the call ended for the extension, unless that is known already.
func (w *row) ends(o office.Outcome, reason string) {
	w.change(func(c *office.Call) {
		if c.Outcome == "" {
			c.Outcome, c.Reason = o, reason
		}
	})
}

// answers notes when and by whom the call was answered, for the first time.
func (w *row) answers(now time.Time, o office.Outcome, by string, local, remote string) {
	w.change(func(c *office.Call) {
		if c.AnsweredAt == nil {
			at := after(w.started, now)
			w.answered, c.AnsweredAt = now, &at
			if c.RingDuration == 0 {
				c.RingDuration = office.Of(since(w.started, now))
			}
		}
		c.Outcome, c.Reason, c.AnsweredBy = o, "", by
		c.Encryption = office.Encryption{Local: local, Remote: remote}
	})
}

// close ends the row: what follows from the rest is filled in, and nothing
// changes it any more.
func (w *row) close(now time.Time) {
	w.ends(office.Failed, office.Interrupted)
	w.change(func(c *office.Call) {
		if c.Kind != office.Outgoing {
			c.Kind = office.KindOf(c.Outcome)
		}
		if c.AnsweredAt != nil {
			c.Duration = office.Of(since(w.answered, now))
		}
		w.over = true
	})
}

// each calls f for all rows.
func (r *record) each(f func(*row)) {
	r.mu.Lock()
	rows := slices.Clone(r.rows)
	r.mu.Unlock()
	for _, w := range rows {
		f(w)
	}
}

// close ends all rows and all telephones.
func (r *record) close(now time.Time) {
	r.mu.Lock()
	traces := slices.Clone(r.traces)
	r.mu.Unlock()
	for _, t := range traces {
		t.ends(now, office.Failed, office.Interrupted)
	}
	r.each(func(w *row) { w.close(now) })
}

// breaks notes that the call failed by our own fault, whatever it was before.
func (r *record) breaks() {
	r.each(func(w *row) {
		w.change(func(c *office.Call) { c.Outcome, c.Reason = office.Failed, status(500) })
	})
}

// stopsRinging notes until when it rang.
func (r *record) stopsRinging(now time.Time) {
	r.each(func(w *row) {
		w.change(func(c *office.Call) {
			if c.RingDuration == 0 && c.AnsweredAt == nil {
				c.RingDuration = office.Of(since(w.started, now))
			}
		})
	})
}

// sides returns the rows as they are now, each with the telephones that its
// extension may know of.
func (r *record) sides() []store.Side {
	r.mu.Lock()
	defer r.mu.Unlock()
	sides := make([]store.Side, len(r.rows))
	for i, w := range r.rows {
		s := &sides[i]
		w.mu.Lock()
		s.Account, s.Call = w.account, w.call
		w.mu.Unlock()
		for _, t := range r.traces {
			if t.of != nil && t.of != w {
				continue
			}
			if l, ok := t.leg(); ok {
				if s.Call.Legs == nil {
					s.Call.Legs = make([]office.CallLeg, 0, len(r.traces))
				}
				s.Call.Legs = append(s.Call.Legs, l)
			}
		}
	}
	return sides
}

// hand moves a party's row and telephone into another record: its call goes on
// there. What the telephone was until now stays where another row tells of it.
func (r *record) hand(p *party, to *record, now time.Time) {
	r.mu.Lock()
	r.rows = slices.DeleteFunc(r.rows, func(w *row) bool { return w == p.row })
	i := slices.Index(r.traces, p.trace)
	r.traces = slices.Delete(r.traces, i, i+1)
	if p.trace.of == nil || p.trace.of != p.row {
		r.traces = slices.Insert(r.traces, i, p.trace.until(now))
	}
	r.mu.Unlock()
	to.mu.Lock()
	defer to.mu.Unlock()
	if p.row != nil {
		to.rows = append(to.rows, p.row)
	}
	to.traces = append(to.traces, p.trace)
}

// A trace is one telephone of a call: rung, or talked with. It is safe for
// concurrent use.
type trace struct {
	of      *row // whose row alone tells of it; nil: every row of the call
	started time.Time

	mu    sync.Mutex
	line  office.CallLeg // guarded by mu
	voice *ua.Leg        // guarded by mu; from its answer to its end
}

// trace begins to follow a telephone; of is the row of its extension, nil where
// all that take part may know of it.
func (r *record) trace(of *row, line office.CallLeg, now time.Time) *trace {
	line.StartedAt = now.UTC()
	t := &trace{of: of, started: now, line: line}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.traces = append(r.traces, t)
	return t
}

// answers notes that the telephone answered, the first time that it is told.
func (t *trace) answers(now time.Time, leg *ua.Leg) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.line.AnsweredAt == nil {
		at := after(t.started, now)
		t.line.AnsweredAt, t.voice, t.line.Outcome = &at, leg, office.Answered
	}
}

// over notes the trunk that carried the call.
func (t *trace) over(trunk string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.line.Trunk = trunk
}

// ends notes how it went, and what the server saw of the sound; the outcome of
// one that answered is that.
func (t *trace) ends(now time.Time, o office.Outcome, reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.line.EndedAt.IsZero() {
		return
	}
	t.line.EndedAt = after(t.started, now)
	if t.line.Outcome == "" {
		t.line.Outcome, t.line.Reason = o, reason
	}
	if t.voice == nil {
		return
	}
	s := t.voice.Stats()
	t.line.Codec, t.line.Encryption = t.voice.Codec().Name, protection(t.voice.Secure())
	t.line.Received, t.line.Lost, t.line.Jitter = s.ReceivedPackets, s.Lost, s.Jitter
	t.voice = nil
}

// until returns a telephone that ends now and is what t was until then.
func (t *trace) until(now time.Time) *trace {
	t.mu.Lock()
	past := &trace{of: t.of, started: t.started, line: t.line, voice: t.voice}
	t.mu.Unlock()
	past.ends(now, office.Failed, office.Interrupted)
	return past
}

// leg returns the telephone as it is recorded; false where it is not over.
func (t *trace) leg() (office.CallLeg, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.line, !t.line.EndedAt.IsZero()
}

// status returns a SIP status as a reason.
func status(code int) string {
	if code == 0 {
		return ""
	}
	return strconv.Itoa(code)
}

// protection returns how a leg's sound is protected, as Timbre-Far-Media and
// the log call it.
func protection(secure bool) string {
	if secure {
		return "srtp"
	}
	return "rtp"
}

// outcomeOf returns what a SIP status says of a call that was not answered.
func outcomeOf(code int) office.Outcome {
	switch code {
	case 486, 600:
		return office.Busy
	case 603:
		return office.Declined
	case 0, 408, 480:
		return office.NoAnswer
	case 487:
		return office.Canceled
	}
	return office.Failed
}
