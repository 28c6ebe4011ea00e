package pbx

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"timbre/internal/bridge"
	"timbre/internal/office"
	"timbre/internal/ua"
)

// recovers ends a panic of what a call does beside its goroutine.
func (c *call) recovers(doing string, then func()) {
	if r := recover(); r != nil {
		c.log.Error("panic in a call", "doing", doing, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		then()
	}
}

// talk joins two parties until they part. Transfers change who they are. It returns
// who stays, if one of them does.
func (c *call) talk(ctx context.Context, a, b *party) *party {
	for b != nil {
		a, b = c.exchange(ctx, a, b)
	}
	return a
}

// exchange joins a and b until one of them leaves or is transferred, and returns
// who talks from then on; of those who have parted, who stays, if one of them does.
func (c *call) exchange(ctx context.Context, a, b *party) (*party, *party) {
	c.pbx.talks(c, a.leg, b.leg)
	defer c.pbx.parts(a.leg, b.leg)
	s := &sounding{c: c, a: a, b: b}
	defer s.stop()
	s.start(ctx)
	for {
		select {
		case <-a.leg.Done():
			return c.part(ctx, s, a, b), nil
		case <-b.leg.Done():
			return c.part(ctx, s, a, b), nil
		case err := <-s.broken:
			c.breaks(err)
			return c.part(ctx, s, a, b), nil
		case <-ctx.Done():
			if c.pbx.halt.Err() != nil {
				for _, p := range []*party{a, b} {
					p.row.change(func(l *office.Call) { l.Reason = office.Interrupted })
				}
			}
			return c.part(ctx, s, a, b), nil
		case <-a.leg.Holds():
			s.start(ctx)
		case <-b.leg.Holds():
			s.start(ctx)
		case r := <-a.leg.Refers():
			if t := c.consider(ctx, a, b, r); t != nil {
				s.stop()
				return t(ctx)
			}
		case r := <-b.leg.Refers():
			if t := c.consider(ctx, b, a, r); t != nil {
				s.stop()
				return t(ctx)
			}
		case t := <-c.takes:
			if c.give(ctx, s, a, b, t) {
				return nil, nil
			}
		}
	}
}

// part ends the exchange of two parties and returns who stays, if one of them does.
func (c *call) part(ctx context.Context, s *sounding, a, b *party) (stays *party) {
	s.stop()
	for _, p := range []*party{a, b} {
		if p.returns && ctx.Err() == nil && !isOver(p.leg) {
			stays = p
		} else {
			c.leave(ctx, p)
		}
	}
	return stays
}

// breaks notes why the sound of a call ended.
func (c *call) breaks(err error) {
	code := 500
	if errors.Is(err, bridge.ErrCodec) {
		code = 488
	}
	if err == nil || errors.Is(err, bridge.ErrSilent) {
		return
	}
	c.log.Error("call cut", "err", err)
	c.record.each(func(w *row) {
		w.change(func(l *office.Call) { l.Outcome, l.Reason = office.Failed, status(code) })
	})
}

// A sounding is what two parties hear: each other, or the office's music while the
// other one holds the call. What who holds sends is not heard then: some telephones
// leave the microphone open.
type sounding struct {
	c      *call
	a, b   *party
	broken chan error // a join that ended by itself
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// start begins it, or begins it anew as the parties hold or resume.
func (s *sounding) start(ctx context.Context) {
	s.stop()
	ctx, s.cancel = context.WithCancel(ctx)
	s.broken = make(chan error, 2)
	run := func(play func() error) {
		broken := s.broken
		s.work.Go(func() {
			defer s.c.recovers("joining", func() { broken <- errors.New("panic") })
			if err := play(); err != nil && ctx.Err() == nil {
				broken <- err
			}
		})
	}
	switch a, b := s.a.leg, s.b.leg; {
	case a.Held() && b.Held():
	case a.Held():
		run(func() error { return bridge.Hold(ctx, b) })
	case b.Held():
		run(func() error { return bridge.Hold(ctx, a) })
	default:
		run(func() error { return bridge.Join(ctx, a, b) })
	}
}

// stop ends it.
func (s *sounding) stop() {
	if s.cancel != nil {
		s.cancel()
		s.work.Wait()
		s.cancel = nil
	}
}

// tellFar tells a phone of our own, which shows it, that the protection of the far
// side has changed.
func (c *call) tellFar(ctx context.Context, p, far *party) {
	now := protection(far.leg.Secure())
	if p.ext == nil || !p.device.Session || p.far == now {
		return
	}
	p.far = now
	c.dialing.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if err := p.leg.Reoffer(ctx, ua.Offer{Headers: ua.Headers{office.FarMediaHeader: now}}); err != nil {
			c.log.Debug("far side not told", "err", err)
		}
	})
}
