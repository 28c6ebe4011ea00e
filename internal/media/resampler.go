package media

import "math"

// Zero crossings of the sinc on either side: 80 dB of stop band, and a pass
// band of 0.42 of the lower rate, which is 3.4 kHz for a telephone line.
const crossings = 24

// A Resampler turns a stream of one rate into another by a windowed sinc, one
// set of taps for each place that an output sample can have between two input
// samples. It is used by one goroutine.
type Resampler struct {
	up, down int         // the ratio of the rates, reduced
	taps     [][]float32 // for each of the up phases
	hist     []float32   // input that is still needed
	phase    int         // of the next output sample, after the first of hist
}

// NewResampler returns a resampler between two rates in samples per second.
func NewResampler(from, to int) *Resampler {
	d := gcd(from, to)
	r := &Resampler{up: to / d, down: from / d}
	// Below 1 where the rate falls; the 6 % keep the slope out of the mirror.
	scale := min(1, float64(to)/float64(from)) * 0.94
	half := int(math.Ceil(crossings / scale))
	r.taps = make([][]float32, r.up)
	for p := range r.taps {
		r.taps[p] = make([]float32, 2*half)
		for i := range r.taps[p] {
			x := (float64(i-half+1) - float64(p)/float64(r.up)) * scale
			if math.Abs(x) < crossings {
				r.taps[p][i] = float32(scale * sinc(x) * kaiser(x/crossings))
			}
		}
	}
	r.hist = make([]float32, half-1, 2*half+from/10) // the first sample is in the middle
	return r
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// kaiser is the Kaiser window with β = 8, at x from -1 to 1.
func kaiser(x float64) float64 {
	const beta = 8
	return bessel(beta*math.Sqrt(1-x*x)) / bessel(beta)
}

// bessel is the modified Bessel function of the first kind, order zero.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= (x / (2 * k)) * (x / (2 * k))
		sum += term
	}
	return sum
}

// late returns how many samples less than asked for come out at the beginning.
func (r *Resampler) late() int { return (len(r.taps[0])/2*r.up + r.down - 1) / r.down }

// Process appends to dst what src gives and returns it; it allocates only where
// dst has no room or src is longer than 100 ms. The sound comes out a few
// milliseconds late. dst must not overlap src.
func (r *Resampler) Process(dst, src []int16) []int16 {
	for _, s := range src {
		r.hist = append(r.hist, float32(s))
	}
	at, width := 0, len(r.taps[0])
	for at+width <= len(r.hist) {
		var sum float32
		in := r.hist[at : at+width]
		for i, tap := range r.taps[r.phase] {
			sum += tap * in[i]
		}
		dst = append(dst, clip(float64(sum)))
		r.phase += r.down
		at += r.phase / r.up
		r.phase %= r.up
	}
	r.hist = r.hist[:copy(r.hist, r.hist[at:])]
	return dst
}

// finish appends what is still to come of the sound so far, so that dst has n
// samples, and returns it.
func (r *Resampler) finish(dst []int16, n int) []int16 {
	for silence := make([]int16, len(r.taps[0])); len(dst) < n; {
		dst = r.Process(dst, silence)
	}
	return dst[:n]
}

// resample returns all of samples at another rate: as long as before, and not
// late.
func resample(samples []int16, from, to int) []int16 {
	r := NewResampler(from, to)
	n := int(int64(len(samples)) * int64(to) / int64(from))
	return r.finish(r.Process(make([]int16, 0, n+1), samples), n)
}
