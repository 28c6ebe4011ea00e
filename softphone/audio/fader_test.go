package audio

import (
	"math"
	"slices"
	"testing"
	"time"

	"timbre/internal/media"
)

// faded returns what a tone becomes whose volume is changed after half of it.
func faded(level float64, before, after int) (in, out []int16) {
	d := &Devices{}
	set := func(volume int) {
		s := DefaultSettings()
		s.Speaker.Volume = volume
		d.Set(s)
	}
	set(before)
	f := newFader(d.chosen(), speaker, 16000)
	in = media.Sine(400, level).Sound(16000, 2*time.Second).Samples
	out = slices.Clone(in)
	for i := 0; i < len(out); i += 160 {
		if i == len(out)/2 {
			set(after)
		}
		f.apply(out[i : i+160])
	}
	return in, out
}

func TestVolume(t *testing.T) {
	for _, c := range []struct {
		level         float64
		before, after int
		want, then    float64 // dBFS
	}{
		{-12, 80, 80, -12, -12},
		{-12, 80, 100, -12, -2},
		{-12, 100, 80, -2, -12},
		{-12, 80, 0, -12, -120},
		{-12, 0, 80, -120, -12},
		{-12, 40, 60, -32, -22},
		{-12, 1, 500, -51.5, -2}, // beyond its bounds
		{-1, 80, 100, -1, 0},     // limited
		{0, 80, 80, 0, 0},
	} {
		in, out := faded(c.level, c.before, c.after)
		half := len(out) / 2
		got, then := media.Loudness(out[:half]), media.Loudness(out[half+1600:])
		if math.Abs(got-c.want) > 0.1 || math.Abs(then-c.then) > 0.15 {
			t.Errorf("%+v: %.2f, then %.2f dBFS", c, got, then)
		}
		if c.before == 80 && !slices.Equal(in[:half], out[:half]) {
			t.Errorf("%+v: sound was changed where nothing was to be", c)
		}
	}
}

// The steepest step of a tone is what amplitude and frequency make it, and no
// more: a click would be steeper.
func TestVolumeChangesWithoutAClick(t *testing.T) {
	for _, c := range [][2]int{{80, 0}, {0, 80}, {40, 90}, {90, 40}} {
		_, out := faded(-12, c[0], c[1])
		loudest := 0.0
		for _, s := range out {
			loudest = max(loudest, math.Abs(float64(s)))
		}
		steepest := loudest*2*math.Pi*400/16000 + loudest*0.0125 + 1 // and that of the fade itself
		for i := 1; i < len(out); i++ {
			if d := math.Abs(float64(out[i]) - float64(out[i-1])); d > steepest {
				t.Errorf("%v: a step of %.0f at %d", c, d, i)
				break
			}
		}
	}
}

// A tone that gets too loud stays one: a limiter that cuts makes harmonics.
func TestLimiterKeepsATonePure(t *testing.T) {
	_, out := faded(-3, 100, 100) // 7 dB too loud
	settled := out[1600:]
	if l := media.Level(settled, 16000, 1200); l > -40 {
		t.Errorf("its third harmonic has %.1f dBFS", l)
	}
	if l := media.Level(settled, 16000, 400); l < -1 {
		t.Errorf("the tone has %.1f dBFS", l)
	}
}
