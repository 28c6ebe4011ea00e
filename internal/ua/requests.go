package ua

import (
	"context"
	"strings"

	"github.com/emiago/sipgo/sip"

	"timbre/internal/sipguard"
)

// reasons holds the phrases of the statuses that we send.
var reasons = map[int]string{
	100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress", 200: "OK", 202: "Accepted",
	301: "Moved Permanently", 302: "Moved Temporarily",
	400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable",
	408: "Request Timeout", 410: "Gone", 415: "Unsupported Media Type", 420: "Bad Extension", 423: "Interval Too Brief",
	480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops", 484: "Address Incomplete",
	486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending",
	500: "Server Internal Error", 501: "Not Implemented", 503: "Service Unavailable", 504: "Server Time-out",
	600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere",
}

// reason returns the phrase for a status.
func reason(code int) string {
	if r := reasons[code]; r != "" {
		return r
	}
	return "Status"
}

// supported names the extensions that we know (RFC 3891).
const supported = "replaces"

// allowed names the methods that an endpoint with cfg takes.
func allowed(cfg Config) string {
	methods := "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, REFER, NOTIFY"
	if cfg.OnSubscribe != nil {
		methods += ", SUBSCRIBE"
	}
	return methods
}

// sign puts the name of our product into a request or response.
func (e *Endpoint) sign(m sip.Message) {
	if e.cfg.Agent == "" {
		return
	}
	name := "Server"
	if _, ok := m.(*sip.Request); ok {
		name = "User-Agent"
	}
	m.AppendHeader(sip.NewHeader(name, e.cfg.Agent))
}

// reserved are the header fields that callers of this package cannot set.
var reserved = map[string]bool{
	"via": true, "from": true, "to": true, "call-id": true, "cseq": true, "max-forwards": true, "content-length": true,
	"content-type": true, "content-encoding": true, "route": true, "record-route": true, "authorization": true,
	"www-authenticate": true, "user-agent": true, "server": true,
}

// add puts the caller's headers into m. Contact may be set in responses alone,
// where it redirects.
func (h Headers) add(m sip.Message, contact bool) {
	for name, value := range h {
		low := strings.ToLower(name)
		if reserved[low] || low == "contact" && !contact || !sipguard.IsToken([]byte(name)) || strings.ContainsAny(value, "\r\n\x00") {
			continue
		}
		m.AppendHeader(sip.NewHeader(name, value))
	}
}

// response builds a response to req.
func (e *Endpoint) response(req *sip.Request, code int, headers ...Headers) *sip.Response {
	res := sip.NewResponseFromRequest(req, code, reason(code), nil)
	for _, h := range headers {
		h.add(res, true)
	}
	e.sign(res)
	return res
}

// answer sends a response without a body. An error is the network's.
func (e *Endpoint) answer(req *sip.Request, tx sip.ServerTransaction, code int, headers ...Headers) {
	if err := tx.Respond(e.response(req, code, headers...)); err != nil {
		e.log.Debug("response not sent", "status", code, "err", err)
	}
}

// dismiss answers a request and forgets it at once (RFC 3261 §8.2.7): a copy of it
// gets the same answer again. It is for whatever strangers can send, which would
// fill the memory if it were kept for the 32 s of a transaction.
func (e *Endpoint) dismiss(req *sip.Request, tx sip.ServerTransaction, code int, headers ...Headers) {
	e.answer(req, tx, code, headers...)
	tx.Terminate()
}

// handle registers the handlers of all methods but INVITE, which diago dispatches.
func (e *Endpoint) handle() {
	for method, h := range map[sip.RequestMethod]sipgoHandler{
		sip.ACK: e.onACK, sip.BYE: e.onBYE, sip.CANCEL: e.onCANCEL, sip.OPTIONS: e.onOPTIONS, sip.INFO: e.onINFO,
		sip.UPDATE: e.onUPDATE, sip.REGISTER: e.onREGISTER,
		sip.NOTIFY: e.onNOTIFY, sip.SUBSCRIBE: e.onSUBSCRIBE, sip.REFER: e.onREFER,
		sip.MESSAGE: e.onForeign, sip.PRACK: e.onForeign, sip.PUBLISH: e.onForeign,
	} {
		e.server.OnRequest(method, e.protected(h))
	}
	e.server.OnNoRoute(e.protected(func(req *sip.Request, tx sip.ServerTransaction) {
		e.dismiss(req, tx, 501, Headers{"Allow": e.allow})
	}))
}

type sipgoHandler = func(req *sip.Request, tx sip.ServerTransaction)

// protected wraps a handler: it is counted by Run, its panics end with it, and it
// never sees a request that demands an extension.
func (e *Endpoint) protected(h sipgoHandler) sipgoHandler {
	return func(req *sip.Request, tx sip.ServerTransaction) {
		if !e.enlist() {
			return
		}
		defer e.wg.Done()
		defer e.survive("request")
		if e.unwanted(req, tx) {
			return
		}
		h(req, tx)
	}
}

// enlist counts the calling goroutine as one of ours. It reports false where the
// endpoint is closed.
func (e *Endpoint) enlist() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return false
	}
	e.wg.Add(1)
	return true
}

// unwanted refuses what no handler needs to look at: extensions that are
// required of us (RFC 3261 §8.2.2.3), which are none but supported.
func (e *Endpoint) unwanted(req *sip.Request, tx sip.ServerTransaction) bool {
	if req.IsAck() || req.IsCancel() {
		return false
	}
	var tags []string
	for _, name := range []string{"Require", "Proxy-Require"} {
		for _, h := range req.GetHeaders(name) {
			for tag := range strings.SplitSeq(h.Value(), ",") {
				if tag = strings.TrimSpace(tag); tag != "" && !strings.EqualFold(tag, supported) {
					tags = append(tags, tag)
				}
			}
		}
	}
	if len(tags) == 0 {
		return false
	}
	e.dismiss(req, tx, 420, Headers{"Unsupported": strings.Join(tags, ", ")})
	return true
}

func (e *Endpoint) onForeign(req *sip.Request, tx sip.ServerTransaction) {
	e.dismiss(req, tx, 405, Headers{"Allow": e.allow})
}

// onCANCEL sees only those that match no transaction.
func (e *Endpoint) onCANCEL(req *sip.Request, tx sip.ServerTransaction) { e.dismiss(req, tx, 481) }

func (e *Endpoint) onOPTIONS(req *sip.Request, tx sip.ServerTransaction) {
	if req.To().Params.Has("tag") {
		if l := e.find(req); l == nil || l.over() { // over: our BYE may never arrive
			e.dismiss(req, tx, 481)
			return
		}
	}
	e.dismiss(req, tx, 200, Headers{"Allow": e.allow, "Accept": "application/sdp"})
}

// onACK hands the ACK of a 2xx to who waits for it; any other is the
// transaction's or nobody's.
func (e *Endpoint) onACK(req *sip.Request, _ sip.ServerTransaction) {
	if l := e.find(req); l != nil {
		l.acknowledged(req)
	}
}

// onBYE ends a call; one that is not answered yet as if it were canceled (RFC 3261
// §15.1.2).
func (e *Endpoint) onBYE(req *sip.Request, tx sip.ServerTransaction) {
	if in := e.unanswered(req); in != nil && in.Cancel() == nil {
		e.answer(req, tx, 200)
		return
	}
	l := e.find(req)
	if l == nil {
		e.dismiss(req, tx, 481)
		return
	}
	if err := l.dialog.ReadBye(req, tx); err != nil {
		e.answer(req, tx, 500)
		return
	}
	l.finish(Cause{Code: 200, ByRemote: true})
	l.forget()
}

// onINFO takes digits, also before the answer where there is sound.
func (e *Endpoint) onINFO(req *sip.Request, tx sip.ServerTransaction) {
	var l *Leg
	if in := e.unanswered(req); in != nil {
		l = in.sounding()
	} else {
		l = e.find(req)
	}
	if l == nil {
		e.dismiss(req, tx, 481)
		return
	}
	kind := contentType(req)
	if kind == "" && len(req.Body()) == 0 { // a sign of life
		e.answer(req, tx, 200)
		return
	}
	digit := infoDigit(kind, req.Body())
	switch {
	case digit != 0:
		l.press(digit)
		e.answer(req, tx, 200)
	case kind == "application/dtmf" || kind == "application/dtmf-relay":
		e.answer(req, tx, 400)
	default:
		e.answer(req, tx, 415, Headers{"Accept": "application/dtmf-relay, application/dtmf"})
	}
}

// contentType returns the media type of the body in lower case, without
// parameters; empty where the message does not say.
func contentType(m interface{ ContentType() *sip.ContentTypeHeader }) string {
	h := m.ContentType()
	if h == nil {
		return ""
	}
	kind, _, _ := strings.Cut(h.Value(), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// sendInfo sends a digit to who takes no telephone events.
func (l *Leg) sendInfo(ctx context.Context, digit rune) error {
	res, err := l.do(ctx, sip.INFO, func(req *sip.Request) {
		req.AppendHeader(sip.NewHeader("Content-Type", "application/dtmf-relay"))
		req.SetBody([]byte("Signal=" + string(digit) + "\r\nDuration=100\r\n"))
	})
	if err != nil {
		return err
	}
	return refused(res)
}

// final waits for the final response of a transaction. It returns a *StatusError
// with 408 where none comes, with 503 where the connection broke.
func final(ctx context.Context, tx sip.ClientTransaction) (*sip.Response, error) {
	defer tx.Terminate()
	for {
		select {
		case res := <-tx.Responses():
			if !res.IsProvisional() {
				return res, nil
			}
		case <-tx.Done():
			return nil, lost(tx.Err())
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
