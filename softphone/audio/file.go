package audio

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"timbre/internal/media"
)

// ReadMP3 returns a player at the start of an MP3 file, such as a voicemail.
func ReadMP3(r io.Reader) (*Player, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("reading a message: %w", err)
	}
	sound, err := media.DecodeMP3(data)
	if err != nil {
		return nil, fmt.Errorf("reading a message: %w", err)
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
