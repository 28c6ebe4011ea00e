package ua

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"timbre/internal/office"
)

// A Refer is the far side's wish that the call be transferred (RFC 3515). It is
// answered once, with Accept or Reject; one that is not is refused with 603 after
// 10 s. Once accepted, its progress is told until a final status ends it, or the far
// side wants to hear no more. It is safe for concurrent use.
type Refer struct {
	To       string       // user part of Refer-To, unescaped, without parameters
	ToHost   string       // its host; empty for a tel URI
	Replaces *Replaces    // the call to take over, where the transfer is attended; else nil
	By       office.Party // Referred-By: cleaned, not verified

	leg     *Leg
	event   string        // value of Event in what is told
	verdict chan int      // capacity 1: the status that answers it
	replied chan struct{} // closed when it was answered
	unsent  error         // why it could not be; set before replied is closed

	mu       sync.Mutex
	decided  bool // guarded by mu
	accepted bool // and not over; guarded by mu
	telling  bool // a NOTIFY is on its way; guarded by mu
	next     int  // status to be told after it; 0: none; guarded by mu
}

// The time limits of a transfer.
const (
	referTime = 10 * time.Second // until it must be answered
	tellTime  = 4 * time.Second  // for the far side to hear of its progress
)

// onREFER hands the wish for a transfer to the leg's owner and answers it. Outside a
// call nobody has anything to transfer.
func (e *Endpoint) onREFER(req *sip.Request, tx sip.ServerTransaction) {
	if !req.To().Params.Has("tag") {
		e.dismiss(req, tx, 403)
		return
	}
	l := e.find(req)
	if l == nil || l.over() {
		e.dismiss(req, tx, 481)
		return
	}
	r, ok := readRefer(req)
	if !ok {
		e.answer(req, tx, 400)
		return
	}
	if !l.refer(r, req.CSeq().SeqNo) {
		e.answer(req, tx, 491, Headers{"Retry-After": "1"})
		return
	}
	if r.unsent = tx.Respond(e.response(req, r.judged())); r.unsent != nil {
		r.drop()
	}
	close(r.replied)
}

// judged returns the status that answers the transfer, its owner's where he says one
// in time.
func (r *Refer) judged() int {
	t := time.NewTimer(referTime)
	defer t.Stop()
	select {
	case code := <-r.verdict:
		return code
	case <-t.C:
		r.decide(603) // fails where the owner was quicker
	case <-r.leg.done:
		r.decide(481)
	}
	return <-r.verdict
}

// readRefer reads what a REFER asks for. It reports false where that is no call to
// one sip, sips or tel URI.
func readRefer(req *sip.Request) (*Refer, bool) {
	to := append(values(req, "Refer-To"), values(req, "r")...)
	if len(to) != 1 {
		return nil, false
	}
	a, ok := parseAddress(to[0])
	if method := paramOf(a.options, "method"); !ok || a.user == "" || method != "" && !strings.EqualFold(method, "INVITE") {
		return nil, false
	}
	r := &Refer{To: a.number(), ToHost: a.host, verdict: make(chan int, 1), replied: make(chan struct{})}
	if v, has := a.header("Replaces"); has {
		if r.Replaces, ok = parseReplaces(v); !ok {
			return nil, false
		}
	}
	if by := append(values(req, "Referred-By"), values(req, "b")...); len(by) > 0 {
		if a, ok := parseAddress(by[0]); ok {
			r.By = a.party()
		}
	}
	return r, true
}

// refer passes r on to the leg's owner. It reports false while another transfer is
// open.
func (l *Leg) refer(r *Refer, cseq uint32) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.referring != nil {
		return false
	}
	r.leg, r.event = l, "refer"
	if l.referred { // RFC 3515 §2.4.6
		r.event += ";id=" + strconv.FormatUint(uint64(cseq), 10)
	}
	l.referring, l.referred = r, true
	select {
	case <-l.refers: // one that nobody read in time
	default:
	}
	l.refers <- r
	return true
}

// decide sets the status that answers the transfer. It reports false where that was
// done before.
func (r *Refer) decide(code int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.decided {
		return false
	}
	r.decided, r.accepted = true, code < 300
	r.verdict <- code
	if !r.accepted {
		r.close()
	}
	return true
}

// close lets the far side ask for another transfer.
func (r *Refer) close() {
	r.leg.mu.Lock()
	defer r.leg.mu.Unlock()
	if r.leg.referring == r {
		r.leg.referring = nil
	}
}

// drop ends the transfer for the far side: nothing more is told.
func (r *Refer) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.accepted, r.next = false, 0
	r.close()
}

// Accept answers 202 and has the far side told that the transfer is being tried. It
// fails where the 202 could not be sent; with ErrClosed where the transfer was
// answered before, or the leg had ended. Whether the far side listens is its own
// affair: there are phones that refuse to be told, and such as hang up at the 202.
func (r *Refer) Accept() error {
	if !r.decide(202) {
		return ErrClosed
	}
	<-r.replied
	if r.unsent != nil {
		return r.unsent
	}
	r.Progress(100) // fails where the far side has hung up already
	return nil
}

// Reject refuses the transfer with a status from 300 to 699. It fails with ErrClosed
// where the transfer was answered before.
func (r *Refer) Reject(code int) error {
	if code < 300 || code > 699 {
		code = 603
	}
	if !r.decide(code) {
		return ErrClosed
	}
	return nil
}

// Progress has the far side told how the transfer goes, as a SIP status of the call
// that it began. It does not wait: of what comes while the far side is being told,
// the newest is told next, before the BYE of a hang-up that follows. A status of 200
// and more is the last. It fails with ErrClosed where the transfer was not accepted,
// is over, the far side did not want to hear before, or the leg is over.
func (r *Refer) Progress(code int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.accepted || r.leg.over() {
		return ErrClosed
	}
	if code >= 200 { // before it is told: the far side may be quick to ask anew
		r.accepted = false
		r.close()
	}
	if r.telling {
		r.next = code
		return nil
	}
	if !r.leg.tell(func() { r.tell(code) }) {
		return ErrClosed
	}
	r.telling = true
	return nil
}

// tell sends the status and what is to be told after it.
func (r *Refer) tell(code int) {
	for code != 0 {
		if err := r.notify(code); err != nil {
			r.leg.e.log.Debug("transfer not told", "status", code, "err", err)
			var no *StatusError
			if errors.As(err, &no) && ends(no.Code) {
				r.drop()
			}
		}
		r.mu.Lock()
		code, r.next = r.next, 0
		r.telling = code != 0
		r.mu.Unlock()
	}
}

// notify sends one NOTIFY and returns what the far side says of it.
func (r *Refer) notify(code int) error {
	state := "active;expires=60"
	if code >= 200 {
		state = "terminated;reason=noresource"
	}
	ctx, cancel := context.WithTimeout(r.leg.e.dead, tellTime)
	defer cancel()
	return heard(r.leg.do(ctx, sip.NOTIFY, func(req *sip.Request) {
		req.AppendHeader(sip.NewHeader("Event", r.event))
		req.AppendHeader(sip.NewHeader("Subscription-State", state))
		req.AppendHeader(sip.NewHeader("Content-Type", "message/sipfrag;version=2.0"))
		req.SetBody([]byte("SIP/2.0 " + strconv.Itoa(code) + " " + reason(code) + "\r\n"))
	}))
}

// tell runs f, which tells the far side something, in a goroutine that the leg's BYE
// waits for. It reports false where the leg is over.
func (l *Leg) tell(f func()) bool {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return false
	}
	l.telling.Add(1)
	l.mu.Unlock()
	if l.e.spawnTalk("transfer", func() {
		defer l.telling.Done()
		f()
	}) {
		return true
	}
	l.telling.Done()
	return false
}

// Refers brings the wishes of the far side that the call be transferred, one at a
// time: another is answered 491 while one is not over. It is never closed.
func (l *Leg) Refers() <-chan *Refer { return l.refers }

// Refer asks the far side to call uri instead of us, in place of replaces where
// that is not nil, and waits for the outcome: nil where that call was answered, a
// *StatusError with its status where it was not or where the far side refuses;
// ErrClosed where the leg ends before that is told.
func (l *Leg) Refer(ctx context.Context, uri string, replaces *Leg) error {
	if strings.ContainsAny(uri, "<>\"\r\n ") {
		return &StatusError{Code: 400, Reason: "Malformed Address"}
	}
	if replaces != nil {
		uri += "?Replaces=" + replaces.named()
	}
	told := make(chan int, 8)
	if !l.awaitOutcome(told) {
		return &StatusError{Code: 491, Reason: reason(491)}
	}
	defer l.awaitOutcome(nil)
	res, err := l.do(ctx, sip.REFER, func(req *sip.Request) {
		req.AppendHeader(sip.NewHeader("Refer-To", "<"+uri+">"))
		req.AppendHeader(sip.NewHeader("Referred-By", "<"+l.from.Address.String()+">"))
	})
	if err == nil {
		err = refused(res)
	}
	if err != nil {
		return err
	}
	for {
		var code int
		select {
		case code = <-told:
		default:
			select {
			case code = <-told:
			case <-l.done:
				return ErrClosed
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		switch {
		case code >= 300:
			return &StatusError{Code: code, Reason: reason(code)}
		case code >= 200:
			return nil
		}
	}
}

// awaitOutcome sets who is told how our own transfer goes; nil: nobody. It reports
// false where another transfer of ours is open, or the leg is not answered.
func (l *Leg) awaitOutcome(told chan int) bool {
	select {
	case <-l.up:
	default:
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if told != nil && l.outcome != nil {
		return false
	}
	l.outcome = told
	return true
}

// onNOTIFY takes what is told of our own transfers, and what nobody asked for.
func (e *Endpoint) onNOTIFY(req *sip.Request, tx sip.ServerTransaction) {
	event := eventOf(req)
	if !req.To().Params.Has("tag") {
		if e.cfg.OnNotify == nil || event == "" {
			e.dismiss(req, tx, 489)
			return
		}
		e.cfg.OnNotify(event, contentType(req), req.Body())
		e.dismiss(req, tx, 200)
		return
	}
	l := e.find(req)
	switch {
	case l == nil:
		e.dismiss(req, tx, 481)
	case event != "refer":
		e.answer(req, tx, 489)
	case !l.hear(req):
		e.answer(req, tx, 481)
	default:
		e.answer(req, tx, 200)
	}
}

// hear takes the status that req tells of our transfer. It reports false where we
// asked for none.
func (l *Leg) hear(req *sip.Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.outcome == nil {
		return false
	}
	code := fragStatus(req.Body())
	if code < 200 && strings.HasPrefix(strings.ToLower(header(req, "Subscription-State")), "terminated") {
		code = 408 // it ends without an outcome
	}
	select {
	case l.outcome <- code:
	default:
	}
	return true
}

// fragStatus returns the status in a message/sipfrag body, 0 where there is none.
func fragStatus(body []byte) int {
	line, _, _ := strings.Cut(string(body), "\n")
	f := strings.Fields(line)
	if len(f) < 2 || !strings.EqualFold(f[0], "SIP/2.0") || len(f[1]) != 3 {
		return 0
	}
	code, err := strconv.Atoi(f[1])
	if err != nil || code < 100 || code > 699 {
		return 0
	}
	return code
}
