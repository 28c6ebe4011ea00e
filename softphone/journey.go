package softphone

import (
	"context"
	"errors"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/internal/sdp"
	"timbre/internal/ua"
)

// byeTime is how long a good-bye may take before the call is over anyway.
const byeTime = 2 * time.Second

// codecs are what a call can be held in, best first.
func codecs() []sdp.Codec {
	return []sdp.Codec{sdp.Opus, sdp.G722, sdp.PCMA, sdp.PCMU, sdp.TelephoneEvent}
}

// dial takes an outgoing call through its life.
func (c *Call) dial(endpoint *ua.Endpoint) {
	defer c.finish()
	c.update(func(*Status) {})
	c.carry()
	addr, err := c.phone.address(c.want)
	if err != nil {
		c.unanswered(err)
		return
	}
	account, auth := c.phone.cfg.Account, c.phone.credentials()
	leg, err := endpoint.Dial(c.want, ua.Target{
		URI:       "sip:" + strings.ReplaceAll(string(c.peer.Number), "#", "%23") + "@" + account.Domain,
		Transport: "tls",
		Addr:      addr,
		From:      office.Party{Number: office.Number(account.Username), Name: account.Name},
		Codecs:    codecs(),
		Secure:    true,
		Auth:      &auth,
		OnRinging: c.farSideRings,
		OnAnswer:  func(header func(string) string) { c.note(func(s *Status) { s.learn(header) }) },
	})
	if err != nil {
		c.unanswered(err)
		return
	}
	c.talk(leg)
}

// farSideRings is told every 18x.
func (c *Call) farSideRings(status int, header func(string) string) {
	if status == 180 {
		c.voice.ringback(true)
	}
	c.update(func(s *Status) {
		if status == 180 {
			s.State = Ringing
		}
		s.learn(header)
	})
}

// learn takes what the office says of a call beside SIP.
func (s *Status) learn(header func(string) string) {
	if id := header(office.CallHeader); id != "" {
		s.LogID = office.ID(id)
	}
	if m := header(office.FarMediaHeader); m != "" {
		s.FarMedia = m
	}
}

// maxRing is how long a phone rings at most. The office lets it ring for less, but
// one that went away without a word cannot say that the caller gave up.
const maxRing = 90 * time.Second

// ring takes an incoming call through its life.
func (c *Call) ring(in *ua.Incoming) {
	defer c.finish()
	c.note(func(s *Status) { s.learn(in.Header) })
	c.phone.events.post(func() { c.phone.cfg.OnIncoming(c) })
	if err := in.Ring(); err != nil {
		c.end(func(s *Status) { s.Outcome = office.Canceled })
		return
	}
	if how := c.decide(in); how != nil {
		c.end(how)
		return
	}
	c.carry()
	leg, err := in.Answer(c.want, ua.AnswerOptions{Codecs: codecs()})
	if err != nil {
		c.unanswered(err)
		return
	}
	c.talk(leg)
}

// decide waits until the user takes the call, or returns how it ended otherwise.
func (c *Call) decide(in *ua.Incoming) (how func(*Status)) {
	over := time.NewTimer(c.phone.ringTime)
	defer over.Stop()
	code, outcome := 603, office.Declined
	select {
	case <-c.answer:
		return nil
	case <-in.Canceled():
		return func(s *Status) { s.Outcome, s.Code = office.Canceled, 487 }
	case <-over.C:
		code, outcome = 480, office.NoAnswer
	case <-c.want.Done():
		if c.running.Err() != nil { // the phone goes away; the person did not say no
			code, outcome = 480, office.Failed
		}
	}
	in.Reject(code)
	return func(s *Status) { s.Outcome, s.Code = outcome, code }
}

// talk holds an answered call until either side hangs up.
func (c *Call) talk(leg *ua.Leg) {
	c.voice.connect(leg)
	c.update(func(s *Status) {
		c.leg = leg
		s.State, s.Secure, s.AnsweredAt = Active, leg.Secure(), time.Now()
	})
	var wg sync.WaitGroup
	c.voice.hear(leg)
	wg.Go(func() { c.guard(func() { c.sendDigits(leg) }) })
	err := c.listen(leg)
	c.silence()
	ctx, cancel := context.WithTimeout(context.Background(), byeTime)
	if err := leg.Hangup(ctx); err != nil {
		c.phone.log.Debug("no answer to good-bye", "call", c.id, "err", err)
	}
	cancel()
	leg.Listen(nil)
	wg.Wait()
	c.end(func(s *Status) {
		s.Outcome, s.Code = office.Answered, leg.Cause().Code
		if err != nil {
			s.Outcome, s.Code, s.Reason = office.Failed, 408, err.Error()
		} else if s.Code >= 300 {
			s.Outcome = office.Failed
		}
	})
}

// lostTime is how long an office that was out of reach may stay silent before
// the call counts as lost.
const lostTime = 10 * time.Second

// errLost is the end of a call whose office went away without a word.
var errLost = errors.New("the office went away")

// listen returns when either side ends the call, with an error where the office
// went away. Silence alone is no reason: the far side may have put the call on
// hold.
func (c *Call) listen(leg *ua.Leg) error {
	const blur = time.Second // how exactly it is known when the last packet came
	look := time.NewTicker(blur)
	defer look.Stop()
	var received uint64
	for heard := time.Now(); ; {
		select {
		case <-leg.Done():
			return nil
		case <-c.want.Done():
			return nil
		case now := <-look.C:
			if n := leg.Stats().ReceivedPackets; n != received {
				received, heard = n, now
			} else if now.Sub(heard) > lostTime && c.phone.brokenSince(heard.Add(-2*blur)) {
				return errLost
			}
		}
	}
}

// guard runs f; a panic in it, which the far side may have caused, ends the call
// and not the process.
func (c *Call) guard(f func()) {
	defer func() {
		if r := recover(); r != nil {
			c.phone.log.Error("panic in a call", "call", c.id, "err", r, "stack", string(debug.Stack()))
			c.hangUp()
		}
	}()
	f()
}

// sendDigits sends what the user types until the leg's end.
func (c *Call) sendDigits(leg *ua.Leg) {
	for {
		select {
		case d := <-c.digits:
			if err := leg.SendDigit(c.want, d); err != nil {
				c.phone.log.Debug("digit not sent", "call", c.id, "err", err)
			}
		case <-leg.Done():
			return
		}
	}
}

// unanswered ends a call that err kept from being answered.
func (c *Call) unanswered(err error) {
	c.end(func(s *Status) {
		s.fail(err)
		if c.want.Err() != nil {
			s.Outcome, s.Code = office.Canceled, 487
		}
	})
}

// end says that the call is over and lets the next one begin.
func (c *Call) end(how func(*Status)) {
	p := c.phone
	p.mu.Lock() // nothing of another call is told before the end of this one
	defer p.mu.Unlock()
	if p.current == c {
		p.current = nil
	}
	c.update(func(s *Status) {
		how(s)
		s.State, s.EndedAt = Ended, time.Now()
	})
}

// finish waits for the sound device; the call is done.
func (c *Call) finish() {
	c.end(func(s *Status) { s.Outcome = office.Failed }) // unless it ended before: there was a panic
	c.hangUp()
	c.silence()
	c.sounds.Wait()
	close(c.done)
}
