package media

import (
	"math"
	"time"
)

// What a caller on hold hears: single soft notes, slowly, on the five that go with
// each other whatever follows what.
var (
	holdScale = [...]float64{261.63, 293.66, 329.63, 392.00, 440.00, 523.25} // C D E G A C, in Hz
	holdTune  = [...]int{0, 2, 4, 3, 5, 4, 2, 3, 1, 2, 0, 4, 3, 1, 2, 0}     // a note for each beat
)

const (
	holdBeat  = 800 * time.Millisecond
	holdLevel = -20.0 // of a note at its beginning, in dBFS
	holdFade  = 3.0   // how often it falls to its 1/e within two beats
)

// Hold returns what is to be heard while a call is held, once through; it may be
// repeated without a seam.
func Hold(rate int) Sound {
	beat := samplesIn(holdBeat, rate)
	s := Sound{Rate: rate, Samples: make([]int16, beat*len(holdTune))}
	amplitude := 32767 * math.Pow(10, holdLevel/20)
	for i, note := range holdTune {
		step := 2 * math.Pi * holdScale[note] / float64(rate)
		for n := range 2 * beat { // it rings on through the next beat, the last one into the first
			x := float64(n) / float64(2*beat)
			v := math.Sin(step*float64(n)) + 0.3*math.Sin(2*step*float64(n))
			v *= amplitude * math.Exp(-holdFade*x) * min(1, x*100, (1-x)*20)
			at := (i*beat + n) % len(s.Samples)
			s.Samples[at] = clip(float64(s.Samples[at]) + v)
		}
	}
	return s
}
