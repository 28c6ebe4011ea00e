package ua

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/emiago/diago"
	"github.com/emiago/sipgo/sip"

	"timbre/internal/office"
	"timbre/internal/rtp"
	"timbre/internal/sdp"
)

// An Incoming is a call that has not been answered. It is safe for concurrent use.
type Incoming struct {
	e        *Endpoint
	req      *sip.Request // as it came; read only
	tx       sip.ServerTransaction
	offer    *sdp.Session // nil: the INVITE had none
	username string
	peer     string // name of the trunk; empty: a device
	source   netip.AddrPort

	identity  office.Party
	diversion []Diversion
	replaces  *Replaces
	hops      int

	path    path
	session *diago.DialogServerSession // set before OnInvite

	setup sync.Mutex // held while the leg is made and answered
	*loss

	mu    sync.Mutex
	final bool           // a final response was sent or the caller gave up; guarded by mu
	early *Leg           // made by Progress or Answer; guarded by mu
	leg   *Leg           // early, where the call was answered; guarded by mu
	sent  sync.WaitGroup // the final refusal, until it is acknowledged
}

// From returns who calls, as the caller says: cleaned, not verified.
func (in *Incoming) From() office.Party {
	from := in.req.From()
	number, err := office.ParseNumber(unescape(from.Address.User))
	if err != nil {
		number = ""
	}
	return office.Party{Number: number, Name: office.CleanName(unquote(from.DisplayName))}
}

// To returns the dialled user part of the Request-URI, unescaped.
func (in *Incoming) To() string { return unescape(in.req.Recipient.User) }

// Username returns the user that the digest proved, empty where nobody is challenged.
func (in *Incoming) Username() string { return in.username }

// Source returns the address from which the call came.
func (in *Incoming) Source() netip.AddrPort { return in.source }

// Transport returns "udp", "tcp" or "tls".
func (in *Incoming) Transport() string { return in.path.network }

// CallID returns the Call-ID.
func (in *Incoming) CallID() string { return in.req.CallID().Value() }

// tag returns our own tag in the call's dialog.
func (in *Incoming) tag() string {
	tag, _ := in.session.InviteRequest.To().Params.Get("tag")
	return tag
}

// Codecs returns what the caller offers, in its order and with its payload
// types; nil where the INVITE had no offer.
func (in *Incoming) Codecs() []sdp.Codec {
	if in.offer == nil {
		return nil
	}
	return in.offer.Audio().Codecs
}

// Secure reports whether the caller offers SRTP.
func (in *Incoming) Secure() bool { return in.offer != nil && in.offer.Audio().Secure() }

// Hears returns the host to which the caller wants its sound sent; the zero Addr
// where the INVITE had no offer.
func (in *Incoming) Hears() netip.Addr {
	if in.offer == nil {
		return netip.Addr{}
	}
	return in.offer.Audio().Addr.Unmap()
}

// Header returns a header field of the INVITE, empty where it has none.
func (in *Incoming) Header(name string) string { return header(in.req, name) }

func header(m interface{ GetHeader(string) sip.Header }, name string) string {
	if h := m.GetHeader(name); h != nil {
		return h.Value()
	}
	return ""
}

// Canceled is closed when the caller gave up, or when the TCP or TLS connection over
// which the call came broke before an answer.
func (in *Incoming) Canceled() <-chan struct{} { return in.canceled }

// Ring sends 180. It fails with ErrClosed where the call is over.
func (in *Incoming) Ring(headers ...Headers) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.final {
		return ErrClosed
	}
	res := in.e.response(in.session.InviteRequest, 180, headers...)
	res.AppendHeader(in.contact())
	return in.tx.Respond(res)
}

// contact is our own Contact of the call. Towards a trunk it does not name what was
// called, which may be the contact that we registered with the carrier: that is
// known to nobody else, and who calls is shown this one.
func (in *Incoming) contact() *sip.ContactHeader {
	user := in.req.Recipient.User
	if in.peer != "" {
		user = in.tag()
	}
	return &sip.ContactHeader{Address: in.path.uri(user)}
}

// Reject refuses the call with a status from 300 to 699. It fails with ErrClosed
// where the call is over.
func (in *Incoming) Reject(code int, headers ...Headers) error {
	if code < 300 || code > 699 {
		code = 500
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.final {
		return ErrClosed
	}
	in.final = true
	in.endEarly(Cause{Code: code})
	res := in.e.response(in.session.InviteRequest, code, headers...)
	in.sent.Add(1)
	if !in.e.spawn("refusal", func() {
		defer in.sent.Done()
		in.session.WriteResponse(res) // returns when it is acknowledged
	}) {
		in.sent.Done()
	}
	return nil
}

// Cancel ends the call as if the caller had given up. It fails with ErrClosed where
// the call is over, or answered.
func (in *Incoming) Cancel() error {
	if err := in.Reject(487); err != nil {
		return err
	}
	in.gone()
	return nil
}

// AnswerOptions say how a call is answered.
type AnswerOptions struct {
	Codecs  []sdp.Codec // what we take, in any order; empty: PCMA, PCMU, telephone-event
	Secure  bool        // where the INVITE had no offer: offer SRTP
	Headers Headers
}

// Progress sends 183 with the description that the answer will have, and returns
// the leg: it carries sound already, before the call is answered. Answer returns
// the same leg later; where the call is refused or canceled instead, the leg ends.
// Progress again sends 183 again, with other headers perhaps, and returns the same
// leg. Errors are those of Answer, but the call goes on. A call without an offer
// cannot have sound before its answer: that is a *StatusError with 488.
func (in *Incoming) Progress(_ context.Context, opts AnswerOptions) (*Leg, error) {
	if in.offer == nil {
		return nil, notAcceptable("No Offer")
	}
	in.setup.Lock()
	defer in.setup.Unlock()
	l, err := in.begin(opts)
	if err != nil {
		return nil, err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.final || in.leg != nil {
		in.endEarly(Cause{Code: 487, ByRemote: true})
		return nil, ErrClosed
	}
	if err := in.tx.Respond(in.described(183, l, opts.Headers)); err != nil {
		return nil, ErrClosed
	}
	return l, nil
}

// begin returns the leg of the call, made with opts where there is none. in.setup
// must be locked.
func (in *Incoming) begin(opts AnswerOptions) (*Leg, error) {
	in.mu.Lock()
	l, over := in.early, in.final || in.leg != nil
	in.mu.Unlock()
	if over {
		return nil, ErrClosed
	}
	if l != nil {
		return l, nil
	}
	l, err := in.e.newLeg(in.path, in.CallID(), in.tag())
	if err != nil {
		return nil, err
	}
	if err := in.prepare(l, opts); err != nil {
		l.finish(Cause{Code: 488})
		l.forget()
		return nil, err
	}
	in.mu.Lock()
	in.early = l
	in.mu.Unlock()
	return l, nil
}

// sounding returns the leg that carries sound before the answer, or nil.
func (in *Incoming) sounding() *Leg {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.early
}

// endEarly ends a leg that was not answered. in.mu must be locked.
func (in *Incoming) endEarly(c Cause) {
	if in.early != nil && in.leg == nil {
		in.early.finish(c)
		in.early.forget()
	}
}

// Answer sends 200 with the first offered codec that is in opts, and returns the
// leg. With no codec in common it rejects the call with 488 and returns a
// *StatusError; ErrClosed means that the caller gave up, or that Answer was called
// before. After Progress, the codecs are those of then. Where the INVITE had no
// offer, ours goes out with the 200, and Answer waits for the ACK that answers it.
func (in *Incoming) Answer(ctx context.Context, opts AnswerOptions) (*Leg, error) {
	in.setup.Lock()
	defer in.setup.Unlock()
	l, err := in.begin(opts)
	if errors.Is(err, ErrClosed) {
		return nil, err
	}
	if err != nil {
		code := 503
		var no *StatusError
		if errors.As(err, &no) {
			code = no.Code
		}
		if in.Reject(code) != nil {
			return nil, ErrClosed
		}
		return nil, err
	}
	res := in.described(200, l, opts.Headers)
	if err := in.accept(l, res); err != nil {
		return nil, err
	}
	answered := make(chan error, 1)
	in.e.spawnTalk("ack", func() { answered <- in.acked(l, res) })
	if in.offer != nil {
		return l, nil
	}
	select {
	case err = <-answered:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		in.e.spawnTalk("hang-up", func() { l.Hangup(in.e.dead) })
		return nil, err
	}
	return l, nil
}

// prepare fills in the leg: dialog, media, and what we say of it.
func (in *Incoming) prepare(l *Leg, opts AnswerOptions) error {
	l.server, l.dialog = true, in.session
	l.refuse = func() { in.Reject(480) }
	l.remoteTag, _ = in.req.From().Params.Get("tag")
	l.contact = in.contact().Address
	l.target = in.req.Contact().Address
	l.routes = routeSet(in.req, "Record-Route")
	from, to := in.session.InviteRequest.To().AsFrom(), in.req.From().AsTo()
	l.from, l.to = &from, &to
	l.takes = usualCodecs(opts.Codecs)
	local := l.describe()
	if in.offer == nil {
		local.Codecs = l.takes
		if opts.Secure {
			local.Cryptos = []sdp.Crypto{rtp.NewCrypto(1, sdp.AES80)}
		}
		l.local = local
		return nil
	}
	a, err := acceptOffer(in.offer, local, l.takes, nil)
	if err != nil {
		return err
	}
	return l.settled(a)
}

// describe begins the first description of a leg.
func (l *Leg) describe() sdp.Local {
	now := uint64(time.Now().UnixNano()) >> 20
	return sdp.Local{ID: now, Version: now, Addr: l.sound.Name().Addr(), Port: int(l.sound.Name().Port()), Ptime: ptimeWanted}
}

// described builds a response that describes the leg.
func (in *Incoming) described(code int, l *Leg, headers Headers) *sip.Response {
	res := in.e.response(in.session.InviteRequest, code, headers)
	res.AppendHeader(in.contact())
	res.AppendHeader(sip.NewHeader("Allow", in.e.allow))
	res.AppendHeader(sip.NewHeader("Supported", supported))
	res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	if in.offer == nil {
		res.SetBody(sdp.Offer(l.local))
	} else {
		res.SetBody(sdp.Answer(in.offer, l.local))
	}
	return res
}

// accept sends the 200, unless the call is over already.
func (in *Incoming) accept(l *Leg, res *sip.Response) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.final {
		in.endEarly(Cause{Code: 487, ByRemote: true})
		return ErrClosed
	}
	in.session.InviteResponse = res
	for in.session.InviteRequest.RemoveHeader("Record-Route") { // the leg routes its requests itself
	}
	l.begin() // nothing is changed before the ACK is here
	close(l.up)
	if err := in.tx.Respond(res); err != nil {
		in.endEarly(Cause{Code: 487, ByRemote: true})
		return ErrClosed // a CANCEL came in between, or the connection is gone
	}
	in.final, in.leg = true, l
	return nil
}

// acked waits for the ACK of the 200 and completes the leg with it.
func (in *Incoming) acked(l *Leg, res *sip.Response) error {
	defer l.end()
	ack := l.confirmed(in.tx, res)
	lost := ack == nil && l.finish(Cause{Code: 408}) // before anybody takes it for acknowledged
	close(l.acked)
	if lost {
		l.part(in.e.dead)
	}
	if ack == nil {
		return &StatusError{Code: 408, Reason: "No ACK"}
	}
	l.watch(0)
	if in.offer != nil {
		return nil
	}
	a, err := in.e.readAnswer(ack.Body(), l.local)
	if err != nil {
		return err
	}
	return l.settled(a)
}
