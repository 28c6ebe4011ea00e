package pbx

import (
	"context"
	"errors"
	"slices"

	"timbre/internal/bridge"
	"timbre/internal/office"
	"timbre/internal/registrar"
	"timbre/internal/ua"
	"timbre/internal/voicemail"
)

// toExtension rings the devices of an extension and joins the first that
// answers; else the caller may leave a message.
func (c *call) toExtension(ctx context.Context, to office.Extension) {
	if c.begin(ctx, to) != nil {
		return
	}
	r := c.reach(ctx, to)
	switch {
	case r.leg != nil: // over
	case r.why == office.Canceled:
		c.record.canceled()
	case ctx.Err() != nil: // the server stops
		c.pbx.reject(c.in, 503)
		c.record.fails(office.Interrupted)
	default:
		c.record.callee.Call.Outcome, c.record.callee.Call.Reason = r.why, status(r.code)
		c.leaveMessage(ctx, to)
	}
}

// reach rings the devices of an extension and, where one answers, stays until
// the call is over. The caller's own device is not among them: who dials the
// own extension looks for the other ones.
func (c *call) reach(ctx context.Context, to office.Extension) rung {
	if !c.pbx.occupy(to.Number) {
		return rung{why: office.Busy, code: 486}
	}
	defer c.pbx.release(to.Number)
	devices := c.devices(ctx, to.Number)
	if len(devices) == 0 {
		return rung{why: office.NoAnswer, code: 480}
	}
	ringing, stop := context.WithTimeout(ctx, to.RingTime)
	defer stop()
	r := c.ringOn(ringing, to.Number, devices, ua.Target{
		From:   office.Party{Number: c.from.Number, Name: c.from.Name},
		To:     office.Party{Number: to.Number, Name: to.Name},
		Codecs: offer(c.in.Codecs()),
		Headers: ua.Headers{
			office.CallHeader:     string(c.record.callee.Call.ID),
			office.FarMediaHeader: protection(c.in.Secure()),
		},
	})
	c.record.stopsRinging(c.pbx.cfg.Now())
	if r.leg != nil {
		c.connect(ctx, r)
	}
	return r
}

// devices returns where ext can be rung now.
func (c *call) devices(ctx context.Context, ext office.Number) []registrar.Binding {
	return slices.DeleteFunc(c.pbx.table.Contacts(ctx, ext, c.pbx.cfg.Now()), func(b registrar.Binding) bool { return b.Device.ID == c.device })
}

// connect joins the caller with the device that answered until one hangs up.
func (c *call) connect(ctx context.Context, r rung) {
	far := protection(r.leg.Secure())
	leg, err := c.answer(ctx, answer(c.in.Codecs(), r.leg.Codec()), far)
	if err != nil {
		bridge.Hangup(ctx, r.leg)
		return
	}
	caller, callee := &c.record.caller.Call, &c.record.callee.Call
	callee.AnsweredAt, callee.AnsweredBy = caller.AnsweredAt, r.device.Name
	callee.Encryption = office.Encryption{Local: far, Remote: caller.Encryption.Local}
	err = bridge.Relay(ctx, leg, r.leg)
	switch {
	case errors.Is(err, bridge.ErrCodec):
		c.record.fails(status(488))
	case err != nil && !errors.Is(err, bridge.ErrSilent):
		c.log.Error("call cut", "err", err)
		c.record.fails(status(500))
	case c.pbx.halt.Err() != nil:
		caller.Reason, callee.Reason = office.Interrupted, office.Interrupted
	}
	c.record.each(func(l *office.Call) {
		if l.Outcome == "" {
			l.Outcome = office.Answered
		}
	})
}

// toVoicemail lets the caller leave a message without ringing anybody.
func (c *call) toVoicemail(ctx context.Context, to office.Extension) {
	if c.begin(ctx, to) != nil {
		return
	}
	c.record.callee.Call.Outcome = office.NoAnswer
	c.leaveMessage(ctx, to)
}

// leaveMessage answers with the voicemail of an extension. The callee's line
// says already why nobody answered.
func (c *call) leaveMessage(ctx context.Context, to office.Extension) {
	leg, err := c.answer(ctx, withEvents(c.in.Codecs(), speech), protection(c.in.Secure()))
	if err != nil {
		return
	}
	c.record.caller.Call.Outcome = office.ToVoicemail
	err = bridge.Talk(ctx, leg, func(ctx context.Context, v *bridge.Voice) (err error) {
		c.taken, err = c.pbx.box.Record(ctx, v, voicemail.Message{
			To: to, Call: c.record.callee.Call.ID, From: office.Party{Number: c.from.Number, Name: c.from.Name},
		})
		return err
	})
	if err != nil && ctx.Err() == nil {
		c.log.Error("message not taken", "err", err)
	}
	if callee := &c.record.callee.Call; c.taken != nil && callee.Outcome == office.NoAnswer {
		callee.Outcome = office.ToVoicemail
	}
}

// toEcho gives the caller the own voice back.
func (c *call) toEcho(ctx context.Context) {
	leg, err := c.answer(ctx, withEvents(c.in.Codecs(), speech), protection(c.in.Secure()))
	if err != nil {
		return
	}
	c.record.caller.Call.Outcome = office.Answered
	intro, err := c.pbx.sounds.Prompt(voicemail.EchoTest, c.from.Language)
	if err != nil {
		c.log.Error("prompt missing", "err", err)
	}
	if err := bridge.Echo(ctx, leg, intro); err != nil {
		c.log.Error("echo test cut", "err", err)
		c.record.caller.Call.Outcome, c.record.caller.Call.Reason = office.Failed, status(500)
	}
}
