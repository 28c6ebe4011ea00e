package audio

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gen2brain/malgo"

	"timbre/internal/media"
)

func nullDevices() *Devices { return &Devices{hardware: library{nullBackend}} }

func TestDevicesKeepTimeOnTheNullBackend(t *testing.T) {
	for _, rate := range []int{8000, 16000, 48000} {
		var played int
		var troubles []error
		s := media.Stream{
			Rate: rate,
			Source: func(frame []int16) {
				if played++; len(frame) != rate/100 {
					t.Errorf("a frame has %d samples", len(frame))
				}
			},
			Trouble: func(err error) { troubles = append(troubles, err) },
		}
		take(t, nullDevices(), s, time.Second)
		if played < 60 || played > 300 {
			t.Errorf("%d Hz: while a second was heard, %d frames were played", rate, played)
		}
		if len(troubles) != 0 {
			t.Errorf("troubles: %v", troubles)
		}
	}
}

func TestNoDeviceIsSilenceAndTrouble(t *testing.T) {
	var mu sync.Mutex
	var troubles []error
	played := 0
	s := media.Stream{
		Rate:   8000,
		Source: func([]int16) { played++ },
		Trouble: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			troubles = append(troubles, err)
		},
	}
	// A sound system that this machine cannot have.
	heard := take(t, &Devices{hardware: library{malgo.BackendWebaudio}}, s, 3*time.Second)
	if played < 250 || media.Loudness(heard) > -100 {
		t.Errorf("%d frames were played, %.1f dBFS heard", played, media.Loudness(heard))
	}
	mu.Lock()
	defer mu.Unlock()
	if len(troubles) != 1 || !errors.Is(troubles[0], ErrNoDevice) {
		t.Errorf("troubles: %v", troubles)
	}
}

func TestUnknownDeviceFallsBack(t *testing.T) {
	troubles := make(chan error, 10)
	d := nullDevices()
	d.Set(choosing(nil, []string{"no such device"}))
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	done := make(chan error, 1)
	go func() {
		done <- d.Run(ctx, media.Stream{Rate: 8000, Source: func([]int16) {}, Trouble: func(err error) { troubles <- err }})
	}()
	select {
	case err := <-troubles:
		if !errors.Is(err, ErrOther) {
			t.Errorf("trouble: %v", err)
		}
	case <-ctx.Done():
		t.Error("nothing was said")
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// choosing returns settings with those devices.
func choosing(microphones, speakers []string) Settings {
	s := DefaultSettings()
	s.Microphone.Names, s.Speaker.Names = microphones, speakers
	return s
}

// testCard returns a card of that rate that is in use.
func testCard(s media.Stream, rate int, settings Settings) *card {
	d := &Devices{}
	d.Set(settings)
	p := speaker
	if s.Sink != nil {
		p = microphone
	}
	c := &card{stream: s, fader: newFader(d.chosen(), p, s.Rate), meter: &d.meter, opened: time.Now()}
	c.prepare(p.capture(), rate)
	c.take()
	return c
}

func TestCallbacksDoNotAllocate(t *testing.T) {
	loud := DefaultSettings()
	loud.Speaker.Volume, loud.Microphone.Volume = 100, 100
	noise := media.Sine(440, -3).Generator(44100)
	for _, rate := range []int{8000, 44100, 48000} {
		out := make([]int16, rate/100)
		play := testCard(media.Stream{Rate: 16000, Source: noise.Read}, rate, loud)
		if n := testing.AllocsPerRun(200, func() { play.play(out) }); n != 0 {
			t.Errorf("playback at %d: %v allocations", rate, n)
		}
		capture := testCard(media.Stream{Rate: 16000, Sink: func([]int16) {}}, rate, loud)
		if n := testing.AllocsPerRun(200, func() { capture.capture(out); capture.drain() }); n != 0 {
			t.Errorf("capture at %d: %v allocations", rate, n)
		}
	}
}

func TestShutGateKeepsCallbacksOut(t *testing.T) {
	calls := 0
	c := testCard(media.Stream{Rate: 8000, Source: func([]int16) { calls++ }}, 8000, DefaultSettings())
	c.shut()
	c.play(make([]int16, 80)) // not taken over yet
	c.take()
	c.play(make([]int16, 80))
	c.shut()
	c.play(make([]int16, 80))
	if calls != 1 {
		t.Errorf("Source was called %d times", calls)
	}
}

func TestSlowSinkLosesTheOldest(t *testing.T) {
	var got []int16
	c := testCard(media.Stream{Rate: 8000, Sink: func(f []int16) { got = append(got, f...) }}, 8000, DefaultSettings())
	var in []int16
	for i := range 4000 { // half a second
		in = append(in, int16(i))
	}
	c.heard.put(in)
	c.drain()
	if !slices.Equal(got, in[2400:]) {
		t.Errorf("got %d samples, from %d on", len(got), got[0])
	}
}

func TestWhatWasHeardDoesNotWaitForItsPeriod(t *testing.T) {
	frames := 0
	c := testCard(media.Stream{Rate: 8000, Sink: func([]int16) { frames++ }}, 48000, DefaultSettings())
	late := 0 // samples that are in no frame yet
	for range 100 {
		c.capture(make([]int16, 120)) // 2.5 ms
		c.drain()
		late = max(late, c.heard.len())
	}
	if frames != 24 || late != 0 { // one frame is in the resampler
		t.Errorf("%d frames of 250 ms; %d samples were let lie", frames, late)
	}
}

func TestListOnTheNullBackend(t *testing.T) {
	devices, err := list(t.Context(), library{nullBackend})
	if err != nil || len(devices) != 2 || devices[0].Capture || !devices[1].Capture {
		t.Errorf("%+v, %v", devices, err)
	}
	devices, err = list(t.Context(), library{malgo.BackendWebaudio})
	if err != nil || len(devices) != 0 {
		t.Errorf("without a sound system: %+v, %v", devices, err)
	}
}
