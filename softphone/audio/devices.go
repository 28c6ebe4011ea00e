package audio

import (
	"context"
	"log/slog"
	"sync"

	"github.com/gen2brain/malgo"

	"timbre/internal/media"
)

// Devices are the sound devices of this machine. The zero value uses the
// system's defaults. A device that is missing is looked for again and again;
// meanwhile the default one takes its place, or silence keeps time.
type Devices struct {
	Capture  string       // a Device.ID; empty is the default microphone
	Playback string       // a Device.ID; empty is the default speaker
	Log      *slog.Logger // nil discards

	backends []malgo.Backend // nil: those of the system
}

// Run implements System.
func (d *Devices) Run(ctx context.Context, s media.Stream) error {
	log, list := d.Log, d.backends
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if list == nil {
		list = backends()
	}
	troubles := make(chan trouble)
	var sides sync.WaitGroup
	start := func(capture bool, id string, log *slog.Logger) {
		v := &side{backends: list, capture: capture, id: id, stream: s, log: log, troubles: troubles}
		sides.Go(func() { v.run(ctx) })
	}
	if s.Source != nil {
		start(false, d.Playback, log.With("device", "playback"))
	}
	if s.Sink != nil {
		start(true, d.Capture, log.With("device", "capture"))
	}
	done := make(chan struct{})
	go func() {
		sides.Wait()
		close(done)
	}()
	tell(s.Trouble, troubles, done)
	<-ctx.Done() // a stream without either side has nothing to do
	return nil
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
