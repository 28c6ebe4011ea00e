package audio

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"timbre/internal/media"
)

// Devices are the sound devices of this machine. The zero value uses the
// system's defaults. A device that is missing, is pulled out or stops working is
// looked for again and again; meanwhile the next one of the user's choice takes
// its place, then the default one, and where there is none silence keeps time.
//
// Devices are safe for concurrent use, and what Set changes holds at once, also
// for the streams that run.
type Devices struct {
	Log *slog.Logger // nil discards

	hardware hardware // nil: the system's
	settings atomic.Pointer[Settings]
	meter    meter
}

// Set changes what the user chose. A volume outside of its bounds is the nearest.
func (d *Devices) Set(s Settings) { d.settings.Store(s.own()) }

// Settings returns what was chosen.
func (d *Devices) Settings() Settings { return *d.chosen().Load().own() }

// chosen returns where the settings are; before the first Set those are the
// default ones.
func (d *Devices) chosen() *atomic.Pointer[Settings] {
	if d.settings.Load() == nil {
		d.settings.CompareAndSwap(nil, DefaultSettings().own())
	}
	return &d.settings
}

// Level returns how loud the microphone is now; silence where no stream hears it.
// It may be asked at any time: the sound does not wait for it.
func (d *Devices) Level() Level { return d.meter.level() }

// Run implements System on the microphone and the speaker.
func (d *Devices) Run(ctx context.Context, s media.Stream) error {
	return d.run(ctx, s, speaker)
}

// run carries s between the microphone and what plays it.
func (d *Devices) run(ctx context.Context, s media.Stream, plays purpose) error {
	h, log := d.hardware, d.Log
	if h == nil {
		h = systemLibrary()
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	census := &roster{hardware: h}
	troubles := make(chan trouble)
	var sides, counting sync.WaitGroup
	start := func(p purpose) {
		v := &side{
			hardware: h, purpose: p, settings: d.chosen(), roster: census, meter: &d.meter,
			stream: s, log: log.With("device", p.String()), troubles: troubles,
		}
		sides.Go(func() { v.run(ctx) })
	}
	if s.Source != nil {
		start(plays)
	}
	if s.Sink != nil {
		start(microphone)
	}
	counting.Go(func() { census.run(ctx) })
	done := make(chan struct{})
	go func() {
		sides.Wait()
		close(done)
	}()
	tell(s.Trouble, troubles, done)
	<-ctx.Done() // a stream without either side has nothing to do
	counting.Wait()
	return nil
}

// A bell is the part of some Devices that rings.
type bell struct {
	*Devices
	purpose purpose
}

// Run implements System.
func (b bell) Run(ctx context.Context, s media.Stream) error {
	s.Sink = nil
	return b.run(ctx, s, b.purpose)
}

// bells returns where it rings.
func (d *Devices) bells() []System {
	s := d.chosen().Load()
	all := []System{bell{d, ringer}}
	if s.RingSpeaker && !sameFirst(s.Ringer.Names, s.Speaker.Names) {
		all = append(all, bell{d, speaker})
	}
	return all
}

// sameFirst reports whether two choices name the same device first, or none.
func sameFirst(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	return a[0] == b[0]
}

// A trouble is what became of one side of a stream; nil means that all is well.
type trouble struct {
	capture bool
	err     error
}

// tell passes on the troubles of both sides as one, when it changes, until done.
func tell(told func(error), troubles <-chan trouble, done <-chan struct{}) {
	var playback, capture, last error
	for {
		select {
		case t := <-troubles:
			if t.capture {
				capture = t.err
			} else {
				playback = t.err
			}
			now := playback
			if now == nil {
				now = capture
			}
			if told != nil && now != last {
				told(now)
			}
			last = now
		case <-done:
			return
		}
	}
}
