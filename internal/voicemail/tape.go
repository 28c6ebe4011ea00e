package voicemail

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"timbre/internal/media"
	"timbre/internal/office"
)

// pause is the longest silence that goes to the file before the next sound
// does: the silence that ends a recording is not part of the message.
const pause = 2 * time.Second

// A tape is a recording in progress. The file below is written as the caller
// speaks.
type tape struct {
	file *os.File

	mu      sync.Mutex
	wav     *media.WAVWriter       // guarded by mu, as are all below
	silence *media.SilenceDetector //
	held    []int16                // silence after the first pause, not yet in the file
	written int                    // samples in the file
	spoke   time.Time              // when the caller was last heard to speak
	over    bool                   // nothing is taken any more
	err     error                  // the first one of writing
}

// newTape returns a tape that writes to a new file.
func newTape(path string) (*tape, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("making a recording: %w", err)
	}
	wav, err := media.NewWAVWriter(f, Rate)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("making a recording: %w", err)
	}
	return &tape{file: f, wav: wav, silence: media.NewSilenceDetector(Rate), spoke: time.Now()}, nil
}

// run records leg until it is over, the caller presses # or falls silent, the
// recording is as long as it may be, or ctx ends.
func (t *tape) run(ctx context.Context, leg Leg) {
	leg.Listen(t.hear)
	defer leg.Listen(nil)
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case key := <-leg.Digits():
			if key == '#' {
				return
			}
		case <-look.C:
			if t.full() {
				return
			}
		case <-leg.Done():
			return
		case <-ctx.Done():
			return
		}
	}
}

// hear takes what arrives.
func (t *tape) hear(samples []int16) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	quiet := t.silence.Write(samples)
	if quiet == 0 {
		t.spoke = time.Now()
	}
	if room := int(office.MaxVoicemail/time.Second)*Rate - t.written - len(t.held); len(samples) > room {
		samples = samples[:max(room, 0)]
	}
	if quiet > pause {
		t.held = append(t.held, samples...)
		return
	}
	t.write(t.held)
	t.write(samples)
	t.held = t.held[:0]
}

// write appends to the file. The caller holds mu.
func (t *tape) write(samples []int16) {
	if t.err != nil || len(samples) == 0 {
		return
	}
	if t.err = t.wav.Write(samples); t.err == nil {
		t.written += len(samples)
	}
}

// full reports whether the recording must end: it is as long as it may be, the
// caller has been silent for Silence, or it cannot be written. What was
// silence at its end is not kept.
func (t *tape) full() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.spoke) >= Silence { // by the clock: a muted telephone may send nothing
		t.held, t.over = nil, true
	}
	return t.over || t.err != nil || lasting(t.written+len(t.held)) >= office.MaxVoicemail
}

// close finishes the file and returns how long the recording is. Silence before
// a hang-up is part of it. What was written before an error is there to be read.
func (t *tape) close() (time.Duration, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.write(t.held)
	err := errors.Join(t.err, t.wav.Close(), t.file.Sync(), t.file.Close())
	if err != nil {
		err = fmt.Errorf("writing a recording: %w", err)
	}
	return lasting(t.written), err
}

// lasting returns how long n samples sound.
func lasting(n int) time.Duration { return time.Duration(n) * time.Second / Rate }
