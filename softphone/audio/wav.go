package audio

import (
	"context"
	"fmt"
	"os"

	"timbre/internal/media"
)

// A WAV hears what is in the file In, its first ten minutes, again and again,
// and writes what it is given to the file Out, in real time. Either may be empty. In may have any
// rate; Out gets that of the stream. Each stream writes Out anew, so it holds
// the last one: one that has no Source leaves it alone.
type WAV struct{ In, Out string }

// Run implements System. It returns an error where a file cannot be read or
// written.
func (w WAV) Run(ctx context.Context, s media.Stream) error {
	hear := silence
	if w.In != "" && s.Sink != nil {
		in, err := readWAV(w.In)
		if err != nil {
			return err
		}
		t := &tape{samples: in.At(s.Rate).Samples}
		hear = t.read
	}
	if w.Out == "" || s.Source == nil {
		return carry(ctx, s, hear, discard)
	}
	f, err := os.Create(w.Out)
	if err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	defer f.Close()
	out, err := media.NewWAVWriter(f, s.Rate)
	if err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	if err := carry(ctx, s, hear, out.Write); err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	return nil
}

func readWAV(name string) (media.Sound, error) {
	f, err := os.Open(name)
	if err != nil {
		return media.Sound{}, fmt.Errorf("opening sound: %w", err)
	}
	defer f.Close()
	s, err := media.ReadWAV(f)
	if err != nil {
		return media.Sound{}, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// A tape plays samples again and again. It is used by one goroutine.
type tape struct {
	samples []int16
	at      int
}

func (t *tape) read(frame []int16) {
	for len(frame) > 0 {
		n := copy(frame, t.samples[t.at:])
		frame = frame[n:]
		if t.at += n; t.at < len(t.samples) {
			continue
		}
		if len(t.samples) == 0 {
			clear(frame)
			return
		}
		t.at = 0
	}
}
