package ua

import (
	"context"

	"github.com/emiago/sipgo/sip"
)

// Options asks t whether it is there (RFC 3261 §11), outside any call, and returns
// the status of its answer, whatever that is: a challenge is an answer too. Of t,
// the address, the parties and headers are taken. An address that cannot be reached
// is a *StatusError with 503, one that does not answer until ctx ends, with 408.
func (e *Endpoint) Options(ctx context.Context, t Target) (status int, err error) {
	res, err := e.ask(ctx, t, sip.OPTIONS, func(req *sip.Request) {
		req.AppendHeader(sip.NewHeader("Accept", "application/sdp"))
		req.SetBody(nil)
	})
	if err != nil {
		return 0, err
	}
	return res.StatusCode, nil
}

// ask sends a request outside any dialog, to which fill adds its own, and returns the
// final response.
func (e *Endpoint) ask(ctx context.Context, t Target, method sip.RequestMethod, fill func(req *sip.Request)) (*sip.Response, error) {
	if err := e.serving(ctx); err != nil {
		return nil, err
	}
	var uri sip.Uri
	if err := sip.ParseUri(t.URI, &uri); err != nil {
		return nil, &StatusError{Code: 400, Reason: "Malformed Address"}
	}
	uri.Headers = nil
	p, err := e.path(ctx, t.Transport, t.Addr)
	if err != nil {
		e.log.Debug("cannot be reached", "transport", t.Transport, "addr", t.Addr, "err", err)
		return nil, &StatusError{Code: 503, Reason: "Unreachable"}
	}
	req := e.outside(method, uri, p, t)
	fill(req)
	tx, err := e.client.TransactionRequest(ctx, req, asBuilt)
	if err != nil {
		return nil, &StatusError{Code: 503, Reason: "Unreachable"}
	}
	res, err := final(ctx, tx)
	return res, late(err)
}

// outside builds a request outside any dialog, but for its body.
func (e *Endpoint) outside(method sip.RequestMethod, uri sip.Uri, p path, t Target) *sip.Request {
	req := e.routed(sip.NewRequest(method, uri), p)
	from := e.from(t, p)
	from.Params.Add("tag", newToken())
	to := &sip.ToHeader{DisplayName: quotable(t.To.Name), Address: sip.Uri{Scheme: uri.Scheme, User: uri.User, Host: uri.Host}}
	maxForwards, callID := sip.MaxForwardsHeader(DefaultHops), sip.CallIDHeader(newToken())
	for _, h := range []sip.Header{
		&maxForwards, from, to, &callID, &sip.CSeqHeader{SeqNo: 1, MethodName: method}, &sip.ContactHeader{Address: p.uri(string(t.caller().Number))},
	} {
		req.AppendHeader(h)
	}
	t.Headers.add(req, false)
	e.sign(req)
	return req
}
