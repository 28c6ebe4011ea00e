package media

import (
	"sync/atomic"
	"time"
)

// A Playout is the receiving end of a call: packets go in as they come from the
// network, samples come out as the sound card wants them. Its only clock is the
// sound card. Everything that was said has a place on one time line, in samples,
// whatever the codecs, sources and timestamps; what was said at a place is heard
// when the card has come as far, plus the delay that most packets need.
//
// Push and Pull may run at the same time, each from one goroutine; neither waits.
type Playout struct {
	rate   int
	pool   [poolSize]packet
	coming queue // from Push to Pull
	free   queue // and back

	// What follows belongs to Pull.
	begun  bool
	clock  int     // samples pulled
	skew   float64 // samples that the far side's clock has gained on that since
	line   []int16 // sound, of which a part has been heard
	at     int     // where the part begins that has not
	edge   int     // place of the end of line
	shelf  shelf
	talker talker
	stray  stray
	count  sequence
	delays delays
	error  float64
	lossy  int  // clock until which packets are expected to be lost, or overtaken
	copied bool // the next ones have copies of them
	splice int  // clock until which nothing more is repeated or left out

	guess    concealer
	calm     int  // samples since a voice was heard
	guessing bool // the end of line is a guess
	held     int  // samples of it that did not go on on the time line
	silent   bool // nobody speaks until the next packet

	decoded, fresh []int16 // scratch
	wide           []float32

	tally
}

// An Arrival is a packet as it came.
type Arrival struct {
	SSRC      uint32
	Sequence  uint16
	Timestamp uint32
	Payload   []byte

	// Format is what the payload is in; nil where it is no sound: it is counted.
	Format *Format
}

// Times of the buffer, as parts of a second.
const (
	frameTime  = 100 // 10 ms: what is looked at as one
	guard      = 500 // 2 ms more than the quantile
	maxDelay   = 5   // 200 ms: what most packets need is not believed above
	tooDeep    = 4   // 250 ms: deeper than wanted by more is left out at once
	idleAfter  = 4   // 250 ms without a packet: the next one begins anew
	forgetTime = 2   // seconds after which how fast the packets were means nothing
	lossTime   = 10  // seconds
	bridgeTime = 16  // 60 ms: a longer gap is not guessed at once
)

// Parts of the packets.
const (
	most float32 = 0.985 // come in time
	many float32 = 0.9
)

// NewPlayout returns an empty buffer that gives rate samples a second.
func NewPlayout(rate int) *Playout {
	p := &Playout{
		rate: rate, line: make([]int16, 0, rate), guess: newConcealer(rate),
		decoded: make([]int16, 0, 48000/4), fresh: make([]int16, 0, rate/2),
		wide: make([]float32, 0, rate/10),
	}
	for n := range p.pool {
		p.free.put(uint8(n))
	}
	p.delays.reset(rate)
	return p
}

// Push takes a packet, which it copies. Order and duplicates do not matter. It
// allocates nothing but for a new format. Payloads above 1,280 bytes are ignored,
// and so is all that comes when nobody has pulled for long.
func (p *Playout) Push(a Arrival) {
	p.received.Add(1)
	if len(a.Payload) > maxPayload {
		return
	}
	if a.Format != nil && a.Format.resampler == nil {
		a.Format.resampler = NewResampler(a.Format.decoder.Rate(), p.rate)
	}
	n, ok := p.free.take()
	if !ok {
		return
	}
	k := &p.pool[n]
	k.arrival = a
	k.arrival.Payload = k.payload[:copy(k.payload[:], a.Payload)]
	p.coming.put(n)
}

// Pull fills out with what is to be heard next: silence before the first packet, a
// fading guess where packets are missing, then the noise that was behind the voice.
// It does not allocate.
func (p *Playout) Pull(out []int16) {
	for range poolSize {
		n, ok := p.coming.take()
		if !ok {
			break
		}
		if !p.accept(n) {
			p.free.put(n)
		}
	}
	if !p.begun {
		clear(out)
		return
	}
	for len(out) > 0 {
		n := min(len(out), p.rate/frameTime)
		p.steer()
		for len(p.line)-p.at < n {
			p.extend(n - (len(p.line) - p.at))
		}
		p.at += copy(out[:n], p.line[p.at:])
		p.clock += n
		if p.calm += n; !p.quiet(p.widen(out[:n])) {
			p.calm = 0
		}
		p.delays.tick(n)
		out = out[n:]
	}
}

// now returns the time by the card's clock, corrected so that it runs as the far
// side's does.
func (p *Playout) now() int { return p.clock + int(p.skew) }

// next returns the place of what is heard next.
func (p *Playout) next() int { return p.edge - (len(p.line) - p.at) }

// extend appends something to the line: the next packet, what stands in for one, or
// need guesses.
func (p *Playout) extend(need int) {
	if p.shelf.n == 0 {
		p.hold(need)
		return
	}
	k := &p.pool[p.shelf.numbers[0]]
	if gap := k.begin - p.edge; gap > 0 {
		p.bridge(k, gap, need)
		return
	}
	p.decode(k)
	p.free.put(p.shelf.take())
}

// hold lets the time line stand still while nothing comes.
func (p *Playout) hold(need int) {
	p.guessOn(need)
	p.held += need
	if p.held >= p.rate/idleAfter {
		p.silent = true
	}
}

// guessOn appends n guesses.
func (p *Playout) guessOn(n int) {
	p.begin()
	if !p.silent && !p.guess.faded() {
		p.concealed.Add(int64(n))
	}
	p.room(n)
	for range n {
		p.line = append(p.line, p.guess.next())
	}
}

// begin makes what comes next a guess.
func (p *Playout) begin() {
	if !p.guessing {
		p.guessing, p.held = true, 0
		p.guess.recall(p.line)
		p.guess.begin()
	}
}

// bridge fills a gap before k.
func (p *Playout) bridge(k *packet, gap, need int) {
	format := k.arrival.Format
	copied := gap <= p.talker.size && format.copies(k.arrival.Payload)
	switch {
	case p.guessing && !copied:
		n := min(gap, p.held) // what was guessed while waiting stood for it
		p.held -= n
		if n == 0 {
			n = min(gap, need)
			p.guessOn(n)
		}
		p.edge += n
	case gap > p.rate/bridgeTime:
		p.concealed.Add(int64(p.rate / bridgeTime))
		p.recover(format, p.rate/bridgeTime, nil)
	case copied:
		p.recovered.Add(1)
		p.recover(format, gap, k.arrival.Payload)
	default:
		p.concealed.Add(int64(gap))
		p.recover(format, gap, k.arrival.Payload)
	}
}

// recover appends n samples that the decoder makes up, or finds in the next payload.
func (p *Playout) recover(f *Format, n int, next []byte) {
	p.decoded = f.decoder.Recover(p.decoded[:0], n*f.decoder.Rate()/p.rate, next)
	p.put(f)
	p.edge += n
}

// decode appends the sound of k.
func (p *Playout) decode(k *packet) {
	f := k.arrival.Format
	p.decoded = f.decoder.Decode(p.decoded[:0], k.arrival.Payload)
	if len(p.decoded) == 0 {
		return // it is missing, then
	}
	if late := p.edge - k.begin; late > 0 { // a part of it has been heard, or guessed
		n := min(len(p.decoded), late*f.decoder.Rate()/p.rate)
		p.decoded = p.decoded[:copy(p.decoded, p.decoded[n:])]
	}
	p.put(f)
	p.edge = max(p.edge, k.begin+k.size)
	p.silent = false
}

// put appends what was decoded to the line.
func (p *Playout) put(f *Format) {
	fresh := p.fresh[:0]
	for left, step := p.decoded, f.decoder.Rate()/50; len(left) > 0; {
		n := min(len(left), step)
		fresh = f.resampler.Process(fresh, left[:n])
		left = left[n:]
	}
	p.guess.noise.hear(fresh)
	if p.guessing && len(fresh) > 0 {
		if slip := p.guess.age % len(p.guess.period); p.held > 0 && !p.guess.faded() && 2*slip < len(fresh) {
			fresh = fresh[slip:] // whole periods have been added then
		}
		p.guess.join(fresh)
		p.guessing, p.held = false, 0
	}
	p.room(len(fresh))
	p.line = append(p.line, fresh...)
}

// room makes room for n samples more on the line.
func (p *Playout) room(n int) {
	if len(p.line)+n <= cap(p.line) {
		return
	}
	from := max(0, p.at-len(p.guess.hist))
	p.line = p.line[:copy(p.line, p.line[from:])]
	p.at -= from
}

// A tally counts what happened; it may be read from anywhere.
type tally struct {
	received, lost, late, duplicate, recovered atomic.Int64
	concealed, stretched, delay, jitter        atomic.Int64 // in samples
	waited, waits                              atomic.Int64
}

// Stats returns what has happened so far. It may be called from anywhere.
func (p *Playout) Stats() PlayoutStats {
	samples := func(n int64) time.Duration { return time.Duration(n) * time.Second / time.Duration(p.rate) }
	return PlayoutStats{
		Received: int(p.received.Load()), Lost: int(p.lost.Load()), Late: int(p.late.Load()),
		Duplicate: int(p.duplicate.Load()), Recovered: int(p.recovered.Load()),
		Concealed: samples(p.concealed.Load()), Stretched: samples(p.stretched.Load()),
		Delay: samples(p.delay.Load()), MeanDelay: samples(p.waited.Load() / max(1, p.waits.Load())),
		Jitter: samples(p.jitter.Load()),
	}
}

// PlayoutStats says how well a stream arrived.
type PlayoutStats struct {
	Received  int           // packets
	Lost      int           // packets that never came, by their sequence numbers
	Late      int           // packets that came too late to be heard
	Duplicate int           // packets that came twice
	Recovered int           // lost packets of which the next had a copy
	Concealed time.Duration // sound that had to be guessed
	Stretched time.Duration // sound that was repeated or left out to change the delay
	Delay     time.Duration // how much later than the fastest packet allows the sound is heard now
	MeanDelay time.Duration // the mean of that
	Jitter    time.Duration // how much later than the fastest most packets come
}
