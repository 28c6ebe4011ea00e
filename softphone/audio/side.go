package audio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"timbre/internal/media"
)

const (
	openPatience  = time.Second     // longer, and silence keeps time meanwhile
	openLimit     = 5 * time.Second // longer, and there is no device
	closePatience = time.Second
	lookAgain     = time.Second // for a device, where there is none
	watchEvery    = 100 * time.Millisecond

	// A device starts with short periods; one that cannot keep up gets longer ones.
	shortPeriod = 10 * time.Millisecond
	longPeriod  = 40 * time.Millisecond
)

// A side is one direction of a stream. It is run by one goroutine, which is also
// the one that calls Sink.
type side struct {
	hardware hardware
	purpose  purpose
	settings *atomic.Pointer[Settings]
	roster   *roster
	meter    *meter
	stream   media.Stream
	log      *slog.Logger
	troubles chan<- trouble

	period   time.Duration
	settling time.Duration        // how long a device may take until it works without a pause
	told     error                // the last trouble
	shunned  map[string]time.Time // IDs of devices that are not tried before then
	pending  *attempt             // that goes on; nil if there is none
	stuck    map[string]*attempt  // that take too long, by the ID on which they hang
	leaving  sync.WaitGroup       // devices that are being closed
}

// An attempt tries to open one of several devices, in a goroutine of its own.
type attempt struct {
	result chan opening           // gets one
	trying atomic.Pointer[string] // the ID; nil before the first
}

// An opening is what became of an attempt to open a card.
type opening struct {
	card   *card
	id     string   // of a device that the user chose; empty is the default one
	failed []string // what was tried before
	err    error
}

// run keeps the side going until ctx ends.
func (v *side) run(ctx context.Context) {
	v.period, v.settling = shortPeriod, settling
	v.shunned, v.stuck = make(map[string]time.Time), make(map[string]*attempt)
	defer v.leave()
	for ctx.Err() == nil {
		o := v.open(ctx)
		if o.err != nil && ctx.Err() == nil {
			v.report(ctx, o.err)
			v.idle(ctx, lookAgain)
			continue
		}
		for o.card != nil {
			o = v.serve(ctx, o)
		}
	}
}

// choice returns what the user chose.
func (v *side) choice() *Choice { return v.settings.Load().of(v.purpose) }

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
	case v.troubles <- trouble{v.purpose.capture(), kind}:
	case <-ctx.Done():
	}
}

// kindOf returns which of this package's errors err is; nil is none.
func kindOf(err error) error {
	if err == nil {
		return nil
	}
	for _, kind := range []error{ErrDeviceLost, ErrOther, ErrSilent} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return ErrNoDevice
}

// open opens the best device that is there. One that takes long is left to itself
// while the next is tried, and comes into use later; of the last one it is said
// that there is none, and it is waited for again the next time.
func (v *side) open(ctx context.Context) opening {
	if v.pending == nil {
		v.begin(v.candidates())
	}
	patience := time.NewTimer(openPatience)
	defer patience.Stop()
	select {
	case o := <-v.result():
		return v.opened(o)
	case <-patience.C:
	case <-ctx.Done():
	}
	for late := openPatience; late < openLimit && ctx.Err() == nil; late += watchEvery {
		if id := v.pending.trying.Load(); id != nil && *id != "" {
			v.stuck[*id] = v.pending
			v.begin(v.candidates())
		}
		v.idle(ctx, watchEvery)
		select {
		case o := <-v.result():
			return v.opened(o)
		default:
		}
	}
	return opening{err: fmt.Errorf("opening takes too long: %w", ErrNoDevice)}
}

// result returns where the pending attempt ends; nil where there is none.
func (v *side) result() <-chan opening {
	if v.pending == nil {
		return nil
	}
	return v.pending.result
}

// candidates returns a function that says which devices to try, best first; it may
// hang.
func (v *side) candidates() func() []string {
	choice, shunned := v.choice(), slices.DeleteFunc(slices.Concat(slices.Collect(maps.Keys(v.shunned)), slices.Collect(maps.Keys(v.stuck))),
		func(id string) bool { return !v.shuns(id) })
	return func() []string {
		var ids []string
		if len(choice.Names) > 0 {
			devices, _ := v.hardware.list() // without one the default device is left
			ids = choice.wanted(devices, v.purpose.capture())
		}
		ids = slices.DeleteFunc(ids, func(id string) bool { return slices.Contains(shunned, id) })
		return append(ids, "")
	}
}

// begin starts an attempt to open one of what ids returns.
func (v *side) begin(ids func() []string) {
	a := &attempt{result: make(chan opening, 1)}
	v.pending = a
	period := v.period
	go func() { a.result <- v.attempt(a, ids(), period) }()
}

// attempt opens the first device that can be opened. It may hang.
func (v *side) attempt(a *attempt, ids []string, period time.Duration) (o opening) {
	for _, id := range ids {
		a.trying.Store(&id)
		o.id = id
		f := newFader(v.settings, v.purpose, v.stream.Rate)
		if o.card, o.err = openCard(v.hardware, id, period, v.stream, f, v.meter); o.err == nil {
			break
		}
		o.failed = append(o.failed, id)
	}
	return o
}

// opened takes what became of the attempt.
func (v *side) opened(o opening) opening {
	v.pending = nil
	for _, id := range o.failed {
		v.shun(id)
	}
	return o
}

// dismiss lets go of a card: Source and Sink are not called by it any more. It
// waits for that no longer than patience.
func (v *side) dismiss(c *card, patience time.Duration) {
	c.shut()
	freed := make(chan struct{})
	v.leaving.Go(func() {
		c.handle.free()
		close(freed)
	})
	within(freed, patience)
}

// within reports whether done is closed before patience ends.
func within(done <-chan struct{}, patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// leave closes what is still open. It does not wait for long, as devices may hang.
func (v *side) leave() {
	for _, a := range append(slices.Collect(maps.Values(v.stuck)), v.pending) {
		if a == nil {
			continue
		}
		v.leaving.Go(func() {
			if o := <-a.result; o.card != nil {
				o.card.handle.free()
			}
		})
	}
	left := make(chan struct{})
	go func() {
		v.leaving.Wait()
		close(left)
	}()
	if !within(left, closePatience) {
		v.log.Warn("sound device left behind")
	}
}

// idle keeps time in the place of a device for a while.
func (v *side) idle(ctx context.Context, d time.Duration) {
	ctx, stop := context.WithTimeout(ctx, d)
	defer stop()
	s := v.stream
	if v.purpose.capture() {
		s.Source = nil
	} else {
		s.Sink = nil
	}
	carry(ctx, s, silence, discard) // neither fails
}
