package api

import (
	"context"
	"maps"
	"slices"

	"timbre/internal/dialplan"
	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

func (s *Server) forwardingSettings(v *visit) kind {
	return singleton[office.ForwardingSettings]{
		feed: s.cfg.Store, account: v.Account, t: store.TypeForwardingSettings,
		initial:  office.ForwardingSettings{When: office.WhenSet{office.ForwardAlways: true}, RequireKey: true},
		settable: []string{"isEnabled", "when", "number", "ringLocal", "requireKey"},
		read:     bound(s.cfg.Store.ForwardingSettings, v.Account),
		check: func(ctx context.Context, was office.ForwardingSettings, now *office.ForwardingSettings) error {
			return s.checkForwarding(ctx, v.extension, was, now)
		},
		write: func(ctx context.Context, now office.ForwardingSettings, state store.State) (store.SetResult, error) {
			return s.cfg.Store.SetForwardingSettings(ctx, v.Account, now, state)
		},
	}
}

// checkForwarding returns nil if the calls of e may go as now says, and writes
// its number as the office knows it. office.ErrForwarding: there is no such case,
// or none; office.ErrNumber: nobody can be reached there, or it is e itself;
// office.ErrNotAllowed: e may not call there.
func (s *Server) checkForwarding(ctx context.Context, e office.Extension, was office.ForwardingSettings, now *office.ForwardingSettings) error {
	maps.DeleteFunc(now.When, func(_ office.ForwardWhen, is bool) bool { return !is })
	if now.IsEnabled && now.Number == "" {
		return &jmap.SetError{Type: jmap.InvalidProperties, Properties: []string{"number"}, Description: replies[office.ErrForwarding].words}
	}
	if n, err := office.ParseNumber(string(now.Number)); err == nil {
		now.Number = n
	}
	c, err := s.cfg.Store.Company(ctx)
	if err != nil {
		return err
	}
	if err := now.Check(e.Number, c.Region); err != nil {
		return err
	}
	// What the administrator no longer allows can still be switched off.
	if now.Number == "" || now.Number == was.Number && (was.IsEnabled || !now.IsEnabled) {
		return nil
	}
	d, err := dialplan.Lookup(ctx, s.cfg.Store, c.Region, e, string(now.Number))
	if err != nil {
		return err
	}
	switch {
	case d.Kind == dialplan.Extension && d.Number != e.Number,
		d.Kind == dialplan.OwnLine && !slices.Contains(d.Line.Extensions, e.Number),
		d.Kind == dialplan.Outside:
	default:
		return office.ErrNumber
	}
	if !d.Allowed {
		return office.ErrNotAllowed
	}
	now.Number = d.Number
	return nil
}
