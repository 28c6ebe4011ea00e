package media

import "time"

// A SilenceDetector tells how long nobody has spoken. It learns the noise of
// the line while it listens, so that a hissing line counts as silent too. It is
// used by one goroutine.
type SilenceDetector struct {
	rate  int
	quiet time.Duration
}

// NewSilenceDetector returns a detector that has heard nothing yet.
func NewSilenceDetector(rate int) *SilenceDetector { return &SilenceDetector{rate: rate} }

// Write listens to the next samples, any number, and returns for how long it
// has been silent now.
func (d *SilenceDetector) Write(samples []int16) (quiet time.Duration) { return d.quiet }
