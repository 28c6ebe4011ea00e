package media

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

var rates = []int{8000, 16000, 24000, 32000, 44100, 48000, 96000}

// pairs calls f for each two rates.
func pairs(f func(from, to int)) {
	for _, from := range rates {
		for _, to := range rates {
			f(from, to)
		}
	}
}

// chord returns n frequencies from one to another that all have whole periods in 50 ms.
func chord(n int, from, to float64) []float64 {
	hz := make([]float64, n)
	for i := range hz {
		hz[i] = math.Round((from+(to-from)*float64(i)/float64(n-1))/20) * 20
	}
	return hz
}

// sounding is the sum of sines, each of that amplitude, resampled: a tenth of a second
// of it, after the beginning.
func sounding(hz []float64, amplitude float64, from, to int) []int16 {
	in := make([]int16, from*16/100)
	for i := range in {
		var sum float64
		for k, f := range hz { // each with its phase, so that the peaks do not meet
			sum += amplitude * math.Sin(2*math.Pi*f*float64(i)/float64(from)+float64(k*k))
		}
		in[i] = clip(sum)
	}
	return NewResampler(from, to).Process(nil, in)[to/20 : to/20+to/10]
}

func TestResamplerPassesWithoutRippleOrDelay(t *testing.T) {
	pairs(func(from, to int) {
		hz := chord(9, 100, 0.45*float64(min(from, to)))
		out := sounding(hz, 3600, from, to)
		rest := make([]float64, len(out))
		for i, s := range out {
			rest[i] = float64(s)
		}
		for k, f := range hz {
			c, s := parts(out, to, f)
			if got := 20 * math.Log10(math.Hypot(c, s)/3600); math.Abs(got) > 0.055 {
				t.Errorf("%d → %d: %.0f Hz is %.3f dB off", from, to, f, got)
			}
			if late := math.Remainder(float64(k*k)-math.Atan2(c, s), 2*math.Pi); math.Abs(late) > 0.006 {
				t.Errorf("%d → %d: %.0f Hz is late by %.4f of its phase", from, to, f, late)
			}
			for i := range rest {
				a := 2 * math.Pi * f * float64(i) / float64(to)
				rest[i] -= c*math.Cos(a) + s*math.Sin(a)
			}
		}
		var sum float64
		for _, v := range rest {
			sum += v * v
		}
		if got := 10*math.Log10(sum/float64(len(rest))) - Loudness(out) - decibel(1/math.Sqrt2) - 2*20*math.Log10(32767); got > -71 {
			t.Errorf("%d → %d: images at %.1f dB", from, to, got)
		}
	})
}

func TestResamplerKeepsAliasesOut(t *testing.T) {
	pairs(func(from, to int) {
		if from <= to {
			return
		}
		hz := chord(9, 0.5*float64(to), 0.499*float64(from))
		if got := Loudness(sounding(hz, 3600, from, to)) - decibel(3600*3); got > -71 {
			t.Errorf("%d → %d: aliases at %.1f dB", from, to, got)
		}
	})
	// And tone by tone where it is narrowest.
	for _, f := range chord(21, 4020, 4820) {
		if got := Loudness(sounding([]float64{f}, 30000, 16000, 8000)) - decibel(30000); got > -71 {
			t.Errorf("16000 → 8000: %.0f Hz left %.1f dB", f, got)
		}
	}
}

func TestResamplerKernel(t *testing.T) {
	const grid = 16
	var u, g []float64
	for i := -kernelBack * grid; i < kernelAhead*grid; i++ {
		u, g = append(u, float64(i)/grid), append(g, kernelAt(float64(i)/grid)/grid)
	}
	for f := 0.0; f < 2; f += 1. / 400 {
		var c, s float64
		for i := range u {
			sin, cos := math.Sincos(2 * math.Pi * f * u[i])
			c, s = c+g[i]*cos, s+g[i]*sin
		}
		gain := 20 * math.Log10(math.Hypot(c, s))
		switch {
		case f <= 0.45 && math.Abs(gain) > 0.046:
			t.Errorf("at %.4f of the lower rate it has %.4f dB", f, gain)
		case f > 0.45 && gain > 0.046: // no bump on the way down
			t.Errorf("at %.4f of the lower rate it has %.4f dB", f, gain)
		case f >= 0.5 && gain > -73:
			t.Errorf("at %.4f of the lower rate it has %.2f dB", f, gain)
		}
	}
}

// noise returns the loudness of what remains when the tone at hz is taken out.
func noise(pcm []int16, rate int, hz float64) float64 {
	c, s := parts(pcm, rate, hz)
	rest := make([]int16, len(pcm))
	for i, v := range pcm {
		a := 2 * math.Pi * hz * float64(i) / float64(rate)
		rest[i] = clip(float64(v) - c*math.Cos(a) - s*math.Sin(a))
	}
	return Loudness(rest)
}

// parts returns the cosine and the sine at hz in pcm, which has whole periods of it.
func parts(pcm []int16, rate int, hz float64) (c, s float64) {
	for i, v := range pcm {
		a := 2 * math.Pi * hz * float64(i) / float64(rate)
		c += 2 * float64(v) * math.Cos(a) / float64(len(pcm))
		s += 2 * float64(v) * math.Sin(a) / float64(len(pcm))
	}
	return c, s
}

func TestResamplerIsLateByLessThan3ms(t *testing.T) {
	pairs(func(from, to int) {
		r, in, out := NewResampler(from, to), make([]int16, 1), 0
		for n := range from / 50 { // how late the newest sample is whenever one goes in
			out += len(r.Process(nil, in))
			if late := float64(n+1)/float64(from) - float64(out)/float64(to); late > 3e-3 {
				t.Fatalf("%d → %d: after %d samples %.2f ms are missing", from, to, n+1, 1000*late)
			}
		}
	})
}

func TestResamplerDrifts(t *testing.T) {
	for _, ppm := range []float64{-1000, -200, -1, 1, 60, 1000} {
		pairs(func(from, to int) {
			if from%16000 != 0 || to%16000 != 0 || from > 48000 || to > 48000 {
				return
			}
			// A tone that the drift turns into whole periods again.
			const hz = 1000
			in := make([]int16, from/4)
			for i := range in {
				in[i] = clip(29000 * math.Sin(2*math.Pi*hz/(1+ppm*1e-6)*float64(i)/float64(from)))
			}
			r := NewResampler(from, to)
			r.SetDrift(ppm)
			out := r.Process(nil, in)
			want := float64(len(in))*float64(to)/float64(from)/(1+ppm*1e-6) - float64(r.late())
			if math.Abs(float64(len(out))-want) > 2 {
				t.Errorf("%d → %d, %v ppm: %d samples, want %.1f", from, to, ppm, len(out), want)
			}
			if got := noise(out[to/20:to/20+to/10], to, hz); got > -71 {
				t.Errorf("%d → %d, %v ppm: there are %.1f dBFS beside the tone", from, to, ppm, got)
			}
		})
	}
}

func TestResamplerChangesDriftWithoutClick(t *testing.T) {
	const rate, hz, amplitude = 16000, 1000, 23000
	rng := rand.New(rand.NewPCG(1, 2))
	r, tone := NewResampler(rate, rate), Sine(hz, 20*math.Log10(amplitude/32767.)).Generator(rate)
	in, out := make([]int16, 37), []int16(nil)
	for range 1000 {
		tone.Read(in)
		r.SetDrift(2000*rng.Float64() - 1000)
		out = r.Process(out, in)
	}
	// A sine obeys this exactly, one whose speed changes by 0.2 % almost.
	w := 2 * math.Pi * hz / float64(rate)
	allowed := amplitude*w*(2*math.Sin(w)*0.001+0.002) + 2
	for i := 200; i < len(out)-1; i++ {
		if off := float64(out[i-1]) + float64(out[i+1]) - 2*math.Cos(w)*float64(out[i]); math.Abs(off) > allowed {
			t.Fatalf("sample %d jumps by %.0f, allowed are %.1f", i, off, allowed)
		}
	}
}

func TestResamplerKeepsTime(t *testing.T) {
	// Five seconds at odd rates: not a sample is lost.
	r, in, out, n := NewResampler(441, 160), make([]int16, 441), make([]int16, 0, 200), 0
	for range 500 {
		out = r.Process(out[:0], in)
		n += len(out)
	}
	if want := 500*160 - r.late(); n < want || n > want+1 {
		t.Errorf("%d samples, want %d", n, want)
	}
}

func TestResamplerKeepsTheLength(t *testing.T) {
	for _, rate := range append([]int{7999, 11025, 22050, 192000}, 8000, 48000) {
		for _, to := range []int{8000, 16000, 44100} {
			in := Sine(1000, -6).Sound(rate, time.Second)
			out := in.At(to).Samples
			if len(out) != to {
				t.Errorf("%d → %d: a second became %d samples", rate, to, len(out))
			}
			out = out[to/10 : to*9/10] // without the ends, which are cut hard
			if got := Level(out, to, 1000); math.Abs(got+6) > 0.06 {
				t.Errorf("%d → %d: 1000 Hz has %.2f dBFS, not -6", rate, to, got)
			}
		}
	}
}

func TestResamplerStreamsLikeWhole(t *testing.T) {
	in := Sine(700, -6).Sound(44100, time.Second).Samples
	for _, ppm := range []float64{0, 77} {
		one, r := NewResampler(44100, 16000), NewResampler(44100, 16000)
		one.SetDrift(ppm)
		r.SetDrift(ppm)
		whole := one.Process(nil, in)
		var parts []int16
		rest := in
		for n := 1; len(rest) > 0; n = n*3%1000 + 1 {
			n = min(n, len(rest))
			parts = r.Process(parts, rest[:n])
			rest = rest[n:]
		}
		if fmt.Sprint(whole) != fmt.Sprint(parts) {
			t.Errorf("%v ppm: in pieces it sounds different", ppm)
		}
	}
}

func TestResamplerDoesNotAllocate(t *testing.T) {
	for _, to := range []int{8000, 44100} {
		r := NewResampler(48000, to)
		in, out := make([]int16, 480), make([]int16, 0, 500)
		drift := 0.0
		if n := testing.AllocsPerRun(100, func() {
			drift++
			r.SetDrift(drift)
			out = r.Process(out[:0], in)
		}); n != 0 {
			t.Errorf("48000 → %d: %v allocations", to, n)
		}
	}
}

func BenchmarkResampler(b *testing.B) {
	for _, c := range [][3]int{{8000, 48000}, {48000, 8000}, {16000, 48000}, {48000, 16000}, {16000, 16000, 60}, {8000, 16000, 60}, {16000, 44100, 60}} {
		b.Run(fmt.Sprintf("%d-%d at %d ppm", c[0], c[1], c[2]), func(b *testing.B) { // one operation is a second of sound
			r := NewResampler(c[0], c[1])
			r.SetDrift(float64(c[2]))
			in, out := make([]int16, c[0]/100), make([]int16, 0, c[1]/50)
			n := 0
			for b.Loop() {
				for range 100 {
					out = r.Process(out[:0], in)
					n += len(out)
				}
			}
			b.ReportMetric(float64(b.Elapsed())/float64(n), "ns/sample")
		})
	}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			NewResampler(16000, 48000)
		}
	})
}
