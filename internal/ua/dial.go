package ua

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/emiago/diago"
	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"timbre/internal/office"
	"timbre/internal/rtp"
	"timbre/internal/sdp"
)

// Headers are header fields by name. Names that the endpoint itself fills in
// (Via, From, To, Call-ID, CSeq, Content-…) are ignored.
type Headers map[string]string

// Credentials answer the challenges of one realm.
type Credentials struct {
	Username, Password, Realm string
	// Trust, where given, is asked whether a challenge in another realm than Realm
	// is answered too: a carrier's is not known before its first challenge.
	Trust func(realm string) bool
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

	Identity   office.Party // who calls, for a trunk: From and P-Asserted-Identity; zero: From alone
	FromHost   string       // host of From; empty: Config.Host, or our address
	Diversion  []Diversion  // from whom the call was diverted, the last first
	Hops       int          // how many more times the call may be passed on; 0: 70
	AutoAnswer bool         // the phone shall answer by itself

	Auth *Credentials // nil: a challenge is a failure

	// OnTrying is told of every response, whatever it says: somebody is there.
	OnTrying func()
	// OnRinging is told every 18x; header returns a header field of the response,
	// empty where it has none.
	OnRinging func(status int, header func(name string) string)
	// OnEarly is told the first 18x that brings sound: l carries it already, and is
	// the leg that Dial returns on an answer; where there is none it ends.
	OnEarly func(l *Leg)
	// OnAnswer is told the 2xx, before Dial returns; header as in OnRinging.
	OnAnswer func(header func(name string) string)
}

// A StatusError is a call or registration that the other side refused.
type StatusError struct {
	Code       int
	Reason     string
	To         string        // where a 3xx sends the call: the user part of its first Contact, unescaped, without parameters
	ToHost     string        // its host; empty for a tel URI
	RetryAfter time.Duration // 0: not said
	Why        string        // what an office says of it to Timbre's own phones (office.ReasonHeader); empty: nothing
}

func (e *StatusError) Error() string { return fmt.Sprintf("%d %s", e.Code, e.Reason) }

// lost is the StatusError of a transaction that ended without a final response.
func lost(err error) error {
	if errors.Is(err, sip.ErrTransactionTransport) {
		return &StatusError{Code: 503, Reason: "Connection Lost"}
	}
	return &StatusError{Code: 408, Reason: "No Response"}
}

// A dialer is one outgoing call until it is answered or not.
type dialer struct {
	t      Target
	leg    *Leg
	offer  sdp.Local
	uri    sip.Uri
	cseq   uint32
	early  []byte // the last description of a provisional response
	told   bool   // of early sound
	proofs proofs
	invite *diago.DialogClientSession // the current attempt

	provisional atomic.Bool // the far side has spoken: CANCEL may be sent
}

// ErrElsewhere, as the cause with which Dial's context ends, tells the canceled
// phone that another one answered (RFC 3326): it is no missed call.
var ErrElsewhere = errors.New("answered elsewhere")

// Dial calls t and blocks until the call is answered. A refusal is a *StatusError;
// no response at all is one with Code 408, an unreachable address with 503. When
// ctx ends the call is canceled and ctx's error returned; an answer that crosses
// the cancel is hung up.
func (e *Endpoint) Dial(ctx context.Context, t Target) (*Leg, error) {
	if err := e.serving(ctx); err != nil {
		return nil, err
	}
	d := &dialer{t: t, cseq: 1, proofs: proofs{auth: t.Auth}}
	if err := sip.ParseUri(t.URI, &d.uri); err != nil {
		return nil, &StatusError{Code: 400, Reason: "Malformed Address"}
	}
	d.uri.Headers = nil // a registered Contact may carry some; they have no place in a request line
	p, err := e.path(ctx, t.Transport, t.Addr)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		e.log.Info("cannot be reached", "transport", t.Transport, "addr", t.Addr, "err", err)
		return nil, &StatusError{Code: 503, Reason: "Unreachable"}
	}
	if d.leg, err = e.newLeg(p, newToken(), newToken()); err != nil {
		return nil, err
	}
	e.dialled.first(legKey(d.leg.callID, d.leg.localTag), time.Now())
	d.leg.auth, d.leg.takes = t.Auth, usualCodecs(t.Codecs)
	d.leg.contact = p.uri(string(t.caller().Number))
	d.offer = d.leg.describe()
	d.offer.Codecs = d.leg.takes
	if t.Secure {
		d.offer.Cryptos = []sdp.Crypto{rtp.NewCrypto(1, sdp.AES80)}
	}
	result, left := make(chan error), make(chan struct{})
	defer close(left)
	spawned := e.spawnTalk("dial", func() {
		err := e.dial(ctx, d)
		select {
		case result <- err:
		case <-left: // ctx ended in the moment of the answer
			if err == nil {
				d.leg.Hangup(e.dead)
			}
		}
	})
	if !spawned {
		d.leg.finish(Cause{Code: 503})
		d.leg.forget()
		return nil, ErrClosed
	}
	select {
	case err = <-result:
	case <-ctx.Done(): // the goroutine cancels the call, and hangs it up where that is too late
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		e.spawnTalk("hang-up", func() { d.leg.Hangup(e.dead) })
		return nil, ctx.Err()
	}
	return d.leg, nil
}

// serving waits until the endpoint serves. It returns ErrClosed where it no longer does.
func (e *Endpoint) serving(ctx context.Context) error {
	select {
	case <-e.ready:
	case <-ctx.Done():
		return ctx.Err()
	case <-e.ctx.Done():
	}
	if e.ctx.Err() != nil {
		return ErrClosed
	}
	return nil
}

// dial makes the attempts, another one where there is a challenge, and completes or
// removes the leg.
func (e *Endpoint) dial(ctx context.Context, d *dialer) error {
	var no *sipgo.ErrDialogResponse
	err := e.attempt(ctx, d)
	for errors.As(err, &no) && d.proofs.meet(no.Res) {
		d.cseq++
		err = e.attempt(ctx, d)
	}
	if err == nil {
		err = e.established(ctx, d)
	}
	if err == nil {
		return nil
	}
	e.dialled.first(legKey(d.leg.callID, d.leg.localTag), time.Now()) // from now on: an answer may be late
	d.leg.finish(Cause{Code: 487})
	select {
	case <-d.leg.up: // it is forgotten with its BYE
	default:
		d.leg.forget()
	}
	if errors.As(err, &no) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return refused(no.Res)
	}
	return err
}
