package ua

import (
	"context"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"
)

// acknowledge sends the ACK of res, a 2xx to an INVITE of the leg.
func (l *Leg) acknowledge(res *sip.Response) error {
	ack := l.request(sip.ACK)
	if c := res.Contact(); c != nil {
		ack.Recipient = c.Address
	}
	ack.AppendHeader(&sip.CSeqHeader{SeqNo: res.CSeq().SeqNo, MethodName: sip.ACK})
	ack.SetBody(nil)
	return l.e.client.WriteRequest(ack, asBuilt)
}

// maxForks bounds the answers of other telephones that are being hung up.
const maxForks = 64

// stray takes a response that belongs to no transaction. Of those, a 2xx to an INVITE
// is ours (RFC 3261 §13.2.2.4): a copy, the ACK of which was lost, is acknowledged
// again; the answer of yet another telephone, which a proxy rang at the same time, is
// acknowledged and hung up, since the call is one with who was first.
func (e *Endpoint) stray(res *sip.Response) {
	if !res.IsSuccess() || res.CSeq().MethodName != sip.INVITE || !e.enlist() {
		return
	}
	defer e.wg.Done()
	defer e.survive("response")
	ours, _ := res.From().Params.Get("tag")
	key := legKey(res.CallID().Value(), ours)
	e.mu.Lock()
	l := e.legs[key]
	e.mu.Unlock()
	switch {
	case l == nil:
		e.hangUpOther(res, key, nil)
		return
	case l.answeredWithin(0):
		e.answeredAgain(l, res, key)
		return
	case e.forks.Add(1) > maxForks:
		e.forks.Add(-1) // it comes again
		return
	}
	if !e.spawnTalk("fork", func() { // two were answered in the same moment
		answered := l.answeredWithin(time.Second)
		e.forks.Add(-1)
		if answered {
			e.answeredAgain(l, res, key)
		}
	}) {
		e.forks.Add(-1)
	}
}

// answeredAgain takes one more 2xx to an INVITE of l, which is answered.
func (e *Endpoint) answeredAgain(l *Leg, res *sip.Response, key string) {
	if theirs, _ := res.To().Params.Get("tag"); l.remoteTag != theirs {
		e.hangUpOther(res, key, l.auth)
		return
	}
	if err := l.acknowledge(res); err != nil {
		e.log.Debug("ACK not repeated", "call", l.callID, "err", err)
	}
}

// hangUpOther hangs up, once, what res believes to be a call of ours; key is the
// legKey of what we dialled.
func (e *Endpoint) hangUpOther(res *sip.Response, key string, auth *Credentials) {
	theirs, _ := res.To().Params.Get("tag")
	if e.dialled.has(key) && e.dialled.first(key+"\n"+theirs, time.Now()) {
		e.spawnTalk("fork", func() { e.hangUpFork(res, auth) })
	}
}

// hangUpFork acknowledges and ends the call that res, a 2xx to an INVITE of ours,
// believes in.
func (e *Endpoint) hangUpFork(res *sip.Response, auth *Credentials) {
	if e.forks.Add(1) > maxForks {
		e.forks.Add(-1)
		return
	}
	defer e.forks.Add(-1)
	source, err := netip.ParseAddrPort(res.Source())
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(e.dead, byeTime/2)
	defer cancel()
	p, err := e.path(ctx, sip.NetworkToLower(res.Transport()), source)
	if err != nil {
		e.log.Debug("a second answer cannot be hung up", "err", err)
		return
	}
	l := &Leg{e: e, callID: res.CallID().Value(), path: p, auth: auth, from: res.From(), cseq: res.CSeq().SeqNo}
	l.contact = p.uri(l.from.Address.User)
	l.target = res.To().Address
	l.reached(res)
	err = l.acknowledge(res)
	if err == nil {
		_, err = l.do(ctx, sip.BYE, nil)
	}
	e.log.Info("a second answer to one call hung up", "call", l.callID, "err", err)
}
