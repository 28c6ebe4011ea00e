package media

import "math"

// margins remember how far ahead of their turn the packets of the last seconds
// arrived, in samples. The lowest of them tells by how much the buffer is too
// deep or too shallow; jitter and clock drift both show in it.
type margins struct {
	slice   int // samples that one of the lows stands for
	lows    [8]int
	current int     // index into lows
	age     int     // samples since the start of the current one
	full    int     // lows that have been filled since the reset
	mean    float64 // moving
}

const unknown = math.MaxInt32

// reset forgets all but the first packet's margin.
func (m *margins) reset(rate, first int) {
	*m = margins{slice: rate / 2, mean: float64(first)}
	for i := range m.lows {
		m.lows[i] = unknown
	}
	m.lows[0] = first
}

// add takes a packet into account.
func (m *margins) add(margin int) {
	m.lows[m.current] = min(m.lows[m.current], margin)
	m.mean += (float64(margin) - m.mean) / 64
}

// tick passes n samples of time.
func (m *margins) tick(n int) {
	if m.age += n; m.age >= m.slice {
		m.age = 0
		m.full++
		m.current = (m.current + 1) % len(m.lows)
		m.lows[m.current] = unknown
	}
}

// shift says that the buffer became deeper by d.
func (m *margins) shift(d int) {
	for i, low := range m.lows {
		if low != unknown {
			m.lows[i] += d
		}
	}
	m.mean += float64(d)
}

// low returns the smallest margin of the last four seconds.
func (m *margins) low() int {
	low := unknown
	for _, l := range m.lows {
		low = min(low, l)
	}
	return low
}

// settled reports whether there have been four seconds to judge by.
func (m *margins) settled() bool { return m.full >= len(m.lows) }
