package media

import "math"

// How the delay is brought to what is wanted, by leaving out or repeating single
// periods of the sound, where that cannot be heard; times are parts of a second.
const (
	slack     = 100 // 10 ms: too deep by less is left alone, so that a repetition is not undone
	shortage  = 200 // 5 ms: likewise too shallow
	pressing  = 25  // 40 ms: more is corrected where it might be heard, too
	rest      = 10  // 100 ms between two corrections
	overdue   = 200 // 5 ms: the network stalls where the next packet is later than many by more
	quietness = 3   // times the noise: that is no voice yet
	pausing   = 5   // 200 ms without a voice: a pause

	alike, nearlyAlike, hardlyAlike float32 = 0.9, 0.7, 0.4 // of two periods
)

const (
	pull     = 20000 // by how many millionths the sound runs faster for each second too deep
	pullMost = 100   // millionths
	settling = 500   // frames over which "too deep" is averaged
)

// target returns how much later than the fastest packet something should be heard.
func (p *Playout) target() int {
	t := min(p.delays.quantile(most)+p.rate/guard, p.rate/maxDelay)
	if p.copied && p.clock < p.lossy {
		t += p.talker.size
	}
	return t
}

// steer compares the delay with what it should be, and corrects it.
func (p *Playout) steer() {
	base := p.delays.base()
	if base == unknown || p.silent {
		return
	}
	target := p.target()
	deep := p.now() - p.next() - base - target
	if deep > p.rate/tooDeep {
		p.leap(deep)
		return
	}
	p.error += (float64(deep)/float64(p.rate) - p.error) / settling
	drift := p.delays.drift()
	p.skew += drift / 1e6 * float64(p.rate/frameTime)
	p.talker.format.resampler.SetDrift(drift + max(-pullMost, min(pullMost, p.error*pull)))

	p.delay.Store(int64(deep + target))
	p.jitter.Store(int64(target))
	p.waited.Add(int64(deep + target))
	p.waits.Add(1)

	newest := p.talker.begin + p.talker.size
	late := p.now() - newest - base // of the next packet, if it came now
	if p.clock < p.lossy {
		late -= p.talker.size // of the one after it
	}
	switch {
	case p.guessing || p.clock < p.splice:
	case late > p.delays.quantile(many)+p.rate/overdue && late < p.rate/tooDeep:
		n := p.lengthen(hardlyAlike)
		p.spliced(n, n/2)
	case deep > p.rate/pressing:
		n := p.shorten(deep)
		p.spliced(n, n)
	case deep > 2*p.rate/slack, deep > p.rate/slack && p.calm > p.rate/pausing:
		p.spliced(p.shorten(deep), p.rate/rest)
	case deep < -p.rate/pressing:
		p.spliced(p.lengthen(nearlyAlike), p.rate/rest)
	case deep < -p.rate/shortage:
		p.spliced(p.lengthen(alike), p.rate/rest)
	}
}

// spliced notes that n samples have been put in or left out, and that the next so
// many, and those of a pause, are left as they are.
func (p *Playout) spliced(n, pause int) {
	if n > 0 {
		p.splice = p.clock + n + pause
		p.stretched.Add(int64(n))
	}
}

// leap leaves n samples out at once.
func (p *Playout) leap(n int) {
	p.edge = p.next() + n
	p.line = p.line[:p.at]
	p.begin()
	for p.shelf.n > 0 {
		k := &p.pool[p.shelf.numbers[0]]
		if k.begin+k.size > p.edge {
			return
		}
		p.free.put(p.shelf.take())
	}
}

// shorten leaves out one period of what is to be heard next, if there is one short
// enough, and returns its length.
func (p *Playout) shorten(deep int) int {
	part, longest := p.rate/lagPart, p.rate/maxLag
	p.prepare(2 * longest)
	ahead := p.line[p.at:]
	if len(ahead) < 2*longest {
		return 0
	}
	wide := p.widen(ahead[:part+longest])
	lag, likeness := bestLag(p.rate, wide[:part], func(lag int) []float32 { return wide[lag : lag+part] })
	needed := alike
	switch {
	case deep > 2*p.rate/pressing:
		needed = hardlyAlike
	case deep > p.rate/pressing:
		needed = nearlyAlike
	}
	if lag > deep || (likeness < needed || deep < 2*p.rate/slack) && !(p.quiet(wide) && p.calm > p.rate/pausing) {
		return 0
	}
	for i := range ahead[:lag] {
		ahead[i] = blend(ahead[i], ahead[lag+i], i+1, lag+1)
	}
	p.line = append(p.line[:p.at+lag], ahead[2*lag:]...)
	return lag
}

// lengthen repeats the period before what is to be heard next, if it is so much like
// it, and returns its length.
func (p *Playout) lengthen(needed float32) int {
	longest := p.rate / maxLag
	p.prepare(p.rate / lagPart)
	p.room(longest)
	part := min(len(p.line)-p.at, p.rate/lagPart)
	if part < p.rate/minLag || p.at < longest {
		return 0
	}
	wide := p.widen(p.line[p.at-longest : p.at+part])
	lag, likeness := bestLag(p.rate, wide[longest:], func(lag int) []float32 { return wide[longest-lag : longest-lag+part] })
	if likeness < needed && !p.quiet(wide) {
		return 0
	}
	p.line = p.line[:len(p.line)+lag]
	copy(p.line[p.at+lag:], p.line[p.at:])
	for i := range lag {
		old := p.line[p.at-lag+i]
		if i < part {
			old = blend(p.line[p.at+lag+i], old, i+1, min(lag, part)+1)
		}
		p.line[p.at+i] = old
	}
	return lag
}

// prepare decodes until n samples are ready, or nothing more is there without a gap.
func (p *Playout) prepare(n int) {
	for len(p.line)-p.at < n && p.shelf.n > 0 && p.pool[p.shelf.numbers[0]].begin <= p.edge {
		p.extend(0)
	}
}

// widen returns samples as numbers to reckon with, until the next call.
func (p *Playout) widen(samples []int16) []float32 {
	p.wide = p.wide[:0]
	for _, s := range samples {
		p.wide = append(p.wide, float32(s))
	}
	return p.wide
}

// quiet reports whether samples are no louder than the noise behind the voice.
func (p *Playout) quiet(samples []float32) bool {
	var energy float32
	for _, s := range samples {
		energy += s * s
	}
	return float32(math.Sqrt(float64(energy/float32(len(samples))))) <= quietness*(p.guess.noise.floor+1)
}

// blend goes over from a to b: all of a where part is 0, all of b where it is whole.
func blend(a, b int16, part, whole int) int16 {
	return int16(int(a) + (int(b)-int(a))*part/whole)
}
