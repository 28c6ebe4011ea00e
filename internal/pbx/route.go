package pbx

import (
	"cmp"
	"context"
	"errors"
	"time"

	"timbre/internal/dialplan"
	"timbre/internal/office"
)

// readTime is how long is waited for the store where what was read before will do.
const readTime = time.Second

// company returns the office's company; without one its region is the usual one.
// It is read again when anything about the office changed; where the store does not
// answer it is as it was.
func (p *PBX) company(ctx context.Context) office.Company {
	g := p.store.Generation()
	p.mu.Lock()
	at, c := p.companyAt, p.companyIs
	p.mu.Unlock()
	if at == g+1 {
		return c
	}
	if at != 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, readTime)
		defer cancel()
	}
	now, err := p.store.Company(ctx)
	switch {
	case errors.Is(err, office.ErrNoCompany):
		return office.Company{Region: office.DefaultRegion}
	case err != nil:
		p.log.Error("company not read", "err", err)
		return cmp.Or(c, office.Company{Region: office.DefaultRegion})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.companyAt, p.companyIs = g+1, now
	return now
}

// caller returns the extension of a telephone that calls. Where the store does not
// answer, an emergency is its call as it was last read, or of no more than its number.
func (p *PBX) caller(ctx context.Context, device office.Device, account office.ID, emergency bool) (office.Extension, error) {
	if emergency {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, readTime)
		defer cancel()
	}
	from, err := p.store.Extension(ctx, device.Extension)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		p.callers[account] = from
	case emergency && !errors.Is(err, office.ErrNotFound):
		p.log.Error("caller of an emergency not read", "ext", device.Extension, "err", err)
		return cmp.Or(p.callers[account], office.Extension{Number: device.Extension, Account: account}), nil
	}
	return from, err
}

// identity returns who an extension is to the world outside: its own number, or the
// company's. Where the store does not answer, an emergency goes out with the number
// that was read last.
func (p *PBX) identity(ctx context.Context, ext office.Extension, emergency bool) office.Party {
	company := p.company(ctx)
	if emergency {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, readTime)
		defer cancel()
	}
	s, err := p.store.CallerIDSettings(ctx, ext.Account)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.log.Error("caller ID not read", "ext", ext.Number, "err", err)
		s.Number = p.numbers[ext.Account]
	} else {
		p.numbers[ext.Account] = s.Number
	}
	return office.Party{Number: cmp.Or(s.Number, company.Number), Name: company.Name}
}

// isEmergency reports whether dialled leads to the emergency services.
func (p *PBX) isEmergency(ctx context.Context, dialled string) bool {
	return dialplan.IsEmergency(dialled, p.company(ctx).Region)
}

// place returns where dialled leads for a call that the extension from makes or
// causes. The error is the store's.
func (p *PBX) place(ctx context.Context, from office.Extension, dialled string) (dialplan.Destination, error) {
	return dialplan.Lookup(ctx, p.store, p.company(ctx).Region, from, dialled)
}

// extensions returns those that a place rings: one, or those of one of the
// office's own numbers.
func (c *call) extensions(ctx context.Context, place dialplan.Destination) []office.Extension {
	numbers := []office.Number{place.Number}
	if place.Kind == dialplan.OwnLine {
		numbers = place.Line.Extensions
	}
	var exts []office.Extension
	for _, n := range numbers {
		e, err := c.pbx.store.Extension(ctx, n)
		switch {
		case err != nil && !errors.Is(err, office.ErrNotFound):
			c.log.Error("extension not read", "err", err)
		case err == nil && !e.Disabled:
			exts = append(exts, e)
		}
	}
	return exts
}
