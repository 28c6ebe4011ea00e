package audio

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"timbre/internal/media"
)

// A Player plays one message. To play is Run; to pause is to end its context;
// Run again goes on from Position. All methods but Run, of which one may run at
// a time, may be called from anywhere.
type Player struct {
	sound media.Sound
	at    atomic.Int64 // sample to be heard next
}

// tail is what is played after the end, so that the end is heard and not still
// somewhere in the device.
const tail = 300 * time.Millisecond

// NewPlayer returns a player at the start of sound; media.DecodeMP3 makes one
// from a voicemail.
func NewPlayer(sound media.Sound) *Player { return &Player{sound: playable(sound)} }

// playable returns sound at one of the rates of a media.Stream.
func playable(sound media.Sound) media.Sound {
	switch sound.Rate {
	case 8000, 16000, 48000:
		return sound
	}
	return sound.At(48000)
}

// Run plays on sys from Position until the end, where it rewinds to the start
// and returns nil, or until ctx ends, where it stays and returns ctx's error. A
// machine without a sound device stops it too: it returns ErrNoDevice rather
// than play to nobody.
func (p *Player) Run(ctx context.Context, sys System) error {
	playing, stop := context.WithCancelCause(ctx)
	var over atomic.Bool
	wake := make(chan struct{}, 1)
	rest := int(tail / frameTime)
	source := func(frame []int16) {
		if p.read(frame) {
			rest = int(tail / frameTime)
			return
		}
		if rest--; rest > 0 {
			return
		}
		over.Store(true)
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	var wait sync.WaitGroup
	wait.Go(func() {
		select {
		case <-wake:
			stop(nil)
		case <-playing.Done():
		}
	})
	trouble := func(err error) {
		if errors.Is(err, ErrNoDevice) {
			stop(err)
		}
	}
	err := sys.Run(playing, media.Stream{Rate: p.sound.Rate, Source: source, Trouble: trouble})
	stop(nil)
	wait.Wait()
	switch {
	case over.Load():
		p.at.Store(0)
		return err
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return context.Cause(playing)
}

// read fills frame with what comes next and reports whether there was any.
func (p *Player) read(frame []int16) bool {
	at := p.at.Load()
	n := copy(frame, p.sound.Samples[min(at, int64(len(p.sound.Samples))):])
	clear(frame[n:])
	p.at.CompareAndSwap(at, at+int64(n)) // unless it was sought meanwhile
	return n > 0
}

// Position returns how far it has played.
func (p *Player) Position() time.Duration {
	return media.Sound{Rate: p.sound.Rate, Samples: p.sound.Samples[:p.at.Load()]}.Duration()
}

// Seek goes to position d, playing or not; beyond either end it goes to that
// end.
func (p *Player) Seek(d time.Duration) {
	d = max(0, min(d, p.Duration()))
	p.at.Store(int64(d) * int64(p.sound.Rate) / int64(time.Second))
}

// Duration returns the length of the message.
func (p *Player) Duration() time.Duration { return p.sound.Duration() }

// Ring plays sound on sys again and again until ctx ends, and returns nil then.
// Devices ring where and as loud as the user chose for that.
func Ring(ctx context.Context, sys System, sound media.Sound) error {
	sound = playable(sound)
	bells := []System{sys}
	if d, ok := sys.(*Devices); ok {
		bells = d.bells()
	}
	errs := make([]error, len(bells))
	var all sync.WaitGroup
	for i, b := range bells {
		t := &tape{samples: sound.Samples}
		all.Go(func() { errs[i] = b.Run(ctx, media.Stream{Rate: sound.Rate, Source: t.read}) })
	}
	all.Wait()
	return errors.Join(errs...)
}
