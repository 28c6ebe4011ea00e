package audio

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"timbre/internal/media"
)

// OpenMP3 returns a player of a voicemail, an MP3 file. The whole message is
// decoded at once; a file that is damaged or no message is an error.
func OpenMP3(path string) (*Player, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
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
