package media

import (
	"math"
	"testing"
	"time"
)

func TestLevelFindsTones(t *testing.T) {
	s := Sine(1000, -12).Sound(8000, time.Second)
	for hz, want := range map[float64]float64{1000: -12, 900: -60, 2000: -60} {
		got := Level(s.Samples, 8000, hz)
		if want == -12 && math.Abs(got-want) > 0.1 || want == -60 && got > want {
			t.Errorf("%.0f Hz has %.1f dBFS", hz, got)
		}
	}
	if got := Loudness(s.Samples); math.Abs(got+12) > 0.1 {
		t.Errorf("loudness is %.1f dBFS", got)
	}
	for _, silence := range [][]int16{nil, make([]int16, 800)} {
		if Level(silence, 8000, 1000) != floor || Loudness(silence) != floor {
			t.Error("silence has a level")
		}
	}
}

func TestCadences(t *testing.T) {
	for _, c := range []struct {
		name       string
		tone       Tone
		hz         float64
		sound, off time.Duration // somewhere within a burst, within a pause
	}{
		{"ringback MX", Ringback("MX"), 425, 5500 * time.Millisecond, 3 * time.Second},
		{"ringback US", Ringback("US"), 440, 7 * time.Second, 4 * time.Second},
	} {
		s := c.tone.Sound(8000, 10*time.Second).Samples
		at := func(d time.Duration) float64 {
			i := int(d.Seconds() * 8000)
			return Level(s[i:i+800], 8000, c.hz)
		}
		if got := at(c.sound); math.Abs(got-c.tone.Level) > 1 {
			t.Errorf("%s: %.1f dBFS after %v", c.name, got, c.sound)
		}
		if got := at(c.off); got != floor {
			t.Errorf("%s: %.1f dBFS after %v, where it should pause", c.name, got, c.off)
		}
	}
}

func TestGeneratorGoesOnBetweenFrames(t *testing.T) {
	g := Sine(440, -6).Generator(8000)
	var heard []int16
	frame := make([]int16, 80)
	for range 50 {
		g.Read(frame)
		heard = append(heard, frame...)
	}
	if n := noise(heard, 8000, 440); n > -80 {
		t.Errorf("%.1f dBFS of noise", n)
	}
}
