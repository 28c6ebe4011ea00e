package ua

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// A Subscription is a phone's wish to be told of an event (RFC 6665). It has one
// goroutine, that of Config.OnSubscribe, whose return ends it. The owner answers it
// once, with Accept or Reject, and then tells the state with Notify, first at once.
// Refreshes are answered, and the last state told again, without the owner.
type Subscription struct {
	Event    string        // the event package, one of Config.Events
	User     string        // user part of the URI that is watched, unescaped
	Username string        // proved by the digest; empty where nobody is challenged
	Expires  time.Duration // asked for; 0: the state is wanted once

	e       *Endpoint
	req     *sip.Request // the first SUBSCRIBE; read only
	tx      sip.ServerTransaction
	tag     string // our own
	path    path
	once    sync.Once     // of the answer
	replied chan struct{} // closed when it was answered
	renewed chan struct{} // capacity 1: until has changed
	done    chan struct{}

	sending sync.Mutex
	cseq    uint32 // of our last NOTIFY; guarded by sending
	kind    string // content type of the state told last; guarded by sending
	state   []byte // guarded by sending
	told    bool   // there is one; guarded by sending

	mu     sync.Mutex
	most   time.Duration // that is granted; guarded by mu
	until  time.Time     // guarded by mu
	target sip.Uri       // guarded by mu
	theirs uint32        // CSeq of the last SUBSCRIBE; guarded by mu
	over   bool          // done is closed; guarded by mu
}

// The times and bounds of subscriptions.
const (
	minSubscription     = time.Minute
	usualSubscription   = time.Hour // where none is asked for
	notifyTime          = 10 * time.Second
	maxSubscriptions    = 4096
	maxSubscriptionsOne = 64 // of one user
)

// Accept answers 200. The subscription lasts as long as was asked for, but at most
// expires. It fails with ErrClosed where it was answered before, or nobody can be
// answered any more.
func (s *Subscription) Accept(expires time.Duration) error {
	err := ErrClosed
	s.once.Do(func() {
		defer close(s.replied)
		s.mu.Lock()
		s.most = expires
		granted := min(s.Expires, expires)
		s.until = time.Now().Add(granted)
		s.mu.Unlock()
		if (s.Expires == 0 || s.e.spawn("subscription", s.watch)) && s.tx.Respond(s.granted(s.req, granted)) == nil {
			err = nil
			return
		}
		s.finish()
	})
	return err
}

// granted builds the 200 to a SUBSCRIBE.
func (s *Subscription) granted(req *sip.Request, d time.Duration) *sip.Response {
	res := s.e.response(req, 200, Headers{"Expires": strconv.Itoa(int(d / time.Second))})
	res.To().Params.Add("tag", s.tag) // in place of the one that the stack made up
	res.AppendHeader(&sip.ContactHeader{Address: s.path.uri(s.req.Recipient.User)})
	return res
}

// Reject refuses the subscription with a status from 300 to 699. It fails with
// ErrClosed where it was answered before.
func (s *Subscription) Reject(code int) error {
	if code < 300 || code > 699 {
		code = 500
	}
	err := ErrClosed
	s.once.Do(func() {
		defer close(s.replied)
		s.finish() // before anybody who was refused tries again
		s.e.answer(s.req, s.tx, code)
		err = nil
	})
	return err
}

// Done is closed when the subscription is over: expired, ended by the far side, or
// the far side gone.
func (s *Subscription) Done() <-chan struct{} { return s.done }

// Notify tells the state and waits until the far side has taken it, for at most
// 10 s. It fails with ErrClosed where the subscription is over; a far side that knows
// nothing of it or does not answer ends it, with a *StatusError.
func (s *Subscription) Notify(contentType string, body []byte) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	if s.isOver() { // what was told last is told at the end
		return ErrClosed
	}
	s.kind, s.state, s.told = contentType, body, true
	return s.tell()
}

// tell sends the state. s.sending must be locked.
func (s *Subscription) tell() error {
	s.mu.Lock()
	left, over := time.Until(s.until), s.over
	s.mu.Unlock()
	if over {
		return ErrClosed
	}
	if s.Expires == 0 {
		defer s.finish()
		return s.send("terminated;reason=timeout")
	}
	err := s.send("active;expires=" + strconv.Itoa(int(max(left, 0)/time.Second)))
	var no *StatusError
	if errors.As(err, &no) && ends(no.Code) {
		s.finish()
	}
	return err
}

// ends reports whether that answer to a NOTIFY means that nobody wants to be told any
// more (RFC 6665 §4.2.2, RFC 5057 §5.1).
func ends(code int) bool {
	switch code {
	case 404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 503, 604:
		return true
	}
	return false
}

// send sends one NOTIFY. s.sending must be locked.
func (s *Subscription) send(state string) error {
	ctx, cancel := context.WithTimeout(s.e.dead, notifyTime)
	defer cancel()
	s.mu.Lock()
	req := s.e.routed(sip.NewRequest(sip.NOTIFY, s.target), s.path)
	s.mu.Unlock()
	for _, r := range routeSet(s.req, "Record-Route") {
		req.AppendHeader(r)
	}
	s.cseq++
	maxForwards := sip.MaxForwardsHeader(DefaultHops)
	to := s.req.From().AsTo()
	from := s.req.To().AsFrom()
	from.Params = from.Params.Clone()
	from.Params.Add("tag", s.tag)
	for _, h := range []sip.Header{
		&maxForwards, &from, &to, sip.HeaderClone(s.req.CallID()), &sip.CSeqHeader{SeqNo: s.cseq, MethodName: sip.NOTIFY},
		&sip.ContactHeader{Address: s.path.uri(s.req.Recipient.User)},
		sip.NewHeader("Event", header(s.req, "Event")), sip.NewHeader("Subscription-State", state),
	} {
		req.AppendHeader(h)
	}
	s.e.sign(req)
	if s.told {
		req.AppendHeader(sip.NewHeader("Content-Type", s.kind))
		req.SetBody(s.state)
	} else {
		req.SetBody(nil)
	}
	tx, err := s.e.client.TransactionRequest(ctx, req, asBuilt)
	if err != nil {
		return &StatusError{Code: 503, Reason: "Unreachable"}
	}
	return heard(final(ctx, tx))
}

// heard returns what the outcome of a request means that tells something: nil where
// the far side has taken it, else a *StatusError.
func heard(res *sip.Response, err error) error {
	if err != nil {
		return late(err)
	}
	return refused(res)
}

// late returns a *StatusError with 408 in place of the end of a time limit.
func late(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &StatusError{Code: 408, Reason: "No Response"}
	}
	return err
}

// watch ends the subscription when it expires or its connection breaks.
func (s *Subscription) watch() {
	var broken <-chan struct{} // nil over UDP
	if s.path.stream != nil {
		broken = s.path.stream.closed
	}
	for {
		s.mu.Lock()
		t := time.NewTimer(time.Until(s.until))
		s.mu.Unlock()
		select {
		case <-t.C:
			s.end("timeout")
			return
		case <-s.renewed:
		case <-broken:
			s.finish()
		case <-s.e.ctx.Done():
			s.e.spawnTalk("subscription", s.stop)
			<-s.done
		case <-s.done:
		}
		t.Stop()
		if s.isOver() {
			return
		}
	}
}

func (s *Subscription) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// end tells the far side, with the state of last, that the subscription is over.
func (s *Subscription) end(why string) {
	if s.finish() {
		s.sending.Lock()
		defer s.sending.Unlock()
		if err := s.send("terminated;reason=" + why); err != nil {
			s.e.log.Debug("end of a subscription not told", "device", s.Username, "err", err)
		}
	}
}

// stop ends it because the endpoint ends: whoever subscribes anew finds one that runs.
func (s *Subscription) stop() { s.end("deactivated") }

// finish ends the subscription for its owner. It reports false where it was over.
func (s *Subscription) finish() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	s.over = true
	close(s.done)
	s.e.subscriptions.leave(s)
	return true
}
