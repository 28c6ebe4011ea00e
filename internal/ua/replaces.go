package ua

import (
	"net/url"
	"strings"

	"github.com/emiago/sipgo/sip"

	"timbre/internal/sipguard"
)

// Replaces names a dialog that a new call takes the place of (RFC 3891), seen from
// the side that has it.
type Replaces struct {
	CallID    string
	LocalTag  string // to-tag
	RemoteTag string // from-tag
	EarlyOnly bool   // only a dialog that is not answered yet
}

// Replaces returns the dialog that the call is to take the place of, which is one
// of our own answered ones; nil where it is an ordinary call. Who may do so is for
// the receiver to say.
func (in *Incoming) Replaces() *Replaces { return in.replaces }

// LegOf returns the answered leg of that dialog, or nil.
func (e *Endpoint) LegOf(r Replaces) *Leg {
	e.mu.Lock()
	l := e.legs[legKey(r.CallID, r.LocalTag)]
	e.mu.Unlock()
	if l == nil {
		return nil
	}
	select {
	case <-l.up:
	default:
		return nil
	}
	if l.remoteTag != r.RemoteTag || l.over() {
		return nil
	}
	return l
}

// EarlyOf returns the incoming call of that dialog while it is not answered, or nil.
func (e *Endpoint) EarlyOf(r Replaces) *Incoming {
	e.mu.Lock()
	in := e.early[legKey(r.CallID, r.LocalTag)]
	e.mu.Unlock()
	if in == nil || in.req.From().Params.GetOr("tag", "") != r.RemoteTag {
		return nil
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.final {
		return nil
	}
	return in
}

// unanswered returns the incoming call to whose dialog req belongs while it is not
// answered, or nil.
func (e *Endpoint) unanswered(req *sip.Request) *Incoming {
	return e.EarlyOf(Replaces{
		CallID: req.CallID().Value(), LocalTag: req.To().Params.GetOr("tag", ""), RemoteTag: req.From().Params.GetOr("tag", ""),
	})
}

// replaced reads and judges the Replaces field of an INVITE (RFC 3891 §3). A code
// but 0 is the status with which it is refused.
func (e *Endpoint) replaced(req *sip.Request) (r *Replaces, code int) {
	fields := req.GetHeaders("Replaces")
	if len(fields) == 0 {
		return nil, 0
	}
	r, ok := parseReplaces(fields[0].Value())
	switch {
	case !ok || len(fields) > 1:
		return nil, 400
	case e.LegOf(*r) == nil:
		return nil, 481
	case r.EarlyOnly:
		return nil, 486
	}
	return r, 0
}

// parseReplaces reads the value of a Replaces field. It reports false where the
// Call-ID or a tag is missing or said twice.
func parseReplaces(v string) (*Replaces, bool) {
	callID, rest, _ := strings.Cut(v, ";")
	r := &Replaces{CallID: strings.TrimSpace(callID)}
	if r.CallID == "" || len(v) > 1024 || strings.ContainsAny(r.CallID, " \t\r\n,<>") {
		return nil, false
	}
	for p := range strings.SplitSeq(rest, ";") {
		name, value, _ := strings.Cut(p, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		var tag *string
		switch name {
		case "to-tag":
			tag = &r.LocalTag
		case "from-tag":
			tag = &r.RemoteTag
		case "early-only":
			r.EarlyOnly = true
			continue
		default:
			continue
		}
		if *tag != "" || !sipguard.IsToken([]byte(value)) {
			return nil, false
		}
		*tag = value
	}
	return r, r.LocalTag != "" && r.RemoteTag != ""
}

// named returns the Replaces value by which the far side knows the dialog of l, as
// a header of a URI.
func (l *Leg) named() string {
	return url.QueryEscape(l.callID + ";to-tag=" + l.remoteTag + ";from-tag=" + l.localTag)
}
