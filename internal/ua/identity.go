package ua

import (
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"

	"timbre/internal/office"
	"timbre/internal/sipguard"
)

// A Diversion says from whom a call was diverted on its way, and why (RFC 5806).
type Diversion struct {
	Party  office.Party
	Reason string // such as "no-answer", "unconditional", "user-busy"; "unknown" where it is not said
}

// Peer returns the name that Config.Peer gave to who calls: a trunk. It is empty
// for everybody else, who were challenged.
func (in *Incoming) Peer() string { return in.peer }

// Identity returns who calls as the network vouches for it (RFC 3325): cleaned. It
// is zero where the caller is no peer, where the peer asserts nothing, and where
// the caller asked not to be named.
func (in *Incoming) Identity() office.Party { return in.identity }

// Diversion returns from whom the call was diverted before it came here, the last
// first, as the sender says: cleaned, not verified.
func (in *Incoming) Diversion() []Diversion { return in.diversion }

// Hops returns how many more times the call may be passed on (Max-Forwards). It is
// at least 1; whoever passes the call on gives Target one less.
func (in *Incoming) Hops() int { return in.hops }

// DefaultHops is how often a call may be passed on where nobody says (RFC 3261
// §8.1.1.6).
const DefaultHops = 70

// hopsOf returns the Max-Forwards of req.
func hopsOf(req *sip.Request) int {
	if h := req.MaxForwards(); h != nil {
		return int(h.Val())
	}
	return DefaultHops
}

// known reports whether the caller is a peer, and notes what it vouches for.
func (in *Incoming) known() bool {
	if in.e.cfg.Peer == nil {
		return false
	}
	source := netip.AddrPortFrom(in.source.Addr().Unmap(), in.source.Port())
	name, ok := in.e.cfg.Peer(source, sip.NetworkToLower(in.req.Transport()), in.To())
	if !ok {
		return false
	}
	in.e.prove(in.req)
	in.peer, in.identity = name, asserted(in.req)
	return true
}

// asserted returns the identity that m carries: of several addresses the first
// number and the first name. It is zero where its owner wants it kept private.
func asserted(m sip.Message) (p office.Party) {
	for _, h := range m.GetHeaders("Privacy") { // RFC 3323 §4.2
		for want := range strings.FieldsFuncSeq(strings.ToLower(h.Value()), func(r rune) bool { return strings.ContainsRune("; ,\t", r) }) {
			if want == "id" || want == "user" {
				return office.Party{}
			}
		}
	}
	for _, v := range values(m, "P-Asserted-Identity") {
		a, ok := parseAddress(v)
		if !ok {
			continue
		}
		one := a.party()
		if p.Number == "" {
			p.Number = one.Number
		}
		if p.Name == "" {
			p.Name = one.Name
		}
	}
	return p
}

// maxDiversions bounds what is read of a call that was diverted in a circle.
const maxDiversions = 16

// diversions returns what the Diversion fields of m say.
func diversions(m sip.Message) []Diversion {
	var out []Diversion
	for _, v := range values(m, "Diversion") {
		a, ok := parseAddress(v)
		if !ok || len(out) == maxDiversions {
			continue
		}
		reason := strings.ToLower(paramOf(a.params, "reason"))
		if !sipguard.IsToken([]byte(reason)) || len(reason) > 32 {
			reason = "unknown"
		}
		out = append(out, Diversion{Party: a.party(), Reason: reason})
	}
	return out
}

// caller returns who calls t: whom the network shall take as the caller, where that
// is said.
func (t *Target) caller() office.Party {
	if t.Identity != (office.Party{}) {
		return t.Identity
	}
	return t.From
}

// from builds the From field of a request to t, without a tag.
func (e *Endpoint) from(t Target, way path) *sip.FromHeader {
	domain := t.FromHost
	if domain == "" {
		domain = e.cfg.Host
	}
	if domain == "" {
		domain = host(way.name.Addr())
	}
	who := t.caller()
	return &sip.FromHeader{DisplayName: quotable(who.Name), Address: sip.Uri{Scheme: "sip", User: string(who.Number), Host: domain}}
}

// vouched returns the fields that say more of the caller than from does, and how
// the phone shall ring.
func (t *Target) vouched(from *sip.FromHeader) []sip.Header {
	var out []sip.Header
	named := func(p office.Party) string {
		uri := sip.Uri{Scheme: "sip", User: string(p.Number), Host: from.Address.Host}
		if p.Name == "" {
			return "<" + uri.String() + ">"
		}
		return `"` + quotable(p.Name) + `" <` + uri.String() + ">"
	}
	if t.Identity != (office.Party{}) {
		out = append(out, sip.NewHeader("P-Asserted-Identity", named(t.Identity)))
	}
	for _, d := range t.Diversion {
		reason := d.Reason
		if !sipguard.IsToken([]byte(reason)) {
			reason = "unknown"
		}
		out = append(out, sip.NewHeader("Diversion", named(d.Party)+";reason="+reason))
	}
	if t.AutoAnswer { // the ways in which makers of phones understand it
		out = append(out, sip.NewHeader("Call-Info", "<sip:"+from.Address.Host+">;answer-after=0"),
			sip.NewHeader("Alert-Info", "<http://"+from.Address.Host+">;info=alert-autoanswer;delay=0"))
	}
	return out
}
