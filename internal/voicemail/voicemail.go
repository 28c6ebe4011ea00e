// Package voicemail is the answering dialogue: it speaks the prompt, beeps,
// records what the caller says and turns the recording into a message in the
// store. It sees the caller through a small Leg interface of its own and knows
// nothing of SIP or RTP; answering and hanging up are pbx's, its only caller.
//
// The recording (the master) is written to its file while the caller speaks,
// and the store knows of it before the first sample: a message that is being
// left survives kill -9 of the server. Recover makes it a voicemail at the next
// start.
package voicemail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/store"
)

// Config says what a Box needs.
type Config struct {
	Store  *store.Store
	Log    *slog.Logger
	Sounds *Sounds
	Now    func() time.Time // nil: time.Now
}

// A Box takes messages for all extensions of the office. It is safe for
// concurrent use and starts no goroutine.
type Box struct {
	store  *store.Store
	log    *slog.Logger
	sounds *Sounds
	now    func() time.Time
	encode chan struct{} // holds one token per encoder at work
}

// encoders is how many messages are encoded at the same time. One takes 0.3 s
// of processor for three minutes of sound, which calls in progress need more.
const encoders = 1

// New returns a Box over cfg.Store.
func New(cfg Config) *Box {
	b := &Box{store: cfg.Store, log: cfg.Log, sounds: cfg.Sounds, now: cfg.Now, encode: make(chan struct{}, encoders)}
	if b.now == nil {
		b.now = time.Now
	}
	return b
}

// A Taken is a message that was recorded and is not yet in the mailbox.
type Taken struct {
	recording store.Recording
	Duration  time.Duration
	EndedAt   time.Time
	cut       bool // by a stop of the server
}

// Keep encodes what was taken and commits it together with the given sides of
// its call. It takes about 2 ms for each second of sound: hang up first. After
// an error the recording stays where it is, for Recover at the next start.
func (b *Box) Keep(ctx context.Context, t *Taken, calls ...store.Side) (office.Voicemail, error) {
	select {
	case b.encode <- struct{}{}:
		defer func() { <-b.encode }()
	case <-ctx.Done():
		return office.Voicemail{}, fmt.Errorf("encoding a message: %w", ctx.Err())
	}
	sound, duration, err := b.mp3(t.recording.ID)
	if err != nil {
		return office.Voicemail{}, err
	}
	v, err := b.store.AddVoicemail(ctx, store.NewVoicemail{
		Recording: t.recording, ReceivedAt: t.EndedAt, Duration: duration, Truncated: t.cut, Audio: sound, Calls: calls,
	})
	if err != nil {
		return office.Voicemail{}, fmt.Errorf("keeping a message: %w", err)
	}
	b.log.Info("message kept", "account", t.recording.Account, "call", t.recording.Call, "duration", duration, "truncated", t.cut)
	return v, nil
}

// mp3 returns the master of a recording as MP3, and how long it is.
func (b *Box) mp3(id office.ID) ([]byte, time.Duration, error) {
	master, err := os.Open(b.store.MasterPath(id))
	if err != nil {
		return nil, 0, fmt.Errorf("opening a recording: %w", err)
	}
	defer master.Close()
	var sound bytes.Buffer
	duration, err := media.WAVToMP3(&sound, master)
	if err != nil {
		return nil, 0, fmt.Errorf("encoding a message: %w", err)
	}
	return sound.Bytes(), duration, nil
}

// Recover turns the recordings that a stop of the server cut into voicemails
// marked truncated, those that are too short into nothing. It is called once,
// before the first Record. A recording that cannot be read stays and is logged;
// it keeps the others from nothing.
func (b *Box) Recover(ctx context.Context) error {
	recordings, err := b.store.Recordings(ctx)
	if err != nil {
		return fmt.Errorf("reading cut recordings: %w", err)
	}
	for _, r := range recordings {
		if err := b.recover(ctx, r); err != nil {
			b.log.Error("cut recording not recovered", "account", r.Account, "call", r.Call, "err", err)
		}
	}
	return nil
}

// recover turns one cut recording into a voicemail or drops it.
func (b *Box) recover(ctx context.Context, r store.Recording) error {
	sound, duration, err := b.mp3(r.ID)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, media.ErrFormat): // cut before the first sample
		return b.store.DropRecording(ctx, r.ID)
	case err != nil:
		return err
	case duration < office.MinVoicemail:
		return b.store.DropRecording(ctx, r.ID)
	}
	_, err = b.store.AddVoicemail(ctx, store.NewVoicemail{
		Recording: r, ReceivedAt: r.StartedAt.Add(duration), Duration: duration, Truncated: true, Audio: sound,
	})
	if errors.Is(err, office.ErrNotFound) { // the extension was removed meanwhile
		return b.store.DropRecording(ctx, r.ID)
	}
	return err
}
