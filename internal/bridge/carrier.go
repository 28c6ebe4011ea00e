package bridge

import (
	"context"
	"fmt"
	"sync"

	"timbre/internal/ua"
)

// keys is how many of the telephone events are keys, from 0 on.
const keys = 16

// A carrier takes the packets and keys of one leg to another.
type carrier struct {
	from, to *ua.Leg
	carry    func(p *ua.Packet)
	slow     bool // carry takes longer than to copy a packet
	pressed  bool // a key has begun since; used by take alone

	mu     sync.Mutex
	passed map[rune]int // keys carried as events, which from.Digits brings as well; guarded by mu
}

// newCarrier returns a carrier between two legs. The error is ErrCodec where it
// cannot translate.
func newCarrier(from, to *ua.Leg) (*carrier, error) {
	c := &carrier{from: from, to: to, passed: make(map[rune]int)}
	c.carry = func(p *ua.Packet) { _ = to.WritePacket(p) } // a lost packet is no reason to lose the call
	f, t := from.Codec(), to.Codec()
	if f.Is(t) {
		return c, nil
	}
	law, ok := lawOf(from)
	if _, both := lawOf(to); ok && both { // a byte for a byte: the packets stay as they are
		c.carry = func(p *ua.Packet) {
			if !p.Event {
				law.Transcode(p.Payload, p.Payload)
			}
			_ = to.WritePacket(p)
		}
		return c, nil
	}
	between, err := newTranscoder(f, t, to.WritePacket)
	if err != nil {
		return nil, fmt.Errorf("%w: %s and %s", ErrCodec, f.Name, t.Name)
	}
	c.carry, c.slow = between.take, true
	return c, nil
}

// listen begins to carry.
func (c *carrier) listen() {
	if c.slow {
		c.from.Listen(c.take)
	} else {
		c.from.Carry(c.take)
	}
}

// take carries one packet. What is left of a key that was pressed before is none
// for the far side: it was meant for somebody else.
func (c *carrier) take(p *ua.Packet) {
	c.pressed = c.pressed || p.Digit != 0
	if p.Event && !c.pressed && len(p.Payload) > 0 && p.Payload[0] < keys {
		return
	}
	if p.Digit != 0 && c.to.TakesEvents() {
		c.mu.Lock()
		c.passed[p.Digit]++
		c.mu.Unlock()
	}
	c.carry(p)
}

// hasPassed reports whether digit was carried as an event, once for each.
func (c *carrier) hasPassed(digit rune) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.passed[digit] == 0 {
		return false
	}
	c.passed[digit]--
	return true
}

// forget drops the keys that were pressed before: they were meant for somebody else.
func (c *carrier) forget() {
	for range len(c.from.Digits()) {
		<-c.from.Digits()
	}
}

// press takes the keys to the far side that take does not: those that came by INFO,
// and all where the far side takes no events.
func (c *carrier) press(ctx context.Context) {
	for {
		select {
		case digit, ok := <-c.from.Digits():
			if !ok {
				return
			}
			if !c.hasPassed(digit) {
				_ = c.to.SendDigit(ctx, digit) // a key that is refused is lost, not the call
			}
		case <-ctx.Done():
			return
		}
	}
}
