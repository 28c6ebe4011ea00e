package pbx

import (
	"context"
	"errors"

	"timbre/internal/dialplan"
	"timbre/internal/office"
)

// company returns the office's company; without one its region is the usual one.
// It is read again when anything about the office changed.
func (p *PBX) company(ctx context.Context) office.Company {
	g := p.store.Generation()
	p.mu.Lock()
	known, c := p.companyAt == g+1, p.companyIs
	p.mu.Unlock()
	if known {
		return c
	}
	c, err := p.store.Company(ctx)
	if err != nil {
		if !errors.Is(err, office.ErrNoCompany) {
			p.log.Error("company not read", "err", err)
		}
		return office.Company{Region: office.DefaultRegion}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.companyAt, p.companyIs = g+1, c
	return c
}

// place returns where dialled leads for a call that the extension from makes or
// causes. The error is the store's.
func (p *PBX) place(ctx context.Context, from office.Extension, dialled string) (dialplan.Destination, error) {
	return dialplan.Lookup(ctx, p.store, p.company(ctx).Region, from, dialled)
}

// members returns the extensions that a place rings: one, or those of one of the
// office's own numbers.
func (c *call) members(ctx context.Context, place dialplan.Destination) []office.Extension {
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
