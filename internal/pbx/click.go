package pbx

import (
	"context"
	"slices"
	"time"

	"timbre/internal/dialplan"
	"timbre/internal/hunt"
	"timbre/internal/office"
	"timbre/internal/registrar"
	"timbre/internal/ua"
)

// clickTime is how long the user's own telephones ring.
const clickTime = 30 * time.Second

// Click rings the other devices of account (ring "others") or all of them (ring
// "all"), and connects the first that answers with number, as typed. It returns
// the id of the call in the account's log as soon as they ring. device is the one
// that asks. office.ErrNumber: it cannot be dialled; ErrNotAllowed: nor may it be,
// as no emergency number may; ErrNoTrunk: no line works; ErrNoDevice: there is
// none to ring; ErrTooMany: the account has as many calls as it may have;
// ErrUnavailable: the office stops.
func (p *PBX) Click(ctx context.Context, account, device office.ID, number office.Number, ring string) (office.ID, error) {
	ext, err := p.store.ExtensionOf(ctx, account)
	if err != nil {
		return "", err
	}
	place, err := p.place(ctx, ext, string(number))
	if err != nil {
		return "", err
	}
	if err := p.mayClick(ctx, ext, place); err != nil {
		return "", err
	}
	except := device
	if ring == "all" {
		except = ""
	}
	devices := p.devices(ctx, ext.Number, except)
	if len(devices) == 0 {
		return "", office.ErrNoDevice
	}
	if !p.begin() {
		return "", office.ErrUnavailable
	}
	if !p.occupy(ext.Number, ext.CallLimit, false) {
		p.end()
		return "", office.ErrTooMany
	}
	c := p.newCall()
	w := c.record.add(account, office.Outgoing, p.named(ctx, place), p.cfg.Now())
	c.log = p.log.With("call", w.id(), "ext", ext.Number)
	c.begin(ctx)
	go func() {
		defer p.end()
		o := &origin{payer: ext, hops: ua.DefaultHops}
		o.party = party{who: office.Party{Number: ext.Number, Name: ext.Name}, ext: &ext, row: w, tongue: ext.Language}
		c.run(p.calling, o, func(ctx context.Context) { c.clicked(ctx, o, devices, place) })
	}()
	return w.id(), nil
}

// mayClick returns why ext may not have place called by a click.
func (p *PBX) mayClick(ctx context.Context, ext office.Extension, place dialplan.Destination) error {
	switch {
	case ext.Disabled:
		return office.ErrNotAllowed
	case isFound(place) && !place.Allowed:
		return office.ErrNotAllowed
	case place.Kind == dialplan.Outside && !slices.ContainsFunc(p.trunks.States(), isUp):
		return office.ErrNoTrunk
	case place.Kind == dialplan.Emergency:
		return office.ErrNotAllowed
	case !isFound(place):
		return office.ErrNumber
	}
	return nil
}

// named returns who place is, as far as the office knows.
func (p *PBX) named(ctx context.Context, place dialplan.Destination) office.Party {
	who := office.Party{Number: place.Number}
	if place.Kind == dialplan.Extension {
		if e, err := p.store.Extension(ctx, place.Number); err == nil {
			who.Name = e.Name
		}
	}
	return who
}

// clicked rings the user's own telephones, and connects the first that answers.
func (c *call) clicked(ctx context.Context, o *origin, devices []registrar.Binding, place dialplan.Destination) {
	ext := *o.ext
	ch := &chase{c: c, from: c.pbx.named(ctx, place), codecs: offer(nil), hops: ua.DefaultHops, auto: true, ring: func() {}, pass: func(*party) {}}
	ch.members = []*member{{
		ext: ext, row: o.row, devices: devices, // its call is counted already
		hunted: hunt.Member{Devices: len(devices), RingTime: clickTime},
	}}
	_, p := ch.run(ctx, nil)
	if p == nil {
		if ctx.Err() == nil {
			o.row.ends(office.NoAnswer, office.NotPickedUp)
		}
		return
	}
	o.leg, o.device, o.trace, o.far, o.holds = p.leg, p.device, p.trace, p.far, p.holds
	c.parties = append(c.parties, &o.party)
	c.pbx.attends(ctx, &o.party)
	c.connect(ctx, o, place)
}
