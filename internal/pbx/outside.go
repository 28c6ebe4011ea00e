package pbx

import (
	"context"
	"errors"

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

// identity returns who an extension is to the world outside: its own number, or
// the company's.
func (p *PBX) identity(ctx context.Context, ext office.Extension) office.Party {
	company := p.company(ctx)
	s, err := p.store.CallerIDSettings(ctx, ext.Account)
	if err != nil {
		p.log.Error("caller ID not read", "ext", ext.Number, "err", err)
	}
	n := s.Number
	if n == "" {
		n = company.Number
	}
	return office.Party{Number: n, Name: company.Name}
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
	p := &party{who: office.Party{Number: q.place.Number}, toll: q.toll}
	p.trace = c.record.trace(q.of, office.CallLeg{Party: p.who}, x.cfg.Now())
	leg, used, err := x.trunks.Dial(ctx, trunk.Call{
		Number: q.place.Number, Emergency: q.emergency, Identity: x.identity(ctx, q.payer),
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
		code, _ := refusedWith(err)
		p.trace.ends(x.cfg.Now(), outcomeOf(code), status(code))
		return nil, err
	}
	p.leg = leg
	p.trace.answers(x.cfg.Now(), leg)
	if q.toll != nil {
		q.toll.starts()
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

// toEmergency connects o with the emergency services, whatever o may else do. The
// administrator is told.
func (c *call) toEmergency(ctx context.Context, o *origin, place dialplan.Destination) (*party, *refusal) {
	if o.answered() || o.payer.Number == "" { // only who dials it means it
		return nil, &refusal{code: 403, prompt: voicemail.NotAllowed}
	}
	c.log.Warn("emergency call")
	c.pbx.tell(ctx, 0, office.Notice{Kind: office.NoticeEmergency, At: c.pbx.cfg.Now().UTC(), Extension: o.payer.Number, Name: o.payer.Name, Number: place.Number})
	p, no := c.dialFor(ctx, o, outside{payer: o.payer, place: place, emergency: true})
	if no != nil && no.prompt == voicemail.NoTrunk {
		no.prompt = voicemail.EmergencyUnavailable
	}
	return p, no
}

// dialFor calls outside for o, who hears what the far side sends.
func (c *call) dialFor(ctx context.Context, o *origin, q outside) (*party, *refusal) {
	if err := c.begin(ctx); err != nil && !q.emergency {
		if q.toll != nil {
			q.toll.ends(ctx)
		}
		return nil, &refusal{code: 500}
	}
	dialling, cancel := context.WithCancel(ctx)
	defer cancel()
	type sign struct {
		what  hunt.Happening
		early *party
	}
	signs := make(chan sign)
	q.codecs, q.hops, q.path = offer(o.codecs()), o.hops, o.path
	q.tell = func(what hunt.Happening, early *party) {
		select {
		case signs <- sign{what, early}:
		case <-dialling.Done():
		}
	}
	type end struct {
		p   *party
		err error
	}
	ended := make(chan end, 1)
	c.dialing.Go(func() {
		defer c.recovers("calling outside", func() { ended <- end{err: &ua.StatusError{Code: 500}} })
		p, err := c.dialOutside(dialling, q)
		ended <- end{p, err}
	})
	gone, stopped := o.gone(), ctx.Done()
	for rung := false; ; {
		select {
		case s := <-signs:
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
		case <-gone:
			gone = nil
			cancel()
		case <-stopped:
			stopped = nil
			cancel()
		case e := <-ended:
			c.record.stopsRinging(c.pbx.cfg.Now())
			return c.dialled(ctx, o, e.p, e.err, gone == nil)
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
	code, _ := refusedWith(err)
	if code < 400 || code > 699 { // where a carrier sends its callers is nothing to us
		code = 480
	}
	return nil, &refusal{code: code}
}
