package ua

import (
	"context"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/emiago/diago"
	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"timbre/internal/office"
	"timbre/internal/sdp"
)

// An Incoming is a call that has not been answered. It is safe for concurrent use.
type Incoming struct {
	e        *Endpoint
	req      *sip.Request // as it came; read only
	tx       sip.ServerTransaction
	offer    *sdp.Session // nil: the INVITE had none
	username string
	source   netip.AddrPort
	path     path
	session  *diago.DialogServerSession // set before OnInvite

	canceled chan struct{}
	cancel   sync.Once

	mu    sync.Mutex
	final bool           // a final response was sent or the caller gave up; guarded by mu
	leg   *Leg           // set where the call was answered; guarded by mu
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

// Header returns a header field of the INVITE, empty where it has none.
func (in *Incoming) Header(name string) string { return header(in.req, name) }

func header(m interface{ GetHeader(string) sip.Header }, name string) string {
	if h := m.GetHeader(name); h != nil {
		return h.Value()
	}
	return ""
}

// Canceled is closed when the caller gave up.
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

// contact is our own Contact of the call.
func (in *Incoming) contact() *sip.ContactHeader {
	return &sip.ContactHeader{Address: in.path.uri(in.req.Recipient.User)}
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

// AnswerOptions say how a call is answered.
type AnswerOptions struct {
	Codecs  []sdp.Codec // what we take, in any order; empty: PCMA, PCMU, telephone-event
	Secure  bool        // where the INVITE had no offer: offer SRTP
	Headers Headers
}

// Answer sends 200 with the first offered codec that is in opts, and returns the
// leg. With no codec in common it rejects the call with 488 and returns a
// *StatusError; ErrClosed means that the caller gave up. Where the INVITE had no
// offer, ours goes out with the 200, and Answer waits for the ACK that answers it.
func (in *Incoming) Answer(ctx context.Context, opts AnswerOptions) (*Leg, error) {
	tag, _ := in.session.InviteRequest.To().Params.Get("tag")
	l, err := in.e.newLeg(in.path, in.CallID(), tag)
	if err != nil {
		in.Reject(503)
		return nil, err
	}
	if err := in.prepare(l, opts); err != nil {
		l.finish(Cause{Code: 488})
		l.forget()
		if in.Reject(488) != nil {
			return nil, ErrClosed
		}
		return nil, err
	}
	res := in.ok(l, opts)
	if err := in.accept(l, res); err != nil {
		l.finish(Cause{Code: 487, ByRemote: true})
		l.forget()
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
	l.remoteTag, _ = in.req.From().Params.Get("tag")
	l.contact = in.contact().Address
	l.target = in.req.Contact().Address
	l.routes = routeSet(in.req, "Record-Route")
	local := l.describe()
	if in.offer == nil {
		local.Codecs = usualCodecs(opts.Codecs)
		if opts.Secure {
			local.Cryptos = []sdp.Crypto{newCrypto(1, sdp.AES80)}
		}
		l.local = local
		return nil
	}
	a, err := acceptOffer(in.offer, local, usualCodecs(opts.Codecs), nil)
	if err != nil {
		return err
	}
	l.codec, l.secure = a.formats.codec, a.ours != nil
	return l.settled(a)
}

// describe begins the first description of a leg.
func (l *Leg) describe() sdp.Local {
	now := uint64(time.Now().UnixNano()) >> 20
	return sdp.Local{ID: now, Version: now, Addr: l.sound.named.Addr(), Port: int(l.sound.named.Port()), Ptime: ptimeWanted}
}

// ok builds the 200.
func (in *Incoming) ok(l *Leg, opts AnswerOptions) *sip.Response {
	res := in.e.response(in.session.InviteRequest, 200, opts.Headers)
	res.AppendHeader(in.contact())
	res.AppendHeader(sip.NewHeader("Allow", allow))
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
		return ErrClosed
	}
	in.session.InviteResponse = res
	for in.session.InviteRequest.RemoveHeader("Record-Route") { // the leg routes its requests itself
	}
	l.begin() // nothing is changed before the ACK is here
	close(l.up)
	if err := in.tx.Respond(res); err != nil {
		return ErrClosed // a CANCEL came in between, or the connection is gone
	}
	in.final, in.leg = true, l
	return nil
}

// acked waits for the ACK of the 200 and completes the leg with it.
func (in *Incoming) acked(l *Leg, res *sip.Response) error {
	defer l.end()
	ack := l.confirmed(in.tx, res)
	close(l.acked)
	if ack == nil {
		l.hangup(in.e.dead, Cause{Code: 408})
		return &StatusError{Code: 408, Reason: "No ACK"}
	}
	l.watch(0)
	if in.offer != nil {
		return nil
	}
	answer, err := sdp.Parse(ack.Body())
	if err != nil {
		return notAcceptable("No Answer In ACK")
	}
	a, err := takeAnswer(answer, l.local)
	if err != nil {
		return err
	}
	l.codec, l.secure = a.formats.codec, a.ours != nil
	return l.settled(a)
}

// ringKey names a call that is being set up.
func ringKey(req *sip.Request) string {
	tag, _ := req.From().Params.Get("tag")
	branch, _ := req.Via().Params.Get("branch")
	return req.CallID().Value() + "\n" + tag + "\n" + branch
}

// inviteMiddleware stands before diago's handling of INVITE.
func (e *Endpoint) inviteMiddleware(next sipgo.RequestHandler) sipgo.RequestHandler {
	return e.protected(func(req *sip.Request, tx sip.ServerTransaction) {
		if req.To().Params.Has("tag") {
			e.reinvite(req, tx)
			return
		}
		in := e.invited(req, tx)
		if in == nil {
			return
		}
		key := ringKey(req)
		e.mu.Lock()
		full := len(e.ringing) >= maxLegs
		if !full {
			e.ringing[key] = in
		}
		e.mu.Unlock()
		if full {
			e.answer(req, tx, 503, Headers{"Retry-After": "5"})
			return
		}
		defer func() {
			e.mu.Lock()
			delete(e.ringing, key)
			e.mu.Unlock()
		}()
		next(req, tx)
	})
}

// invited judges an INVITE for a new call. It answers what must be refused and
// returns nil then.
func (e *Endpoint) invited(req *sip.Request, tx sip.ServerTransaction) *Incoming {
	in := &Incoming{e: e, req: req, tx: tx, canceled: make(chan struct{})}
	in.source, _ = netip.ParseAddrPort(req.Source())
	if tag, _ := req.From().Params.Get("tag"); tag == "" {
		e.answer(req, tx, 400)
		return nil
	}
	if e.cfg.OnInvite == nil || e.ctx.Err() != nil {
		e.answer(req, tx, 480)
		return nil
	}
	var ok bool
	if in.username, ok = e.authenticate(req, tx, in.source.Addr()); !ok {
		return nil
	}
	key := in.CallID() + "\n" + req.From().Params.GetOr("tag", "") + "\n" + req.CSeq().Value()
	if !e.merged.first(key, time.Now()) { // RFC 3261 §8.2.2.2
		e.answer(req, tx, 482)
		return nil
	}
	if accept := header(req, "Accept"); accept != "" && !acceptsSDP(req) {
		e.answer(req, tx, 406)
		return nil
	}
	var code int
	if in.offer, code = readOffer(req); code != 0 {
		e.answer(req, tx, code, Headers{"Accept": "application/sdp"})
		return nil
	}
	var err error
	if in.path, err = e.path(e.ctx, sip.NetworkToLower(req.Transport()), in.source); err != nil {
		e.log.Warn("caller cannot be answered", "err", err)
		e.answer(req, tx, 500)
		return nil
	}
	if !tx.OnCancel(func(*sip.Request) { in.gone() }) {
		return nil
	}
	return in
}

// gone notes that the caller gave up.
func (in *Incoming) gone() { in.cancel.Do(func() { close(in.canceled) }) }

// serve is diago's handler of a new call: it lasts as long as the call.
func (e *Endpoint) serve(d *diago.DialogServerSession) {
	e.mu.Lock()
	in := e.ringing[ringKey(d.InviteRequest)]
	e.mu.Unlock()
	if in == nil || !e.talk() {
		return
	}
	defer e.talked()
	in.session = d
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	returned := make(chan int, 1)
	if !e.spawn("call", func() {
		code := 500
		defer func() { returned <- code }()
		e.cfg.OnInvite(ctx, in)
		code = 480
	}) {
		return
	}
	canceled := in.canceled
	for {
		select {
		case <-canceled:
			canceled = nil
			in.lose()
		case code := <-returned:
			in.leave(code)
			return
		}
	}
}

// lose notes that no answer can be sent any more.
func (in *Incoming) lose() {
	in.mu.Lock()
	in.final = true
	in.mu.Unlock()
}

// leave tidies up after OnInvite: a call without an answer is refused with code,
// an answered one hung up, and the dialog is seen to its end.
func (in *Incoming) leave(code int) {
	in.Reject(code) // fails where it was refused, answered or canceled
	in.sent.Wait()
	in.mu.Lock()
	l := in.leg
	in.mu.Unlock()
	if l == nil {
		return
	}
	ctx, cancel := context.WithTimeout(in.e.dead, byeTime)
	defer cancel()
	l.Hangup(ctx)
	<-l.closed
}

// unescape resolves the %-escapes of a user part.
func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

// unquote resolves the backslashes of a quoted display name.
func unquote(s string) string {
	if !strings.Contains(s, "\\") {
		return s
	}
	var b strings.Builder
	escaped := false
	for _, r := range s {
		if r == '\\' && !escaped {
			escaped = true
			continue
		}
		escaped = false
		b.WriteRune(r)
	}
	return b.String()
}

// routeSet returns the values of the header fields of that name as Route fields.
func routeSet(m sip.Message, name string) []sip.Header {
	var out []sip.Header
	for _, h := range m.GetHeaders(name) {
		out = append(out, sip.NewHeader("Route", h.Value()))
	}
	return out
}

// acceptsSDP reports whether an Accept field of req lets us answer with SDP.
func acceptsSDP(req *sip.Request) bool {
	for _, h := range req.GetHeaders("Accept") {
		for kind := range strings.SplitSeq(strings.ToLower(h.Value()), ",") {
			kind, _, _ = strings.Cut(kind, ";")
			switch strings.TrimSpace(kind) {
			case "application/sdp", "application/*", "*/*":
				return true
			}
		}
	}
	return false
}

// readOffer returns the session description in req, nil where it has no body, or
// the status with which it must be refused.
func readOffer(req *sip.Request) (*sdp.Session, int) {
	if len(req.Body()) == 0 {
		return nil, 0
	}
	if contentType(req) != "application/sdp" || header(req, "Content-Encoding") != "" {
		return nil, 415
	}
	offer, err := sdp.Parse(req.Body())
	switch {
	case err != nil:
		return nil, 400
	case offer.Audio() == nil:
		return nil, 488
	}
	return offer, 0
}
