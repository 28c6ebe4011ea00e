package media

import "time"

const (
	silenceFrame = 20 * time.Millisecond
	// Speech stands this much above the noise of the line.
	speechMargin = 9.0 // dB
	// Below quietLevel nothing is speech, above loudLevel nothing is noise.
	quietLevel = -55.0 // dBFS
	loudLevel  = -30.0 // dBFS
	// noiseRise is how fast the idea of the noise follows a line that got
	// noisier: slower than a sentence, faster than a voicemail.
	noiseRise = 3.0 // dB/s
	// A click is not speech: it takes this many loud frames in a row.
	speechFrames = 3
)

// A SilenceDetector tells how long nobody has spoken. It learns the noise of
// the line while it listens, so that a hissing line counts as silent too. It is
// used by one goroutine.
type SilenceDetector struct {
	rate  int
	frame []int16 // not yet judged
	noise float64 // of the line, in dBFS
	loud  int     // frames of speech in a row
	quiet time.Duration
}

// NewSilenceDetector returns a detector that has heard nothing yet.
func NewSilenceDetector(rate int) *SilenceDetector {
	return &SilenceDetector{rate: rate, noise: quietLevel}
}

// Write listens to the next samples, any number, and returns for how long it
// has been silent now.
func (d *SilenceDetector) Write(samples []int16) (quiet time.Duration) {
	size := int(silenceFrame.Seconds() * float64(d.rate))
	for len(samples) > 0 {
		n := min(size-len(d.frame), len(samples))
		d.frame = append(d.frame, samples[:n]...)
		samples = samples[n:]
		if len(d.frame) == size {
			d.judge(Loudness(d.frame))
			d.frame = d.frame[:0]
		}
	}
	return d.quiet
}

// judge takes one frame of that level into account.
func (d *SilenceDetector) judge(level float64) {
	// The noise falls at once to the quietest frame, and rises slowly.
	d.noise = min(level, d.noise+noiseRise*silenceFrame.Seconds())
	if level > loudLevel || level > max(quietLevel, d.noise+speechMargin) {
		d.loud++
	} else {
		d.loud = 0
	}
	d.quiet += silenceFrame
	if d.loud >= speechFrames {
		d.quiet = 0
	}
}
