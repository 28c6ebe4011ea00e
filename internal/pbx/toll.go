package pbx

import (
	"context"
	"slices"
	"sync"
	"time"

	"timbre/internal/dialplan"
	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/internal/voicemail"
)

// How many outside calls of one extension in how much time are told to the
// administrator.
const (
	manyCalls = 20
	manyTime  = 5 * time.Minute
)

// maxForwards is how many calls of one extension ring at the number to which it
// forwards: more are one call that comes back again and again.
const maxForwards = 2

// A till counts the outside calls that each extension causes: how many there are,
// how long they last, how fast they follow one another. It is safe for concurrent
// use.
type till struct {
	mu sync.Mutex
	of map[office.ID]*account // guarded by mu
}

// An account is what the till knows of one extension. It is guarded by the till's
// mu.
type account struct {
	open  map[*toll]bool // calls that are dialled or talked in
	begun []time.Time    // calls of the last manyTime
}

// A toll is one outside call of an extension. It is safe for concurrent use.
type toll struct {
	pbx *PBX
	ext office.Extension
	to  office.Number // forwarded there; empty: it is not

	mu       sync.Mutex
	answered time.Time // guarded by mu; zero: it is not
	over     bool      // guarded by mu
}

// permit lets an extension call outside, or have its calls forwarded there, or says
// why it may not. What it returns must be ended.
func (p *PBX) permit(ctx context.Context, ext office.Extension, place dialplan.Destination, forward bool) (*toll, *refusal) {
	switch {
	case ext.Disabled || !place.Allowed:
		return nil, &refusal{code: 403, prompt: voicemail.NotAllowed}
	case ext.Rights.Minutes > 0 && p.left(ctx, ext) <= 0:
		return nil, &refusal{code: 403, prompt: voicemail.MinutesUsed}
	}
	t := &toll{pbx: p, ext: ext}
	if forward {
		t.to = place.Number
	}
	if no := p.open(ctx, t); no != nil {
		return nil, no
	}
	return t, nil
}

// open counts one more outside call, or says why that would be one too many. Many in
// a short time are told to the administrator, once.
func (p *PBX) open(ctx context.Context, t *toll) *refusal {
	now, ext := p.cfg.Now(), t.ext
	p.till.mu.Lock()
	a := p.till.of[ext.Account]
	if a == nil {
		a = &account{open: map[*toll]bool{}}
		p.till.of[ext.Account] = a
	}
	switch limit := ext.Rights.MaxCalls; {
	case limit > 0 && len(a.open) >= limit:
		p.till.mu.Unlock()
		return &refusal{code: 403, prompt: voicemail.TooManyCalls}
	case t.to != "" && a.ringing(t.to) >= maxForwards:
		p.till.mu.Unlock()
		p.log.Info("too many calls ring at a forward", "ext", ext.Number)
		return &refusal{code: 482}
	}
	a.open[t] = true
	a.begun = append(slices.DeleteFunc(a.begun, func(b time.Time) bool { return now.Sub(b) >= manyTime }), now)
	count := len(a.begun)
	p.till.mu.Unlock()
	if count > manyCalls {
		p.tell(ctx, manyTime, office.Notice{Kind: office.NoticeManyCalls, At: now.UTC(), Extension: ext.Number, Name: ext.Name, Count: count})
	}
	return nil
}

// ringing returns how many calls ring where they were forwarded to. The till's mu
// must be locked.
func (a *account) ringing(to office.Number) (n int) {
	for t := range a.open {
		if t.to == to && !t.isAnswered() {
			n++
		}
	}
	return n
}

// tell has the administrator be told, unless it was told the same less than every
// ago.
func (p *PBX) tell(ctx context.Context, every time.Duration, n office.Notice) {
	add := func(ctx context.Context) error { return p.store.AddMail(ctx, store.Mail{Notice: n, Every: every}) }
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	if err := add(ctx); err != nil {
		p.log.Error("administrator not told", "kind", n.Kind, "err", err)
		p.late.add(debt{p.log, "notice", add})
	}
}

// starts notes that the call was answered.
func (t *toll) starts() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.answered.IsZero() {
		t.answered = t.pbx.cfg.Now()
	}
}

func (t *toll) isAnswered() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.answered.IsZero()
}

// talked returns how long the call has lasted.
func (t *toll) talked(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.answered.IsZero() || t.over {
		return 0
	}
	return now.Sub(t.answered)
}

// ends charges the call. Ending twice is ending once.
func (t *toll) ends(ctx context.Context) {
	now := t.pbx.cfg.Now()
	talked := t.talked(now)
	t.mu.Lock()
	again := t.over
	t.over = true
	answered := t.answered
	t.mu.Unlock()
	if again {
		return
	}
	if !answered.IsZero() {
		charge := func(ctx context.Context) error { return t.pbx.store.AddUsage(ctx, t.ext.Account, answered, talked) }
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
		defer cancel()
		if err := charge(ctx); err != nil {
			t.pbx.log.Error("call not charged", "ext", t.ext.Number, "err", err)
			t.pbx.late.add(debt{t.pbx.log, "charge", charge})
		}
	}
	t.pbx.till.mu.Lock()
	defer t.pbx.till.mu.Unlock()
	if a := t.pbx.till.of[t.ext.Account]; a != nil {
		delete(a.open, t)
	}
}

// left returns how long ext may still talk outside today, if all its calls of now
// go on: what is left is theirs together.
func (p *PBX) left(ctx context.Context, ext office.Extension) time.Duration {
	now := p.cfg.Now()
	used, err := p.store.Usage(ctx, ext.Account, now)
	if err != nil {
		p.log.Error("usage not read", "ext", ext.Number, "err", err)
	}
	p.till.mu.Lock()
	talking, live := 0, time.Duration(0)
	if a := p.till.of[ext.Account]; a != nil {
		for t := range a.open {
			if talked := t.talked(now); talked > 0 {
				talking++
				live += talked
			}
		}
	}
	p.till.mu.Unlock()
	left := time.Duration(ext.Rights.Minutes)*time.Minute - used.Time - live
	if left <= 0 {
		return 0
	}
	return left / time.Duration(max(talking, 1))
}
