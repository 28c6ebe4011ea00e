package ua

import (
	"context"
	"net/netip"

	"timbre/internal/office"
	"timbre/internal/sdp"
)

// An Incoming is a call that has not been answered. It is safe for concurrent use.
type Incoming struct{}

// From returns who calls, as the caller says: cleaned, not verified.
func (in *Incoming) From() office.Party { return office.Party{} }

// To returns the dialled user part of the Request-URI, unescaped.
func (in *Incoming) To() string { return "" }

// Username returns the user that the digest proved, empty where nobody is challenged.
func (in *Incoming) Username() string { return "" }

// Source returns the address from which the call came.
func (in *Incoming) Source() netip.AddrPort { return netip.AddrPort{} }

// Transport returns "udp", "tcp" or "tls".
func (in *Incoming) Transport() string { return "" }

// CallID returns the Call-ID.
func (in *Incoming) CallID() string { return "" }

// Codecs returns what the caller offers, in its order and with its payload
// types; nil where the INVITE had no offer.
func (in *Incoming) Codecs() []sdp.Codec { return nil }

// Secure reports whether the caller offers SRTP.
func (in *Incoming) Secure() bool { return false }

// Header returns a header field of the INVITE, empty where it has none.
func (in *Incoming) Header(name string) string { return "" }

// Canceled is closed when the caller gave up.
func (in *Incoming) Canceled() <-chan struct{} { return nil }

// Ring sends 180. It fails with ErrClosed where the call is over.
func (in *Incoming) Ring(headers ...Headers) error { return ErrClosed }

// AnswerOptions say how a call is answered.
type AnswerOptions struct {
	Codecs  []sdp.Codec // what we take, in any order; empty: PCMA, PCMU, telephone-event
	Headers Headers
}

// Answer sends 200 with the first offered codec that is in opts, and returns the
// leg. With no codec in common it rejects the call with 488 and returns a
// *StatusError; ErrClosed means that the caller gave up.
func (in *Incoming) Answer(ctx context.Context, opts AnswerOptions) (*Leg, error) {
	return nil, ErrClosed
}

// Reject refuses the call with a status from 300 to 699. It fails with ErrClosed
// where the call is over.
func (in *Incoming) Reject(code int, headers ...Headers) error { return ErrClosed }
