package voicemail

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
	"timbre/internal/store"
)

// Silence is how long a caller may say nothing before the recording stops.
const Silence = 10 * time.Second

// ErrMenu is what Record returns where the caller pressed * during the greeting:
// somebody wants into the mailbox. Nothing was taken; Menu is next.
var ErrMenu = errors.New("the menu is wanted")

// A Message says who leaves a message for whom in which call. Call is the row in
// the log of To.
type Message struct {
	To   office.Extension
	From office.Party
	Call office.ID
}

// beginTime is how long a caller waits for the beep where the store is slow. Then
// no message can be taken.
const beginTime = 5 * time.Second

// Record holds the dialogue with the caller on leg: greeting, beep, recording. It
// returns when the caller hangs up, presses #, says nothing for Silence or has
// spoken for office.MaxVoicemail, or when ctx ends; the caller of Record then
// hangs up and gives what was taken to Keep. Nothing was taken (nil, nil) where
// less than office.MinVoicemail was said, or where mailbox or disk are full, which
// the caller of the mailbox was told; told is also who cannot be recorded, with an
// error. A recording that cannot be written any further ends as well: what there is
// of it is a message, unless it is too short. ErrMenu: the menu is wanted instead.
func (b *Box) Record(ctx context.Context, leg Leg, m Message) (*Taken, error) {
	if err := b.greet(ctx, leg, m.To); err != nil || over(ctx, leg) {
		return nil, ignore(err, errFull)
	}
	r := store.Recording{ID: office.NewID(), Account: m.To.Account, Call: m.Call, From: m.From, StartedAt: b.now().UTC()}
	t, err := b.begin(ctx, r)
	if err != nil {
		return nil, errors.Join(err, b.Say(ctx, leg, DiskFull, m.To.Language))
	}
	duration, err := record(ctx, leg, t)
	if duration < office.MinVoicemail {
		b.drop(ctx, r)
		return nil, err
	}
	if err != nil { // the disk is full, but not of nothing
		b.log.Error("recording cut", "call", m.Call, "duration", duration, "err", err)
	}
	return &Taken{recording: r, to: m.To, ended: b.now().UTC(), cut: err != nil || ctx.Err() != nil}, nil
}

// begin notes r in the store and makes its file: all that might take its time, so
// that nothing that is said after the beep is lost.
func (b *Box) begin(ctx context.Context, r store.Recording) (*tape, error) {
	limited, cancel := context.WithTimeout(ctx, beginTime)
	defer cancel()
	if err := b.store.BeginRecording(limited, r); err != nil {
		return nil, fmt.Errorf("beginning a recording: %w", err) // Recover drops it if it was begun after all
	}
	f, err := os.OpenFile(b.store.MasterPath(r.ID), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		var t *tape
		if t, err = newTape(f, office.MaxVoicemail); err == nil {
			return t, nil
		}
	}
	b.drop(ctx, r)
	return nil, fmt.Errorf("making a recording: %w", err)
}

// drop removes a recording that is no message.
func (b *Box) drop(ctx context.Context, r store.Recording) {
	if err := b.store.DropRecording(context.WithoutCancel(ctx), r.ID); err != nil {
		b.log.Error("recording not dropped", "call", r.Call, "err", err)
	}
}

// record beeps and tapes leg, and returns how long the recording is, also after an
// error.
func record(ctx context.Context, leg Leg, t *tape) (time.Duration, error) {
	failed := beep(ctx, leg)
	if failed == nil {
		t.run(ctx, leg)
	}
	duration, err := t.close()
	return duration, errors.Join(failed, err)
}

// errFull means that no message can be taken, and that the caller was told.
var errFull = errors.New("no room for a message")

// greet speaks the greeting of to, which a caller who knows it cuts short with #.
// ErrMenu: * was pressed; errFull: the caller heard why no message is taken.
func (b *Box) greet(ctx context.Context, leg Leg, to office.Extension) error {
	full := b.refusal(ctx, to.Account)
	words := b.greeting(ctx, to)
	if full != "" {
		words = b.prompt(full, to.Language)
	}
	key, err := leg.Play(ctx, words, "*#")
	switch {
	case err != nil:
		return fmt.Errorf("speaking the greeting: %w", err)
	case key == '*':
		return ErrMenu
	case full != "":
		return errFull
	}
	return nil
}

// beep plays the tone after which somebody speaks.
func beep(ctx context.Context, leg Leg) error {
	if _, err := leg.Play(ctx, media.Beep().Sound(Rate, media.BeepTime).Samples, ""); err != nil {
		return fmt.Errorf("beeping: %w", err)
	}
	return nil
}

// ignore returns err unless it is expected.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// over reports whether there is nobody left to record.
func over(ctx context.Context, leg Leg) bool {
	select {
	case <-leg.Done():
		return true
	case <-ctx.Done():
		return true
	default:
		return false
	}
}
