package api

import (
	"context"
	"errors"
	"strings"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// bound returns read for one account.
func bound[T any](read func(context.Context, office.ID) (T, error), account office.ID) func(context.Context) (T, error) {
	return func(ctx context.Context) (T, error) { return read(ctx, account) }
}

func (s *Server) callerIDSettings(v *visit) kind {
	return singleton[office.CallerIDSettings]{
		feed: s.cfg.Store, account: v.Account, t: store.TypeCallerIDSettings,
		settable: []string{"number"},
		read:     bound(s.cfg.Store.CallerIDSettings, v.Account),
		write: func(ctx context.Context, now office.CallerIDSettings, state store.State) (store.SetResult, error) {
			return s.cfg.Store.SetCallerID(ctx, v.Account, now.Number, state) // it knows the choices
		},
	}
}

func (s *Server) profile(v *visit) kind {
	return singleton[office.Profile]{
		feed: s.cfg.Store, account: v.Account, t: store.TypeProfile,
		initial:  office.Profile{Language: office.Spanish},
		settable: []string{"email", "language"},
		read:     bound(s.cfg.Store.Profile, v.Account),
		check: func(_ context.Context, _ office.Profile, now *office.Profile) error {
			return errors.Join(office.CheckEmail(now.Email), office.CheckLanguage(now.Language))
		},
		write: func(ctx context.Context, now office.Profile, state store.State) (store.SetResult, error) {
			return s.cfg.Store.SetProfile(ctx, v.Account, now.Email, now.Language, state)
		},
	}
}

func (s *Server) availability(v *visit) kind {
	return singleton[office.Availability]{
		feed: s.cfg.Store, account: v.Account, t: store.TypeAvailability,
		settable: []string{"dndUntil"},
		read:     bound(s.cfg.Store.Availability, v.Account),
		check: func(_ context.Context, _ office.Availability, now *office.Availability) error {
			now.DNDUntil = asKept(now.DNDUntil)
			return nil
		},
		write: func(ctx context.Context, now office.Availability, state store.State) (store.SetResult, error) {
			return s.cfg.Store.SetAvailability(ctx, v.Account, now, state)
		},
	}
}

// asKept returns t as the store will return it.
func asKept(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := t.UTC().Truncate(time.Millisecond)
	return &at
}

// faults says which property a sentinel is about.
var faults = []struct {
	err      office.Error
	property string
}{
	{office.ErrRingTime, "ringSeconds"},
	{office.ErrGreeting, "greeting"},
	{office.ErrForwarding, "when"},
	{office.ErrNumber, "number"},
	{office.ErrEmail, "email"},
	{office.ErrLanguage, "language"},
}

// wrongProperty turns the sentinels that say what a setting may not be into a
// *jmap.SetError; any other error stays as it is.
func wrongProperty(err error) error {
	switch {
	case errors.Is(err, office.ErrNotAllowed):
		return &jmap.SetError{Type: jmap.Forbidden, Description: replies[office.ErrNotAllowed].words}
	case errors.Is(err, office.ErrTooMany): // other greetings are being made
		return &jmap.SetError{Type: jmap.RateLimit, Description: replies[office.ErrTooMany].words}
	}
	var names, words []string
	for _, f := range faults {
		if errors.Is(err, f.err) {
			names = append(names, f.property)
			words = append(words, replies[f.err].words)
		}
	}
	if names == nil {
		return err
	}
	return &jmap.SetError{Type: jmap.InvalidProperties, Properties: names, Description: strings.Join(words, "; ")}
}
