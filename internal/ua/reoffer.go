package ua

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/emiago/sipgo/sip"

	"timbre/internal/sdp"
)

// An Offer is a change of an answered call that we propose.
type Offer struct {
	Codecs  []sdp.Codec // in order of preference; empty: the present one, then those of before
	Hold    bool        // the far side shall send nothing
	Headers Headers
}

// exchangeTime bounds the answer to an offer of ours.
const exchangeTime = 64 * time.Second

// Reoffer changes the session (RFC 3261 §14.1): codecs, hold, or nothing but the
// headers that travel along. Protection and address stay. Where the far side
// proposes a change at the same time it is tried again. The call goes on as it was
// where the far side refuses, with a *StatusError. It fails with ErrClosed after the
// leg's end or before the answer; where ctx ends, the change may still be made.
func (l *Leg) Reoffer(ctx context.Context, o Offer) error {
	for {
		err := l.reofferOnce(ctx, o)
		var no *StatusError
		if !errors.As(err, &no) || no.Code != 491 {
			return err
		}
		wait := rand.N(2 * time.Second)
		if !l.server { // we made the Call-ID
			wait = 2100*time.Millisecond + rand.N(1900*time.Millisecond)
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-l.done:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
		t.Stop()
	}
}

// reofferOnce makes one attempt. It goes on where ctx ends: what the far side accepts
// must be acknowledged.
func (l *Leg) reofferOnce(ctx context.Context, o Offer) error {
	select {
	case <-l.up:
	default:
		return ErrClosed
	}
	select {
	case l.change <- struct{}{}:
	case <-l.done:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	result := make(chan error, 1)
	if !l.e.spawnTalk("re-INVITE", func() {
		defer l.end()
		ctx, cancel := context.WithTimeout(l.e.dead, exchangeTime)
		defer cancel()
		result <- l.propose(ctx, o)
	}) {
		l.end()
		return ErrClosed
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// propose sends the offer and takes the answer. l.change must be held.
func (l *Leg) propose(ctx context.Context, o Offer) error {
	if l.over() {
		return ErrClosed
	}
	l.mu.Lock()
	local, takes := l.local, l.takes
	l.mu.Unlock()
	if len(o.Codecs) > 0 {
		takes = o.Codecs
	} else {
		takes = append([]sdp.Codec{l.Codec()}, takes...)
	}
	local.Version++
	local.Codecs = renumbered(takes, local.Codecs)
	local.Direction = sdp.SendRecv
	if o.Hold {
		local.Direction = sdp.SendOnly
	}
	res, err := l.do(ctx, sip.INVITE, func(req *sip.Request) {
		req.AppendHeader(sip.NewHeader("Allow", l.e.allow))
		req.AppendHeader(sip.NewHeader("Supported", supported))
		o.Headers.add(req, false)
		req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
		req.SetBody(sdp.Offer(local))
	})
	if err == nil {
		err = refused(res)
	}
	var no *StatusError
	if errors.As(err, &no) && (no.Code == 481 || no.Code == 408) { // RFC 5057 §5.1: there is no such call
		l.e.spawnTalk("hang-up", func() { l.gone(l.e.dead, err) })
	}
	if err != nil {
		return err
	}
	a, err := l.e.readAnswer(res.Body(), local)
	if err == nil {
		err = l.settled(a)
	}
	if err != nil { // the far side believes in what we cannot do
		l.e.spawnTalk("hang-up", func() { l.hangup(l.e.dead, Cause{Code: 488}) })
		return err
	}
	l.mu.Lock()
	l.takes, l.holding = local.Codecs, o.Hold
	if c := res.Contact(); c != nil {
		l.target = c.Address
	}
	l.mu.Unlock()
	return nil
}

// renumbered returns want with the payload types of now for codecs that are in now,
// and of the others none that is used there (RFC 3264 §8.3.2). Each codec is there
// once.
func renumbered(want, now []sdp.Codec) []sdp.Codec {
	used := map[uint8]bool{}
	for _, c := range now {
		used[c.PayloadType] = true
	}
	var out []sdp.Codec
next:
	for _, c := range want {
		for _, o := range out {
			if o.Is(c) {
				continue next
			}
		}
		for _, n := range now {
			if n.Is(c) {
				out = append(out, n)
				continue next
			}
		}
		for used[c.PayloadType] {
			if c.PayloadType++; c.PayloadType < 96 || c.PayloadType > 127 {
				c.PayloadType = 96
			}
		}
		used[c.PayloadType] = true
		out = append(out, c)
	}
	return out
}

// Held reports whether the far side holds the call: it wants to hear nothing.
func (l *Leg) Held() bool { return l.held.Load() }

// Holds wakes when Held has changed. It is never closed.
func (l *Leg) Holds() <-chan struct{} { return l.holds }
