package voicemail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"timbre/internal/media"
)

// pause is the longest silence that goes to the file before the next sound
// does: the silence that ends a recording is not part of it.
const pause = time.Second

// syncTime is how much of a recording a power cut may take. A killed server
// takes nothing: what was heard is with the system at once.
const syncTime = 2 * time.Second

// A medium is what a tape writes to: an *os.File, or memory.
type medium interface {
	io.WriteSeeker
	Sync() error
	Close() error
}

// A tape is a recording in progress. The medium is written as the caller speaks.
type tape struct {
	medium medium
	length time.Duration // at most

	mu      sync.Mutex
	wav     *media.WAVWriter       // guarded by mu, as are all below
	silence *media.SilenceDetector //
	held    []int16                // silence after the first pause, not yet in the file
	written int                    // samples in the file
	spoke   time.Time              // when the caller was last heard to speak
	over    bool                   // nothing is taken any more
	err     error                  // the first one of writing
}

// newTape returns a tape that writes to m, which it owns, for length at most.
func newTape(m medium, length time.Duration) (*tape, error) {
	wav, err := media.NewWAVWriter(m, Rate)
	if err != nil {
		m.Close()
		return nil, err
	}
	return &tape{medium: m, length: length, wav: wav, silence: media.NewSilenceDetector(Rate)}, nil
}

// run records leg until it is over, the caller presses # or falls silent, the
// recording is as long as it may be, or ctx ends.
func (t *tape) run(ctx context.Context, leg Leg) {
	t.mu.Lock()
	t.spoke = time.Now()
	t.mu.Unlock()
	leg.Listen(t.hear)
	defer leg.Listen(nil)
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	sync := time.NewTicker(syncTime)
	defer sync.Stop()
	for {
		select {
		case key, ok := <-leg.Digits():
			if !ok || key == '#' {
				return
			}
		case <-look.C:
			if t.full() {
				return
			}
		case <-sync.C:
			t.sync()
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
	if room := int(t.length/time.Second)*Rate - t.written - len(t.held); len(samples) > room {
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
		t.over = true
	}
	return t.over || t.err != nil || lasting(t.written+len(t.held)) >= t.length
}

// sync puts what was written where a power cut does not reach it.
func (t *tape) sync() {
	err := t.medium.Sync() // not under mu: it may take its time, and the caller speaks on
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = errors.Join(t.err, err)
}

// close finishes the recording and returns how long it is, without the silence
// at its end. What was written before an error is there to be read.
func (t *tape) close() (time.Duration, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	err := errors.Join(t.err, t.wav.Close(), t.medium.Sync(), t.medium.Close())
	if err != nil {
		err = fmt.Errorf("writing a recording: %w", err)
	}
	return lasting(t.written), err
}

// lasting returns how long n samples sound.
func lasting(n int) time.Duration { return time.Duration(n) * time.Second / Rate }
