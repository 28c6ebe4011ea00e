package pbx

import (
	"context"

	"timbre/internal/lamp"
	"timbre/internal/office"
	"timbre/internal/ua"
)

// subscribe serves the subscription of a telephone.
func (p *PBX) subscribe(ctx context.Context, s *ua.Subscription) {
	device, account, ok := p.table.Device(ctx, s.Username)
	if !ok || !isOwnName(device, s.User) {
		if err := s.Reject(403); err != nil {
			p.log.Debug("subscription not refused", "err", err)
		}
		return
	}
	p.lamp.Subscribe(ctx, s, account)
}

// phones returns the desk phones of an account that are registered now: they may
// have a message lamp that they did not subscribe for.
func (p *PBX) phones(ctx context.Context, account office.ID) []lamp.Phone {
	ext, err := p.store.ExtensionOf(ctx, account)
	if err != nil {
		return nil
	}
	var phones []lamp.Phone
	for _, b := range p.devices(ctx, ext.Number, "") {
		if b.Device.Session {
			continue // ours syncs
		}
		phones = append(phones, lamp.Phone{Username: b.Device.Username, Target: ua.Target{
			URI: b.Contact, Transport: b.Transport, Addr: b.Source,
			From: office.Party{Number: ext.Number}, To: office.Party{Number: ext.Number, Name: ext.Name},
		}})
	}
	return phones
}
