package media

import (
	"math"
	"time"
)

// A Tone is a signal as a telephone exchange makes it: one or two frequencies,
// switched on and off.
type Tone struct {
	Hz      [2]float64      // the second may be zero
	Level   float64         // of each frequency, in dBFS
	Cadence []time.Duration // on, off, on, off …, then again from the start; empty is always on
}

// Sine returns a steady tone of one frequency.
func Sine(hz, level float64) Tone { return Tone{Hz: [2]float64{hz}, Level: level} }

// Ringback returns what a caller hears while the other side rings, as in the
// region (ISO 3166-1 alpha-2); regions that we do not know sound like Mexico.
func Ringback(region string) Tone {
	if region == "US" || region == "CA" {
		return Tone{Hz: [2]float64{440, 480}, Level: -22, Cadence: []time.Duration{2 * time.Second, 4 * time.Second}}
	}
	return Tone{Hz: [2]float64{425}, Level: -19, Cadence: []time.Duration{time.Second, 4 * time.Second}}
}

// BeepHz is the frequency of a Beep.
const BeepHz = 880

// Beep returns the tone after which a caller speaks; BeepTime is its length.
func Beep() Tone { return Sine(BeepHz, -12) }

// BeepTime is how long a Beep lasts.
const BeepTime = 400 * time.Millisecond

// Sound returns the first d of the tone. Both ends of every burst are faded
// over 2 ms, so that nothing clicks.
func (t Tone) Sound(rate int, d time.Duration) Sound {
	s := Sound{Rate: rate, Samples: make([]int16, int(d.Seconds()*float64(rate)))}
	t.Generator(rate).Read(s.Samples)
	return s
}

// Generator returns an endless source of the tone.
func (t Tone) Generator(rate int) *Generator {
	g := &Generator{rate: rate, amplitude: 32767 * math.Pow(10, t.Level/20)}
	for i, hz := range t.Hz {
		g.step[i] = hz / float64(rate)
	}
	for _, d := range t.Cadence {
		g.period += int(d.Seconds() * float64(rate))
		g.edges = append(g.edges, g.period)
	}
	return g
}

// A Generator makes the samples of a Tone. It is used by one goroutine.
type Generator struct {
	rate      int
	amplitude float64
	step      [2]float64 // periods per sample
	phase     [2]float64 // in periods
	edges     []int      // samples after which the tone goes off, on, off …
	period    int
	at        int // samples into the cadence
}

// Read fills frame with what comes next. It does not allocate.
func (g *Generator) Read(frame []int16) {
	for i := range frame {
		var v float64
		for j, step := range g.step {
			if step != 0 {
				v += math.Sin(2 * math.Pi * g.phase[j])
				_, g.phase[j] = math.Modf(g.phase[j] + step)
			}
		}
		frame[i] = clip(v * g.amplitude * g.gain())
		if g.at++; g.period > 0 && g.at >= g.period {
			g.at = 0
		}
	}
}

// gain returns how much of the tone is heard at this place of its cadence.
func (g *Generator) gain() float64 {
	if g.period == 0 {
		return 1
	}
	fade := float64(g.rate) / 500
	start := 0
	for i, end := range g.edges {
		if g.at < end {
			if i%2 == 1 {
				return 0
			}
			return min(1, float64(g.at-start)/fade, float64(end-1-g.at)/fade)
		}
		start = end
	}
	return 0
}

// clip rounds v to a sample.
func clip(v float64) int16 {
	return int16(math.Round(max(-32768, min(32767, v))))
}
