package ua

import (
	"context"
	"fmt"
	"net/netip"

	"timbre/internal/office"
	"timbre/internal/sdp"
)

// Headers are header fields by name. Names that the endpoint itself fills in
// (Via, From, To, Call-ID, CSeq, Contact, Content-…) are ignored.
type Headers map[string]string

// Credentials answer the challenges of one realm.
type Credentials struct {
	Username, Password, Realm string
}

// A Target is whom to call, and how.
type Target struct {
	URI       string         // Request-URI, such as "sip:102@office.example" or a registered Contact
	Transport string         // "udp", "tcp" or "tls"
	Addr      netip.AddrPort // where to send; an open connection from there is used again
	From, To  office.Party   // displayed name and number; an empty To.Number takes the user of URI
	Codecs    []sdp.Codec    // in order of preference; empty: PCMA, PCMU, telephone-event
	Secure    bool           // offer SRTP, and refuse an answer without it
	Headers   Headers
	Auth      *Credentials // nil: a challenge is a failure

	// OnRinging is told every 18x, in the goroutine of Dial; header returns a
	// header field of the response, empty where it has none.
	OnRinging func(status int, header func(name string) string)
}

// A StatusError is a call or registration that the other side refused.
type StatusError struct {
	Code     int
	Reason   string
	Location string // Contact of a 3xx
}

func (e *StatusError) Error() string { return fmt.Sprintf("%d %s", e.Code, e.Reason) }

// Dial calls t and blocks until the call is answered. A refusal is a *StatusError;
// no response at all is one with Code 408, an unreachable address with 503. When
// ctx ends the call is canceled and ctx's error returned; an answer that crosses
// the cancel is hung up.
func (e *Endpoint) Dial(ctx context.Context, t Target) (*Leg, error) { return nil, ErrClosed }
