package pbx

import (
	"context"
	"errors"
	"net/netip"
	"sync"

	"timbre/internal/bridge"
	"timbre/internal/office"
	"timbre/internal/sdp"
	"timbre/internal/ua"
)

// A party is one telephone that takes part in a call.
type party struct {
	leg     *ua.Leg           // once it has answered, or sends sound before it does
	who     office.Party      // as the others see it
	ext     *office.Extension // whose telephone it is; nil: it is outside
	device  office.Device     // of the extension
	row     *row              // of the extension in the log; nil: outside
	trace   *trace
	toll    *toll  // what is charged for it; nil: nothing
	holds   bool   // one of the calls of the extension is its own
	returns bool   // it stays when the other one hangs up
	far     string // the protection of the far side, as far as the telephone knows
	tongue  office.Language
}

// name returns by what name the log says who answered.
func (p *party) name() string {
	switch {
	case p.device.Name != "":
		return p.device.Name
	case p.who.Name != "":
		return p.who.Name
	}
	return string(p.who.Number)
}

// An origin is the side from which a call, or a part of it, is made: a caller who
// has not been answered, or somebody who is in a call already and is to be
// connected with somebody else. It is used by the goroutine of the call.
type origin struct {
	party
	call    *call            // of which it is a part
	in      *ua.Incoming     // nil: it has answered
	payer   office.Extension // whose rights hold, and who is charged; zero: a caller from outside
	hops    int              // how often the call may still be passed on
	path    []ua.Diversion   // by which way it came
	again   bool             // it has been through the office before
	of      *row             // whose row alone tells whom it calls outside; nil: every row of the call
	veiled  bool             // its address is no more than what a packet said that anybody can write
	soundAt netip.Addr       // whereto the sound of who is veiled goes
	urgent  bool             // it calls the emergency services
	region  office.Region

	accepted func()         // told once when somebody, or the office itself, answers; nil: nobody is
	rung     func()         // told when it rings somewhere; nil: nobody is
	hush     func()         // ends what it hears before that; nil: nothing
	sounding sync.WaitGroup // that
}

// answered reports whether the origin can talk already.
func (o *origin) answered() bool { return o.in == nil }

// codecs returns what the origin speaks; nil: it did not say.
func (o *origin) codecs() []sdp.Codec {
	if o.answered() {
		return []sdp.Codec{o.leg.Codec(), sdp.TelephoneEvent}
	}
	return o.in.Codecs()
}

// secure reports whether the origin's sound is protected.
func (o *origin) secure() bool {
	if o.answered() {
		return o.leg.Secure()
	}
	return o.in.Secure()
}

// gone is closed when the origin gave up.
func (o *origin) gone() <-chan struct{} {
	if o.answered() {
		return o.leg.Done()
	}
	return o.in.Canceled()
}

// headers returns what the origin's phone is told beside the standard. far is the
// protection of the far side, empty while it is unknown.
func (o *origin) headers(far string) ua.Headers {
	h := ua.Headers{}
	if o.row != nil {
		h[office.CallHeader] = string(o.row.id())
	}
	if far != "" {
		h[office.FarMediaHeader] = far
	}
	return h
}

// unveil waits until an origin that has been answered has shown that it is where it
// says to be: nobody shall have the office speak to others. It reports false where the
// call is over before.
func (o *origin) unveil(ctx context.Context) bool {
	if !o.veiled {
		return true
	}
	select {
	case <-o.leg.Acknowledged():
	case <-o.leg.Done():
	case <-ctx.Done():
	}
	if isOver(o.leg) || ctx.Err() != nil {
		return false
	}
	o.veiled = false
	o.call.pbx.meet(o.soundAt)
	return true
}

// names notes whom the origin calls, unless it talks with somebody already: who is
// transferred has called somebody else.
func (o *origin) names(peer office.Party) {
	o.row.change(func(l *office.Call) {
		if l.AnsweredAt == nil {
			l.Peer = peer
		}
	})
}

// ring lets the origin hear ringing.
func (o *origin) ring(ctx context.Context) error {
	o.silence()
	if o.rung != nil {
		o.rung()
	}
	if o.leg != nil {
		o.hears(ctx, func(ctx context.Context) { _ = bridge.Ringback(ctx, o.leg, string(o.region)) })
		return nil
	}
	if err := o.in.Ring(o.headers("")); err != nil && !errors.Is(err, ua.ErrClosed) {
		return err
	}
	return nil
}

// pass lets the origin hear what early sends before it answers. A caller who can
// hear nothing before an answer is told that it rings.
func (o *origin) pass(ctx context.Context, early *ua.Leg) error {
	o.silence()
	if o.veiled && !o.answered() {
		return o.ring(ctx)
	}
	if o.leg == nil {
		leg, err := o.in.Progress(ctx, ua.AnswerOptions{
			Codecs: answer(o.in.Codecs(), early.Codec()), Headers: o.headers(protection(early.Secure())),
		})
		if err != nil {
			return o.ring(ctx)
		}
		o.leg = leg
	}
	o.hears(ctx, func(ctx context.Context) { _ = bridge.Join(ctx, o.leg, early) })
	return nil
}

// hears plays what a function plays until silence.
func (o *origin) hears(ctx context.Context, play func(context.Context)) {
	ctx, o.hush = context.WithCancel(ctx)
	o.sounding.Go(func() {
		defer o.call.recovers("sounding", func() {})
		play(ctx)
	})
}

// silence ends what the origin hears.
func (o *origin) silence() {
	if o.hush != nil {
		o.hush()
		o.sounding.Wait()
		o.hush = nil
	}
}

// answer answers the origin in one of codecs; far is the protection of the far
// side.
func (o *origin) answer(ctx context.Context, codecs []sdp.Codec, far string) error {
	o.silence()
	if o.answered() {
		return nil
	}
	leg, err := o.in.Answer(ctx, ua.AnswerOptions{Codecs: codecs, Secure: o.in.Transport() == "tls", Headers: o.headers(far)})
	if err != nil {
		return err
	}
	o.leg, o.in, o.far = leg, nil, far
	return nil
}
