package audio

import (
	"context"
	"slices"
	"time"
)

const (
	lostAfter  = 500 * time.Millisecond // without a callback
	settling   = 3 * time.Second        // a device that was asleep may pause once more after it began
	settled    = 4 * settling           // however slow it was
	shunTime   = time.Minute            // for which one that does not work is not tried again
	deadAfter  = 10 * time.Second       // of nothing but zeros
	judgeEvery = 5 * time.Second        // how often it is looked at whether a device keeps up
	maxMissing = 100 * time.Millisecond
)

// A watch is kept over the card in use.
type watch struct {
	*side
	opening
	spare opening // a better device that is warming up; its card is nil where there is none

	tried    time.Time     // when a better device was last to be opened
	standard string        // ID of the default device when it was first known
	judged   time.Time     // when it was last looked at whether it keeps up
	passed   time.Duration // what had gone through then; negative before
}

// serve uses an open card until another takes its place, which is returned, or it
// is to be opened again or ctx ends; then what is returned is empty.
func (v *side) serve(ctx context.Context, o opening) opening {
	w := &watch{side: v, opening: o, judged: time.Now(), passed: -1}
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	o.card.take()
	for w.report(ctx, w.state()); ; {
		select {
		case <-ctx.Done():
			return w.end(opening{}, closePatience)
		case <-o.card.wake:
			o.card.drain()
			continue
		case better := <-v.result():
			w.spare = v.opened(better)
		case <-ticker.C:
		}
		switch {
		case w.lost():
			v.report(ctx, ErrDeviceLost)
			w.learn()
			return w.end(w.spare, 0) // it is likely to hang
		case w.better():
			v.log.Info("sound device changed")
			return w.end(w.spare, 0)
		case w.strained(), w.rerouted():
			return w.end(opening{}, closePatience) // first close: it may be the same device
		}
		w.report(ctx, w.state())
	}
}

// end lets go of all cards but that of next.
func (w *watch) end(next opening, patience time.Duration) opening {
	w.dismiss(w.card, patience)
	if w.spare.card != nil && w.spare.card != next.card {
		w.dismiss(w.spare.card, patience)
	}
	return next
}

// state returns what is to be said of the card in use.
func (w *watch) state() error {
	switch {
	case w.purpose.capture() && w.card.dead() > deadAfter:
		return ErrSilent
	case w.id == "" && len(w.choice().Names) > 0:
		return ErrOther
	}
	return nil
}

// lost reports whether the card works no more.
func (w *watch) lost() bool {
	if w.card.silent() <= lostAfter {
		return false
	}
	now := w.roster.since(w.card.opened)
	return w.card.age() > w.settling || now != nil && !now.has(w.id, w.purpose.capture())
}

// learn has one that never worked not tried again soon, and waits longer for the
// next where that may just be slow.
func (w *watch) learn() {
	if w.card.passed() > lostAfter {
		w.settling = settling
		return
	}
	w.shun(w.id)
	w.settling = min(2*w.settling, settled)
}

// better looks for a better device than the one in use, has it opened, and reports
// whether it runs. Until then the one in use goes on.
func (w *watch) better() bool {
	if w.spare.card == nil {
		w.look()
		return false
	}
	if w.spare.card.passed() > 4*w.period { // more than fills its buffer at the beginning
		return true
	}
	if w.spare.card.age() > settling {
		w.dismiss(w.spare.card, 0)
		w.shun(w.spare.id)
		w.spare = opening{}
	}
	return false
}

// look has a better device opened where there is one.
func (w *watch) look() {
	now := w.roster.since(w.card.opened)
	if now == nil || w.pending != nil || time.Since(w.tried) < lookAgain {
		return
	}
	for id := range w.shunned {
		w.shuns(id) // or not any more
	}
	wanted := w.choice().wanted(now.devices, w.purpose.capture())
	for id, a := range w.stuck {
		if len(a.result) > 0 && !slices.Contains(wanted, id) { // nobody wants it any more
			delete(w.stuck, id)
			if o := <-a.result; o.card != nil {
				w.dismiss(o.card, 0)
			}
		}
	}
	best := ""
	for _, id := range wanted {
		if a := w.stuck[id]; a != nil && len(a.result) > 0 { // it took long, but is here
			delete(w.stuck, id)
			w.pending = a
			return
		}
		if !w.shuns(id) {
			best = id
			break
		}
	}
	if best != w.id {
		w.tried = time.Now()
		w.begin(func() []string { return []string{best} })
	}
}

// rerouted reports whether another device became the system's default one while
// that is in use. Only WASAPI does not follow by itself.
func (w *watch) rerouted() bool {
	now := w.roster.since(w.card.opened)
	if w.id != "" || !w.hardware.sticky() || now == nil {
		return false
	}
	standard := now.standard(w.purpose.capture())
	if w.standard == "" {
		w.standard = standard
	}
	return standard != "" && standard != w.standard
}

// strained reports whether so much sound is missing that the card needs longer
// periods, which are set.
func (w *watch) strained() bool {
	elapsed := time.Since(w.judged)
	if w.card.age() < settling || w.passed >= 0 && elapsed < judgeEvery {
		return false
	}
	before, now := w.passed, w.card.passed()
	w.judged, w.passed = time.Now(), now
	if before < 0 || w.period >= longPeriod || elapsed-(now-before) <= maxMissing {
		return false
	}
	w.period *= 2
	w.log.Info("sound device needs longer periods", "period", w.period)
	return true
}

// shun has a device not tried for a while.
func (v *side) shun(id string) {
	if id != "" { // the default one is always tried: there is nothing else
		v.shunned[id] = time.Now().Add(shunTime)
	}
}

// shuns reports whether a device is not to be tried now. One that was pulled out
// since gets another chance.
func (v *side) shuns(id string) bool {
	if v.stuck[id] != nil {
		return true
	}
	until, ok := v.shunned[id]
	if !ok {
		return false
	}
	now := v.roster.since(until.Add(-shunTime))
	if time.Now().After(until) || now != nil && !now.has(id, v.purpose.capture()) {
		delete(v.shunned, id)
		return false
	}
	return true
}
