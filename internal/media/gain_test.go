package media

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// syllables is a voice: a tone of that loudness that comes and goes, in a slight noise.
func syllables(level float64, d time.Duration) []int16 {
	rng := rand.New(rand.NewPCG(1, 2))
	out := Tone{Hz: [2]float64{300, 1100}, Level: level - 3, Cadence: []time.Duration{300 * time.Millisecond, 60 * time.Millisecond}}.Sound(16000, d).Samples
	for i := range out {
		out[i] = clip(float64(out[i]) + 10*rng.NormFloat64())
	}
	return out
}

// amplify sends sound through g in frames of 10 ms.
func amplify(g *Gain, sound []int16) []int16 {
	out := append([]int16(nil), sound...)
	for i := 0; i+160 <= len(out); i += 160 {
		g.Heard(out[i : i+160])
	}
	return out
}

func TestGainBringsVoicesTogether(t *testing.T) {
	for _, c := range []struct{ in, least, most float64 }{
		{-50, -36, -34}, // as far up as it goes
		{-35, -26, -21},
		{-22, -23, -21}, // is left alone
		{-8, -20.5, -18},
	} {
		out := amplify(NewGain(16000), syllables(c.in, 15*time.Second))
		if got := Loudness(out[12*16000:]); got < c.least || got > c.most {
			t.Errorf("a voice of %v dBFS comes out at %.1f, not from %v to %v", c.in, got, c.least, c.most)
		}
	}
}

func TestGainDoesNotPump(t *testing.T) {
	g := NewGain(16000)
	amplify(g, syllables(-32, 15*time.Second))
	before := g.gain
	rng := rand.New(rand.NewPCG(1, 2))
	pause := make([]int16, 10*16000)
	for i := range pause {
		pause[i] = clip(20 * rng.NormFloat64())
	}
	amplify(g, pause)
	if math.Abs(g.gain-before) > 1 {
		t.Errorf("a pause changed the gain from %.1f to %.1f dB", before, g.gain)
	}
	// A voice that keeps its loudness keeps its gain, whatever its syllables do.
	low, high := g.gain, g.gain
	voice := syllables(-32, 20*time.Second)
	for i := 0; i+160 <= len(voice); i += 160 {
		g.Heard(voice[i : i+160])
		low, high = min(low, g.gain), max(high, g.gain)
	}
	if high-low > 1.5 {
		t.Errorf("within a sentence the gain goes from %.1f to %.1f dB", low, high)
	}
}

func TestGainDoesNotClip(t *testing.T) {
	g := NewGain(16000)
	amplify(g, syllables(-45, 15*time.Second)) // turned up by now
	for i, s := range amplify(g, syllables(-10, time.Second)) {
		if s > 29100 || s < -29100 {
			t.Fatalf("sample %d of a shout is %d", i, s)
		}
	}
}

func TestGainSwitchedOff(t *testing.T) {
	g := NewGain(16000)
	g.Use(false)
	in := syllables(-40, 5*time.Second)
	out := amplify(g, in)
	for i := range in {
		if in[i] != out[i] {
			t.Fatal("what is switched off changes the sound")
		}
	}
	g.Heard(nil)
	frame := in[:160]
	g.Use(true)
	if n := testing.AllocsPerRun(100, func() { g.Heard(frame) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkGain(b *testing.B) { // one operation is a second of sound
	g, frame := NewGain(16000), syllables(-30, 10*time.Millisecond)
	for b.Loop() {
		for range 100 {
			g.Heard(frame)
		}
	}
}
