package pbx

import (
	"strconv"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
)

// A record is what a call will leave in the call log: the caller's line, and
// the callee's where the call is for an extension.
type record struct {
	caller store.Side
	callee store.Side // without an Account where no extension is called
}

// newRecord returns the record of a call from an extension that begins now.
func newRecord(from office.Extension, now time.Time) record {
	return record{caller: store.Side{Account: from.Account, Call: office.Call{
		ID: office.NewID(), Kind: office.Outgoing, StartedAt: now.UTC(),
	}}}
}

// reaches notes that the call is for the extension to.
func (r *record) reaches(from, to office.Extension) {
	r.caller.Call.Peer = office.Party{Number: to.Number, Name: to.Name}
	r.callee = store.Side{Account: to.Account, Call: office.Call{
		ID: office.NewID(), Kind: office.Missed, StartedAt: r.caller.Call.StartedAt,
		Peer: office.Party{Number: from.Number, Name: from.Name},
	}}
}

// sides returns the lines that there are.
func (r *record) sides() []store.Side {
	if r.callee.Account == "" {
		return []store.Side{r.caller}
	}
	return []store.Side{r.caller, r.callee}
}

// each changes every line that there is.
func (r *record) each(change func(*office.Call)) {
	change(&r.caller.Call)
	if r.callee.Account != "" {
		change(&r.callee.Call)
	}
}

// fails notes that the call failed on both sides, unless it is known already how
// it ended. reason is a SIP status or office.Interrupted.
func (r *record) fails(reason string) {
	r.each(func(c *office.Call) {
		if c.Outcome == "" {
			c.Outcome, c.Reason = office.Failed, reason
		}
	})
}

// stopsRinging notes until when it rang.
func (r *record) stopsRinging(now time.Time) {
	r.each(func(c *office.Call) { c.RingDuration = office.Of(now.Sub(c.StartedAt)) })
}

// breaks notes that the call failed by our own fault, whatever it was before.
func (r *record) breaks() {
	r.each(func(c *office.Call) { c.Outcome, c.Reason = office.Failed, status(500) })
}

// canceled notes that the caller gave up before anybody answered.
func (r *record) canceled() {
	r.each(func(c *office.Call) {
		if c.Outcome == "" {
			c.Outcome, c.Reason = office.Canceled, status(487)
		}
	})
}

// close fills in what follows from the rest when the call is over: the kind of
// the callee's line and how long the parties talked.
func (r *record) close(now time.Time) {
	r.fails(office.Interrupted)
	r.each(func(c *office.Call) {
		if c.Kind != office.Outgoing {
			c.Kind = office.KindOf(c.Outcome)
		}
		if c.AnsweredAt != nil {
			c.Duration = office.Of(now.Sub(*c.AnsweredAt))
		}
	})
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
