package pbx

import (
	"context"
	"errors"
	"slices"

	"timbre/internal/dialplan"
	"timbre/internal/hunt"
	"timbre/internal/office"
	"timbre/internal/ua"
)

// redirected follows a telephone that sends the call elsewhere: to a voicemail,
// or to a number that its extension may call. Anything else is its voicemail.
func (ch *chase) redirected(ctx context.Context, m *member, err error) hunt.Event {
	var sent *ua.StatusError
	if !errors.As(err, &sent) {
		return hunt.Event{What: hunt.Fails}
	}
	e := hunt.Event{What: hunt.Redirected, Code: sent.Code}
	place, err := ch.c.pbx.place(ctx, m.ext, sent.To)
	switch {
	case err != nil || !ch.c.pbx.isOurs(sent.ToHost) || !place.Allowed:
	case place.Kind == dialplan.Voicemail:
		m.sends(place.Number)
	case place.Kind == dialplan.Extension, place.Kind == dialplan.OwnLine, place.Kind == dialplan.Outside:
		e.Number = place.Number
	}
	return e
}

// forward dials where the calls of a member are forwarded to.
func (ch *chase) forward(ctx context.Context, m *member, t hunt.Target, tell func(hunt.Happening, *party)) (*party, hunt.Event) {
	place, err := ch.c.pbx.place(ctx, m.ext, string(t.Number))
	if err != nil {
		if ctx.Err() == nil {
			ch.c.log.Error("forward not looked up", "ext", m.ext.Number, "err", err)
		}
		return nil, hunt.Event{What: hunt.Fails, Code: 500}
	}
	if ch.hops <= 1 {
		return nil, hunt.Event{What: hunt.Fails, Code: 483}
	}
	if isFound(place) && !place.Allowed {
		ch.c.log.Info("forward not allowed", "ext", m.ext.Number)
		return nil, hunt.Event{What: hunt.Fails, Code: 403}
	}
	switch place.Kind {
	case dialplan.Extension, dialplan.OwnLine:
		return ch.forwardInside(ctx, m, ch.c.extensions(ctx, place), tell)
	case dialplan.Outside:
		return ch.forwardOutside(ctx, m, place, t.When, tell)
	}
	return nil, hunt.Event{What: hunt.Fails, Code: 404}
}

// forwardInside hunts other extensions of the office in a member's place. None
// that the call has come through already is rung again.
func (ch *chase) forwardInside(ctx context.Context, m *member, exts []office.Extension, tell func(hunt.Happening, *party)) (*party, hunt.Event) {
	exts = slices.DeleteFunc(exts, func(e office.Extension) bool { return slices.Contains(ch.visited, e.Number) })
	if len(exts) == 0 {
		ch.c.log.Info("forwarding in a circle", "ext", m.ext.Number)
		return nil, hunt.Event{What: hunt.Fails, Code: 482}
	}
	inner := &chase{
		c: ch.c, from: ch.from, secure: ch.secure, codecs: ch.codecs, visited: slices.Clone(ch.visited), hops: ch.hops - 1, path: ch.path, again: ch.again,
		ring: func() { tell(hunt.Rings, nil) },
		pass: func(p *party) { tell(hunt.Early, p) },
	}
	inner.enlist(ctx, exts, "", ch.c.pbx.cfg.Now())
	ch.c.begin(ctx)
	result, p := inner.run(ctx, nil)
	inner.discharge(result, p)
	if p != nil {
		return p, hunt.Event{What: hunt.Answers}
	}
	if ctx.Err() != nil {
		why := office.NoAnswer
		if errors.Is(context.Cause(ctx), hunt.ErrElsewhere) {
			why = office.AnsweredElsewhere
		}
		for _, m := range inner.members {
			m.row.ends(why, "")
		}
	}
	if _, circle := inner.members[0].sent(); circle {
		m.circles()
	}
	return nil, hunt.Event{What: hunt.Fails, Code: unreached(result.Members[0].Code)}
}

// unreached returns the status of a forward that nobody answered.
func unreached(code int) int {
	if code == 0 || code == 603 { // who declines there does not decline for the member
		return 480
	}
	return code
}

// diverted is how RFC 5806 calls the cases of forwarding.
var diverted = map[office.ForwardWhen]string{
	"": "deflection", office.ForwardAlways: "unconditional", office.ForwardOffline: "unavailable",
	office.ForwardBusy: "user-busy", office.ForwardNoAnswer: "no-answer",
}

// forwardOutside calls the number outside to which a member's calls go, at its
// charge. A call that has been outside already does not go there again.
func (ch *chase) forwardOutside(ctx context.Context, m *member, place dialplan.Destination, when office.ForwardWhen, tell func(hunt.Happening, *party)) (*party, hunt.Event) {
	x := ch.c.pbx
	if ch.again {
		m.circles()
		ch.c.log.Info("forwarding in a circle", "ext", m.ext.Number)
		return nil, hunt.Event{What: hunt.Fails, Code: 482}
	}
	toll, no := x.permit(ctx, m.ext, place, true)
	if no != nil {
		ch.c.log.Info("forward not allowed", "ext", m.ext.Number, "code", no.code)
		return nil, hunt.Event{What: hunt.Fails, Code: no.code}
	}
	own := x.identity(ctx, m.ext, false)
	p, err := ch.c.dialOutside(ctx, outside{
		payer: m.ext, place: place, toll: toll, of: m.row, codecs: ch.codecs, hops: ch.hops,
		path: append([]ua.Diversion{{Party: own, Reason: diverted[when]}}, ch.path...), tell: tell,
	})
	if err != nil {
		code := refusedWith(err)
		return nil, hunt.Event{What: hunt.Fails, Code: unreached(code)}
	}
	p.row = nil
	p.tongue = m.ext.Language
	return p, hunt.Event{What: hunt.Answers}
}
