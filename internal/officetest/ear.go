package officetest

import (
	"context"
	"sync"

	"timbre/internal/media"
	"timbre/softphone"
	"timbre/softphone/audio"
)

// An Ear is the sound device of a phone in a test: it says a steady tone and
// remembers what it hears. It is safe for concurrent use.
type Ear struct {
	device softphone.Audio

	mu    sync.Mutex
	heard media.Sound // guarded by mu
}

// toneLevel is how loud tones are sent here, in dBFS; audio.Tone has the same.
const toneLevel = -12

// NewEar returns an ear whose microphone hears a tone of hz; silence where hz
// is 0.
func NewEar(hz float64) *Ear {
	if hz == 0 {
		return &Ear{device: audio.Null{}}
	}
	return &Ear{device: audio.Tone{Hz: hz}}
}

// Run implements softphone.Audio.
func (e *Ear) Run(ctx context.Context, s media.Stream) error {
	source := s.Source
	s.Source = func(frame []int16) {
		source(frame)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.heard.Rate = s.Rate
		e.heard.Samples = append(e.heard.Samples, frame...)
	}
	return e.device.Run(ctx, s)
}

// Heard returns all that was heard so far.
func (e *Ear) Heard() media.Sound {
	e.mu.Lock()
	defer e.mu.Unlock()
	return media.Sound{Rate: e.heard.Rate, Samples: append([]int16(nil), e.heard.Samples...)}
}

// Forget forgets what was heard.
func (e *Ear) Forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = media.Sound{}
}

// Loudest returns the level of the tone hz in dBFS where it is heard best: over
// the best second of s.
func Loudest(s media.Sound, hz float64) float64 {
	best := -120.0
	for i := 0; i+s.Rate <= len(s.Samples) && s.Rate > 0; i += s.Rate / 10 {
		best = max(best, media.Level(s.Samples[i:i+s.Rate], s.Rate, hz))
	}
	return best
}
