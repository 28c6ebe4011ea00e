package ua

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// subscriptions holds those that are not over. The zero subscriptions is ready.
type subscriptions struct {
	mu    sync.Mutex
	all   map[string]*Subscription // by legKey; guarded by mu
	users map[string]int           // how many by Username; guarded by mu
}

// enter remembers s. It reports false where there are too many.
func (l *subscriptions) enter(s *Subscription) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all, l.users = map[string]*Subscription{}, map[string]int{}
	}
	if len(l.all) >= maxSubscriptions || l.users[s.Username] >= maxSubscriptionsOne {
		return false
	}
	l.all[s.key()] = s
	l.users[s.Username]++
	return true
}

func (l *subscriptions) leave(s *Subscription) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all[s.key()] != s {
		return
	}
	delete(l.all, s.key())
	if l.users[s.Username]--; l.users[s.Username] == 0 {
		delete(l.users, s.Username)
	}
}

// list returns those that are not over, in no order.
func (l *subscriptions) list() []*Subscription {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.all))
}

// find returns the subscription to whose dialog req belongs, or nil.
func (l *subscriptions) find(req *sip.Request) *Subscription {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.all[legKey(req.CallID().Value(), req.To().Params.GetOr("tag", ""))]
	if s == nil || req.From().Params.GetOr("tag", "") != s.req.From().Params.GetOr("tag", "") || eventOf(req) != s.Event {
		return nil
	}
	return s
}

func (s *Subscription) key() string { return legKey(s.req.CallID().Value(), s.tag) }

// eventOf returns the event package that m names, in lower case.
func eventOf(m interface{ GetHeader(string) sip.Header }) string {
	event := header(m, "Event")
	if event == "" {
		event = header(m, "o")
	}
	event, _, _ = strings.Cut(event, ";")
	return strings.ToLower(strings.TrimSpace(event))
}

// onSUBSCRIBE begins, renews and ends subscriptions.
func (e *Endpoint) onSUBSCRIBE(req *sip.Request, tx sip.ServerTransaction) {
	known := e.subscriptions.find(req)
	switch {
	case req.To().Params.Has("tag") && known == nil:
		e.dismiss(req, tx, 481)
		return
	case e.cfg.OnSubscribe == nil || !slices.Contains(e.cfg.Events, eventOf(req)):
		e.dismiss(req, tx, 489, Headers{"Allow-Events": strings.Join(e.cfg.Events, ", ")})
		return
	}
	source, _ := netip.ParseAddrPort(req.Source())
	username, ok := e.authenticate(req, tx, source.Addr())
	if !ok {
		return
	}
	expires := seconds(header(req, "Expires"))
	if expires < 0 {
		expires = usualSubscription
	}
	switch {
	case req.Contact() == nil || req.From().Params.GetOr("tag", "") == "":
		e.answer(req, tx, 400)
	case expires > 0 && expires < minSubscription:
		e.answer(req, tx, 423, Headers{"Min-Expires": strconv.Itoa(int(minSubscription / time.Second))})
	case known == nil:
		e.subscribe(req, tx, username, expires)
	case known.Username != username:
		e.answer(req, tx, 403)
	default:
		known.renew(req, tx, expires)
	}
}

// subscribe begins a subscription and returns when it was answered.
func (e *Endpoint) subscribe(req *sip.Request, tx sip.ServerTransaction, username string, expires time.Duration) {
	source, _ := netip.ParseAddrPort(req.Source())
	p, err := e.path(e.ctx, sip.NetworkToLower(req.Transport()), source)
	if err != nil {
		e.log.Warn("subscriber cannot be told", "err", err)
		e.answer(req, tx, 500)
		return
	}
	s := &Subscription{
		Event: eventOf(req), User: unescape(req.Recipient.User), Username: username, Expires: expires,
		e: e, req: req, tx: tx, tag: newToken(), path: p, target: req.Contact().Address, theirs: req.CSeq().SeqNo,
		replied: make(chan struct{}), renewed: make(chan struct{}, 1), done: make(chan struct{}),
	}
	if !e.subscriptions.enter(s) {
		e.answer(req, tx, 503, Headers{"Retry-After": "60"})
		return
	}
	if !e.spawn("subscriber", func() {
		code := 500
		defer func() {
			switch {
			case s.Reject(code) == nil: // it was not accepted
			case e.ctx.Err() != nil:
				e.spawnTalk("subscription", s.stop)
			default:
				s.end("noresource")
			}
		}()
		e.cfg.OnSubscribe(e.ctx, s)
		code = 480
	}) {
		s.Reject(480)
	}
	<-s.replied
}

// renew answers a SUBSCRIBE within the subscription: 200, and then the state again.
func (s *Subscription) renew(req *sip.Request, tx sip.ServerTransaction, expires time.Duration) {
	s.mu.Lock()
	late := req.CSeq().SeqNo <= s.theirs
	granted := min(expires, s.most)
	over := s.over
	if !late && !over {
		s.theirs, s.until, s.target = req.CSeq().SeqNo, time.Now().Add(granted), req.Contact().Address
	}
	s.mu.Unlock()
	switch {
	case over:
		s.e.answer(req, tx, 481)
		return
	case late:
		s.e.answer(req, tx, 500, Headers{"Retry-After": "1"})
		return
	}
	if err := tx.Respond(s.granted(req, granted)); err != nil {
		s.e.log.Debug("response not sent", "device", s.Username, "err", err)
	}
	if expires == 0 {
		s.e.spawn("subscription", func() { s.end("timeout") })
		return
	}
	select {
	case s.renewed <- struct{}{}:
	default: // it looks anyway
	}
	s.e.spawn("subscription", func() {
		s.sending.Lock()
		defer s.sending.Unlock()
		if s.told {
			if err := s.tell(); err != nil {
				s.e.log.Debug("state not told again", "device", s.Username, "err", err)
			}
		}
	})
}
