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

	"timbre/internal/bridge"
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
	// beginTime is how long a call waits for its live rows to be written.
	beginTime = 2 * time.Second
)

// A call is one call in progress. It is owned by one goroutine, that of its
// INVITE or its click; those that dial telephones for it see only what does not
// change while they do, and its record.
type call struct {
	pbx     *PBX
	log     *slog.Logger
	started time.Time
	record  *record
	taken   *voicemail.Taken // the message that was left, if any
	parties []*party         // those who have not left
	moved   *ua.Leg          // a leg that another call has taken over
	takes   chan take        // wishes of other calls to take somebody over
	over    chan struct{}    // closed at the end
	outdate func()           // gives up what beginBeside has not written yet
	dialing sync.WaitGroup   // the telephones that are dialled or still being canceled
	gone    chan struct{}    // closed when those are too
}

// newCall returns a call that begins now.
func (p *PBX) newCall(log ...any) *call {
	return &call{pbx: p, log: p.log.With(log...), started: p.cfg.Now(), record: &record{}, takes: make(chan take), over: make(chan struct{}), outdate: func() {}, gone: make(chan struct{})}
}

// invite owns one call from its INVITE to its record. A leg that another call has
// taken over then is kept until its end, since the return of this function is that.
func (p *PBX) invite(ctx context.Context, in *ua.Incoming) {
	if !p.begin() {
		p.reject(in, 503)
		return
	}
	if moved := p.serve(ctx, in); moved != nil {
		select {
		case <-moved.Done():
		case <-p.halt.Done():
		}
	}
}

// serve owns a call that has begun until it is over, and returns the caller's leg
// where that is in another call by then, else nil.
func (p *PBX) serve(ctx context.Context, in *ua.Incoming) *ua.Leg {
	defer p.end()
	if in.Peer() != "" {
		return p.fromTrunk(ctx, in)
	}
	device, account, ok := p.table.Device(ctx, in.Username())
	if !ok { // removed since its digest was checked
		p.reject(in, 403)
		return nil
	}
	from, err := p.caller(ctx, device, account, p.isEmergency(ctx, in.To()))
	if err != nil {
		p.log.Error("caller not found", "ext", device.Extension, "err", err)
		p.reject(in, 500)
		return nil
	}
	return p.fromDevice(ctx, in, device, from)
}

// fromDevice owns the call of a telephone of the office. It returns what serve
// does.
func (p *PBX) fromDevice(ctx context.Context, in *ua.Incoming, device office.Device, from office.Extension) *ua.Leg {
	c := p.newCall()
	p.seeks(in, c)
	defer p.found(in)
	o := &origin{in: in, payer: from, hops: in.Hops() - 1}
	o.party = party{who: office.Party{Number: from.Number, Name: from.Name}, ext: &from, device: device, tongue: from.Language}
	c.run(ctx, o, func(ctx context.Context) {
		if r := in.Replaces(); r != nil {
			c.replace(ctx, o, *r)
			return
		}
		place, err := c.pbx.place(ctx, from, in.To())
		o.row = c.record.add(from.Account, office.Outgoing, office.Party{Number: place.Number}, c.started)
		o.trace = c.record.trace(nil, office.CallLeg{Party: o.who, Device: device.Name, DeviceID: device.ID}, p.cfg.Now())
		c.log = p.log.With("call", o.row.id(), "ext", from.Number)
		switch {
		case err != nil:
			c.log.Error("number not looked up", "err", err)
			c.refuse(ctx, o, &refusal{code: 500})
		case from.Disabled: // since its digest was checked
			c.refuse(ctx, o, &refusal{code: 403})
		case o.hops <= 0:
			c.refuse(ctx, o, &refusal{code: 483})
		case !c.occupy(o, place.Kind == dialplan.Emergency):
			c.refuse(ctx, o, &refusal{code: 486})
		default:
			c.connect(ctx, o, place)
		}
	})
	return c.movedFrom(o)
}

// movedFrom returns the leg of o where another call has taken it over, else nil.
func (c *call) movedFrom(o *origin) *ua.Leg {
	if c.moved == o.leg {
		return c.moved
	}
	return nil
}

// run has serve carry out a call and then ends it, with its record, whatever
// happened.
func (c *call) run(ctx context.Context, o *origin, serve func(context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, maxCall)
	defer cancel()
	defer context.AfterFunc(c.pbx.halt, cancel)()
	o.call, o.region = c, c.pbx.company(ctx).Region
	in := o.in
	defer close(c.gone)
	defer func() {
		cancel() // what a panic left ringing
		c.dialing.Wait()
	}()
	defer c.finish(ctx, o, in)
	if in != nil {
		if codecs := in.Codecs(); len(codecs) > 0 && !slices.ContainsFunc(codecs, sdp.Codec.IsSound) {
			c.pbx.reject(in, 488)
			return
		}
	}
	serve(ctx)
}

// reject refuses a call.
func (p *PBX) reject(in *ua.Incoming, code int, headers ...ua.Headers) {
	if err := in.Reject(code, headers...); err != nil && !errors.Is(err, ua.ErrClosed) {
		p.log.Debug("call not refused", "code", code, "err", err)
	}
}

// occupy counts the call among those of the origin's extension; false where it
// has as many as it may. force counts it in any case.
func (c *call) occupy(o *origin, force bool) bool {
	o.holds = c.pbx.occupy(o.ext.Number, o.ext.CallLimit, force)
	if o.holds {
		c.parties = append(c.parties, &o.party)
	}
	return o.holds
}

// begin writes the live rows of the call: they are what is in the log if the server
// dies. A call that the store does not take goes on without them.
func (c *call) begin(ctx context.Context) { c.enroll(ctx, c.record.sides()) }

// enroll writes live rows.
func (c *call) enroll(ctx context.Context, sides []store.Side) {
	soon, cancel := context.WithTimeout(ctx, beginTime)
	defer cancel()
	if err := c.pbx.store.BeginCalls(soon, sides...); err != nil && ctx.Err() == nil {
		c.log.Error("call not recorded yet", "err", err)
	}
}

// beginBeside does that beside the call, also again since somebody has answered.
// Where it still waits for its turn when the rows are written again, it is needless.
func (c *call) beginBeside(ctx context.Context) {
	c.outdate()
	ctx, c.outdate = context.WithCancel(context.WithoutCancel(ctx))
	sides := c.record.sides()
	c.dialing.Go(func() { c.enroll(ctx, sides) })
}

// leave ends a party's part in the call and hangs it up.
func (c *call) leave(ctx context.Context, p *party) {
	c.drop(ctx, p)
	if p.leg != nil {
		bridge.Hangup(ctx, p.leg)
	}
}

// drop ends a party's part in the call.
func (c *call) drop(ctx context.Context, p *party) {
	c.parties = slices.DeleteFunc(c.parties, func(q *party) bool { return q == p })
	now := c.pbx.cfg.Now()
	if p.trace != nil {
		p.trace.ends(now, office.Failed, office.Interrupted)
	}
	if p.row != nil {
		p.row.close(now)
	}
	p.release(c.pbx)
	if p.toll != nil {
		talked := p.toll.closes(c.pbx.zone(ctx))
		c.dialing.Go(func() { p.toll.charge(ctx, talked) }) // the store may be away
	}
}

// release takes the call out of the count of the party's extension.
func (p *party) release(x *PBX) {
	if p.holds {
		p.holds = false
		x.release(p.ext.Number, p.leg)
	}
}

// finish ends whoever is left and writes the record, whatever happened to the
// call and to ctx.
func (c *call) finish(ctx context.Context, o *origin, in *ua.Incoming) {
	if r := recover(); r != nil {
		c.log.Error("panic in a call", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		c.record.breaks()
		if in != nil {
			c.pbx.reject(in, 500)
		}
	}
	close(c.over)
	o.silence()
	for len(c.parties) > 0 {
		c.leave(ctx, c.parties[0])
	}
	c.record.close(c.pbx.cfg.Now())
	c.outdate()
	c.write(context.WithoutCancel(ctx))
	for _, s := range c.record.sides() {
		c.log.Info("call ended", "account", s.Account, "kind", s.Call.Kind, "outcome", s.Call.Outcome, "reason", s.Call.Reason,
			"duration", time.Duration(s.Call.Duration))
	}
}

// write writes the record, together with the message that was left. What the
// store does not take is left to the backlog: the call is over.
func (c *call) write(ctx context.Context) {
	sides := c.record.sides()
	if c.taken != nil && c.keep(ctx, sides...) || len(sides) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	if err := c.pbx.enter(ctx, sides); err != nil {
		c.log.Error("record not written", "err", err)
		c.pbx.late.add(debt{c.log, "record", func(ctx context.Context) error { return c.pbx.enter(ctx, sides) }})
	}
}

// keep puts the message that was left into the mailbox, together with the record;
// false where that is left to the backlog.
func (c *call) keep(ctx context.Context, sides ...store.Side) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	t := c.taken
	c.taken = nil
	if _, err := c.pbx.box.Keep(ctx, t, sides...); err != nil {
		c.log.Error("message not kept", "err", err)
		c.pbx.keepLate(c.log, t)
		return false
	}
	return true
}

// enter writes the lines of a call into the log. Where an extension was removed
// during the call, the other ones still get theirs.
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
