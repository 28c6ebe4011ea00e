package audio

import (
	"context"

	"timbre/internal/media"
)

// Null is a system without any device: it hears silence and throws away what
// it is given, in real time.
type Null struct{}

// Run implements System.
func (Null) Run(ctx context.Context, s media.Stream) error {
	return carry(ctx, s, silence, discard)
}

// Tone hears a steady tone and throws away what it is given, in real time.
type Tone struct {
	Hz    float64
	Level float64 // in dBFS; zero is -12
}

// Run implements System.
func (t Tone) Run(ctx context.Context, s media.Stream) error {
	level := t.Level
	if level == 0 {
		level = -12
	}
	return carry(ctx, s, media.Sine(t.Hz, level).Generator(s.Rate).Read, discard)
}
