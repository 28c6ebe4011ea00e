package ua

import (
	"timbre/internal/office"
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
