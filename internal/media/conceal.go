package media

import "math"

// A concealer remembers what was heard last and continues it where nothing
// comes: the last period of the voice is repeated and fades away. It is what
// ITU-T G.711 appendix I does, without that one's delay.
type concealer struct {
	rate   int
	hist   []int16 // the last 20 ms, oldest first from at
	at     int
	line   []int16 // hist in order, while looking for the period
	period []int16 // what is repeated
	age    int     // samples since it began
}

const (
	minLag  = 400 // 1/400 s is the shortest period looked for
	maxLag  = 80
	lagPart = 200 // the period is looked for with 1/200 s of sound

	holdPart = 100 // a guess is held for 1/100 s
	fadePart = 20  // and has faded after another 1/20 s
)

func newConcealer(rate int) concealer {
	n := rate/maxLag + rate/lagPart
	return concealer{rate: rate, hist: make([]int16, n), line: make([]int16, n), period: make([]int16, 1, rate/maxLag)}
}

// heard remembers a sample that went out.
func (c *concealer) heard(s int16) {
	c.hist[c.at] = s
	if c.at++; c.at == len(c.hist) {
		c.at = 0
	}
}

// remember remembers samples that came one after another.
func (c *concealer) remember(samples []int16) {
	for _, s := range samples[max(0, len(samples)-len(c.hist)):] {
		c.heard(s)
	}
}

// goOn appends n guesses to dst and returns it.
func (c *concealer) goOn(dst []int16, n int) []int16 {
	c.begin()
	for range n {
		s := c.next()
		c.heard(s)
		dst = append(dst, s)
	}
	return dst
}

// begin prepares to continue what was heard so far.
func (c *concealer) begin() {
	n := copy(c.line, c.hist[c.at:])
	copy(c.line[n:], c.hist[:c.at])
	end := len(c.line) - c.rate/lagPart
	lag := bestLag(c.rate, func(lag int) ([]int16, []int16) { return c.line[end:], c.line[end-lag : len(c.line)-lag] })
	c.period = append(c.period[:0], c.line[len(c.line)-lag:]...)
	c.age = 0
}

// next returns the next guess.
func (c *concealer) next() int16 {
	s := c.period[c.age%len(c.period)]
	gain := 1 - float32(c.age-c.rate/holdPart)/float32(c.rate/fadePart)
	c.age++
	return int16(float32(s) * max(0, min(1, gain)))
}

// faded reports whether the guess has become silence.
func (c *concealer) faded() bool { return c.age >= c.rate/holdPart+c.rate/fadePart }

// bestLag returns the distance, in samples, over which the sound repeats
// itself best. pair returns the two stretches to compare for a distance.
func bestLag(rate int, pair func(lag int) (a, b []int16)) int {
	best, score := rate/maxLag, float32(0)
	for lag := rate / minLag; lag <= rate/maxLag; lag++ {
		a, b := pair(lag)
		var product, energy float32
		for i := range a {
			product += float32(a[i]) * float32(b[i])
			energy += float32(b[i]) * float32(b[i])
		}
		if s := product / float32(math.Sqrt(float64(energy+1))); s > score {
			best, score = lag, s
		}
	}
	return best
}
