package ua

import (
	"context"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"

	"timbre/internal/office"
)

// request builds a request within the dialog, but for its number.
func (l *Leg) request(method sip.RequestMethod) *sip.Request {
	l.mu.Lock()
	target, way := l.target, l.path
	l.mu.Unlock()
	req := sip.NewRequest(method, target)
	l.e.routed(req, way)
	for _, r := range l.routes {
		req.AppendHeader(r)
	}
	maxForwards, callID := sip.MaxForwardsHeader(DefaultHops), sip.CallIDHeader(l.callID)
	for _, h := range []sip.Header{
		&maxForwards, sip.HeaderClone(l.from), sip.HeaderClone(l.to), &callID, &sip.ContactHeader{Address: l.contact},
	} {
		req.AppendHeader(h)
	}
	l.e.sign(req)
	return req
}

// send sends a request of the dialog with the next number, which it returns.
func (l *Leg) send(ctx context.Context, req *sip.Request) (sip.ClientTransaction, uint32, error) {
	l.sending.Lock() // what is numbered first goes out first
	defer l.sending.Unlock()
	l.cseq++
	req.AppendHeader(&sip.CSeqHeader{SeqNo: l.cseq, MethodName: req.Method})
	if req.Body() == nil {
		req.SetBody(nil) // says that there is none
	}
	tx, err := l.e.client.TransactionRequest(ctx, req, asBuilt)
	return tx, l.cseq, err
}

// asBuilt lets the client send a request as it is.
func asBuilt(*sipgo.Client, *sip.Request) error { return nil }

// do sends a request within the dialog and returns its final response. fill adds
// what belongs to it; nil: nothing. Challenges are answered, and a 2xx to INVITE is
// acknowledged.
func (l *Leg) do(ctx context.Context, method sip.RequestMethod, fill func(req *sip.Request)) (*sip.Response, error) {
	l.reconnect(ctx)
	known := proofs{auth: l.auth}
	for {
		req := l.request(method)
		known.add(req)
		if fill != nil {
			fill(req)
		}
		tx, _, err := l.send(ctx, req)
		if err != nil {
			return nil, err
		}
		res, err := final(ctx, tx)
		switch {
		case err != nil:
			return nil, err
		case method == sip.INVITE && res.IsSuccess():
			return res, l.acknowledge(res)
		case !known.meet(res):
			return res, nil
		}
	}
}

// refused returns the *StatusError of a response that is no success, else nil.
func refused(res *sip.Response) error {
	if res.IsSuccess() {
		return nil
	}
	e := &StatusError{Code: res.StatusCode, Reason: res.Reason, RetryAfter: pauseOf(res), Why: header(res, office.ReasonHeader)}
	if to := values(res, "Contact"); len(to) > 0 && e.Code < 400 {
		if a, ok := parseAddress(to[0]); ok {
			e.To, e.ToHost = a.number(), a.host
		}
	}
	return e
}
