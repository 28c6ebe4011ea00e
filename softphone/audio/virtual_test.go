package audio

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"timbre/internal/media"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// take runs s on sys until its Sink has got d of sound, which is returned.
func take(t *testing.T, sys System, s media.Stream, d time.Duration) []int16 {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	var heard []int16
	want := int(d.Seconds() * float64(s.Rate))
	s.Sink = func(frame []int16) {
		if heard = append(heard, frame...); len(heard) >= want {
			stop()
		}
	}
	if err := sys.Run(ctx, s); err != nil {
		t.Fatal(err)
	}
	if len(heard) < want {
		t.Fatalf("heard %d samples of %d in %v", len(heard), want, patience)
	}
	return heard[:want]
}

// writeWAV makes a file of s and returns its name.
func writeWAV(t *testing.T, s media.Sound) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "in.wav")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := media.NewWAVWriter(f, s.Rate)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(s.Samples); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestParse(t *testing.T) {
	for in, want := range map[string]System{
		"null": Null{}, "tone:440": Tone{Hz: 440}, "wav:a.wav,b.wav": WAV{In: "a.wav", Out: "b.wav"},
		"wav:,b.wav": WAV{Out: "b.wav"}, "wav:a.wav,": WAV{In: "a.wav"},
	} {
		if got, err := Parse(in); got != want {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "default"} {
		if got, err := Parse(in); err != nil {
			t.Errorf("%q: %v", in, err)
		} else if _, ok := got.(*Devices); !ok {
			t.Errorf("%q: %v", in, got)
		}
	}
	if got, err := Parse("device:Headset,"); err != nil {
		t.Error(err)
	} else if s := got.(*Devices).Settings(); !slices.Equal(s.Microphone.Names, []string{"Headset"}) || s.Speaker.Names != nil || s.Speaker.Volume != 80 {
		t.Errorf("%+v", s)
	}
	for _, in := range []string{"device:", "device:,", "device:x", "nul", "null:1", "wav:", "wav:,", "wav:a.wav", "tone:", "tone:0", "tone:NaN", "default:x"} {
		if got, err := Parse(in); err == nil {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestVirtualDevicesHear(t *testing.T) {
	file := writeWAV(t, media.Sine(600, -12).Sound(44100, 300*time.Millisecond))
	for _, c := range []struct {
		name string
		sys  System
		hz   float64
		want float64
	}{
		{"null", Null{}, 1000, -120},
		{"tone", Tone{Hz: 1000}, 1000, -12},
		{"file, again and again", WAV{In: file}, 600, -12},
		{"no file", WAV{Out: filepath.Join(t.TempDir(), "out.wav")}, 600, -120},
	} {
		heard := take(t, c.sys, media.Stream{Rate: 8000}, 700*time.Millisecond)
		if got := media.Level(heard, 8000, c.hz); math.Abs(got-c.want) > 1 {
			t.Errorf("%s: %.1f dBFS, want %.1f", c.name, got, c.want)
		}
	}
}

func TestVirtualDevicesKeepTime(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	var played atomic.Int64
	started := time.Now()
	s := media.Stream{Rate: 16000, Source: func(frame []int16) {
		if len(frame) != 160 {
			t.Errorf("a frame has %d samples", len(frame))
		}
		if played.Add(1) == 100 {
			stop()
		}
	}}
	if err := (Null{}).Run(ctx, s); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(started); d < 980*time.Millisecond || d > 3*time.Second {
		t.Errorf("a second took %v", d)
	}
	after := played.Load()
	if after < 100 {
		t.Errorf("%d frames", after)
	}
}

func TestWAVRecords(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out.wav")
	sys := WAV{Out: out}
	for _, hz := range []float64{500, 900} { // the second stream records anew
		s := media.Stream{Rate: 8000, Source: media.Sine(hz, -12).Generator(8000).Read}
		take(t, sys, s, time.Second)
		f, err := os.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		got, err := media.ReadWAV(f)
		f.Close()
		if err != nil || got.Rate != 8000 || got.Duration() < time.Second {
			t.Fatalf("%v at %d: %v", got.Duration(), got.Rate, err)
		}
		if l := media.Level(got.Samples[80:8000], 8000, hz); math.Abs(l+12) > 0.5 {
			t.Errorf("%.0f Hz recorded at %.1f dBFS", hz, l)
		}
	}
}

func TestWAVRefuses(t *testing.T) {
	s := media.Stream{Rate: 8000, Sink: func([]int16) {}, Source: func([]int16) {}}
	for _, w := range []WAV{{In: filepath.Join(t.TempDir(), "none.wav")}, {Out: filepath.Join(t.TempDir(), "none", "out.wav")}, {In: os.DevNull}} {
		if err := w.Run(t.Context(), s); err == nil {
			t.Errorf("%+v ran", w)
		}
	}
}

func TestFifo(t *testing.T) {
	f := newFifo(100) // 128
	next, want := int16(0), int16(0)
	buf := make([]int16, 50)
	for range 1000 {
		in := make([]int16, 37)
		for i := range in {
			in[i] = next
			next++
		}
		f.put(in)
		for f.len() >= len(buf) {
			f.get(buf)
			for _, s := range buf {
				if s != want {
					t.Fatalf("got %d, want %d", s, want)
				}
				want++
			}
		}
	}
	f.skip(f.len())
	f.put(slices.Repeat([]int16{7}, 500))
	if f.len() != 128 {
		t.Errorf("%d samples in a full fifo", f.len())
	}
}
