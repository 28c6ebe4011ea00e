package pbx

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"timbre/internal/bridge"
	"timbre/internal/hunt"
	"timbre/internal/office"
	"timbre/internal/registrar"
	"timbre/internal/sdp"
	"timbre/internal/ua"
	"timbre/internal/voicemail"
)

// A chase is a hunt for somebody who answers, as it is carried out. What is in it
// does not change while telephones are dialled, but for the boxes of its members.
type chase struct {
	c       *call
	from    office.Party // who is shown to those that ring
	secure  bool         // the protection of the far side, as they are told
	codecs  []sdp.Codec
	members []*member
	visited []office.Number // extensions that the call has come through; they are not rung again
	hops    int
	path    []ua.Diversion
	again   bool // the call has been through the office before
	auto    bool // the telephones shall answer by themselves
	ring    func()
	pass    func(*party)
}

// A member is one extension that is rung.
type member struct {
	ext     office.Extension
	row     *row
	devices []registrar.Binding
	hunted  hunt.Member

	mu     sync.Mutex
	box    office.Number // guarded by mu; the voicemail to which a telephone sent the call
	circle bool          // guarded by mu; its forward would only come back
}

// sends notes that a telephone sent the call to a voicemail.
func (m *member) sends(box office.Number) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.box = box
}

// circles notes that the forward would only come back.
func (m *member) circles() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.circle = true
}

// sent returns what telephones and forward made of the call.
func (m *member) sent() (box office.Number, circle bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.box, m.circle
}

// toExtensions rings extensions until somebody answers; else o may leave a
// message for the first of them.
func (c *call) toExtensions(ctx context.Context, o *origin, exts []office.Extension) (*party, *refusal) {
	ch := &chase{
		c: c, from: o.who, secure: o.secure(), codecs: offer(o.codecs()), hops: o.hops, path: o.path, again: o.again,
		ring: func() {
			if err := o.ring(ctx); err != nil {
				c.log.Debug("ringing not told", "err", err)
			}
		},
		pass: func(p *party) { _ = o.pass(ctx, p.leg) },
	}
	o.names(office.Party{Number: exts[0].Number, Name: exts[0].Name})
	began := c.started
	if o.answered() { // it is transferred, or called back: they ring only now
		began = c.pbx.cfg.Now()
	}
	ch.enlist(ctx, exts, o.device.ID, began)
	c.begin(ctx)
	result, p := ch.run(ctx, o.gone())
	ch.discharge(result, p)
	c.record.stopsRinging(c.pbx.cfg.Now())
	if p != nil {
		return c.answered(ctx, o, p)
	}
	first, verdict := ch.members[0], result.Members[0]
	box, circle := first.sent()
	switch {
	case verdict.Outcome == office.Canceled:
		c.endAll(office.Canceled, status(487))
		return nil, nil
	case ctx.Err() != nil: // the server stops
		c.endAll(office.Failed, office.Interrupted)
		return nil, &refusal{code: 503}
	case circle: // the voicemail is that of who was called first
		return nil, &refusal{code: 482}
	}
	if box != "" && box != first.ext.Number {
		if to, err := c.pbx.store.Extension(ctx, box); err == nil && !to.Disabled {
			w := c.record.add(to.Account, office.Missed, o.who, c.pbx.cfg.Now())
			w.ends(office.NoAnswer, "")
			return nil, c.leaveMessage(ctx, o, to, w)
		}
	}
	return nil, c.leaveMessage(ctx, o, first.ext, first.row)
}

// answered answers o, since p has answered; it returns nil where o is gone.
func (c *call) answered(ctx context.Context, o *origin, p *party) (*party, *refusal) {
	c.parties = append(c.parties, p)
	c.pbx.attends(ctx, p)
	far := protection(p.leg.Secure())
	if err := c.answer(ctx, o, answer(o.codecs(), p.leg.Codec()), p.who.Name, far); err != nil {
		c.leave(ctx, p)
		return nil, nil
	}
	p.row.change(func(l *office.Call) {
		l.Encryption = office.Encryption{Local: far, Remote: protection(o.leg.Secure())}
	})
	c.beginBeside(ctx)
	c.tellFar(ctx, &o.party, p)
	return p, nil
}

// enlist makes exts the members of the hunt, each with a row of its own. The
// device from which the call comes is not rung: who dials the own extension looks
// for the other ones.
func (ch *chase) enlist(ctx context.Context, exts []office.Extension, except office.ID, now time.Time) {
	for _, e := range exts {
		m := &member{ext: e, row: ch.c.record.add(e.Account, office.Missed, ch.from, now)}
		m.devices = ch.c.pbx.devices(ctx, e.Number, except)
		m.hunted = ch.c.pbx.wishes(ctx, e)
		m.hunted.Devices = len(m.devices)
		m.hunted.Full = !ch.c.pbx.occupy(e.Number, e.CallLimit, false)
		ch.members = append(ch.members, m)
	}
}

// wishes returns how an extension wants to be hunted.
func (p *PBX) wishes(ctx context.Context, e office.Extension) hunt.Member {
	forwarding, available, err := p.store.Reachability(ctx, e.Account)
	if err != nil {
		p.log.Error("how to reach an extension not read", "ext", e.Number, "err", err)
	}
	return hunt.Member{RingTime: e.RingTime, Forwarding: forwarding, Quiet: !available.Disturbable(p.cfg.Now())}
}

// devices returns where ext can be rung now, but for one device.
func (p *PBX) devices(ctx context.Context, ext office.Number, except office.ID) []registrar.Binding {
	return slices.DeleteFunc(p.table.Contacts(ctx, ext, p.cfg.Now()), func(b registrar.Binding) bool { return b.Device.ID == except })
}

// run hunts until somebody answers or nobody is left who could.
func (ch *chase) run(ctx context.Context, givesUp <-chan struct{}) (result hunt.Result, p *party) {
	var hunted []hunt.Member
	for _, m := range ch.members {
		hunted = append(hunted, m.hunted)
		if !m.hunted.Full {
			ch.c.pbx.rings(m.ext.Number, +1)
			defer ch.c.pbx.rings(m.ext.Number, -1)
		}
		ch.visited = append(ch.visited, m.ext.Number)
	}
	defer func() { ch.free(p) }() // after a panic too: an extension would be busy for ever
	runner := hunt.NewRunner[*party](hunt.New(hunted...), ch)
	defer func() { ch.c.dialing.Go(runner.Wait) }()
	return runner.Run(ctx, givesUp)
}

// discharge notes in the members' rows how the hunt ended for each.
func (ch *chase) discharge(result hunt.Result, winner *party) {
	now := ch.c.pbx.cfg.Now()
	for i, m := range ch.members {
		v := result.Members[i]
		m.row.change(func(l *office.Call) { l.ForwardedTo = v.Forward })
		switch v.Outcome {
		case office.Answered, office.Forwarded:
			m.row.answers(now, v.Outcome, winner.name(), protection(winner.leg.Secure()), protection(ch.secure))
		case office.AnsweredElsewhere:
			m.row.ends(v.Outcome, "")
			m.row.change(func(l *office.Call) { l.AnsweredBy = winner.name() })
		case office.Failed: // stopped
		default:
			if _, circle := m.sent(); circle {
				v.Code = 482
			}
			m.row.ends(v.Outcome, status(v.Code))
		}
	}
}

// free takes the call out of the counts of all members but the winner's.
func (ch *chase) free(winner *party) {
	for _, m := range ch.members {
		switch {
		case m.hunted.Full:
		case winner != nil && winner.row == m.row:
			winner.holds = true
		default:
			ch.c.pbx.release(m.ext.Number, nil)
		}
	}
}

// Ring lets the caller hear ringing.
func (ch *chase) Ring() { ch.ring() }

// Pass lets the caller hear what p sends.
func (ch *chase) Pass(p *party) { ch.pass(p) }

// Hangup ends a telephone that answered and is not wanted.
func (ch *chase) Hangup(p *party) {
	ch.c.dialing.Go(func() {
		defer ch.recovers(func() {})
		p.dismiss(ch.c.pbx)
	})
}

// dismiss ends a telephone that answered and takes no part in the call.
func (p *party) dismiss(x *PBX) {
	if p.trace != nil {
		p.trace.ends(x.cfg.Now(), office.Canceled, "")
	}
	p.release(x)
	if p.toll != nil {
		p.toll.ends(context.Background())
	}
	bridge.Hangup(context.Background(), p.leg)
}

// Ask asks who answered a forwarded call to press a key.
func (ch *chase) Ask(ctx context.Context, p *party) (key rune) {
	defer ch.recovers(func() { key = 0 })
	err := bridge.Converse(ctx, p.leg, func(ctx context.Context, v *bridge.Voice) (err error) {
		key, err = ch.c.pbx.box.Ask(ctx, v, voicemail.AcceptCall, p.tongue, "12", hunt.KeyTime)
		return err
	})
	if err != nil && ctx.Err() == nil {
		ch.c.log.Warn("key not asked for", "err", err)
	}
	return key
}

// recovers ends a panic of what a telephone began.
func (ch *chase) recovers(then func()) {
	if r := recover(); r != nil {
		ch.c.log.Error("panic while ringing", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		then()
	}
}

// Dial rings a device, or where its extension is forwarded to.
func (ch *chase) Dial(ctx context.Context, t hunt.Target, tell func(hunt.Happening, *party)) (p *party, e hunt.Event) {
	defer ch.recovers(func() { p, e = nil, hunt.Event{What: hunt.Fails, Code: 500} })
	m := ch.members[t.Member]
	if t.Number != "" {
		return ch.forward(ctx, m, t, tell)
	}
	return ch.dialDevice(ctx, m, m.devices[t.Device], tell)
}
