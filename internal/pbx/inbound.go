package pbx

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"timbre/internal/dialplan"
	"timbre/internal/office"
	"timbre/internal/ua"
)

// fromTrunk owns a call that comes from outside. It reaches the office's own
// numbers and nothing else. It returns what serve does.
func (p *PBX) fromTrunk(ctx context.Context, in *ua.Incoming) *ua.Leg {
	if in.Replaces() != nil {
		p.reject(in, 403)
		return nil
	}
	region := p.company(ctx).Region
	called := dialplan.Inbound(p.trunks.Called(in), region)
	line, err := p.store.LineOf(ctx, called)
	switch {
	case errors.Is(err, office.ErrNotFound):
		p.log.Info("call from outside to an unknown number", "trunk", in.Peer(), "number", called)
		p.reject(in, 404)
		return nil
	case err != nil:
		p.log.Error("number not looked up", "err", err)
		p.reject(in, 500)
		return nil
	case in.Hops() <= 1:
		p.reject(in, 483)
		return nil
	}
	c := p.newCall("call", office.NewID(), "trunk", in.Peer())
	o := &origin{in: in, hops: in.Hops() - 1, path: in.Diversion(), veiled: !p.isMet(in), soundAt: in.Hears()}
	o.party = party{who: caller(in, region), tongue: office.Spanish}
	o.trace = c.record.trace(nil, office.CallLeg{Party: o.who, Trunk: in.Peer()}, p.cfg.Now())
	c.run(ctx, o, func(ctx context.Context) {
		c.parties = append(c.parties, &o.party)
		o.again = p.isBack(ctx, o)
		c.connect(ctx, o, dialplan.Destination{Kind: dialplan.OwnLine, Number: line.Number, Class: office.Internal, Allowed: true, Line: line})
	})
	return c.movedFrom(o)
}

// maxMet is how many hosts of sound are remembered; a carrier has some dozens.
const maxMet = 1024

// isMet reports whether the sound of a call from outside goes to who sent the INVITE,
// or to a host that has acknowledged a call before. Over UDP anybody may write a
// packet with a carrier's address that has the office speak to somebody else.
func (p *PBX) isMet(in *ua.Incoming) bool {
	if in.Transport() != "udp" || in.Hears() == in.Source().Addr().Unmap() {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hosts[in.Hears()]
}

// meet notes that the sound of a call at host went to who acknowledged the call.
func (p *PBX) meet(host netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.hosts) >= maxMet {
		clear(p.hosts)
	}
	if host.IsValid() {
		p.hosts[host] = true
	}
}

// caller returns who calls from outside, in the office's way of writing numbers:
// as the network vouches for it, else as the caller says. What is no number that
// somebody outside can have is left out.
func caller(in *ua.Incoming, region office.Region) office.Party {
	who := in.Identity()
	if who.Number == "" {
		who = in.From()
	}
	who.Number = dialplan.Inbound(string(who.Number), region)
	return who
}

// anonymousHost is where who hides their number are at home (RFC 3323 §4.1.1.3).
const anonymousHost = "anonymous.invalid"

// anonymous returns how a telephone is told of a caller without a number: in words,
// unless the caller has a name.
func anonymous(who office.Party, l office.Language) office.Party {
	if who.Name == "" || strings.EqualFold(who.Name, "anonymous") {
		who.Name = "Número privado"
		if l == office.English {
			who.Name = "Private number"
		}
	}
	return office.Party{Number: "anonymous", Name: who.Name}
}

// isBack reports whether a call from outside has left the office before: it comes
// from one of its own numbers, or was diverted there.
func (p *PBX) isBack(ctx context.Context, o *origin) bool {
	numbers := []office.Number{o.who.Number}
	for _, d := range o.path {
		numbers = append(numbers, dialplan.Inbound(string(d.Party.Number), o.region))
	}
	return slices.ContainsFunc(numbers, func(n office.Number) bool {
		if n == "" {
			return false
		}
		_, err := p.store.LineOf(ctx, n)
		return err == nil || n == p.company(ctx).Number
	})
}
