package audio

import (
	"sync/atomic"
	"time"

	"timbre/internal/media"
)

// A card is one opened sound device, for one direction. Its callback runs on a
// thread of the device, where nothing may block or be allocated.
type card struct {
	handle handle
	opened time.Time

	gate atomic.Int32 // shut until somebody takes the card over
	last atomic.Int64 // time of the last callback, in nanoseconds since opened
	done atomic.Int64 // samples that went through so far, of the card's rate

	stream    media.Stream
	fader     *fader
	meter     *meter // of a microphone
	rate      int
	resampler *media.Resampler // nil where the rates are the same
	frame     []int16          // of the stream's rate

	// Playback, owned by the callback.
	pending []int16 // of the card's rate
	played  int     // how many of them

	// Capture: from the callback to the goroutine that calls Sink.
	heard *fifo
	wake  chan struct{}
	cut   []int16 // owned by that goroutine, like all below: what is waiting to become a frame
	raw   []int16
	zeros int // samples of the card's rate since the last that was not zero
}

const (
	gateShut int32 = iota
	gateOpen
	gateBusy // in the callback
)

// openCard opens and starts a device for one direction of s. Its gate is shut. It
// may hang, as the hardware may.
func openCard(h hardware, id string, period time.Duration, s media.Stream, f *fader, m *meter) (*card, error) {
	c := &card{stream: s, fader: f, meter: m, opened: time.Now()}
	o := order{capture: f.purpose.capture(), id: id, period: period, data: c.play}
	if o.capture {
		o.data = c.capture
	}
	var err error
	if c.handle, err = h.open(o); err != nil {
		return nil, err
	}
	c.prepare(o.capture, c.handle.rate())
	if err := c.handle.start(); err != nil {
		c.handle.free()
		return nil, err
	}
	return c, nil
}

// prepare makes room for everything that the callback will need.
func (c *card) prepare(capture bool, rate int) {
	c.rate = rate
	c.frame = make([]int16, c.stream.Rate/100)
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
func (c *card) enter(n int) bool {
	c.last.Store(int64(time.Since(c.opened)))
	c.done.Add(int64(n))
	return c.gate.CompareAndSwap(gateOpen, gateBusy)
}

func (c *card) leave() { c.gate.Store(gateOpen) }

// play fills dst with what is to be heard. Where the gate is shut it is silence
// already.
func (c *card) play(dst []int16) {
	if !c.enter(len(dst)) {
		return
	}
	defer c.leave()
	for len(dst) > 0 {
		if c.played == len(c.pending) {
			c.stream.Source(c.frame)
			c.fader.apply(c.frame)
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
func (c *card) capture(samples []int16) {
	if !c.enter(len(samples)) {
		return
	}
	defer c.leave()
	c.heard.put(samples)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// drain gives to Sink what has been heard since the last time. Of more than
// 200 ms only the newest are given.
func (c *card) drain() {
	if late := c.heard.len() - 20*len(c.raw); late > 0 {
		c.heard.skip(late)
	}
	for n := c.heard.len(); n > 0; n = c.heard.len() {
		raw := c.raw[:min(n, len(c.raw))]
		c.heard.get(raw)
		c.listen(raw)
		if c.resampler == nil {
			c.cut = append(c.cut, raw...)
		} else {
			c.cut = c.resampler.Process(c.cut, raw)
		}
		for len(c.cut) >= len(c.frame) {
			copy(c.frame, c.cut)
			c.cut = c.cut[:copy(c.cut, c.cut[len(c.frame):])]
			c.fader.apply(c.frame)
			c.meter.put(c.frame)
			c.stream.Sink(c.frame)
		}
	}
}

// listen counts for how long the microphone has given nothing but zeros.
func (c *card) listen(raw []int16) {
	for i := len(raw) - 1; i >= 0; i-- {
		if raw[i] != 0 {
			c.zeros = len(raw) - 1 - i
			return
		}
	}
	c.zeros += len(raw)
}

// dead returns for how long a microphone has given nothing but zeros, which those
// that are switched off or out of the user's reach do; real silence has noise.
func (c *card) dead() time.Duration {
	return time.Duration(c.zeros) * time.Second / time.Duration(c.rate)
}

// passed returns how much sound went through since the start.
func (c *card) passed() time.Duration {
	return time.Duration(c.done.Load()) * time.Second / time.Duration(c.rate)
}

// age returns how long ago the card was opened.
func (c *card) age() time.Duration { return time.Since(c.opened) }

// silent returns for how long there has been no callback.
func (c *card) silent() time.Duration { return c.age() - time.Duration(c.last.Load()) }

// take opens the gate: from now on Source or Sink is called.
func (c *card) take() { c.gate.Store(gateOpen) }

// shut shuts the gate, after which neither Source nor Sink is called.
func (c *card) shut() {
	for c.gate.Load() != gateShut && !c.gate.CompareAndSwap(gateOpen, gateShut) {
		time.Sleep(time.Millisecond) // a callback takes microseconds
	}
}
