package pbx

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"timbre/internal/dialplan"
	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/internal/ua"
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
	stirred chan struct{} // capacity 1: a call was answered

	mu sync.Mutex
	of map[office.ID]*tab // guarded by mu
}

func newTill() *till {
	return &till{stirred: make(chan struct{}, 1), of: map[office.ID]*tab{}}
}

// A tab is what the till knows of one extension. It is guarded by the till's mu.
type tab struct {
	open    map[*toll]bool // calls that are dialled or talked in
	begun   []time.Time    // calls of the last manyTime
	minutes int            // a day; 0: as many as it likes
	day     string         // the date of used; empty: that is not known
	used    time.Duration  // what was talked on that day in calls that are over
}

// A toll is one outside call of an extension.
type toll struct {
	pbx   *PBX
	ext   office.Extension
	class office.Class
	to    office.Number // forwarded there; empty: it is not

	answered time.Time // guarded by the till's mu, as are all below; zero: it is not
	trunk    office.ID // which carries it; empty: it is not answered
	over     bool
	stop     func() // ends the call, wherever it is; does not wait. nil: it is not dialled yet
	stopped  string // why it may not go on; empty: it may
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
	t := &toll{pbx: p, ext: ext, class: place.Class}
	if forward {
		t.to = place.Number
	}
	if no := p.open(ctx, t); no != nil {
		return nil, no
	}
	if !p.mayGoOn(ctx, t) { // changed since ext was read: what changes from now on is seen by the review
		t.ends(ctx)
		return nil, &refusal{code: 403, prompt: voicemail.NotAllowed}
	}
	return t, nil
}

// open counts one more outside call, or says why that would be one too many. Many in
// a short time are told to the administrator, once.
func (p *PBX) open(ctx context.Context, t *toll) *refusal {
	now, ext := p.cfg.Now(), t.ext
	p.till.mu.Lock()
	a := p.till.tab(ext)
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

// tab returns the tab of an extension, with its rights of now. mu must be locked.
func (l *till) tab(ext office.Extension) *tab {
	a := l.of[ext.Account]
	if a == nil {
		a = &tab{open: map[*toll]bool{}}
		l.of[ext.Account] = a
	}
	a.minutes = ext.Rights.Minutes
	return a
}

// ringing returns how many calls ring where they were forwarded to. The till's mu
// must be locked.
func (a *tab) ringing(to office.Number) (n int) {
	for t := range a.open {
		if t.to == to && t.answered.IsZero() {
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

// dials notes how the call is given up while it is dialled.
func (t *toll) dials(giveUp func()) {
	t.pbx.till.mu.Lock()
	defer t.pbx.till.mu.Unlock()
	if t.stop = giveUp; t.stopped != "" {
		giveUp()
	}
}

// starts notes that the call was answered, on which leg and over which trunk.
func (t *toll) starts(leg *ua.Leg, trunk office.ID) {
	l := t.pbx.till
	l.mu.Lock()
	t.answered, t.trunk, t.stop = t.pbx.cfg.Now(), trunk, func() { hangUp(leg) }
	if t.stopped != "" {
		t.stop()
	}
	l.mu.Unlock()
	select {
	case l.stirred <- struct{}{}:
	default:
	}
}

// stops ends a call that may not go on. The till's mu must be locked.
func (t *toll) stops(why string) {
	if t.stopped != "" {
		return
	}
	t.stopped = why
	t.pbx.log.Info("an outside call may not go on", "ext", t.ext.Number, "reason", why)
	if t.stop != nil {
		t.stop()
	}
}

// isStopped reports whether the call was not to go on.
func (t *toll) isStopped() bool {
	t.pbx.till.mu.Lock()
	defer t.pbx.till.mu.Unlock()
	return t.stopped != ""
}

// ends charges the call. Ending twice is ending once.
func (t *toll) ends(ctx context.Context) {
	t.charge(ctx, t.closes(t.pbx.zone(ctx)))
}

// closes takes the call out of the count and returns what was talked in it. Closing
// it again returns nothing.
func (t *toll) closes(zone *time.Location) []stint {
	l := t.pbx.till
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.over {
		return nil
	}
	t.over = true
	a := l.of[t.ext.Account]
	delete(a.open, t)
	if t.answered.IsZero() {
		return nil
	}
	stints := split(t.answered.In(zone), t.pbx.cfg.Now().Sub(t.answered))
	for _, s := range stints {
		if s.date() == a.day {
			a.used += s.talked
		}
	}
	return stints
}

// A stint is how long was talked on one day.
type stint struct {
	day    time.Time // where the office is
	talked time.Duration
}

func (s stint) date() string { return s.day.Format(time.DateOnly) }

// split returns the days of a call, in the location of its beginning. One that has
// only been answered has a day as well.
func split(from time.Time, talked time.Duration) (stints []stint) {
	for until := from.Add(max(talked, 0)); ; {
		y, m, d := from.Date()
		next := time.Date(y, m, d+1, 0, 0, 0, 0, from.Location())
		if !until.After(next) {
			return append(stints, stint{from, until.Sub(from)})
		}
		stints = append(stints, stint{from, next.Sub(from)})
		from = next
	}
}

// charge writes what was talked. What the store does not take is left to the
// backlog.
func (t *toll) charge(ctx context.Context, talked []stint) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	for _, s := range talked {
		pay := func(ctx context.Context) error { return t.pbx.store.AddUsage(ctx, t.ext.Account, s.day, s.talked) }
		if err := pay(ctx); err != nil && !errors.Is(err, office.ErrNotFound) { // nobody is there to be charged
			t.pbx.log.Error("call not charged", "ext", t.ext.Number, "err", err)
			t.pbx.late.add(debt{t.pbx.log, "charge", pay})
		}
	}
}

// zone returns the time zone of the office, in which its days begin.
func (p *PBX) zone(ctx context.Context) *time.Location { return p.company(ctx).Location() }

// left returns how long ext may still talk outside today, in all its calls together.
func (p *PBX) left(ctx context.Context, ext office.Extension) time.Duration {
	p.remember(ctx, ext.Account)
	now := p.cfg.Now()
	p.till.mu.Lock()
	defer p.till.mu.Unlock()
	left, _ := p.till.tab(ext).left(now, now.In(p.zone(ctx)))
	return left
}

// remember reads what an account has talked today, unless that is known.
func (p *PBX) remember(ctx context.Context, account office.ID) {
	today := stint{day: p.cfg.Now().In(p.zone(ctx))}
	p.till.mu.Lock()
	a := p.till.of[account]
	known := a != nil && a.day == today.date()
	p.till.mu.Unlock()
	if known {
		return
	}
	used, err := p.store.Usage(ctx, account, today.day)
	if err != nil {
		p.log.Error("usage not read", "account", account, "err", err)
		return
	}
	p.till.mu.Lock()
	defer p.till.mu.Unlock()
	if a = p.till.of[account]; a == nil {
		a = &tab{open: map[*toll]bool{}}
		p.till.of[account] = a
	}
	a.day, a.used = today.date(), used.Time
}

// left returns how long may still be talked today, in all calls together, and in how
// many is talked. today is now where the office is. The till's mu must be locked.
func (a *tab) left(now, today time.Time) (left time.Duration, talking int) {
	y, m, d := today.Date()
	since := today.Sub(time.Date(y, m, d, 0, 0, 0, 0, today.Location())) // midnight
	left = time.Duration(a.minutes) * time.Minute
	if a.day == today.Format(time.DateOnly) {
		left -= a.used
	}
	for t := range a.open {
		if !t.answered.IsZero() {
			talking++
			left -= min(now.Sub(t.answered), since)
		}
	}
	return left, talking
}
