package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"timbre/internal/office"
	"timbre/sync/engine"
)

func newSessionsCommand(o *options) *cobra.Command {
	w := o.words
	return group("sessions", w.Say("cli.sessions"),
		&cobra.Command{Use: "list", Short: w.Say("cli.sessions.list"), Args: exactly(0), RunE: func(cmd *cobra.Command, _ []string) error {
			return o.withAccount(func(e *engine.Engine) error { return listSessions(cmd.Context(), o, e) })
		}},
		&cobra.Command{Use: "revoke ID", Short: w.Say("cli.sessions.revoke"), Args: exactly(1), RunE: func(cmd *cobra.Command, args []string) error {
			return o.withAccount(func(e *engine.Engine) error { return revokeSession(cmd.Context(), o, e, office.ID(args[0])) })
		}},
	)
}

func listSessions(ctx context.Context, o *options, e *engine.Engine) error {
	all, err := e.Sessions(ctx)
	if err != nil {
		return err
	}
	if o.json {
		if all == nil {
			all = []engine.Session{}
		}
		return o.printJSON(all)
	}
	w, now := o.words, time.Now()
	var t table
	t.add(w.Say("cli.sessions.head.id"), w.Say("cli.sessions.head.device"), w.Say("cli.sessions.head.address"),
		w.Say("cli.sessions.head.created"), w.Say("cli.sessions.head.used"), w.Say("cli.sessions.head.expires"), "")
	for _, s := range all {
		current := ""
		if s.IsCurrent {
			current = w.Say("cli.sessions.current")
		}
		t.add(string(s.ID), office.CleanName(s.DeviceName), s.Address, w.When(s.CreatedAt, now), w.When(s.LastUsedAt, now), w.When(s.ExpiresAt, now), current)
	}
	return t.print(o.out)
}

// revokeSession ends a session of another device: this one's ends by logout, which
// also forgets what is kept here.
func revokeSession(ctx context.Context, o *options, e *engine.Engine, id office.ID) error {
	all, err := e.Sessions(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(s engine.Session) bool { return s.ID == id })
	switch {
	case i < 0:
		return usageError{"cli.usage.session", []any{"value", id}}
	case all[i].IsCurrent:
		return usageError{"cli.usage.thisSession", nil}
	}
	if err := e.RevokeSession(ctx, id); err != nil && !errors.Is(err, office.ErrNotFound) { // gone meanwhile
		return err
	}
	return o.print(revokeAnswer{id, true}, o.words.Say("cli.sessions.revoked", "device", office.CleanName(all[i].DeviceName)))
}

// A revokeAnswer is what sessions revoke answers with --json.
type revokeAnswer struct {
	ID      office.ID `json:"id"`
	Revoked bool      `json:"revoked"`
}
