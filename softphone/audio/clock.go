package audio

import (
	"context"
	"time"

	"timbre/internal/media"
)

// frameTime is the length of the frames of a media.Stream.
const frameTime = 10 * time.Millisecond

// maxBehind is how much a clock makes up for. After a longer pause, as when the
// machine slept, it starts anew.
const maxBehind = time.Second

// keepTime calls tick every 10 ms until ctx ends, which is no error, or tick
// fails. The times are those of an absolute schedule: a tick that comes late is
// followed at once by the next, so that as many are made as a sound card would.
func keepTime(ctx context.Context, tick func() error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for due := time.Now(); ; due = due.Add(frameTime) {
		wait := time.Until(due)
		if wait < -maxBehind {
			due, wait = time.Now(), 0
		}
		timer.Reset(max(0, wait))
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := tick(); err != nil {
			return err
		}
	}
}

// carry runs s without a device until ctx ends: hear fills what the microphone
// hears, play gets what is to be heard.
func carry(ctx context.Context, s media.Stream, hear func(frame []int16), play func(frame []int16) error) error {
	out, in := make([]int16, s.Rate/100), make([]int16, s.Rate/100)
	return keepTime(ctx, func() error {
		if s.Source != nil {
			s.Source(out)
			if err := play(out); err != nil {
				return err
			}
		}
		if s.Sink != nil {
			hear(in)
			s.Sink(in)
		}
		return nil
	})
}

func silence(frame []int16)       { clear(frame) }
func discard(frame []int16) error { return nil }
