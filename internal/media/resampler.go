package media

import "math"

// maxDrift is how far from its ratio a Resampler goes, in millionths: twenty times
// what two sound cards differ by at worst, and less than an ear hears.
const maxDrift = 10_000

// fine is in how many places between two samples of the lower rate the kernel is
// kept. Between these it is a straight line, whose error is below -85 dB.
const fine = 64

// maxRows limits the table: a ratio that needs more rows to be met exactly, which no
// two machines have, is met between rows.
const maxRows = 512

// A Resampler turns a stream of one rate into another, and can run a little faster
// or slower than the ratio says: for two clocks that ought to be one. What is below
// 0.9 of half the lower rate passes within ±0.05 dB, what is above half of it leaves
// no alias or image above -70 dB. The sound comes out 23 samples of the lower rate
// late: 2.9 ms at 8 kHz, 1.4 ms at 16 kHz. It is used by one goroutine.
type Resampler struct {
	up, down int       // the ratio of the rates, reduced
	back     int       // taps before the one at the place of the output sample
	width    int       // taps of an output sample, a multiple of 4
	rows     int       // places between two input samples that have taps
	taps     []float32 // rows+1 times width
	hist     []float32 // input that is still needed
	phase    int       // of the next output sample after hist[back], in 1/up
	offset   float64   // of it after phase, from 0 to 1
	drift    float64   // by which phase moves on faster than down
}

// NewResampler returns a resampler between two rates in samples per second.
func NewResampler(from, to int) *Resampler {
	d := gcd(from, to)
	r := &Resampler{up: to / d, down: from / d}
	s := max(1, float64(from)/float64(to)) // input samples in one of the lower rate
	ahead := int(math.Ceil(kernelAhead * s))
	r.back = int(kernelBack * s)
	r.width = (r.back + 1 + ahead + 3) &^ 3
	r.back = r.width - 1 - ahead
	r.rows = int(math.Ceil(fine / s))
	if whole := (r.rows + r.up - 1) / r.up * r.up; whole <= maxRows {
		r.rows = whole
	}
	r.taps = make([]float32, (r.rows+1)*r.width)
	for i := range r.taps {
		place := float64(i/r.width) / float64(r.rows)
		r.taps[i] = float32(kernelAt((float64(i%r.width-r.back)-place)/s) / s)
	}
	r.hist = make([]float32, r.back, r.width+from/10)
	return r
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// SetDrift makes the input count as if it had ppm millionths more samples a second
// than its rate says: where ppm is positive, fewer samples come out. It holds from
// the next sample on, does not click, and is limited to ±10,000.
func (r *Resampler) SetDrift(ppm float64) {
	r.drift = float64(r.down) * 1e-6 * max(-maxDrift, min(maxDrift, ppm))
}

// late returns how many samples less than asked for come out at the beginning.
func (r *Resampler) late() int {
	ahead := r.width - 1 - r.back
	return (ahead*r.up + r.down - 1) / r.down
}

// Process appends to dst what src gives and returns it; it allocates only where
// dst has no room or src is longer than 100 ms. dst must not overlap src.
func (r *Resampler) Process(dst, src []int16) []int16 {
	for _, s := range src {
		r.hist = append(r.hist, float32(s))
	}
	at := 0
	for ; at+r.width <= len(r.hist); at += r.step() {
		dst = append(dst, clip(float64(r.sample(r.hist[at:at+r.width]))))
	}
	r.hist = r.hist[:copy(r.hist, r.hist[at:])]
	return dst
}

// sample returns the output sample at the present place.
func (r *Resampler) sample(in []float32) float32 {
	place := (float64(r.phase) + r.offset) * float64(r.rows) / float64(r.up)
	row := int(place)
	part := float32(place - float64(row))
	taps := r.taps[row*r.width:]
	if part == 0 {
		return dot(in, taps)
	}
	return between(in, taps, taps[r.width:], part)
}

// step moves on to the next output sample and returns over how many of the input.
func (r *Resampler) step() int {
	r.phase += r.down
	r.offset += r.drift
	whole := math.Floor(r.offset)
	r.offset -= whole
	r.phase += int(whole)
	n := r.phase / r.up
	r.phase -= n * r.up
	return n
}

// dot returns the sum of the products of in, whose length is a multiple of 4, and a.
func dot(in, a []float32) float32 {
	var s, t, u, v float32
	a = a[:len(in)]
	for len(in) >= 4 && len(a) >= 4 {
		s += in[0] * a[0]
		t += in[1] * a[1]
		u += in[2] * a[2]
		v += in[3] * a[3]
		in, a = in[4:], a[4:]
	}
	return s + t + u + v
}

// between is dot with what lies between a, where part is 0, and b, where it is 1.
func between(in, a, b []float32, part float32) float32 {
	var s, t, u, v float32
	a, b = a[:len(in)], b[:len(in)]
	for len(in) >= 4 && len(a) >= 4 && len(b) >= 4 {
		s += in[0]*a[0] + in[2]*a[2]
		t += in[1]*a[1] + in[3]*a[3]
		u += in[0]*b[0] + in[2]*b[2]
		v += in[1]*b[1] + in[3]*b[3]
		in, a, b = in[4:], a[4:], b[4:]
	}
	return (s+t)*(1-part) + (u+v)*part
}

// finish appends what is still to come of the sound so far, so that dst has n
// samples, and returns it.
func (r *Resampler) finish(dst []int16, n int) []int16 {
	for silence := make([]int16, r.width); len(dst) < n; {
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
