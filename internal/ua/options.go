package ua

import (
	"context"
	"errors"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// Options asks t whether it is there (RFC 3261 §11), outside any call, and returns
// the status of its answer, whatever that is: a challenge is an answer too. Of t,
// the address, the parties and headers are taken. An address that cannot be reached
// is a *StatusError with 503, one that does not answer until ctx ends, with 408.
func (e *Endpoint) Options(ctx context.Context, t Target) (status int, err error) {
	if err := e.serving(ctx); err != nil {
		return 0, err
	}
	var uri sip.Uri
	if err := sip.ParseUri(t.URI, &uri); err != nil {
		return 0, &StatusError{Code: 400, Reason: "Malformed Address"}
	}
	p, err := e.path(ctx, t.Transport, t.Addr)
	if err != nil {
		e.log.Debug("cannot be reached", "transport", t.Transport, "addr", t.Addr, "err", err)
		return 0, &StatusError{Code: 503, Reason: "Unreachable"}
	}
	tx, err := e.client.TransactionRequest(ctx, e.options(uri, p, t), func(*sipgo.Client, *sip.Request) error { return nil })
	if err != nil {
		return 0, &StatusError{Code: 503, Reason: "Unreachable"}
	}
	res, err := final(ctx, tx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return 0, &StatusError{Code: 408, Reason: "No Response"}
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case err != nil:
		return 0, err
	}
	return res.StatusCode, nil
}

// options builds an OPTIONS to uri.
func (e *Endpoint) options(uri sip.Uri, p path, t Target) *sip.Request {
	req := e.routed(sip.NewRequest(sip.OPTIONS, uri), p)
	domain := t.FromHost
	if domain == "" {
		domain = e.cfg.Host
	}
	if domain == "" {
		domain = host(p.name.Addr())
	}
	from := &sip.FromHeader{Address: sip.Uri{Scheme: "sip", User: string(t.From.Number), Host: domain}}
	from.Params.Add("tag", newToken())
	maxForwards, callID := sip.MaxForwardsHeader(70), sip.CallIDHeader(newToken())
	for _, h := range []sip.Header{
		&maxForwards, from, &sip.ToHeader{Address: sip.Uri{Scheme: uri.Scheme, User: uri.User, Host: uri.Host}}, &callID,
		&sip.CSeqHeader{SeqNo: 1, MethodName: sip.OPTIONS}, &sip.ContactHeader{Address: p.uri(string(t.From.Number))},
		sip.NewHeader("Accept", "application/sdp"),
	} {
		req.AppendHeader(h)
	}
	t.Headers.add(req, false)
	e.sign(req)
	req.SetBody(nil)
	return req
}
