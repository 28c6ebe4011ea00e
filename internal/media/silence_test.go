package media

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// hiss returns white noise of that loudness.
func hiss(level float64, d time.Duration) []int16 {
	noise := rand.New(rand.NewPCG(7, 8))
	pcm := make([]int16, int(d.Seconds()*8000))
	for i := range pcm {
		pcm[i] = clip(noise.NormFloat64() * 32767 / math.Sqrt2 * math.Pow(10, level/20))
	}
	return pcm
}

func TestSilenceDetector(t *testing.T) {
	const second = time.Second
	voice := func(level float64, d time.Duration) []int16 {
		// Syllables, as speech has them.
		syllable := Sine(300, level)
		syllable.Cadence = []time.Duration{180 * time.Millisecond, 120 * time.Millisecond}
		return syllable.Sound(8000, d).Samples
	}
	mix := func(a, b []int16) []int16 {
		out := slices.Clone(a)
		for i := range min(len(a), len(b)) {
			out[i] += b[i]
		}
		return out
	}
	click := make([]int16, 8000*4)
	click[16000] = 20000
	for _, c := range []struct {
		name     string
		heard    []int16
		min, max time.Duration // of the silence at the end
	}{
		{"nothing at all", make([]int16, 8000*5), 5 * second, 5 * second},
		{"a voice", voice(-20, 10*second), 0, second / 2},
		{"a soft voice", voice(-42, 10*second), 0, second / 2},
		{"a voice, then silence", append(voice(-20, 5*second), make([]int16, 8000*4)...), 4 * second, 4*second + second/2},
		{"a steady tone, as of a test", Sine(1000, -12).Sound(8000, 60*second).Samples, 0, second / 2},
		{"a voice over hiss", mix(hiss(-45, 10*second), voice(-20, 10*second)), 0, second / 2},
		{"hiss after a voice", mix(hiss(-45, 15*second), voice(-20, 8*second)), 6 * second, 7*second + second/2},
		{"hiss from the start", hiss(-45, 20*second), 10 * second, 20 * second},
		{"a click in the silence", click, 4 * second, 4 * second},
	} {
		d := NewSilenceDetector(8000)
		var quiet time.Duration
		for chunk := range slices.Chunk(c.heard, 150) { // not a whole number of frames
			quiet = d.Write(chunk)
		}
		if quiet < c.min-20*time.Millisecond || quiet > c.max {
			t.Errorf("%s: silent for %v, want %v to %v", c.name, quiet, c.min, c.max)
		}
	}
}
