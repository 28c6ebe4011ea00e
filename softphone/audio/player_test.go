package audio

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gen2brain/malgo"

	"timbre/internal/media"
)

func TestPlayerPlaysToTheEnd(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.wav")
	p := NewPlayer(media.Sine(700, -12).Sound(44100, 500*time.Millisecond))
	if p.Duration() != 500*time.Millisecond || p.Position() != 0 {
		t.Errorf("at %v of %v", p.Position(), p.Duration())
	}
	if err := p.Run(t.Context(), WAV{Out: out}); err != nil {
		t.Fatal(err)
	}
	if p.Position() != 0 {
		t.Errorf("after the end it stands at %v", p.Position())
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := media.ReadWAV(f)
	if err != nil {
		t.Fatal(err)
	}
	half := s.Rate / 2
	if l := media.Level(s.Samples[:half], s.Rate, 700); l < -13 {
		t.Errorf("the tone has %.1f dBFS", l)
	}
	if l := media.Loudness(s.Samples[half:]); l > -100 || s.Duration() > time.Second {
		t.Errorf("then %.1f dBFS until %v", l, s.Duration())
	}
}

// eager is a system without a clock: it pulls until told to stop, and calls
// after for each frame.
type eager func(frame []int16)

func (e eager) Run(ctx context.Context, s media.Stream) error {
	frame := make([]int16, s.Rate/100)
	for ctx.Err() == nil {
		s.Source(frame)
		e(frame)
	}
	return nil
}

func TestPlayerPausesAndSeeks(t *testing.T) {
	sound := media.Sound{Rate: 8000, Samples: make([]int16, 80000)}
	for i := range sound.Samples {
		sound.Samples[i] = int16(i / 80) // the number of the frame
	}
	p := NewPlayer(sound)
	// run plays until the last frame has been heard and returns the first.
	run := func(last int16) (first int16) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		heard := 0
		err := p.Run(ctx, eager(func(frame []int16) {
			if heard++; heard == 1 {
				first = frame[0]
			}
			if frame[0] == last {
				stop()
			}
		}))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("paused with %v", err)
		}
		return first
	}
	if first := run(99); first != 0 || p.Position() != time.Second {
		t.Errorf("from frame %d to %v", first, p.Position())
	}
	if first := run(199); first != 100 || p.Position() != 2*time.Second {
		t.Errorf("after a pause from frame %d to %v", first, p.Position())
	}
	p.Seek(7 * time.Second)
	if first := run(709); first != 700 || p.Position() != 7100*time.Millisecond {
		t.Errorf("after a seek from frame %d to %v", first, p.Position())
	}
	for d, want := range map[time.Duration]time.Duration{-time.Second: 0, time.Hour: 10 * time.Second} {
		if p.Seek(d); p.Position() != want {
			t.Errorf("sought %v, is at %v", d, p.Position())
		}
	}
	p.Seek(9 * time.Second)
	if err := p.Run(t.Context(), eager(func([]int16) {})); err != nil || p.Position() != 0 {
		t.Errorf("at the end: %v, at %v", err, p.Position())
	}
}

func TestPlayerSaysWhyItCannot(t *testing.T) {
	p := NewPlayer(media.Sound{Rate: 8000, Samples: make([]int16, 8000)})
	if err := p.Run(t.Context(), WAV{Out: filepath.Join(t.TempDir(), "none", "a.wav")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if err := p.Run(t.Context(), &Devices{hardware: library{malgo.BackendWebaudio}}); !errors.Is(err, ErrNoDevice) {
		t.Errorf("without a sound device: %v", err)
	}
	if err := NewPlayer(media.Sound{}).Run(t.Context(), eager(func([]int16) {})); err != nil {
		t.Errorf("nothing to play: %v", err)
	}
}

func TestRingGoesOn(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var heard []int16
	err := Ring(ctx, eager(func(frame []int16) {
		if heard = append(heard, frame...); len(heard) >= 8000 {
			stop()
		}
	}), media.Sine(800, -12).Sound(8000, 300*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	if l := media.Level(heard, 8000, 800); l < -13 {
		t.Errorf("the ring has %.1f dBFS", l)
	}
}
