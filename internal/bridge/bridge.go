// Package bridge joins the legs of answered calls. Join carries sound and keys
// between two legs packet by packet, without a clock, and transcodes where they
// share no codec; a Voice speaks to and listens to one leg, and what it speaks is
// paced on an absolute schedule; Ringback and Hold keep one company; Echo gives a
// leg its own sound back. Payload types, SRTP, sequence numbers and telephone events
// (RFC 4733) are the legs' own business (package ua). Signalling decisions, such
// as who is joined to whom, are made in pbx, the only caller.
package bridge

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"timbre/internal/media"
	"timbre/internal/sdp"
	"timbre/internal/ua"
)

// ErrCodec means that legs have codecs between which we cannot translate, or one
// in which we cannot speak.
var ErrCodec = errors.New("no way between these codecs")

// Codecs are those that we speak ourselves, and between which we transcode, in
// the order in which we like them, with telephone events last.
var Codecs = []sdp.Codec{sdp.Opus, sdp.G722, sdp.PCMA, sdp.PCMU, sdp.TelephoneEvent}

// Speakable reports whether c is one of the Codecs in which sound travels.
func Speakable(c sdp.Codec) bool {
	return !c.IsEvent() && slices.ContainsFunc(Codecs, c.Is)
}

// byeTime is how long the answer to a BYE is waited for.
const byeTime = 2 * time.Second

// lawOf returns the companding law of leg, if it has one.
func lawOf(leg *ua.Leg) (media.Law, bool) {
	switch name := leg.Codec().Name; {
	case strings.EqualFold(name, "PCMA"):
		return media.PCMA, true
	case strings.EqualFold(name, "PCMU"):
		return media.PCMU, true
	}
	return 0, false
}

// Hangup ends leg, also when ctx has ended already. A leg that is over stays
// so.
func Hangup(ctx context.Context, leg *ua.Leg) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), byeTime)
	defer cancel()
	_ = leg.Hangup(ctx) // a peer that does not answer is gone as well
}

// guarded runs f and returns a panic in it as an error: what a stranger sends
// may end a call, never the process.
func guarded(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	f()
	return nil
}
