package hunt

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrElsewhere is the cause with which the context of Dial ends where another
// telephone has answered.
var ErrElsewhere = errors.New("answered elsewhere")

// A World carries out what a hunt decides; L is a telephone that has answered or
// sends sound before it does. Dial and Ask are called in goroutines of their own
// and return soon after ctx ends; the others are called by Run, one after the
// other.
type World[L any] interface {
	// Dial rings t until it is answered, which is an Event with Answers, or not,
	// which is one with Fails or Redirected. tell may be called meanwhile
	// with Rings and, with the leg, Early.
	Dial(ctx context.Context, t Target, tell func(what Happening, early L)) (L, Event)
	// Ask speaks the prompt to who answered leg and returns the first key that is
	// pressed of 1 and 2; 0 where none is within KeyTime after the prompt, leg is over
	// or ctx ends.
	Ask(ctx context.Context, leg L) rune
	Hangup(leg L) // does not wait
	Ring()
	Pass(leg L)
}

// A Runner carries out one hunt.
type Runner[L any] struct {
	hunt   *Hunt
	world  World[L]
	events chan signal[L]
	over   chan struct{} // closed at the end
	legs   map[Leg]*phone[L]
	work   sync.WaitGroup
}

// A phone is what the runner knows of a leg.
type phone[L any] struct {
	cancel context.CancelCauseFunc
	leg    L // once it sends sound or has answered
}

// A signal is an event with the telephone that it comes from.
type signal[L any] struct {
	Event
	leg L
}

// NewRunner returns a runner of h.
func NewRunner[L any](h *Hunt, w World[L]) *Runner[L] {
	return &Runner[L]{hunt: h, world: w, events: make(chan signal[L]), over: make(chan struct{}), legs: map[Leg]*phone[L]{}}
}

// Run carries out the hunt and returns its result, with the winner if there is
// one. It ends when the hunt does, when the caller gives up, and when ctx ends,
// which stops it. What is still being canceled then is awaited by Wait.
func (r *Runner[L]) Run(ctx context.Context, givesUp <-chan struct{}) (Result, L) {
	defer close(r.over)
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	actions := r.hunt.Start(time.Now())
	for {
		if result, done := r.carryOut(ctx, actions); done {
			var winner L
			if result.Winner != None {
				winner = r.legs[result.Winner].leg
			}
			return result, winner
		}
		var tick <-chan time.Time
		if next := r.hunt.Next(); !next.IsZero() {
			due.Reset(time.Until(next))
			tick = due.C
		}
		var e Event
		select {
		case s := <-r.events:
			if e = s.Event; e.What == Answers || e.What == Early {
				r.legs[e.Leg].leg = s.leg
			}
		case <-tick:
			e = Event{What: Tick}
		case <-givesUp:
			e = Event{What: GivesUp}
		case <-ctx.Done():
			e = Event{What: Stops}
		}
		actions = r.hunt.Handle(time.Now(), e)
	}
}

// Wait waits until nothing of the hunt is going on any more.
func (r *Runner[L]) Wait() { r.work.Wait() }

// carryOut does what is to be done; done is true at the end.
func (r *Runner[L]) carryOut(ctx context.Context, actions []Action) (result Result, done bool) {
	for _, a := range actions {
		switch a.Do {
		case Dial:
			r.dial(ctx, a)
		case Ring:
			r.world.Ring()
		case Pass:
			r.world.Pass(r.legs[a.Leg].leg)
		case Ask:
			r.ask(ctx, a.Leg)
		case Cancel:
			var cause error
			if a.Elsewhere {
				cause = ErrElsewhere
			}
			r.legs[a.Leg].cancel(cause)
		case Hangup:
			r.legs[a.Leg].cancel(nil)
			r.world.Hangup(r.legs[a.Leg].leg)
		case End:
			return a.Result, true
		}
	}
	return Result{}, false
}

// dial rings a target.
func (r *Runner[L]) dial(ctx context.Context, a Action) {
	ctx, cancel := context.WithCancelCause(ctx)
	r.legs[a.Leg] = &phone[L]{cancel: cancel}
	r.work.Go(func() {
		leg, e := r.world.Dial(ctx, a.Target, func(what Happening, early L) {
			r.tell(signal[L]{Event{What: what, Leg: a.Leg}, early})
		})
		e.Leg = a.Leg
		if !r.tell(signal[L]{e, leg}) && e.What == Answers {
			r.world.Hangup(leg) // in the moment of the end
		}
		if e.What != Answers {
			cancel(nil)
		}
	})
}

// ask asks who answered for the key.
func (r *Runner[L]) ask(ctx context.Context, n Leg) {
	p := r.legs[n]
	ctx, cancel := context.WithCancelCause(ctx)
	dialled := p.cancel
	p.cancel = func(cause error) { cancel(cause); dialled(cause) }
	r.work.Go(func() {
		defer cancel(nil)
		r.tell(signal[L]{Event: Event{What: Key, Leg: n, Key: r.world.Ask(ctx, p.leg)}})
	})
}

// tell hands an event to Run; false where it has returned.
func (r *Runner[L]) tell(s signal[L]) bool {
	select {
	case r.events <- s:
		return true
	case <-r.over:
		return false
	}
}
