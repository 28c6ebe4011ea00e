package ua

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/emiago/diago"
	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"timbre/internal/office"
	"timbre/internal/sdp"
)

// newToken returns a random Call-ID or tag.
func newToken() string { return strings.ToLower(rand.Text()) }

// attempt sends one INVITE and waits for its final response. It returns nil for a
// 2xx, *sipgo.ErrDialogResponse for any other, ctx's error where the call was
// canceled before.
func (e *Endpoint) attempt(ctx context.Context, d *dialer) error {
	session, err := e.diago.NewDialog(d.uri, diago.NewDialogOptions{Transport: d.leg.way().network})
	if err != nil {
		return err
	}
	d.invite = session
	d.early = nil
	d.provisional.Store(false)
	e.compose(session.InviteRequest, d)
	if err := session.DialogClientSession.Invite(e.dead, asBuilt); err != nil {
		session.Close()
		e.log.Info("call not sent", "err", err)
		return &StatusError{Code: 503, Reason: "Unreachable"}
	}
	answered := make(chan struct{})
	e.spawnTalk("cancel", func() { e.cancelOn(ctx, d, session, answered) })
	err = e.await(d, session)
	close(answered)
	if err != nil {
		session.Close()
	}
	return err
}

// compose fills in an INVITE.
func (e *Endpoint) compose(req *sip.Request, d *dialer) {
	l := d.leg
	way := l.way()
	e.routed(req, way)
	hops := d.t.Hops
	if hops <= 0 {
		hops = DefaultHops
	}
	maxForwards := sip.MaxForwardsHeader(hops)
	from := e.from(d.t, way)
	from.Params.Add("tag", l.localTag)
	to := &sip.ToHeader{DisplayName: quotable(d.t.To.Name), Address: sip.Uri{Scheme: d.uri.Scheme, User: d.uri.User, Host: d.uri.Host}}
	if d.t.To.Number != "" {
		to.Address.User = string(d.t.To.Number)
	}
	callID := sip.CallIDHeader(l.callID)
	for _, h := range []sip.Header{
		&maxForwards, from, to, &callID, &sip.CSeqHeader{SeqNo: d.cseq, MethodName: sip.INVITE},
		&sip.ContactHeader{Address: l.contact}, sip.NewHeader("Allow", e.allow), sip.NewHeader("Supported", supported),
	} {
		req.AppendHeader(h)
	}
	d.proofs.add(req)
	d.t.Headers.add(req, false)
	for _, h := range d.t.vouched(from) {
		req.AppendHeader(h)
	}
	e.sign(req)
	req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	req.SetBody(sdp.Offer(d.offer))
}

// quotable prepares a displayed name for a quoted string.
func quotable(name string) string { return quote(office.CleanName(name)) }

// await reads responses until the final one. The session counts them and gives up
// after ten, which is no limit of the protocol: then it is asked again.
func (e *Endpoint) await(d *dialer, session *diago.DialogClientSession) error {
	for {
		seen := 0
		err := session.DialogClientSession.WaitAnswer(e.dead, sipgo.AnswerOptions{OnResponse: func(res *sip.Response) error {
			seen++
			d.provisional.Store(true)
			if d.t.OnTrying != nil {
				d.t.OnTrying()
			}
			if res.IsProvisional() && res.StatusCode > 100 {
				d.ringing(res)
			}
			return nil
		}})
		var refused *sipgo.ErrDialogResponse
		switch {
		case err == nil, errors.As(err, &refused):
			return err
		case seen > 10:
			continue
		case e.dead.Err() != nil:
			return ErrClosed
		}
		return lost(err)
	}
}

// ringing tells of a provisional response.
func (d *dialer) ringing(res *sip.Response) {
	if contentType(res) == "application/sdp" && len(res.Body()) > 0 {
		d.hearEarly(res.Body())
	}
	if d.t.OnRinging != nil && res.StatusCode < 190 {
		d.t.OnRinging(res.StatusCode, func(name string) string { return header(res, name) })
	}
}

// hearEarly takes a description that came before the answer (RFC 3261 §13.2.2.1).
// One that makes no sense is passed over: the answer may bring a better one.
func (d *dialer) hearEarly(body []byte) {
	if d.t.OnEarly == nil {
		d.early = body
		return
	}
	if bytes.Equal(body, d.early) {
		return
	}
	a, err := d.leg.e.readAnswer(body, d.offer)
	if err == nil {
		err = d.leg.settled(a)
	}
	if err != nil {
		d.leg.e.log.Debug("no early sound", "call", d.leg.callID, "err", err)
		return
	}
	d.early = body
	if !d.told {
		d.told = true
		d.t.OnEarly(d.leg)
	}
}

// cancelOn sends CANCEL when ctx, the endpoint or the leg ends before the answer, as
// soon as the far side has spoken (RFC 3261 §9.1).
func (e *Endpoint) cancelOn(ctx context.Context, d *dialer, session *diago.DialogClientSession, answered <-chan struct{}) {
	select {
	case <-answered:
		return
	case <-ctx.Done():
	case <-e.ctx.Done():
	case <-d.leg.done: // its user hung up what was to be heard early
	}
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for !d.provisional.Load() {
		select {
		case <-t.C:
		case <-answered:
			return
		case <-e.dead.Done():
			return
		}
	}
	select {
	case <-answered:
		return
	default:
	}
	d.leg.hangup(e.dead, Cause{Code: 487}) // it carries sound perhaps; an answer that crosses is hung up
	req := cancelOf(session.InviteRequest)
	if errors.Is(context.Cause(ctx), ErrElsewhere) {
		req.AppendHeader(sip.NewHeader("Reason", `SIP;cause=200;text="Call completed elsewhere"`))
	}
	tx, err := e.client.TransactionRequest(e.dead, req, asBuilt)
	if err != nil {
		e.log.Debug("call not canceled", "err", err)
		return
	}
	if _, err := final(e.dead, tx); err != nil {
		e.log.Debug("cancel not answered", "err", err)
	}
}

// cancelOf builds the CANCEL of an INVITE: the same addresses, branch and number.
func cancelOf(invite *sip.Request) *sip.Request {
	req := sip.NewRequest(sip.CANCEL, invite.Recipient)
	maxForwards := sip.MaxForwardsHeader(DefaultHops)
	for _, h := range []sip.Header{
		invite.Via().Clone(), &maxForwards, sip.HeaderClone(invite.From()), sip.HeaderClone(invite.To()), sip.HeaderClone(invite.CallID()),
		&sip.CSeqHeader{SeqNo: invite.CSeq().SeqNo, MethodName: sip.CANCEL},
	} {
		req.AppendHeader(h)
	}
	req.SetBody(nil)
	req.SetTransport(invite.Transport())
	req.SetDestination(invite.Destination())
	req.Laddr = invite.Laddr
	return req
}

// established completes the leg of an answered call: ACK, media. Where the answer
// cannot be accepted, or nobody waits for it any more, the call is being hung up when
// established returns.
func (e *Endpoint) established(ctx context.Context, d *dialer) error {
	l, session := d.leg, d.invite
	res := session.InviteResponse
	l.dialog = closingDialog{session}
	l.from, l.cseq = session.InviteRequest.From(), d.cseq
	l.mu.Lock()
	l.target = d.uri
	l.mu.Unlock()
	l.reached(res)
	if err := l.acknowledge(res); err != nil {
		session.Close()
		return &StatusError{Code: 503, Reason: "Connection Lost"}
	}
	err := d.agree(res)
	close(l.up)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil && (e.ctx.Err() != nil || l.over()) {
		err = ErrClosed
	}
	if err != nil {
		l.finish(Cause{Code: 487})
		e.spawnTalk("hang-up", func() { l.part(e.dead) })
		return err
	}
	if d.t.OnAnswer != nil {
		d.t.OnAnswer(func(name string) string { return header(res, name) })
	}
	l.watch(0)
	return nil
}

// reached takes over from res, a 2xx to our first INVITE, who answered and how it is
// reached.
func (l *Leg) reached(res *sip.Response) {
	l.to = res.To()
	l.remoteTag, _ = l.to.Params.Get("tag")
	l.routes = routeSet(res, "Record-Route")
	slices.Reverse(l.routes)
	if c := res.Contact(); c != nil {
		l.mu.Lock()
		l.target = c.Address
		l.mu.Unlock()
	}
}

// agree settles the media of the answer in res.
func (d *dialer) agree(res *sip.Response) error {
	body := res.Body()
	if len(body) == 0 {
		body = d.early
	}
	if d.told && bytes.Equal(body, d.early) {
		return nil // as it was
	}
	a, err := d.leg.e.readAnswer(body, d.offer)
	if err != nil {
		return err
	}
	return d.leg.settled(a)
}

// A closingDialog is a client's session that leaves diago's memory when it ends.
type closingDialog struct{ *diago.DialogClientSession }

func (d closingDialog) ReadBye(req *sip.Request, tx sip.ServerTransaction) error {
	defer d.Close()
	return d.DialogClientSession.ReadBye(req, tx)
}
