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

func nullDevices() *Devices { return &Devices{backends: []malgo.Backend{nullBackend}} }

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
	heard := take(t, &Devices{backends: []malgo.Backend{malgo.BackendWebaudio}}, s, 3*time.Second)
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
	d.Playback = "no such device"
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

func TestCallbacksDoNotAllocate(t *testing.T) {
	c := &card{stream: media.Stream{Rate: 8000, Source: func([]int16) {}}, frame: make([]int16, 80), opened: time.Now()}
	c.prepare(false, 44100)
	c.gate.Store(gateOpen)
	out := make([]byte, 2*441)
	if n := testing.AllocsPerRun(200, func() { c.play(out, nil, 441) }); n != 0 {
		t.Errorf("playback: %v allocations", n)
	}
	c = &card{stream: media.Stream{Rate: 8000, Sink: func([]int16) {}}, frame: make([]int16, 80), opened: time.Now()}
	c.prepare(true, 44100)
	c.gate.Store(gateOpen)
	if n := testing.AllocsPerRun(200, func() { c.capture(nil, out, 441); c.drain() }); n != 0 {
		t.Errorf("capture: %v allocations", n)
	}
}

func TestShutGateKeepsCallbacksOut(t *testing.T) {
	calls := 0
	c := &card{stream: media.Stream{Rate: 8000, Source: func([]int16) { calls++ }}, frame: make([]int16, 80), opened: time.Now()}
	c.prepare(false, 8000)
	c.play(make([]byte, 160), nil, 80) // not taken over yet
	c.gate.Store(gateOpen)
	c.play(make([]byte, 160), nil, 80)
	c.gate.Store(gateShut)
	c.play(make([]byte, 160), nil, 80)
	if calls != 1 {
		t.Errorf("Source was called %d times", calls)
	}
}

func TestSlowSinkLosesTheOldest(t *testing.T) {
	var got []int16
	c := &card{stream: media.Stream{Rate: 8000, Sink: func(f []int16) { got = append(got, f...) }}, frame: make([]int16, 80), opened: time.Now()}
	c.prepare(true, 8000)
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

func TestListOnTheNullBackend(t *testing.T) {
	devices, err := list(t.Context(), []malgo.Backend{nullBackend})
	if err != nil || len(devices) != 2 || devices[0].Capture || !devices[1].Capture {
		t.Errorf("%+v, %v", devices, err)
	}
	devices, err = list(t.Context(), []malgo.Backend{malgo.BackendWebaudio})
	if err != nil || len(devices) != 0 {
		t.Errorf("without a sound system: %+v, %v", devices, err)
	}
}
