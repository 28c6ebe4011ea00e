package pbx

import (
	"context"
	"errors"
	"time"

	"timbre/internal/dialplan"
	"timbre/internal/hunt"
	"timbre/internal/office"
	"timbre/internal/sdp"
	"timbre/internal/trunk"
	"timbre/internal/ua"
	"timbre/internal/voicemail"
)

// outside is a call to a number outside.
type outside struct {
	payer     office.Extension
	place     dialplan.Destination
	emergency bool
	toll      *toll // it is ended where the call is not answered
	of        *row  // whose row alone tells of it; nil: all
	codecs    []sdp.Codec
	hops      int
	path      []ua.Diversion
	tell      func(hunt.Happening, *party) // Rings, and Early with the party
}

// dialOutside calls a number outside. A refusal is a *ua.StatusError; it wraps
// office.ErrNoTrunk where no line works.
func (c *call) dialOutside(ctx context.Context, q outside) (answered *party, err error) {
	x := c.pbx
	defer func() {
		if answered == nil && q.toll != nil { // after a panic too: it would count for ever
			q.toll.ends(ctx)
		}
	}()
	region := x.company(ctx).Region
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := &party{who: office.Party{Number: q.place.Number}, toll: q.toll}
	if q.toll != nil {
		q.toll.dials(cancel)
	}
	p.trace = c.record.trace(q.of, office.CallLeg{Party: p.who}, x.cfg.Now())
	leg, used, err := x.trunks.Dial(ctx, trunk.Call{
		Number: q.place.Number, Emergency: q.emergency, Identity: x.identity(ctx, q.payer, q.emergency),
		Written:   func(n office.Number, f office.NumberFormat) string { return dialplan.Written(n, f, region) },
		Codecs:    q.codecs,
		Diversion: q.path, Hops: q.hops - 1,
		OnRinging: func(int, func(string) string) { q.tell(hunt.Rings, nil) },
		OnEarly: func(l *ua.Leg) {
			early := *p
			early.leg = l
			q.tell(hunt.Early, &early)
		},
	})
	p.trace.over(used.Name)
	if err != nil {
		if q.toll != nil && q.toll.isStopped() {
			err = &ua.StatusError{Code: 403}
		}
		code := refusedWith(err)
		p.trace.ends(x.cfg.Now(), outcomeOf(code), status(code))
		return nil, err
	}
	p.leg = leg
	p.trace.answers(x.cfg.Now(), leg)
	if q.toll != nil {
		q.toll.starts(leg, used.ID)
	}
	return p, nil
}

// toOutside connects o with a number outside, within the rights of who pays.
func (c *call) toOutside(ctx context.Context, o *origin, place dialplan.Destination) (*party, *refusal) {
	if o.payer.Number == "" { // a call from outside reaches the office's numbers only
		return nil, &refusal{code: 403}
	}
	toll, no := c.pbx.permit(ctx, o.payer, place, false)
	if no != nil {
		return nil, no
	}
	return c.dialFor(ctx, o, outside{payer: o.payer, place: place, toll: toll})
}

// What one extension may ask of the emergency services.
const (
	maxEmergencies = 3               // at the same time
	emergencyTime  = 5 * time.Minute // the administrator is told once in that
)

// emergency connects o with the emergency services and stays until that is over.
func (c *call) emergency(ctx context.Context, o *origin, place dialplan.Destination) {
	if o.answered() || o.payer.Number == "" { // only who dials it means it
		c.refuse(ctx, o, &refusal{code: 403, prompt: voicemail.NotAllowed})
		return
	}
	x := c.pbx
	if !x.alarms(o.payer.Number, +1) {
		c.refuse(ctx, o, &refusal{code: 403, prompt: voicemail.TooManyCalls})
		return
	}
	defer x.alarms(o.payer.Number, -1)
	c.log.Warn("emergency call")
	o.urgent = true
	x.found(o.in)         // nobody ends it but those who talk
	c.dialing.Go(func() { // the store may take its time
		defer c.recovers("telling of an emergency", func() {})
		x.tell(ctx, emergencyTime, office.Notice{Kind: office.NoticeEmergency, At: x.cfg.Now().UTC(), Extension: o.payer.Number, Name: o.payer.Name, Number: place.Number})
	})
	p, no := c.dialFor(ctx, o, outside{payer: o.payer, place: place, emergency: true})
	if no != nil && no.prompt == voicemail.NoTrunk {
		no.prompt = voicemail.EmergencyUnavailable
	}
	c.goOn(ctx, o, p, no)
}

// alarms counts n more emergency calls of ext; false where it has as many as it may.
func (p *PBX) alarms(ext office.Number, n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n > 0 && p.emergencies[ext] >= maxEmergencies {
		return false
	}
	if p.emergencies[ext] += n; p.emergencies[ext] == 0 {
		delete(p.emergencies, ext)
	}
	return true
}

// dialFor calls outside for o, who hears what the far side sends.
func (c *call) dialFor(ctx context.Context, o *origin, q outside) (*party, *refusal) {
	if q.emergency {
		c.beginBeside(ctx)
	} else {
		c.begin(ctx)
	}
	dialling, cancel := context.WithCancel(ctx)
	defer cancel()
	w := waiting{signs: make(chan sign), ended: make(chan ending, 1), giveUp: cancel, most: ringOutside}
	if q.emergency {
		w.most = maxCall // it is the caller who gives up
	}
	q.of, q.codecs, q.hops, q.path = o.of, offer(o.codecs()), o.hops, o.path
	q.tell = func(what hunt.Happening, early *party) {
		select {
		case w.signs <- sign{what, early}:
		case <-dialling.Done():
		}
	}
	c.dialing.Go(func() {
		defer c.recovers("calling outside", func() { w.ended <- ending{err: &ua.StatusError{Code: 500}} })
		p, err := c.dialOutside(dialling, q)
		w.ended <- ending{p, err}
	})
	rung := false
	e, gone := w.wait(ctx, o.gone(), func(s sign) {
		switch {
		case s.what == hunt.Early:
			rung = true
			_ = o.pass(ctx, s.early.leg)
		case !rung:
			rung = true
			if err := o.ring(ctx); err != nil {
				c.log.Debug("ringing not told", "err", err)
			}
		}
	})
	c.record.stopsRinging(c.pbx.cfg.Now())
	return c.dialled(ctx, o, e.p, e.err, gone)
}

// ringOutside is how long a telephone outside may ring without another sign of that
// (timer C of RFC 3261 §16.6).
const ringOutside = 3 * time.Minute

// A sign is what a call outside tells before it ends.
type sign struct {
	what  hunt.Happening // Rings, or Early with the party
	early *party
}

// An ending is how a call outside ended.
type ending struct {
	p   *party
	err error
}

// A waiting is the wait for a call outside to be answered.
type waiting struct {
	signs  chan sign
	ended  chan ending   // capacity 1
	giveUp func()        // it ends soon then
	most   time.Duration // without a sign
}

// wait returns how the call ended, and whether the caller has gone before; heed is
// told of the signs. It is given up where the caller goes, ctx ends, or it rings for
// too long.
func (w *waiting) wait(ctx context.Context, gone <-chan struct{}, heed func(sign)) (e ending, left bool) {
	stopped := ctx.Done()
	limit := time.NewTimer(w.most)
	defer limit.Stop()
	for late := false; ; {
		select {
		case s := <-w.signs:
			limit.Reset(w.most)
			heed(s)
		case <-gone:
			gone, left = nil, true
			w.giveUp()
		case <-stopped:
			stopped = nil
			w.giveUp()
		case <-limit.C:
			late = true
			w.giveUp()
		case e := <-w.ended:
			if late && e.err != nil {
				e.err = &ua.StatusError{Code: 408}
			}
			return e, left
		}
	}
}

// dialled is the end of a call outside for o: answered, given up or refused.
func (c *call) dialled(ctx context.Context, o *origin, p *party, err error, gone bool) (*party, *refusal) {
	switch {
	case gone:
		if p != nil {
			p.dismiss(c.pbx)
		}
		c.endAll(office.Canceled, status(487))
		return nil, nil
	case ctx.Err() != nil:
		if p != nil {
			p.dismiss(c.pbx)
		}
		c.endAll(office.Failed, office.Interrupted)
		return nil, &refusal{code: 503}
	case err == nil:
		return c.answered(ctx, o, p)
	case errors.Is(err, office.ErrNoTrunk):
		return nil, &refusal{code: 503, prompt: voicemail.NoTrunk}
	}
	code := refusedWith(err)
	if code < 400 || code > 699 { // where a carrier sends its callers is nothing to us
		code = 480
	}
	return nil, &refusal{code: code}
}
