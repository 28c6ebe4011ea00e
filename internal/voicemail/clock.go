package voicemail

import (
	"context"
	"errors"
	"time"

	"timbre/internal/office"
)

// clock returns the present in the time zone in which the office thinks.
func (b *Box) clock(ctx context.Context) time.Time {
	c, err := b.store.Company(ctx)
	if err != nil {
		if !errors.Is(err, office.ErrNoCompany) {
			b.log.Error("company not read", "err", err)
		}
		c = office.Company{Region: office.DefaultRegion}
	}
	return b.now().In(c.Location())
}
