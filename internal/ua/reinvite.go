package ua

import (
	"time"

	"github.com/emiago/sipgo/sip"

	"timbre/internal/sdp"
)

// reinvite answers an INVITE within a dialog (RFC 3261 §14.2): hold, resume, a
// new address, another codec. The protection of the leg stays what it is.
func (e *Endpoint) reinvite(req *sip.Request, tx sip.ServerTransaction) {
	l := e.find(req)
	if l == nil {
		e.dismiss(req, tx, 481)
		return
	}
	if !l.begin() {
		e.answer(req, tx, 491, Headers{"Retry-After": "1"})
		return
	}
	defer l.end()
	if err := l.dialog.ReadRequest(req, tx); err != nil {
		e.answer(req, tx, 500, Headers{"Retry-After": "1"})
		return
	}
	offer, code := e.readOffer(req)
	if code != 0 {
		e.answer(req, tx, code, Headers{"Accept": "application/sdp"})
		return
	}
	body, code := l.describeAnew(offer)
	if code != 0 {
		e.answer(req, tx, code)
		return
	}
	l.refresh(req)
	res := l.changed(req, body)
	if tx.Respond(res) != nil {
		return
	}
	ack := l.confirmed(tx, res)
	if ack == nil {
		l.hangup(e.dead, Cause{Code: 408})
		return
	}
	if offer == nil {
		l.answeredLate(ack)
	}
}

// onUPDATE answers UPDATE (RFC 3311): a sign of life, or a change like reinvite's.
func (e *Endpoint) onUPDATE(req *sip.Request, tx sip.ServerTransaction) {
	l := e.find(req)
	if l == nil {
		e.dismiss(req, tx, 481)
		return
	}
	if !l.begin() {
		e.answer(req, tx, 491, Headers{"Retry-After": "1"})
		return
	}
	offer, code := e.readOffer(req)
	var body []byte
	if offer != nil {
		body, code = l.describeAnew(offer)
	}
	l.end()
	if code != 0 {
		e.answer(req, tx, code, Headers{"Accept": "application/sdp"})
		return
	}
	l.refresh(req)
	if err := tx.Respond(l.changed(req, body)); err != nil {
		e.log.Debug("response not sent", "call", l.callID, "err", err)
	}
}

// begin reserves the right to change the session. It reports false where another
// change is being made (RFC 3261 §14.2: 491); one whose ACK is on its way, perhaps
// in another goroutine, is waited for.
func (l *Leg) begin() bool {
	t := time.NewTimer(300 * time.Millisecond)
	defer t.Stop()
	select {
	case l.change <- struct{}{}:
		return true
	case <-t.C:
	case <-l.done:
	}
	return false
}

// end gives the right back.
func (l *Leg) end() { <-l.change }

// refresh takes over the far side's new Contact.
func (l *Leg) refresh(req *sip.Request) {
	if c := req.Contact(); c != nil {
		l.mu.Lock()
		l.target = c.Address
		l.mu.Unlock()
	}
}

// describeAnew applies a new offer, nil where none came, and returns our description or
// a status. The call stays in its codec where that is still offered, and goes on in
// another one that it may be held in else; SRTP is neither dropped nor begun.
func (l *Leg) describeAnew(offer *sdp.Session) (body []byte, code int) {
	l.mu.Lock()
	local, takes, holding := l.local, l.takes, l.holding
	l.mu.Unlock()
	local.Version++
	if offer == nil {
		local.Direction = held(sdp.SendRecv, holding)
		l.mu.Lock()
		l.local = local
		l.mu.Unlock()
		return sdp.Offer(local), 0
	}
	if offer.Audio().Secure() != l.Secure() {
		return nil, 488
	}
	var key *sdp.Crypto
	if len(local.Cryptos) > 0 {
		key = &local.Cryptos[0]
	}
	var events []sdp.Codec
	for _, c := range offer.Audio().Codecs {
		if c.IsEvent() {
			events = append(events, c)
		}
	}
	a, err := acceptOffer(offer, local, append(events, l.Codec()), key)
	if err != nil {
		a, err = acceptOffer(offer, local, append(events, takes...), key)
	}
	if err != nil {
		return nil, 488
	}
	a.local.Direction = held(a.local.Direction, holding)
	if err := l.settled(a); err != nil {
		return nil, 500
	}
	return sdp.Answer(offer, a.local), 0
}

// held returns d without the way to us where we hold the call.
func held(d sdp.Direction, holding bool) sdp.Direction {
	switch {
	case holding && d == sdp.SendRecv:
		return sdp.SendOnly
	case holding && d == sdp.RecvOnly:
		return sdp.Inactive
	}
	return d
}

// changed builds the 200 to a change.
func (l *Leg) changed(req *sip.Request, body []byte) *sip.Response {
	res := l.e.response(req, 200)
	res.AppendHeader(&sip.ContactHeader{Address: l.contact})
	res.AppendHeader(sip.NewHeader("Allow", l.e.allow))
	if body != nil {
		res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
		res.SetBody(body)
	}
	return res
}

// answeredLate takes the answer that came with the ACK. One that cannot be
// accepted ends the call: there is no other way to refuse it.
func (l *Leg) answeredLate(ack *sip.Request) {
	l.mu.Lock()
	local := l.local
	l.mu.Unlock()
	a, err := l.e.readAnswer(ack.Body(), local)
	if err == nil {
		err = l.settled(a)
	}
	if err != nil {
		l.e.log.Info("call ended: session cannot be changed", "call", l.callID, "err", err)
		l.hangup(l.e.dead, Cause{Code: 488})
	}
}
