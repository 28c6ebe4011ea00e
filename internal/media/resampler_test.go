package media

import (
	"fmt"
	"math"
	"testing"
	"time"
)

var rates = []int{8000, 16000, 44100, 48000}

func TestResamplerKeepsTones(t *testing.T) {
	for _, from := range rates {
		for _, to := range rates {
			for _, hz := range []float64{100, 1000, 3300} {
				in := Sine(hz, -6).Sound(from, time.Second)
				out := in.At(to).Samples
				if len(out) != to {
					t.Fatalf("%d → %d: a second became %d samples", from, to, len(out))
				}
				out = out[to/10 : to*9/10] // without the ends, which are cut hard
				if got := Level(out, to, hz); math.Abs(got+6) > 0.3 {
					t.Errorf("%d → %d: %.0f Hz has %.2f dBFS, not -6", from, to, hz, got)
				}
				if got := noise(out, to, hz); got > -70 {
					t.Errorf("%d → %d: beside %.0f Hz there are %.1f dBFS of noise", from, to, hz, got)
				}
			}
		}
	}
}

// noise returns the loudness of what remains when the tone at hz is taken out.
func noise(pcm []int16, rate int, hz float64) float64 {
	var c, s float64
	for i, v := range pcm {
		a := 2 * math.Pi * hz * float64(i) / float64(rate)
		c += float64(v) * math.Cos(a)
		s += float64(v) * math.Sin(a)
	}
	rest := make([]int16, len(pcm))
	for i, v := range pcm {
		a := 2 * math.Pi * hz * float64(i) / float64(rate)
		rest[i] = clip(float64(v) - 2*(c*math.Cos(a)+s*math.Sin(a))/float64(len(pcm)))
	}
	return Loudness(rest)
}

func TestResamplerKeepsMirrorsOut(t *testing.T) {
	// 5 kHz does not exist at 8 kHz; unfiltered it would come back as 3 kHz.
	in := Sine(5000, -6).Sound(48000, time.Second)
	if got := Loudness(in.At(8000).Samples[1000:7000]); got > -70 {
		t.Errorf("5 kHz left %.1f dBFS", got)
	}
}

func TestResamplerStreamsLikeWhole(t *testing.T) {
	in := Sine(700, -6).Sound(44100, time.Second).Samples
	whole := NewResampler(44100, 16000).Process(nil, in)
	r := NewResampler(44100, 16000)
	var parts []int16
	for n := 1; len(in) > 0; n = n*3%1000 + 1 {
		n = min(n, len(in))
		parts = r.Process(parts, in[:n])
		in = in[n:]
	}
	if fmt.Sprint(whole) != fmt.Sprint(parts) {
		t.Error("in pieces it sounds different")
	}
}

func TestResamplerDoesNotAllocate(t *testing.T) {
	for _, to := range []int{8000, 44100} {
		r := NewResampler(48000, to)
		in, out := make([]int16, 480), make([]int16, 0, 480)
		if n := testing.AllocsPerRun(100, func() { out = r.Process(out[:0], in) }); n != 0 {
			t.Errorf("48000 → %d: %v allocations", to, n)
		}
	}
}

func BenchmarkResampler(b *testing.B) {
	for _, c := range [][2]int{{8000, 48000}, {48000, 8000}} {
		b.Run(fmt.Sprint(c), func(b *testing.B) { // one operation is a second of sound
			r := NewResampler(c[0], c[1])
			in, out := make([]int16, c[0]/100), make([]int16, 0, c[1]/50)
			for range b.N {
				for range 100 {
					out = r.Process(out[:0], in)
				}
			}
		})
	}
}
