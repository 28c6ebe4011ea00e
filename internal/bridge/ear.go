package bridge

import (
	"timbre/internal/media"
	"timbre/internal/ua"
)

// longestGap is how much silence is put in place of packets that did not come,
// in samples. A greater step of the timestamps is a new beginning.
const longestGap = 60 * Rate

// An ear turns the packets of a leg into an unbroken row of samples. A packet
// that comes after its turn is left out.
type ear struct {
	law  media.Law
	hear func(samples []int16)

	begun   bool
	ssrc    uint32
	next    uint32 // timestamp of the sample that comes next
	samples [frame]int16
}

// take hears one packet of sound.
func (e *ear) take(p *ua.Packet) {
	missing := int32(p.Timestamp - e.next)
	switch {
	case !e.begun || p.SSRC != e.ssrc || missing > longestGap || missing < -longestGap:
		e.begun, e.ssrc, e.next = true, p.SSRC, p.Timestamp
	case missing < 0:
		return
	default:
		e.skip(int(missing))
	}
	for rest := p.Payload; len(rest) > 0; {
		n := e.law.Decode(e.samples[:], rest)
		e.hear(e.samples[:n])
		e.next += uint32(n)
		rest = rest[n:]
	}
}

// skip hears silence in place of n samples.
func (e *ear) skip(n int) {
	clear(e.samples[:])
	for e.next += uint32(n); n > 0; n -= frame {
		e.hear(e.samples[:min(n, frame)])
	}
}
