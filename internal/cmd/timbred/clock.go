package main

import (
	"context"
	"errors"
	"io"
	"time"

	"timbre/internal/api"
	"timbre/internal/office"
)

// A clock tells a time as the office's people read it, with the name of their
// time zone.
type clock func(time.Time) string

// clockOf returns the clock of an office; without one it tells UTC.
func clockOf(of *api.Company) clock {
	place := time.UTC
	if of != nil {
		if zone, err := time.LoadLocation(of.TimeZone); err == nil {
			place = zone
		}
	}
	return func(t time.Time) string { return t.In(place).Format("2006-01-02 15:04:05 MST") }
}

// printTimes is print for what is told with times.
func (c *command) printTimes(ctx context.Context, a *api.Admin, v any, text func(io.Writer, clock)) error {
	if c.json {
		return c.print(v, nil)
	}
	of, err := a.Company(ctx)
	if err != nil && !errors.Is(err, office.ErrNoCompany) {
		return err
	}
	return c.print(v, func(w io.Writer) { text(w, clockOf(&of)) })
}
