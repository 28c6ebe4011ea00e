package media

import (
	"sync/atomic"
	"time"
)

// A Playout is the receiving end of a call: packets go in as they come from the
// network, samples come out as the sound card wants them. Its only clock is the
// sound card: how far ahead of its turn a packet arrives tells jitter and drift
// alike. The buffer is kept 20 to 200 ms deep, as shallow as the jitter of the
// last seconds allows, by repeating or leaving out single periods of the sound.
//
// Push and Pull may run at the same time, each from one goroutine; neither
// blocks.
type Playout struct {
	rate  int
	slots [64]slot      // packets on their way from Push to Pull
	head  atomic.Uint32 // slots filled so far; written by Push
	tail  atomic.Uint32 // slots emptied so far; written by Pull

	// What follows belongs to Pull.
	started bool
	ssrc    uint32
	next    uint32  // timestamp of the sample to be heard next
	ring    []int16 // samples by timestamp
	have    []bool  // which of them have come
	margins margins
	clock   int // samples pulled
	splice  int // clock at the last repetition or omission
	stray   stray
	count   sequence

	concealer  concealer
	concealing bool
	hold       int     // samples to repeat before next moves on
	fading     []int16 // what is being faded out
	faded      int     // samples of it that have been heard

	received, lost, late, concealed atomic.Int64
	delay                           atomic.Int64 // in samples
}

// A slot holds one packet.
type slot struct {
	ssrc, timestamp uint32
	seq             uint16
	samples         []int16
}

// A stray is a run of packets that do not belong where the buffer is.
type stray struct {
	count int
	since int // clock at the first of them
	ssrc  uint32
}

// Times of the buffer, as parts of a second.
const (
	minDelay   = 50  // 20 ms: the mean margin is not kept below
	maxDelay   = 5   // 200 ms: nor above
	firstDelay = 25  // 40 ms: margin of the first packet
	guard      = 200 // 5 ms: the lowest margin is kept around it
	slack      = 100 // 10 ms: too deep by less is left alone, so that a repetition is not undone
	rest       = 10  // 100 ms between two omissions
	farAhead   = 10  // 100 ms more than usual: the timestamps have jumped
	lateFor    = 25  // 40 ms of nothing but late packets: likewise
	fadeTime   = 250 // 4 ms
)

// NewPlayout returns an empty buffer for samples at rate, which is also the
// clock of the packets' timestamps.
func NewPlayout(rate int) *Playout {
	size := 1
	for size < rate {
		size *= 2 // a power of two, so that timestamps may wrap around
	}
	return &Playout{
		rate: rate, ring: make([]int16, size), have: make([]bool, size),
		concealer: newConcealer(rate), fading: make([]int16, 0, rate/fadeTime),
	}
}

// Push takes the samples of one packet, which it copies. Order and duplicates
// do not matter. Another ssrc, or timestamps out of all proportion, start anew
// once two packets have shown them. A packet above 250 ms is ignored, and so is
// all that comes when nobody has pulled for long.
func (p *Playout) Push(ssrc uint32, seq uint16, timestamp uint32, samples []int16) {
	head := p.head.Load()
	if len(samples) == 0 || len(samples) > p.rate/4 {
		return
	}
	p.received.Add(1)
	if head-p.tail.Load() == uint32(len(p.slots)) {
		return
	}
	s := &p.slots[head%uint32(len(p.slots))]
	s.ssrc, s.seq, s.timestamp = ssrc, seq, timestamp
	s.samples = append(s.samples[:0], samples...)
	p.head.Store(head + 1)
}

// Pull fills out with what is to be heard next: silence before the first
// packet, a fading guess where packets are missing. It does not allocate.
func (p *Playout) Pull(out []int16) {
	for tail := p.tail.Load(); tail != p.head.Load(); tail++ {
		p.accept(&p.slots[tail%uint32(len(p.slots))])
		p.tail.Store(tail + 1)
	}
	if !p.started {
		clear(out)
		return
	}
	p.adapt()
	for i := range out {
		out[i] = p.sample()
		p.concealer.heard(out[i])
	}
	p.clock += len(out)
	p.margins.tick(len(out))
	p.delay.Store(int64(p.margins.mean))
}

// accept puts a packet where it belongs, or judges that it belongs nowhere.
func (p *Playout) accept(s *slot) {
	if !p.started {
		p.started = true
		p.restart(s)
		p.concealing, p.concealer.age = true, p.rate // nothing to guess from
	}
	margin := int(int32(s.timestamp - p.next))
	late := margin+len(s.samples) <= 0
	switch {
	case s.ssrc != p.ssrc, margin > int(p.margins.mean)+p.rate/farAhead:
		if p.lone(s) {
			return
		}
		p.restart(s)
		margin = p.rate / firstDelay
	case late:
		p.late.Add(1)
		p.margins.add(max(margin, -p.rate/maxDelay))
		if p.lone(s) || p.clock-p.stray.since < p.rate/lateFor {
			p.lost.Store(p.count.add(s.seq))
			return
		}
		p.restart(s)
		margin = p.rate / firstDelay
	default:
		p.stray.count = 0
		p.margins.add(margin)
	}
	p.lost.Store(p.count.add(s.seq))
	p.store(s, margin)
}

// store copies what of a packet is not too late into the ring.
func (p *Playout) store(s *slot, margin int) {
	mask := uint32(len(p.ring) - 1)
	from := max(0, -margin)
	if p.have[(s.timestamp+uint32(from))&mask] {
		p.late.Add(1) // a duplicate
		return
	}
	for i, v := range s.samples[from:] {
		at := (s.timestamp + uint32(from+i)) & mask
		p.ring[at], p.have[at] = v, true
	}
}

// lone notes a packet that does not belong here and reports whether it is the
// first of its kind.
func (p *Playout) lone(s *slot) bool {
	if p.stray.count == 0 || p.stray.ssrc != s.ssrc {
		p.stray = stray{since: p.clock, ssrc: s.ssrc}
	}
	p.stray.count++
	return p.stray.count == 1
}

// restart makes s the first packet of what follows.
func (p *Playout) restart(s *slot) {
	clear(p.have)
	p.ssrc, p.stray, p.hold = s.ssrc, stray{}, 0
	p.next = s.timestamp - uint32(p.rate/firstDelay)
	p.margins.reset(p.rate, p.rate/firstDelay)
	p.count.restart()
}

// adapt makes the buffer deeper or shallower by one period of the sound where
// it should be.
func (p *Playout) adapt() {
	low, mean := p.margins.low(), int(p.margins.mean)
	excess := min(low-p.rate/guard, mean-p.rate/minDelay)
	switch {
	case low == unknown || p.hold > 0 || p.concealing:
	case low < p.rate/guard/2 && mean < p.rate/maxDelay:
		p.concealer.begin()
		p.hold = len(p.concealer.period)
		p.margins.shift(p.hold)
	case excess > p.rate/slack && p.margins.settled() && p.clock-p.splice >= p.rate/rest:
		p.omit(excess)
	}
}

// omit leaves out one period of what is to be heard next, if enough of it has
// come to find one.
func (p *Playout) omit(most int) {
	mask, part := uint32(len(p.ring)-1), p.rate/lagPart
	line := p.concealer.line[:p.rate/maxLag+part]
	for i := range line {
		at := (p.next + uint32(i)) & mask
		if !p.have[at] {
			return
		}
		line[i] = p.ring[at]
	}
	lag := bestLag(p.rate, func(lag int) ([]int16, []int16) { return line[:part], line[lag : lag+part] })
	if lag > most {
		return
	}
	p.fading, p.faded = append(p.fading[:0], line[:p.rate/fadeTime]...), 0
	for i := range lag {
		p.have[(p.next+uint32(i))&mask] = false
	}
	p.next += uint32(lag)
	p.margins.shift(-lag)
	p.splice = p.clock
}

// sample returns what is to be heard next.
func (p *Playout) sample() int16 {
	if p.hold > 0 {
		p.hold--
		return p.concealer.next()
	}
	at := p.next & uint32(len(p.ring)-1)
	p.next++
	if !p.have[at] {
		if !p.concealing {
			p.concealing = true
			p.concealer.begin()
		}
		if !p.concealer.faded() {
			p.concealed.Add(1)
		}
		return p.concealer.next()
	}
	p.have[at] = false
	if p.concealing {
		p.concealing = false
		p.fading, p.faded = p.fading[:0], 0
		for range p.rate / fadeTime {
			p.fading = append(p.fading, p.concealer.next())
		}
	}
	s := p.ring[at]
	if p.faded < len(p.fading) {
		old := int(p.fading[p.faded])
		p.faded++
		s = int16(old + (int(s)-old)*p.faded/(len(p.fading)+1))
	}
	return s
}

// Stats returns what has happened so far. It may be called from anywhere.
func (p *Playout) Stats() PlayoutStats {
	samples := func(n int64) time.Duration { return time.Duration(n) * time.Second / time.Duration(p.rate) }
	return PlayoutStats{
		Received: int(p.received.Load()), Lost: int(p.lost.Load()), Late: int(p.late.Load()),
		Concealed: samples(p.concealed.Load()), Delay: samples(p.delay.Load()),
	}
}

// PlayoutStats says how well a stream arrived.
type PlayoutStats struct {
	Received  int           // packets
	Lost      int           // packets that never came, by their sequence numbers
	Late      int           // packets that came too late to be heard, or twice
	Concealed time.Duration // sound that had to be guessed
	Delay     time.Duration // how long a packet waits for its turn now
}
