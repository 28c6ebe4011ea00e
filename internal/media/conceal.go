package media

import "math"

// A concealer continues a sound where nothing comes: the last period of a voice
// is repeated and fades away into the noise that was behind it. It is used by one
// goroutine and does not allocate.
type concealer struct {
	rate   int
	hist   []int16   // what was heard last
	period []float32 // what is repeated
	wide   []float32 // hist, while looking for the period
	going  bool      // the last samples were guesses
	age    int       // samples since it began
	offset float32   // by which the repetition misses the last sample heard
	noise  backdrop
}

const (
	minLag  = 400 // 1/400 s is the shortest period looked for
	maxLag  = 66
	lagPart = 100 // the period is looked for with 1/100 s of sound

	holdPart = 66  // a guess is held for 1/66 s
	fadePart = 20  // and has faded after another 1/20 s
	joinPart = 200 // then or before, it goes over into what comes within 1/200 s
	slipPart = 1000
)

func newConcealer(rate int) concealer {
	n := 2*(rate/maxLag) + rate/lagPart
	return concealer{
		rate: rate, hist: make([]int16, n), wide: make([]float32, n),
		period: make([]float32, 0, rate/maxLag), noise: newBackdrop(rate),
	}
}

// hear takes what was heard.
func (c *concealer) hear(samples []int16) {
	c.noise.hear(samples)
	c.recall(samples)
}

// recall makes samples the end of what was heard.
func (c *concealer) recall(samples []int16) {
	if n := len(samples); n >= len(c.hist) {
		copy(c.hist, samples[n-len(c.hist):])
	} else {
		copy(c.hist, c.hist[n:])
		copy(c.hist[len(c.hist)-n:], samples)
	}
}

// goOn appends n guesses to dst and returns it.
func (c *concealer) goOn(dst []int16, n int) []int16 {
	if !c.going {
		c.going = true
		c.begin()
	}
	for range n {
		dst = append(dst, c.next())
	}
	return dst
}

// goOnWith takes what is heard next, to which the guesses go over, if there were
// any.
func (c *concealer) goOnWith(samples []int16) {
	if c.going && len(samples) > 0 {
		c.going = false
		c.join(samples)
	}
	c.hear(samples)
}

// begin prepares to continue what was heard so far.
func (c *concealer) begin() {
	for i, s := range c.hist {
		c.wide[i] = float32(s)
	}
	end := len(c.wide)
	part := c.rate / lagPart
	lag, _ := bestLag(c.rate, c.wide[end-part:], func(lag int) []float32 { return c.wide[end-part-lag : end-lag] })
	c.period = append(c.period[:0], c.wide[end-lag:]...)
	for i, n := 0, lag/4; i < n; i++ { // the end of the period leads back to its start
		w := float32(i+1) / float32(n+1)
		c.period[lag-n+i] += w * (c.wide[end-lag-n+i] - c.period[lag-n+i])
	}
	c.offset = c.wide[end-1] - c.wide[end-lag-1]
	c.age = 0
}

// next returns the next guess.
func (c *concealer) next() int16 {
	s := c.period[c.age%len(c.period)]
	if n := c.rate / slipPart; c.age < n {
		s += c.offset * float32(n-c.age) / float32(n+1)
	}
	gain := max(0, min(1, 1-float32(c.age-c.rate/holdPart)/float32(c.rate/fadePart)))
	c.age++
	return clip(float64(s*gain + c.noise.next()*(1-gain)))
}

// faded reports whether the guess has become noise.
func (c *concealer) faded() bool { return c.age >= c.rate/holdPart+c.rate/fadePart }

// join lets the guess go over into samples.
func (c *concealer) join(samples []int16) {
	n := min(len(samples), c.rate/joinPart)
	for i := range samples[:n] {
		w := float32(i+1) / float32(n+1)
		old := float32(c.next())
		samples[i] = int16(old + (float32(samples[i])-old)*w)
	}
}

// bestLag returns the distance, in samples, over which part repeats itself best,
// and how well: 1 is exactly. at returns the stretch of the same length that is
// so far from it.
func bestLag(rate int, part []float32, at func(lag int) []float32) (best int, likeness float32) {
	best = rate / maxLag
	var own, score float32
	for _, s := range part {
		own += s * s
	}
	for lag := rate / minLag; lag <= rate/maxLag; lag++ {
		b := at(lag)[:len(part)]
		var product, energy float32
		for i, s := range part {
			product += s * b[i]
			energy += b[i] * b[i]
		}
		if s := product / float32(math.Sqrt(float64(energy*own+1))); s > score {
			best, score = lag, s
		}
	}
	return best, score
}
