package pbx

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"timbre/internal/dialplan"
	"timbre/internal/office"
	"timbre/internal/ua"
	"timbre/internal/voicemail"
)

// A transfer carries out what a REFER wants and returns who talks from then on.
type transfer func(ctx context.Context) (*party, *party)

// consider answers the wish of from that other be connected with somebody else. It
// returns nil where that is refused: the call goes on as it is. Only the office's
// own telephones may wish so (their rights hold for what follows), and only for
// what the office can reach.
func (c *call) consider(ctx context.Context, from, other *party, r *ua.Refer) transfer {
	refuse := func(code int) transfer {
		c.log.Info("transfer refused", "code", code)
		if err := r.Reject(code); err != nil {
			c.log.Debug("transfer not refused", "err", err)
		}
		return nil
	}
	accept := func(t transfer) transfer {
		if err := r.Accept(); err != nil {
			c.log.Debug("transfer not accepted", "err", err)
			return nil
		}
		return t
	}
	if from.ext == nil {
		return refuse(603)
	}
	if !c.pbx.has(ctx, from.device) { // taken away
		return refuse(403)
	}
	to, ours := r.To, c.pbx.isOurs(r.ToHost)
	var ringing *ua.Incoming // the call that is to be replaced
	if r.Replaces != nil {
		leg := c.pbx.endpoint.LegOf(*r.Replaces)
		if leg == nil {
			if ringing = c.pbx.endpoint.EarlyOf(*r.Replaces); ringing == nil {
				leg = c.pbx.endpoint.LegOf(*r.Replaces) // answered between the two looks
			}
		}
		if leg != nil && leg != from.leg && leg != other.leg {
			return accept(func(ctx context.Context) (*party, *party) { return c.attended(ctx, from, other, leg, r) })
		}
		if ringing == nil || !c.pbx.isOf(ctx, ringing, from.ext.Number) {
			return refuse(481)
		}
		to, ours = ringing.To(), true
	}
	payer, place, code := c.transferable(ctx, from.ext.Number, to)
	if !ours && code == 0 {
		code = 403
	}
	if code != 0 {
		return refuse(code)
	}
	return accept(func(ctx context.Context) (*party, *party) {
		if ringing != nil {
			if leg := c.pbx.dismissed(ctx, ringing, *r.Replaces); leg != nil {
				return c.attended(ctx, from, other, leg, r)
			}
		}
		return c.blind(ctx, from, other, payer, place, r)
	})
}

// transferable returns who pays where ext transfers somebody to a number, and where
// that leads; or the status with which it is refused. The rights are those of now,
// not of when the call began.
func (c *call) transferable(ctx context.Context, ext office.Number, to string) (payer office.Extension, place dialplan.Destination, code int) {
	payer, err := c.pbx.store.Extension(ctx, ext)
	if err == nil {
		place, err = c.pbx.place(ctx, payer, to)
	}
	switch {
	case errors.Is(err, office.ErrNotFound):
		return payer, place, 403
	case err != nil:
		c.log.Error("number not looked up", "err", err)
		return payer, place, 500
	case payer.Disabled:
		return payer, place, 403
	}
	switch place.Kind {
	case dialplan.Extension, dialplan.OwnLine, dialplan.Voicemail, dialplan.Outside:
		if place.Allowed {
			return payer, place, 0
		}
	case dialplan.NotFound:
		return payer, place, 404
	}
	return payer, place, 403
}

// isOurs reports whether a host in an address means this office: its domain, or,
// as telephones write it that know no other name, an IP address.
func (p *PBX) isOurs(host string) bool {
	if host == "" || strings.EqualFold(host, p.cfg.Domain) {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

// isOf reports whether a call that is not answered comes from a telephone of ext.
func (p *PBX) isOf(ctx context.Context, in *ua.Incoming, ext office.Number) bool {
	device, _, ok := p.table.Device(ctx, in.Username())
	return ok && in.Peer() == "" && device.Extension == ext
}

// dismissed ends a call that rings and waits until nothing of it is left: what it
// rings is rung again, for who is transferred there. It returns the caller's leg
// where the call has been answered just now, else nil.
func (p *PBX) dismissed(ctx context.Context, in *ua.Incoming, r ua.Replaces) *ua.Leg {
	p.mu.Lock()
	c := p.unanswered[in]
	p.mu.Unlock()
	if in.Cancel() != nil {
		if leg := p.endpoint.LegOf(r); leg != nil {
			return leg
		}
	}
	if c != nil {
		ctx, cancel := context.WithTimeout(ctx, takeTime)
		defer cancel()
		select {
		case <-c.gone:
		case <-ctx.Done():
		}
	}
	return nil
}

// attended connects other with who talks with leg, another call of the same
// extension.
func (c *call) attended(ctx context.Context, from, other *party, leg *ua.Leg, r *ua.Refer) (*party, *party) {
	told := c.reports(ctx, from, r)
	third := c.takeOver(ctx, leg, from.ext.Number)
	if third == nil {
		told.tells(481)
		return from, other
	}
	told.leaves(ctx, 200)
	c.meet(ctx, other, third)
	return other, third
}

// meet notes that two parties talk with one another who did not before.
func (c *call) meet(ctx context.Context, a, b *party) {
	for _, m := range []struct{ one, far *party }{{a, b}, {b, a}} {
		m.one.row.change(func(l *office.Call) { l.Encryption.Remote = protection(m.far.leg.Secure()) })
		c.tellFar(ctx, m.one, m.far)
	}
}

// blind connects other with where place leads, in place of from and at the charge
// of its extension, payer. Where nobody is reached from gets the call back, while it
// is there; else its extension rings again.
func (c *call) blind(ctx context.Context, from, other *party, payer office.Extension, place dialplan.Destination, r *ua.Refer) (*party, *party) {
	o := &origin{call: c, payer: payer, hops: ua.DefaultHops, region: c.pbx.company(ctx).Region}
	o.party = *other
	c.replaceParty(other, &o.party)
	if from.ext.Account != "" && other.ext == nil {
		o.tongue = from.ext.Language
	}
	told, left := c.reports(ctx, from, r), false
	o.rung = func() { told.tells(180) }
	o.accepted = func() {
		left, o.rung = true, nil
		told.leaves(ctx, 200)
	}
	third, no := c.reach(ctx, o, place)
	o.silence()
	switch {
	case third != nil:
		c.meet(ctx, &o.party, third)
		return &o.party, third
	case no == nil && left: // the office served it
		c.leave(ctx, &o.party)
		return nil, nil
	case no == nil: // other gave up
		told.leaves(ctx, 487)
		c.leave(ctx, &o.party)
		return nil, nil
	}
	told.tells(no.code)
	select {
	case <-from.leg.Done():
		return c.recall(ctx, from, o)
	case <-ctx.Done():
		c.leave(ctx, from)
		c.leave(ctx, &o.party)
		return nil, nil
	default:
		return from, &o.party
	}
}

// replaceParty has now take the place of was among the parties.
func (c *call) replaceParty(was, now *party) {
	for i, p := range c.parties {
		if p == was {
			c.parties[i] = now
		}
	}
}

// recall rings the extension of who transferred a call in vain and has gone.
func (c *call) recall(ctx context.Context, from *party, o *origin) (*party, *party) {
	c.leave(ctx, from)
	o.rung, o.accepted = nil, nil
	third, no := c.toExtensions(ctx, o, []office.Extension{o.payer})
	o.silence()
	if third != nil {
		c.meet(ctx, &o.party, third)
		return &o.party, third
	}
	if no != nil {
		c.say(ctx, o, voicemail.NoAnswer)
	}
	c.leave(ctx, &o.party)
	return nil, nil
}

// replace puts the caller o in the place of another telephone of its extension, in
// a call that is going on (RFC 3891).
func (c *call) replace(ctx context.Context, o *origin, r ua.Replaces) {
	leg := c.pbx.endpoint.LegOf(r)
	if leg == nil || r.EarlyOnly {
		c.pbx.reject(o.in, 481)
		return
	}
	now := c.pbx.cfg.Now()
	if !c.occupy(o, false) {
		c.pbx.reject(o.in, 486)
		return
	}
	other := c.takeOver(ctx, leg, o.ext.Number)
	if other == nil {
		c.pbx.reject(o.in, 481)
		return
	}
	o.row = c.record.add(o.ext.Account, office.Outgoing, other.who, now)
	o.trace = c.record.trace(nil, office.CallLeg{Party: o.who, Device: o.device.Name, DeviceID: o.device.ID}, now)
	c.log = c.pbx.log.With("call", o.row.id(), "ext", o.ext.Number)
	if err := c.answer(ctx, o, answer(o.codecs(), other.leg.Codec()), other.who.Name, protection(other.leg.Secure())); err != nil {
		return // finish ends the other one
	}
	c.meet(ctx, &o.party, other)
	c.talk(ctx, &o.party, other)
}
