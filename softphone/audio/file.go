package audio

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"timbre/internal/media"
)

// OpenMP3 returns a player at the start of the MP3 file at path, such as a
// voicemail.
func OpenMP3(path string) (*Player, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("opening a message: %w", err)
	}
	sound, err := media.DecodeMP3(data)
	if err != nil {
		return nil, fmt.Errorf("opening a message: %w", err)
	}
	return NewPlayer(sound), nil
}

// RingWAV is Ring for the contents of a WAV file.
func RingWAV(ctx context.Context, sys System, wav []byte) error {
	sound, err := media.ReadWAV(bytes.NewReader(wav))
	if err != nil {
		return fmt.Errorf("reading the ringtone: %w", err)
	}
	return Ring(ctx, sys, sound)
}
