package rtp

import (
	"sync"
	"time"
)

// Stats counts what a leg has carried.
type Stats struct {
	SentPackets, SentBytes         uint64 // bytes of payload
	ReceivedPackets, ReceivedBytes uint64
	Lost                           uint64  // gaps in the received sequence numbers
	Jitter                         float64 // seconds, as in RFC 3550 §6.4.1
}

// counters are the Stats while they are counted.
type counters struct {
	mu       sync.Mutex
	Stats              // guarded by mu
	ssrc     uint32    // of the received stream
	first    uint32    // its first extended sequence number
	highest  uint32    // its highest one
	count    uint64    // its packets
	lost     uint64    // of the streams before it
	arrived  time.Time // when the last packet came
	lastTime uint32    // its timestamp
}

func (c *counters) sent(n int) {
	c.mu.Lock()
	c.SentPackets++
	c.SentBytes += uint64(n)
	c.mu.Unlock()
}

// received counts r. An event says nothing of the jitter: its packets share one
// timestamp.
func (c *counters) received(r *packet, event bool, clock int) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ReceivedPackets++
	c.ReceivedBytes += uint64(len(r.payload))
	if c.count == 0 || r.ssrc != c.ssrc {
		c.lost = c.Lost
		c.ssrc, c.count = r.ssrc, 1
		c.first = 1<<16 + uint32(r.sequence) // a late packet before the first does not wrap
		c.highest = c.first
		c.arrived, c.lastTime = now, r.timestamp
		return
	}
	c.count++
	if step := int16(r.sequence - uint16(c.highest)); step > 0 {
		c.highest += uint32(step)
	}
	c.Lost = c.lost
	if expected := uint64(c.highest-c.first) + 1; expected > c.count {
		c.Lost += expected - c.count
	}
	if event {
		return
	}
	if clock > 0 && r.timestamp != c.lastTime {
		transit := now.Sub(c.arrived).Seconds() - float64(int32(r.timestamp-c.lastTime))/float64(clock)
		if transit < 0 {
			transit = -transit
		}
		if transit < 10 {
			c.Jitter += (transit - c.Jitter) / 16
		}
	}
	c.arrived, c.lastTime = now, r.timestamp
}

func (c *counters) load() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Stats
}
