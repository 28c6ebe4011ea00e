package pbx

import (
	"context"
	"errors"
	"slices"
	"time"

	"timbre/internal/office"
	"timbre/internal/ua"
)

// longReview is how long there is nothing to look for where no minutes run out.
const longReview = time.Hour

// review ends, until ctx ends, what the office does not allow any longer: the calls
// of telephones that were taken away; outside calls of extensions that are gone,
// disabled or may not call there any more, over trunks that are gone, and longer than
// the minutes of the day. It ends legs; the calls see that. An emergency call is
// nobody's to end.
func (p *PBX) review(ctx context.Context) {
	members, forget := p.store.Members()
	defer forget()
	configured, leave := p.store.Configured()
	defer leave()
	due := time.NewTimer(longReview)
	defer due.Stop()
	for {
		select {
		case <-members:
			p.expel(ctx)
			p.reconsider(ctx)
		case <-configured:
			p.withdraw(ctx)
		case <-p.till.stirred:
		case <-due.C:
		case <-ctx.Done():
			return
		}
		due.Reset(p.cut(ctx))
	}
}

// attends notes the leg of a telephone of the office, which ends with the device.
// Until the party is released it is one of the calls of its extension.
func (p *PBX) attends(ctx context.Context, q *party) {
	if !q.holds {
		return
	}
	p.mu.Lock()
	p.legs[q.leg] = q.device
	p.mu.Unlock()
	if !p.has(ctx, q.device) {
		hangUp(q.leg)
	}
}

// has reports whether a device may still be used.
func (p *PBX) has(ctx context.Context, d office.Device) bool {
	_, _, ok := p.table.Device(ctx, d.Username)
	return ok
}

// expel ends the calls of telephones that were taken away.
func (p *PBX) expel(ctx context.Context) {
	p.mu.Lock()
	legs := make(map[*ua.Leg]office.Device, len(p.legs))
	for l, d := range p.legs {
		legs[l] = d
	}
	var callers []*ua.Incoming
	for in := range p.unanswered {
		callers = append(callers, in)
	}
	p.mu.Unlock()
	for l, d := range legs {
		if !isOver(l) && !p.has(ctx, d) {
			p.log.Info("a telephone that was taken away may not go on", "ext", d.Extension, "device", d.ID)
			hangUp(l)
		}
	}
	for _, in := range callers {
		if _, _, ok := p.table.Device(ctx, in.Username()); !ok {
			_ = in.Cancel() // it fails where the call was answered
		}
	}
}

// tolls returns the outside calls that go on.
func (p *PBX) tolls() (open []*toll) {
	p.till.mu.Lock()
	defer p.till.mu.Unlock()
	for _, a := range p.till.of {
		for t := range a.open {
			open = append(open, t)
		}
	}
	return open
}

// reconsider ends the outside calls that their extensions may not have any more.
func (p *PBX) reconsider(ctx context.Context) {
	for _, t := range p.tolls() {
		if !p.mayGoOn(ctx, t) {
			p.till.mu.Lock()
			t.stops("not allowed")
			p.till.mu.Unlock()
		}
	}
}

// mayGoOn reports whether the extension that pays for an outside call may have it,
// by its rights of now. Where they cannot be read it may.
func (p *PBX) mayGoOn(ctx context.Context, t *toll) bool {
	ext, err := p.store.ExtensionOf(ctx, t.ext.Account)
	switch {
	case errors.Is(err, office.ErrNotFound):
		return false
	case err != nil:
		p.log.Error("rights not read", "ext", t.ext.Number, "err", err)
		return true
	}
	p.till.mu.Lock()
	defer p.till.mu.Unlock()
	p.till.tab(ext)
	return !ext.Disabled && ext.Rights.Classes.Has(t.class)
}

// withdraw ends the outside calls over trunks that were removed.
func (p *PBX) withdraw(ctx context.Context) {
	trunks, err := p.store.Trunks(ctx)
	if err != nil {
		p.log.Error("trunks not read", "err", err)
		return
	}
	open := p.tolls()
	p.till.mu.Lock()
	defer p.till.mu.Unlock()
	for _, t := range open {
		if t.trunk != "" && !slices.ContainsFunc(trunks, func(k office.Trunk) bool { return k.ID == t.trunk }) {
			t.stops("trunk removed")
		}
	}
}

// cut ends the outside calls of extensions whose minutes of today are used up. It
// returns when to look again.
func (p *PBX) cut(ctx context.Context) time.Duration {
	var limited []office.ID
	p.till.mu.Lock()
	for account, a := range p.till.of {
		if a.minutes > 0 && len(a.open) > 0 {
			limited = append(limited, account)
		}
	}
	p.till.mu.Unlock()
	for _, account := range limited {
		p.remember(ctx, account)
	}
	next, now := longReview, p.cfg.Now()
	today := now.In(p.zone(ctx))
	p.till.mu.Lock()
	defer p.till.mu.Unlock()
	for _, a := range p.till.of {
		left, talking := a.left(now, today)
		switch {
		case a.minutes == 0 || talking == 0:
		case left > 0:
			next = min(next, left/time.Duration(talking))
		default:
			for t := range a.open {
				t.stops(office.MinutesUsed)
			}
		}
	}
	return max(next, time.Millisecond)
}

// hangUp ends a leg and does not wait for the far side.
func hangUp(leg *ua.Leg) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = leg.Hangup(ctx)
}
