package voicemail

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
)

// minGreeting is the shortest greeting that is recorded by phone.
const minGreeting = time.Second

// GreetingType is the media type of every stored greeting.
const GreetingType = "audio/wav"

// upload returns all of r. office.ErrGreeting: it is too large.
func upload(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, office.MaxGreetingBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading a greeting: %w", err)
	}
	if len(data) > office.MaxGreetingBytes {
		return nil, office.ErrGreeting
	}
	return data, nil
}

// greetingOf turns a WAV or MP3 file that somebody wants callers to hear into a WAV
// file of 8 kHz, 16 bits, mono, and says how long it is. office.ErrGreeting: it is
// neither, holds no sound, or is longer than office.MaxGreeting.
func greetingOf(data []byte) (wav []byte, d time.Duration, err error) {
	sound, err := media.ReadSound(data, Rate, office.MaxGreeting+time.Second)
	if err != nil || len(sound.Samples) == 0 || sound.Duration() > office.MaxGreeting {
		return nil, 0, office.ErrGreeting
	}
	wav, err = encodeWAV(sound.Samples)
	return wav, sound.Duration(), err
}

// encodeWAV returns samples at Rate as a WAV file.
func encodeWAV(samples []int16) ([]byte, error) {
	var m memory
	w, err := media.NewWAVWriter(&m, Rate)
	if err != nil {
		return nil, err
	}
	err = errors.Join(w.Write(samples), w.Close())
	return m.data, err
}

// Greetings turns what users upload into what callers hear, one file at a time:
// it takes about a second of processor. What was refused is not looked at again. It
// is safe for concurrent use; NewGreetings makes it.
type Greetings struct {
	turn    chan struct{}              // holds a value while a file is converted
	refused map[[sha256.Size]byte]bool // of whose turn it is
}

// maxRefused is how many refused files are remembered.
const maxRefused = 1000

// NewGreetings returns a converter.
func NewGreetings() *Greetings {
	return &Greetings{turn: make(chan struct{}, 1), refused: map[[sha256.Size]byte]bool{}}
}

// Convert turns an upload into a greeting, one at a time; it returns the media type
// as well.
func (g *Greetings) Convert(ctx context.Context, r io.Reader) (sound []byte, mediaType string, err error) {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
	data, err := upload(r)
	if err != nil {
		return nil, "", err
	}
	name := sha256.Sum256(data)
	if g.refused[name] {
		return nil, "", office.ErrGreeting
	}
	if sound, _, err = greetingOf(data); errors.Is(err, office.ErrGreeting) {
		if len(g.refused) >= maxRefused {
			clear(g.refused)
		}
		g.refused[name] = true
	}
	return sound, GreetingType, err
}

// greeting returns what callers of to hear now. Where the own greeting cannot be
// read it is the default one.
func (b *Box) greeting(ctx context.Context, to office.Extension) []int16 {
	g, err := b.store.Greeting(ctx, to.Account, b.now())
	if err == nil && g.BlobID != "" {
		var samples []int16
		if samples, err = b.blob(ctx, to.Account, g.BlobID); err == nil {
			return samples
		}
	}
	if err != nil {
		b.log.Error("greeting not read", "account", to.Account, "err", err)
	}
	return b.prompt(Intro, to.Language)
}

// blob returns the sound of a blob, which is WAV or MP3, at Rate.
// office.ErrNotFound: there is none such.
func (b *Box) blob(ctx context.Context, account, id office.ID) ([]int16, error) {
	f, _, err := b.store.OpenBlob(ctx, account, id)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	sound, err := media.ReadSound(data, Rate, office.MaxVoicemail+time.Second)
	return sound.Samples, err
}
