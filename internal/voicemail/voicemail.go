// Package voicemail is the office's voice towards those who find nobody, and
// towards the owners of mailboxes: it greets, beeps, records what a caller says
// and turns the recording into a message in the store; it lets an owner hear and
// keep house by telephone (Menu); and it speaks the prompts with which calls are
// refused or accepted. It sees a caller through a small Leg interface of its own
// and knows nothing of SIP or RTP; answering, dialling and hanging up are pbx's,
// its caller. Convert, which api uses, makes greetings of uploads.
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
	"slices"
	"time"

	"timbre/internal/auth"
	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/store"
)

// Config says what a Box needs.
type Config struct {
	Store  *store.Store
	Log    *slog.Logger
	Sounds *Sounds
	Gate   *auth.Gate // checks PINs
	// Disk returns how many bytes of the disk of the data folder are in use, and
	// how many there are. nil: it is never full.
	Disk func(ctx context.Context) (used, total int64, err error)
	Now  func() time.Time // nil: time.Now
}

// A Box takes messages for all extensions of the office. It is safe for
// concurrent use and starts no goroutine.
type Box struct {
	store  *store.Store
	log    *slog.Logger
	sounds *Sounds
	gate   *auth.Gate
	now    func() time.Time
	encode chan struct{} // holds one token per encoder at work

	diskUse func(ctx context.Context) (used, total int64, err error) // nil: not known
}

// encoders is how many messages are encoded at the same time. One takes 0.3 s
// of processor for three minutes of sound, which calls in progress need more.
const encoders = 1

// New returns a Box over cfg.Store.
func New(cfg Config) *Box {
	b := &Box{
		store: cfg.Store, log: cfg.Log, sounds: cfg.Sounds, gate: cfg.Gate, now: cfg.Now, diskUse: cfg.Disk,
		encode: make(chan struct{}, encoders),
	}
	if b.now == nil {
		b.now = time.Now
	}
	return b
}

// A Taken is a message that was recorded and is not yet in the mailbox. Until it
// is, it outlives the server: Recover finds it at the next start.
type Taken struct {
	recording store.Recording
	to        office.Extension // zero where Recover found it
	ended     time.Time        // zero where Recover found it
	cut       bool             // by a stop of the server or a full disk
}

// Keep encodes what was taken and commits it together with the given sides of
// its call. It takes about 2 ms for each second of sound: hang up first. After
// an error the recording stays where it is, for KeepLate.
func (b *Box) Keep(ctx context.Context, t *Taken, calls ...store.Side) (office.Voicemail, error) {
	sound, duration, err := b.mp3(ctx, t.recording.ID)
	if err != nil {
		return office.Voicemail{}, err
	}
	v, err := b.add(ctx, t, sound, duration, calls)
	if err == nil {
		b.warn(ctx, t.to, v)
	}
	return v, err
}

// KeepLate tries again what Keep or Recover could not do. It is no error, any
// more, where the message is in the mailbox already, is too short or was never
// written, or where the extension is gone; after an error it may be called again.
func (b *Box) KeepLate(ctx context.Context, t *Taken) error {
	waiting, err := b.store.Recordings(ctx)
	if err != nil {
		return fmt.Errorf("reading cut recordings: %w", err)
	}
	if !slices.ContainsFunc(waiting, func(r store.Recording) bool { return r.ID == t.recording.ID }) {
		return nil // committed by the try whose answer was an error
	}
	return b.recover(ctx, t)
}

// Recover turns the recordings that a stop of the server cut into voicemails
// marked truncated, those that are too short into nothing. It is called once,
// before the first Record. It returns those with which this did not succeed, for
// KeepLate; they are logged.
func (b *Box) Recover(ctx context.Context) ([]*Taken, error) {
	recordings, err := b.store.Recordings(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading cut recordings: %w", err)
	}
	var left []*Taken
	for _, r := range recordings {
		t := &Taken{recording: r, cut: true}
		if err := b.recover(ctx, t); err != nil {
			b.log.Error("cut recording not recovered", "account", r.Account, "call", r.Call, "err", err)
			left = append(left, t)
		}
	}
	return left, nil
}

// recover turns a recording into a voicemail or drops it.
func (b *Box) recover(ctx context.Context, t *Taken) error {
	sound, duration, err := b.mp3(ctx, t.recording.ID)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, media.ErrFormat): // cut before the first sample
		return b.store.DropRecording(ctx, t.recording.ID)
	case err != nil:
		return err
	case duration < office.MinVoicemail:
		return b.store.DropRecording(ctx, t.recording.ID)
	}
	_, err = b.add(ctx, t, sound, duration, nil)
	if errors.Is(err, office.ErrNotFound) { // the extension was removed meanwhile
		return b.store.DropRecording(ctx, t.recording.ID)
	}
	return err
}

// mp3 returns the master of a recording as MP3, and how long it is.
func (b *Box) mp3(ctx context.Context, id office.ID) ([]byte, time.Duration, error) {
	select {
	case b.encode <- struct{}{}:
		defer func() { <-b.encode }()
	case <-ctx.Done():
		return nil, 0, fmt.Errorf("encoding a message: %w", ctx.Err())
	}
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

// add puts a message that sounds into the mailbox.
func (b *Box) add(ctx context.Context, t *Taken, sound []byte, duration time.Duration, calls []store.Side) (office.Voicemail, error) {
	received := t.ended
	if received.IsZero() {
		received = t.recording.StartedAt.Add(duration)
	}
	v, err := b.store.AddVoicemail(ctx, store.NewVoicemail{
		Recording: t.recording, ReceivedAt: received, Duration: duration, Truncated: t.cut, Audio: sound, Calls: calls,
	})
	if err != nil {
		return office.Voicemail{}, fmt.Errorf("keeping a message: %w", err)
	}
	b.log.Info("message kept", "account", t.recording.Account, "call", t.recording.Call, "duration", duration, "truncated", t.cut)
	return v, nil
}
