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

	"timbre/internal/sdp"
)

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

// invited judges an INVITE for a new call. It dismisses what must be refused and
// returns nil then.
func (e *Endpoint) invited(req *sip.Request, tx sip.ServerTransaction) *Incoming {
	in := &Incoming{e: e, req: req, tx: tx, loss: &loss{canceled: make(chan struct{})}}
	in.source, _ = netip.ParseAddrPort(req.Source())
	if tag, _ := req.From().Params.Get("tag"); tag == "" {
		e.dismiss(req, tx, 400)
		return nil
	}
	if e.merged.has(ringKey(req)) { // a copy, of which there is nothing new to say
		tx.Terminate()
		return nil
	}
	if e.cfg.OnInvite == nil || e.ctx.Err() != nil {
		e.dismiss(req, tx, 480)
		return nil
	}
	if in.hops = hopsOf(req); in.hops == 0 {
		e.dismiss(req, tx, 483)
		return nil
	}
	if !in.known() {
		var ok bool
		if in.username, ok = e.authenticate(req, tx, in.source.Addr()); !ok {
			return nil
		}
	}
	if accept := header(req, "Accept"); accept != "" && !acceptsSDP(req) {
		e.dismiss(req, tx, 406)
		return nil
	}
	var code int
	if in.offer, code = e.readOffer(req); code != 0 {
		e.dismiss(req, tx, code, Headers{"Accept": "application/sdp"})
		return nil
	}
	if in.replaces, code = e.replaced(req); code != 0 {
		e.dismiss(req, tx, code)
		return nil
	}
	in.diversion = diversions(req)
	var err error
	if in.path, err = e.path(e.ctx, sip.NetworkToLower(req.Transport()), in.source); err != nil {
		e.log.Warn("caller cannot be answered", "err", err)
		e.dismiss(req, tx, 500)
		return nil
	}
	key := in.CallID() + "\n" + req.From().Params.GetOr("tag", "") + "\n" + req.CSeq().Value()
	if !e.merged.first(key, time.Now()) { // RFC 3261 §8.2.2.2
		e.dismiss(req, tx, 482)
		return nil
	}
	e.merged.first(ringKey(req), time.Now())
	lost := in.loss
	if !tx.OnCancel(func(*sip.Request) { lost.gone() }) {
		return nil
	}
	return in
}

// A loss is the news that the caller gave up. It is apart from the call, since the
// stack keeps it with the transaction long after the call.
type loss struct {
	once     sync.Once
	canceled chan struct{}
}

// gone notes that the caller gave up.
func (l *loss) gone() { l.once.Do(func() { close(l.canceled) }) }

// serve is diago's handler of a new call: it lasts as long as the call.
func (e *Endpoint) serve(d *diago.DialogServerSession) {
	e.mu.Lock()
	in := e.ringing[ringKey(d.InviteRequest)]
	if in == nil {
		e.mu.Unlock()
		return
	}
	in.session = d
	key := legKey(in.CallID(), in.tag())
	e.early[key] = in
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		delete(e.early, key)
		e.mu.Unlock()
	}()
	if !e.talk() {
		return
	}
	defer e.talked()
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
	var broken <-chan struct{} // nil over UDP
	if s := in.path.stream; s != nil {
		broken = s.closed
	}
	for {
		select {
		case <-broken:
			broken = nil
			in.abandon()
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
	in.endEarly(Cause{Code: 487, ByRemote: true})
	in.mu.Unlock()
}

// abandon cancels a call without an answer, which can be told nothing any more.
func (in *Incoming) abandon() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.final {
		in.final = true
		in.endEarly(Cause{Code: 487, ByRemote: true})
		in.gone()
	}
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
	l.conclude()
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
	for _, v := range values(m, name) {
		out = append(out, sip.NewHeader("Route", v))
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
func (e *Endpoint) readOffer(req *sip.Request) (*sdp.Session, int) {
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
	case offer.Audio() == nil || !e.mayHear(offer.Audio()):
		return nil, 488
	}
	return offer, 0
}
