package voicemail

import (
	"context"
	"errors"
	"time"

	"timbre/internal/office"
)

// company returns the office's company; without one its region is the usual one.
func (b *Box) company(ctx context.Context) office.Company {
	c, err := b.store.Company(ctx)
	if err != nil {
		if !errors.Is(err, office.ErrNoCompany) {
			b.log.Error("company not read", "err", err)
		}
		return office.Company{Region: office.DefaultRegion}
	}
	return c
}

// clock returns the present in the time zone in which the office thinks.
func (b *Box) clock(ctx context.Context) time.Time {
	return b.now().In(b.company(ctx).Location())
}
