package pbx

import (
	"context"
	"slices"
	"time"

	"timbre/internal/office"
	"timbre/internal/ua"
)

// A take is the wish of another call to take over who talks with leg.
type take struct {
	leg   *ua.Leg
	by    office.Number // the extension that wishes it: leg must be its own
	to    *record
	reply chan *party // capacity 1; nil: refused
}

// talks remembers in which call legs talk, for other calls to find it.
func (p *PBX) talks(c *call, legs ...*ua.Leg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range legs {
		p.talking[l] = c
	}
	close(p.met)
	p.met = make(chan struct{})
}

// parts forgets it.
func (p *PBX) parts(legs ...*ua.Leg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range legs {
		delete(p.talking, l)
	}
}

// seeks remembers a call of one of our telephones that nobody has answered yet.
func (p *PBX) seeks(in *ua.Incoming, c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unanswered[in] = c
}

// found forgets it.
func (p *PBX) found(in *ua.Incoming) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.unanswered, in)
}

const (
	// takeTime is how long another call may take to give somebody away.
	takeTime = 2 * time.Second
	// meetTime is how long after the answer those who talk may not have met yet.
	meetTime = 500 * time.Millisecond
)

// callOf returns the call in which leg talks with somebody, nil where there is none
// soon.
func (p *PBX) callOf(ctx context.Context, leg *ua.Leg) *call {
	ctx, cancel := context.WithTimeout(ctx, meetTime)
	defer cancel()
	for {
		p.mu.Lock()
		c, met := p.talking[leg], p.met
		p.mu.Unlock()
		if c != nil {
			return c
		}
		select {
		case <-met:
		case <-leg.Done():
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// takeOver makes who talks with leg, which is a telephone of the extension by, a
// party of c, and ends leg and its call. nil: there is nobody, or they may not.
func (c *call) takeOver(ctx context.Context, leg *ua.Leg, by office.Number) *party {
	other := c.pbx.callOf(ctx, leg)
	if other == nil || other == c {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, takeTime)
	defer cancel()
	t := take{leg: leg, by: by, to: c.record, reply: make(chan *party, 1)}
	select {
	case other.takes <- t:
	case <-other.over:
		return nil
	case <-ctx.Done(): // it is taking somebody over itself
		return nil
	}
	var p *party
	select {
	case p = <-t.reply:
	case <-other.over: // it ended while it was giving
		select {
		case p = <-t.reply:
		default:
		}
	}
	if p != nil {
		c.parties = append(c.parties, p)
	}
	return p
}

// give hands who talks with t.leg over to another call and ends t.leg; false where
// that is not to be.
func (c *call) give(ctx context.Context, s *sounding, a, b *party, t take) bool {
	goes, stays := a, b
	if b.leg == t.leg {
		goes, stays = b, a
	}
	if goes.leg != t.leg || goes.ext == nil || goes.ext.Number != t.by {
		t.reply <- nil
		return false
	}
	s.stop()
	c.parties = slices.DeleteFunc(c.parties, func(p *party) bool { return p == stays })
	c.moved = stays.leg
	c.record.hand(stays, t.to, c.pbx.cfg.Now())
	moved := *stays // its origin, if it is one, belongs to this call
	moved.returns = false
	t.reply <- &moved
	c.leave(ctx, goes)
	return true
}
