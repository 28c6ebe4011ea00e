package media

// A Resampler turns a stream of one rate into another: windowed sinc, for any
// two rates. It is used by one goroutine.
type Resampler struct{}

// NewResampler returns a resampler between two rates in samples per second.
func NewResampler(from, to int) *Resampler { return nil }

// Process appends to dst what src gives and returns it; it allocates only where
// dst has no room. The first samples are late by Delay.
func (r *Resampler) Process(dst, src []int16) []int16 { return nil }

// Resample returns all of samples at another rate, without delay: as long as
// before.
func Resample(samples []int16, from, to int) []int16 { return nil }
