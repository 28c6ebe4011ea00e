package pbx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"timbre/internal/dialplan"
	"timbre/internal/office"
	"timbre/internal/sdp"
	"timbre/internal/store"
	"timbre/internal/ua"
	"timbre/internal/voicemail"
)

const (
	// maxCall is how long a call may last: nobody talks longer, a forgotten
	// telephone does.
	maxCall = 12 * time.Hour
	// recordTime is how long the writing of a record may take.
	recordTime = 10 * time.Second
)

// A call is one call in progress. It is owned by the goroutine of its INVITE;
// those that ring the devices see only what does not change while they do.
type call struct {
	pbx     *PBX
	log     *slog.Logger
	in      *ua.Incoming
	device  office.ID        // from which the call comes
	from    office.Extension // whose device that is
	record  record
	taken   *voicemail.Taken // the message that was left, if any
	dialing sync.WaitGroup   // the devices that are rung or still being canceled
}

// invite owns one call from its INVITE to its record.
func (p *PBX) invite(ctx context.Context, in *ua.Incoming) {
	if !p.begin() {
		p.reject(in, 503)
		return
	}
	defer p.end()
	ctx, cancel := context.WithTimeout(ctx, maxCall)
	defer cancel()
	defer context.AfterFunc(p.halt, cancel)()
	device, _, ok := p.table.Device(ctx, in.Username())
	if !ok { // removed since its digest was checked
		p.reject(in, 403)
		return
	}
	from, err := p.store.Extension(ctx, device.Extension)
	if err != nil {
		p.log.Error("caller not found", "ext", device.Extension, "err", err)
		p.reject(in, 500)
		return
	}
	c := &call{pbx: p, in: in, device: device.ID, from: from, record: newRecord(from, p.cfg.Now())}
	c.log = p.log.With("call", c.record.caller.Call.ID, "ext", from.Number)
	defer c.dialing.Wait()
	defer c.finish(ctx)
	c.route(ctx)
}

// reject refuses a call.
func (p *PBX) reject(in *ua.Incoming, code int) {
	if err := in.Reject(code); err != nil && !errors.Is(err, ua.ErrClosed) {
		p.log.Debug("call not refused", "code", code, "err", err)
	}
}

// refuse refuses the call and notes that it failed for the caller.
func (c *call) refuse(code int) {
	c.pbx.reject(c.in, code)
	c.record.fails(status(code))
}

// route takes the call to where its number leads.
func (c *call) route(ctx context.Context) {
	var to office.Extension
	var err error
	place := dialplan.Route(c.from, c.in.To(), dialplan.Table{HasExtension: func(n office.Number) bool {
		to, err = c.pbx.store.Extension(ctx, n)
		return err == nil
	}})
	c.record.caller.Call.Peer = office.Party{Number: place.Number}
	if err != nil && !errors.Is(err, office.ErrNotFound) {
		c.log.Error("extension not read", "err", err)
		c.refuse(500)
		return
	}
	if codecs := c.in.Codecs(); len(codecs) > 0 && !slices.ContainsFunc(codecs, sdp.Codec.IsSound) {
		c.refuse(488)
		return
	}
	if !c.pbx.occupy(c.from.Number) {
		c.refuse(486)
		return
	}
	defer c.pbx.release(c.from.Number)
	switch place.Kind {
	case dialplan.Extension:
		c.toExtension(ctx, to)
	case dialplan.Voicemail:
		c.toVoicemail(ctx, to)
	case dialplan.EchoTest:
		c.toEcho(ctx)
	default:
		c.refuse(404)
	}
}

// begin notes that the call is for an extension and writes its live record.
func (c *call) begin(ctx context.Context, to office.Extension) error {
	c.record.reaches(c.from, to)
	c.log = c.log.With("to", to.Number)
	if err := c.pbx.store.BeginCalls(ctx, c.record.sides()...); err != nil {
		c.log.Error("call not recorded", "err", err)
		c.refuse(500)
		return err
	}
	return nil
}

// rings tells the caller that a device rings.
func (c *call) rings() {
	if err := c.in.Ring(c.headers("")); err != nil && !errors.Is(err, ua.ErrClosed) {
		c.log.Debug("ringing not told", "err", err)
	}
}

// headers returns what the caller's phone is told beside the standard. far is
// the protection of the far side, empty while it is unknown.
func (c *call) headers(far string) ua.Headers {
	h := ua.Headers{office.CallHeader: string(c.record.caller.Call.ID)}
	if far != "" {
		h[office.FarMediaHeader] = far
	}
	return h
}

// answer answers the caller in one of codecs; far is the protection of the far
// side. Where it fails, the call is over and the record says why.
func (c *call) answer(ctx context.Context, codecs []sdp.Codec, far string) (*ua.Leg, error) {
	leg, err := c.in.Answer(ctx, ua.AnswerOptions{
		Codecs: codecs, Secure: c.in.Transport() == "tls", Headers: c.headers(far),
	})
	var refused *ua.StatusError
	switch {
	case err == nil:
		now := c.pbx.cfg.Now().UTC()
		c.record.caller.Call.AnsweredAt = &now
		c.record.caller.Call.Encryption = office.Encryption{Local: protection(leg.Secure()), Remote: far}
	case errors.As(err, &refused):
		c.record.fails(status(refused.Code))
	case errors.Is(err, ua.ErrClosed):
		c.record.canceled()
	default:
		c.log.Warn("caller not answered", "err", err)
		c.record.fails(status(500))
	}
	return leg, err
}

// finish writes the record, whatever happened to the call and to ctx.
func (c *call) finish(ctx context.Context) {
	if r := recover(); r != nil {
		c.log.Error("panic in a call", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		c.pbx.reject(c.in, 500)
		c.record.breaks()
	}
	c.record.close(c.pbx.cfg.Now())
	c.write(context.WithoutCancel(ctx))
	call := c.record.caller.Call
	c.log.Info("call ended", "outcome", call.Outcome, "reason", call.Reason, "duration", time.Duration(call.Duration))
}

// write writes the record, together with the message that was left. What the
// store does not take is left to the backlog: the call is over.
func (c *call) write(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	sides := c.record.sides()
	if c.taken != nil {
		_, err := c.pbx.box.Keep(ctx, c.taken, sides...)
		if err == nil {
			return
		}
		c.log.Error("message not kept", "err", err)
		c.pbx.keepLate(c.log, c.taken)
	}
	if err := c.pbx.enter(ctx, sides); err != nil {
		c.log.Error("record not written", "err", err)
		c.pbx.late.add(debt{c.log, "record", func(ctx context.Context) error { return c.pbx.enter(ctx, sides) }})
	}
}

// enter writes the lines of a call into the log. Where an extension was removed
// during the call, the other one still gets its line.
func (p *PBX) enter(ctx context.Context, sides []store.Side) error {
	err := p.store.EndCalls(ctx, sides...)
	if !errors.Is(err, office.ErrNotFound) {
		return err
	}
	for _, s := range sides {
		if err := p.store.EndCalls(ctx, s); err != nil && !errors.Is(err, office.ErrNotFound) {
			return err
		}
	}
	return nil
}

// keepLate leaves a message to the backlog.
func (p *PBX) keepLate(log *slog.Logger, t *voicemail.Taken) {
	p.late.add(debt{log, "message", func(ctx context.Context) error { return p.box.KeepLate(ctx, t) }})
}
