package officetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

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

// from returns what was heard from the n-th sample on.
func (e *Ear) from(n int) (media.Sound, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return media.Sound{Rate: e.heard.Rate, Samples: slices.Clone(e.heard.Samples[min(n, len(e.heard.Samples)):])}, nil
}

// Hears waits until the tone hz is heard for half a second.
func (e *Ear) Hears(ctx context.Context, hz float64) error { return await(ctx, e.from, hz, true) }

// Misses waits until the tone hz is not heard for half a second.
func (e *Ear) Misses(ctx context.Context, hz float64) error { return await(ctx, e.from, hz, false) }

// await waits until half a second of a sound that goes on, from half a second ago
// on, has the tone hz, or has it not. Nothing of it is passed over, however slow the
// test. from returns the sound from a sample on.
func await(ctx context.Context, from func(n int) (media.Sound, error), hz float64, want bool) error {
	before, _ := from(0) // nothing yet, where that fails
	at := max(0, len(before.Samples)-before.Rate/2)
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		s, err := from(at)
		for half := s.Rate / 2; err == nil && half > 0 && len(s.Samples) >= half; {
			if media.Level(s.Samples[:half], s.Rate, hz) > toneLevel-6 == want {
				tick.Stop()
				return nil
			}
			s.Samples = s.Samples[half/5:]
			at += half / 5
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %g Hz to be heard, %v: %w, %v", hz, want, ctx.Err(), err)
		}
	}
}

// Forget forgets what was heard.
func (e *Ear) Forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = media.Sound{}
}

// Beeped reports whether s holds the beep after which a message is recorded. A
// twentieth of a second of it will do: a busy machine drops what is late.
func Beeped(s media.Sound) bool {
	part := s.Rate / 20
	for i := 0; part > 0 && i+part <= len(s.Samples); i += part / 5 {
		if media.Level(s.Samples[i:i+part], s.Rate, media.BeepHz) > toneLevel-6 {
			return true
		}
	}
	return false
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
