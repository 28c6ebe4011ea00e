package pbx

import (
	"cmp"
	"context"
	"errors"

	"timbre/internal/bridge"
	"timbre/internal/dialplan"
	"timbre/internal/office"
	"timbre/internal/sdp"
	"timbre/internal/ua"
	"timbre/internal/voicemail"
)

// connect takes o to where place leads and stays until that is over.
func (c *call) connect(ctx context.Context, o *origin, place dialplan.Destination) {
	if place.Kind == dialplan.Emergency {
		c.emergency(ctx, o, place)
		return
	}
	p, no := c.reach(ctx, o, place)
	c.goOn(ctx, o, p, no)
}

// goOn is what follows the search for somebody who answers: o is refused, or talks.
func (c *call) goOn(ctx context.Context, o *origin, p *party, no *refusal) {
	switch {
	case no != nil:
		c.refuse(ctx, o, no)
	case p != nil:
		c.talk(ctx, &o.party, p)
	}
}

// reach takes o to where place leads. It returns who answered, joined with nobody
// yet; nil where the office itself served o and the call is over, or o gave up;
// and a refusal where o has not been answered by anybody.
func (c *call) reach(ctx context.Context, o *origin, place dialplan.Destination) (*party, *refusal) {
	if isFound(place) && !place.Allowed && o.payer.Number != "" {
		return nil, &refusal{code: 403, prompt: voicemail.NotAllowed}
	}
	switch place.Kind {
	case dialplan.Extension, dialplan.OwnLine:
		if place.Line.Menu {
			return nil, c.menu(ctx, o, "")
		}
		exts := c.extensions(ctx, place)
		if len(exts) == 0 {
			return nil, &refusal{code: 404, prompt: voicemail.NotFound}
		}
		return c.toExtensions(ctx, o, exts)
	case dialplan.Voicemail:
		return nil, c.toVoicemail(ctx, o, place.Number)
	case dialplan.Outside:
		return c.toOutside(ctx, o, place)
	case dialplan.EchoTest:
		return nil, c.toEcho(ctx, o)
	case dialplan.OwnMenu:
		return nil, c.menu(ctx, o, o.payer.Account)
	case dialplan.OtherMenu:
		return nil, c.menu(ctx, o, "")
	default:
		if o.payer.Number == "" {
			return nil, &refusal{code: 404}
		}
		return nil, &refusal{code: 404, prompt: voicemail.NotFound}
	}
}

// isFound reports whether the office leads callers to places of that kind.
func isFound(place dialplan.Destination) bool {
	switch place.Kind {
	case dialplan.NotFound, dialplan.PickUp, dialplan.Conference:
		return false
	}
	return true
}

// answer answers o in one of codecs; far is the protection of the far side, by
// who has answered. Where it fails the call is over, and the rows say why.
func (c *call) answer(ctx context.Context, o *origin, codecs []sdp.Codec, by, far string) error {
	err := o.answer(ctx, codecs, far)
	var refused *ua.StatusError
	now := c.pbx.cfg.Now()
	switch {
	case err == nil:
		if !o.urgent {
			c.pbx.attends(ctx, &o.party)
		}
		o.row.answers(now, office.Answered, by, protection(o.leg.Secure()), far)
		if o.trace != nil {
			o.trace.answers(now, o.leg)
		}
		if o.accepted != nil {
			o.accepted()
			o.accepted = nil
		}
	case errors.As(err, &refused):
		c.unanswered(office.Failed, status(refused.Code))
	case errors.Is(err, ua.ErrClosed):
		c.unanswered(office.Canceled, status(487))
	default:
		c.log.Warn("caller not answered", "err", err)
		c.unanswered(office.Failed, status(500))
	}
	return err
}

// unanswered notes on all rows that nobody talked after all: the caller was gone
// when somebody answered.
func (c *call) unanswered(o office.Outcome, reason string) {
	c.record.each(func(w *row) {
		w.change(func(l *office.Call) {
			switch l.Outcome {
			case "", office.Answered, office.Forwarded, office.AnsweredElsewhere:
				l.Outcome, l.Reason, l.AnsweredAt, l.AnsweredBy, l.Encryption = o, reason, nil, "", office.Encryption{}
			}
		})
	})
}

// endAll notes on all rows how the call ended where that is not known.
func (c *call) endAll(o office.Outcome, reason string) {
	c.record.each(func(w *row) { w.ends(o, reason) })
}

// serve answers o and holds a dialogue with it. The leg stays up.
func (c *call) serve(ctx context.Context, o *origin, outcome office.Outcome, dialogue func(context.Context, *bridge.Voice) error) error {
	if err := c.answer(ctx, o, withEvents(o.codecs(), spoken()), "", protection(o.secure())); err != nil {
		return err
	}
	o.row.change(func(l *office.Call) { l.Outcome = outcome })
	c.beginBeside(ctx)
	if !o.unveil(ctx) {
		return nil
	}
	return bridge.Converse(ctx, o.leg, dialogue)
}

// toVoicemail lets o leave a message without ringing anybody.
func (c *call) toVoicemail(ctx context.Context, o *origin, box office.Number) *refusal {
	to, err := c.pbx.store.Extension(ctx, box)
	if err != nil || to.Disabled {
		return &refusal{code: 404}
	}
	w := c.record.add(to.Account, office.Missed, o.who, c.pbx.cfg.Now())
	o.names(office.Party{Number: to.Number, Name: to.Name})
	c.begin(ctx)
	w.ends(office.NoAnswer, "")
	return c.leaveMessage(ctx, o, to, w)
}

// leaveMessage answers o with the voicemail of an extension, or says that nobody
// answers where it has none. The extension's row says already why nobody did.
func (c *call) leaveMessage(ctx context.Context, o *origin, to office.Extension, w *row) *refusal {
	settings, err := c.pbx.store.VoicemailSettings(ctx, to.Account)
	if err != nil {
		c.log.Error("voicemail settings not read", "ext", to.Number, "err", err)
		settings.IsEnabled = true
	}
	if !settings.IsEnabled {
		return &refusal{code: 480, prompt: voicemail.NoAnswer}
	}
	err = c.serve(ctx, o, office.ToVoicemail, func(ctx context.Context, v *bridge.Voice) (err error) {
		c.taken, err = c.pbx.box.Record(ctx, v, voicemail.Message{To: to, Call: w.id(), From: o.who})
		return err
	})
	if errors.Is(err, voicemail.ErrMenu) {
		return c.menu(ctx, o, to.Account)
	}
	if err != nil && ctx.Err() == nil && o.leg != nil {
		c.log.Error("message not taken", "err", err)
	}
	if c.taken != nil {
		w.change(func(l *office.Call) {
			if l.Outcome == office.NoAnswer {
				l.Outcome = office.ToVoicemail
			}
		})
	}
	return nil
}

// toEcho gives o its own voice back.
func (c *call) toEcho(ctx context.Context, o *origin) *refusal {
	if err := c.answer(ctx, o, withEvents(o.codecs(), spoken()), "", protection(o.secure())); err != nil {
		return nil
	}
	if !o.unveil(ctx) {
		return nil
	}
	intro, err := c.pbx.sounds.Prompt(voicemail.EchoTest, o.tongue)
	if err != nil {
		c.log.Error("prompt missing", "err", err)
	}
	if err := bridge.Echo(ctx, o.leg, intro); err != nil {
		c.log.Error("echo test cut", "err", err)
		o.row.change(func(l *office.Call) { l.Outcome, l.Reason = office.Failed, status(500) })
	}
	return nil
}

// menu lets o hear the voicemail of account, or of whoever o says to be where
// that is empty, and connects o with whom the owner of the mailbox calls back. When
// that is over o is in the menu again.
func (c *call) menu(ctx context.Context, o *origin, account office.ID) *refusal {
	visitor := voicemail.Caller{From: o.who, Account: account, Language: o.tongue}
	for {
		var result voicemail.Result
		err := c.serve(ctx, o, office.Answered, func(ctx context.Context, v *bridge.Voice) (err error) {
			result, err = c.pbx.box.Menu(ctx, v, visitor)
			return err
		})
		if err != nil && ctx.Err() == nil && o.leg != nil {
			c.log.Error("menu cut", "err", err)
		}
		if result.CallBack == "" || o.leg == nil || !c.callBack(ctx, o, result) {
			return nil
		}
		visitor.Account, visitor.Admitted = result.Account, true
	}
}

// callBack connects o with the number that the owner of a mailbox calls back, within
// the owner's rights: a call in the owner's log. It reports whether o is still there
// afterwards.
func (c *call) callBack(ctx context.Context, o *origin, r voicemail.Result) bool {
	owner, err := c.pbx.store.ExtensionOf(ctx, r.Account)
	if err != nil {
		c.log.Error("owner of a mailbox not read", "err", err)
		return false
	}
	o.payer, o.tongue, o.returns = owner, owner.Language, true
	place, err := c.pbx.place(ctx, owner, string(r.CallBack))
	if err != nil {
		c.log.Error("number not looked up", "err", err)
		return false
	}
	visit := o.row
	o.row = c.record.add(owner.Account, office.Outgoing, c.pbx.named(ctx, place), c.pbx.cfg.Now())
	o.of = o.row
	defer func() { o.row, o.of = visit, nil }()
	var p *party
	no := &refusal{code: 404, prompt: voicemail.NotFound}
	switch place.Kind {
	case dialplan.Extension, dialplan.Outside, dialplan.OwnLine:
		p, no = c.reach(ctx, o, place)
	}
	if no != nil {
		o.row.ends(outcomeOf(no.code), no.reason())
		c.say(ctx, o, cmp.Or(no.prompt, voicemail.NoAnswer))
	}
	if p != nil {
		stays := c.talk(ctx, &o.party, p)
		if stays == nil {
			return false
		}
		if stays != &o.party { // it was transferred meanwhile
			c.replaceParty(stays, &o.party)
			o.party = *stays
		}
	}
	o.silence()
	o.row.close(c.pbx.cfg.Now())
	if c.taken != nil { // the next one may come in the same call
		c.keep(ctx)
	}
	return ctx.Err() == nil && !isOver(o.leg)
}
