package audio

import (
	"encoding/hex"
	"fmt"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gen2brain/malgo"

	"timbre/internal/media"
)

// nullBackend keeps real time without a device. The library's own constant is
// off by one.
const nullBackend = malgo.Backend(14)

// backends returns what to try on this system, best first. The library's own
// list ends with the null backend, which would hide that there is no device.
func backends() []malgo.Backend {
	switch runtime.GOOS {
	case "windows":
		return []malgo.Backend{malgo.BackendWasapi, malgo.BackendDsound, malgo.BackendWinmm}
	case "darwin":
		return []malgo.Backend{malgo.BackendCoreaudio}
	case "linux":
		// ALSA writes pages to standard error where it finds no card, and JACK
		// ends the process where no server runs: whoever has one has PulseAudio
		// or PipeWire before it.
		if cards, _ := filepath.Glob("/dev/snd/pcm*"); len(cards) == 0 {
			return []malgo.Backend{malgo.BackendPulseaudio}
		}
		return []malgo.Backend{malgo.BackendPulseaudio, malgo.BackendAlsa}
	}
	return []malgo.Backend{malgo.BackendPulseaudio, malgo.BackendSndio, malgo.BackendOss}
}

// A card is one opened sound device, for one direction. Its callback runs on a
// thread of the library, where nothing may block or be allocated.
type card struct {
	ctx    *malgo.AllocatedContext
	dev    *malgo.Device
	opened time.Time

	gate atomic.Int32 // shut until somebody takes the card over
	last atomic.Int64 // time of the last callback, in nanoseconds since opened
	done atomic.Int64 // samples that went through so far, of the card's rate

	stream    media.Stream
	rate      int
	resampler *media.Resampler // nil where the rates are the same
	frame     []int16          // of the stream's rate

	// Playback, owned by the callback.
	pending []int16 // of the card's rate
	played  int     // how many of them

	// Capture: from the callback to the goroutine that calls Sink.
	heard *fifo
	wake  chan struct{}
	cut   []int16 // owned by that goroutine: what is waiting to become a frame
	raw   []int16
}

const (
	gateShut int32 = iota
	gateOpen
	gateBusy // in the callback
)

// openCard opens and starts the device with that ID, or the default one, for
// one direction of s. Its gate is shut. It may hang, as the library may.
func openCard(list []malgo.Backend, capture bool, id string, period time.Duration, s media.Stream) (*card, error) {
	c := &card{stream: s, opened: time.Now(), frame: make([]int16, s.Rate/100)}
	var err error
	if c.ctx, err = malgo.InitContext(list, malgo.ContextConfig{}, nil); err != nil {
		return nil, fmt.Errorf("opening the sound system: %w: %w", ErrNoDevice, err)
	}
	if err := c.open(capture, id, period); err != nil {
		c.free()
		return nil, err
	}
	return c, nil
}

func (c *card) open(capture bool, id string, period time.Duration) error {
	kind, data := malgo.Playback, c.play
	if capture {
		kind, data = malgo.Capture, c.capture
	}
	cfg := malgo.DefaultDeviceConfig(kind)
	cfg.SampleRate = 0 // the device's own
	cfg.PeriodSizeInMilliseconds = uint32(period / time.Millisecond)
	cfg.NoFixedSizedCallback = 1 // frames are cut here
	cfg.Wasapi.NoAutoStreamRouting = 1
	sub := &cfg.Playback
	if capture {
		sub = &cfg.Capture
	}
	sub.Format, sub.Channels = malgo.FormatS16, 1
	if id != "" {
		b, err := hex.DecodeString(id)
		var raw malgo.DeviceID
		if err != nil || copy(raw[:], b) != len(b) {
			return fmt.Errorf("opening sound device %.20q: %w", id, ErrNoDevice)
		}
		var pin runtime.Pinner
		pin.Pin(&raw)
		defer pin.Unpin() // the library copies it
		sub.DeviceID = unsafe.Pointer(&raw)
	}
	dev, err := malgo.InitDevice(c.ctx.Context, cfg, malgo.DeviceCallbacks{Data: data})
	if err != nil {
		return fmt.Errorf("opening sound device: %w: %w", ErrNoDevice, err)
	}
	c.dev = dev
	c.prepare(capture, int(dev.SampleRate()))
	if err := dev.Start(); err != nil {
		return fmt.Errorf("starting sound device: %w: %w", ErrNoDevice, err)
	}
	return nil
}

// prepare makes room for everything that the callback will need.
func (c *card) prepare(capture bool, rate int) {
	c.rate = rate
	from, to := c.stream.Rate, rate
	if capture {
		from, to = to, from
		c.heard = newFifo(rate)
		c.wake = make(chan struct{}, 1)
		c.raw = make([]int16, rate/100)
		c.cut = make([]int16, 0, 2*c.stream.Rate/10)
	} else {
		c.pending = make([]int16, 0, rate/50)
	}
	if from != to {
		c.resampler = media.NewResampler(from, to)
	}
}

// enter notes that n samples go by and reports whether the callback may go on.
func (c *card) enter(n uint32) bool {
	c.last.Store(int64(time.Since(c.opened)))
	c.done.Add(int64(n))
	return c.gate.CompareAndSwap(gateOpen, gateBusy)
}

func (c *card) leave() { c.gate.Store(gateOpen) }

// play fills out with what is to be heard. Where the gate is shut the library
// has filled it with silence.
func (c *card) play(out, _ []byte, n uint32) {
	if !c.enter(n) {
		return
	}
	defer c.leave()
	for dst := samples(out); len(dst) > 0; {
		if c.played == len(c.pending) {
			c.stream.Source(c.frame)
			c.played = 0
			if c.resampler == nil {
				c.pending = append(c.pending[:0], c.frame...)
			} else {
				c.pending = c.resampler.Process(c.pending[:0], c.frame)
			}
		}
		n := copy(dst, c.pending[c.played:])
		c.played += n
		dst = dst[n:]
	}
}

// capture hands on what was heard.
func (c *card) capture(_, in []byte, n uint32) {
	if !c.enter(n) {
		return
	}
	defer c.leave()
	c.heard.put(samples(in))
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// samples returns b, which comes from C and is aligned, as 16-bit samples.
func samples(b []byte) []int16 {
	if len(b) < 2 {
		return nil
	}
	return unsafe.Slice((*int16)(unsafe.Pointer(&b[0])), len(b)/2)
}

// drain gives to Sink what has been heard since the last time. Of more than
// 200 ms only the newest are given.
func (c *card) drain() {
	if late := c.heard.len() - 20*len(c.raw); late > 0 {
		c.heard.skip(late)
	}
	for c.heard.len() >= len(c.raw) {
		c.heard.get(c.raw)
		if c.resampler == nil {
			c.cut = append(c.cut, c.raw...)
		} else {
			c.cut = c.resampler.Process(c.cut, c.raw)
		}
		for len(c.cut) >= len(c.frame) {
			copy(c.frame, c.cut)
			c.cut = c.cut[:copy(c.cut, c.cut[len(c.frame):])]
			c.stream.Sink(c.frame)
		}
	}
}

// passed returns how much sound went through since the start.
func (c *card) passed() time.Duration {
	return time.Duration(c.done.Load()) * time.Second / time.Duration(c.rate)
}

// silent returns for how long there has been no callback.
func (c *card) silent() time.Duration {
	return time.Since(c.opened) - time.Duration(c.last.Load())
}

// close shuts the gate, after which neither Source nor Sink is called, and lets
// go of the device. It waits for that no longer than patience, because the
// library hangs with a device that has been pulled out, and reports whether it
// is done.
func (c *card) close(patience time.Duration) bool {
	for c.gate.Load() != gateShut && !c.gate.CompareAndSwap(gateOpen, gateShut) {
		time.Sleep(time.Millisecond) // a callback takes microseconds
	}
	freed := make(chan struct{})
	go func() {
		c.free()
		close(freed)
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-freed:
		return true
	case <-timer.C:
		return false
	}
}

func (c *card) free() {
	if c.dev != nil {
		c.dev.Uninit()
	}
	c.ctx.Uninit()
	c.ctx.Free()
}
