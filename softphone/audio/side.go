package audio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gen2brain/malgo"

	"timbre/internal/media"
)

const (
	openPatience  = time.Second     // longer, and silence keeps time meanwhile
	openLimit     = 5 * time.Second // longer, and there is no device
	closePatience = time.Second
	lostAfter     = 500 * time.Millisecond // without a callback
	settling      = 3 * time.Second        // a device that was asleep may pause once more after it began
	lookAgain     = 2 * time.Second        // for a device that is missing
	watchEvery    = 100 * time.Millisecond

	// A device starts with short periods; one that cannot keep up, which shows in
	// that sound is missing, gets longer ones.
	shortPeriod = 10 * time.Millisecond
	longPeriod  = 40 * time.Millisecond
	judgeEvery  = 5 * time.Second
	maxMissing  = 100 * time.Millisecond
)

// A side is one direction of a stream. It is run by one goroutine, which is also
// the one that calls Sink.
type side struct {
	backends []malgo.Backend
	capture  bool
	id       string // of the chosen device, or empty
	stream   media.Stream
	log      *slog.Logger
	troubles chan<- trouble

	period  time.Duration
	told    error        // the last trouble
	pending chan opening // an attempt that goes on; nil if there is none
}

// An opening is what became of an attempt to open a card.
type opening struct {
	card *card
	id   string
	err  error
}

// run keeps the side going until ctx ends.
func (v *side) run(ctx context.Context) {
	v.period = shortPeriod
	defer v.abandon()
	for ctx.Err() == nil {
		o := v.open(ctx)
		if o.err != nil {
			v.report(ctx, o.err)
			v.idle(ctx, lookAgain)
			continue
		}
		if o.id == v.id {
			v.report(ctx, nil)
		} else {
			v.report(ctx, ErrOther)
		}
		o.card.gate.Store(gateOpen)
		err := v.serve(ctx, o)
		patience := closePatience
		if err != nil {
			patience = 0 // it is likely to hang, and somebody has to keep time
		}
		if !o.card.close(patience) {
			v.log.Warn("sound device left behind")
		}
		if err != nil {
			v.report(ctx, err)
		}
	}
}

// report tells what became of the side, if that is news.
func (v *side) report(ctx context.Context, err error) {
	kind := kindOf(err)
	if kind == v.told {
		return
	}
	v.told = kind
	if err != nil {
		v.log.Info("sound device", "err", err)
	}
	select {
	case v.troubles <- trouble{v.capture, kind}:
	case <-ctx.Done():
	}
}

// kindOf returns which of this package's errors err is; nil is none.
func kindOf(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrDeviceLost):
		return ErrDeviceLost
	case errors.Is(err, ErrOther):
		return ErrOther
	}
	return ErrNoDevice
}

// open opens the chosen device, or the default one. An attempt that hangs is
// waited for again the next time.
func (v *side) open(ctx context.Context) opening {
	if v.pending == nil {
		result := make(chan opening, 1)
		v.pending = result
		period := v.period
		go func() { result <- v.attempt(period) }()
	}
	patience := time.NewTimer(openPatience)
	defer patience.Stop()
	select {
	case o := <-v.pending:
		v.pending = nil
		return o
	case <-patience.C:
	case <-ctx.Done():
	}
	for late := openPatience; late < openLimit; late += watchEvery {
		v.idle(ctx, watchEvery)
		select {
		case o := <-v.pending:
			v.pending = nil
			return o
		default:
		}
	}
	return opening{err: fmt.Errorf("opening takes too long: %w", ErrNoDevice)}
}

// attempt tries the chosen device and then the default one, which the chosen
// one may be.
func (v *side) attempt(period time.Duration) opening {
	c, err := openCard(v.backends, v.capture, v.id, period, v.stream)
	if err == nil {
		return opening{card: c, id: v.id}
	}
	if v.id != "" {
		c, err = openCard(v.backends, v.capture, "", period, v.stream)
	}
	return opening{card: c, err: err}
}

// abandon closes what a late attempt opens after all.
func (v *side) abandon() {
	if v.pending == nil {
		return
	}
	pending := v.pending
	go func() {
		if o := <-pending; o.err == nil {
			o.card.close(closePatience)
		}
	}()
}

// idle keeps time in the place of a device for a while.
func (v *side) idle(ctx context.Context, d time.Duration) {
	ctx, stop := context.WithTimeout(ctx, d)
	defer stop()
	s := v.stream
	if v.capture {
		s.Source = nil
	} else {
		s.Sink = nil
	}
	carry(ctx, s, silence, discard) // neither fails
}

// serve watches over an open card. It returns nil if the card is to be opened
// again with other settings or ctx ended, and ErrDeviceLost if it fell silent.
func (v *side) serve(ctx context.Context, o opening) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	judged, passed := time.Now(), time.Duration(-1)
	looked, missing := judged, o.id != v.id && !v.there(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-o.card.wake:
			o.card.drain()
			continue
		case <-ticker.C:
		}
		if o.id != v.id && time.Since(looked) > lookAgain {
			there := v.there(ctx)
			if there && missing { // one that is there but cannot be opened is let be
				return nil
			}
			looked, missing = time.Now(), !there
		}
		if time.Since(o.card.opened) < settling {
			continue
		}
		if o.card.silent() > lostAfter {
			return ErrDeviceLost
		}
		if elapsed := time.Since(judged); elapsed > judgeEvery || passed < 0 {
			now := o.card.passed()
			if passed >= 0 && v.period < longPeriod && elapsed-(now-passed) > maxMissing {
				v.period *= 2
				v.log.Info("sound device needs longer periods", "period", v.period)
				return nil
			}
			judged, passed = time.Now(), now
		}
	}
}

// there reports whether the chosen device is in the machine.
func (v *side) there(ctx context.Context) bool {
	ctx, stop := context.WithTimeout(ctx, openPatience)
	defer stop()
	devices, err := list(ctx, v.backends)
	if err != nil {
		return false
	}
	for _, d := range devices {
		if d.ID == v.id && d.Capture == v.capture {
			return true
		}
	}
	return false
}
