package pbx

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"timbre/internal/office"
	"timbre/internal/registrar"
	"timbre/internal/ua"
)

// register answers one authenticated REGISTER (RFC 3261 §10.3). A device speaks
// for itself alone: an address of record of anybody else is forbidden, whether
// or not it exists.
func (p *PBX) register(ctx context.Context, r *ua.Registration) {
	device, account, ok := p.table.Device(ctx, r.Username)
	if !ok || !isOwnName(device, r.User) {
		p.refuse(r, 403)
		return
	}
	now := p.cfg.Now()
	bound, err := p.table.Register(ctx, request(r), now)
	var brief *registrar.TooBrief
	switch {
	case errors.As(err, &brief):
		p.refuse(r, 423, ua.Headers{"Min-Expires": strconv.Itoa(int(math.Ceil(brief.Min.Seconds())))})
	case errors.Is(err, registrar.ErrTooMany), errors.Is(err, office.ErrNotFound):
		p.refuse(r, 403)
	case errors.Is(err, registrar.ErrBadContact):
		p.refuse(r, 400)
	case errors.Is(err, registrar.ErrOutOfOrder):
		p.refuse(r, 500)
	case err != nil:
		p.log.Error("registration not kept", "ext", device.Extension, "device", device.ID, "err", err)
		p.refuse(r, 500)
	default:
		if err := r.Accept(contacts(bound, now)); err != nil {
			p.log.Debug("registration not answered", "device", device.ID, "err", err)
		}
		p.board.stir()
		if len(bound) > 0 && !device.Session {
			p.lamp.Registered(account, device.Username)
		}
	}
}

// isOwnName reports whether a device may call itself user.
func isOwnName(device office.Device, user string) bool {
	return user == "" || user == device.Username || user == string(device.Extension)
}

// refuse answers a REGISTER with an error status.
func (p *PBX) refuse(r *ua.Registration, code int, headers ...ua.Headers) {
	if err := r.Reject(code, headers...); err != nil {
		p.log.Debug("registration not answered", "code", code, "err", err)
	}
}

// request puts a REGISTER into the registrar's words.
func request(r *ua.Registration) registrar.Request {
	q := registrar.Request{
		Username: r.Username, Star: r.All, CallID: r.CallID, CSeq: r.Sequence, Source: r.Source, Transport: r.Transport,
	}
	for _, c := range r.Contacts {
		q.Contacts = append(q.Contacts, registrar.Contact{URI: c.URI, Expires: c.Expires})
	}
	return q
}

// contacts puts bindings into the words of the answer.
func contacts(bound []registrar.Binding, now time.Time) []ua.Contact {
	var cs []ua.Contact
	for _, b := range bound {
		cs = append(cs, ua.Contact{URI: b.Contact, Expires: b.ExpiresAt.Sub(now), Q: 1})
	}
	return cs
}
