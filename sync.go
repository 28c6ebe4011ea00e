package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"timbre/internal/office"
	"timbre/sync/engine"
)

func newSyncCommand(o *options) *cobra.Command {
	var once bool
	c := &cobra.Command{
		Use: "sync [--once]", Short: o.words.Say("cli.sync"), Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.offline {
				return office.ErrOffline
			}
			return o.withAccount(func(e *engine.Engine) error {
				if once {
					return syncOnce(cmd.Context(), o, e)
				}
				return keepInStep(cmd.Context(), o, e)
			})
		},
	}
	c.Flags().BoolVar(&once, "once", false, o.words.Say("cli.flag.once"))
	return c
}

// A syncAnswer is how things stand, as sync prints it with --json.
type syncAnswer struct {
	Online        bool `json:"online"`
	Pending       int  `json:"pending"`
	NewVoicemails int  `json:"newVoicemails"`
	Refused       int  `json:"refused"`
}

// syncOnce sends what waits and fetches everything, the sound of messages too.
func syncOnce(ctx context.Context, o *options, e *engine.Engine) error {
	if err := errors.Join(e.SyncOnce(ctx), ctx.Err()); err != nil {
		return err
	}
	if err := e.FetchAudio(ctx); err != nil {
		return err
	}
	return printStanding(ctx, o, e)
}

// printStanding prints how things stand, in one line.
func printStanding(ctx context.Context, o *options, e *engine.Engine) error {
	n, err := e.NewVoicemails(ctx)
	if err != nil {
		return err
	}
	refused, err := e.Refused(ctx)
	if err != nil {
		return err
	}
	s := e.Status()
	text := o.words.Count("cli.synced", n)
	if !s.Online {
		text = o.words.Words(s.Err)
	}
	if len(refused) > 0 {
		text += " " + o.words.Words(office.ErrRefused)
	}
	return o.print(syncAnswer{s.Online, s.Pending, n, len(refused)}, text)
}

// keepInStep syncs until ctx ends and prints how things stand when that changes.
func keepInStep(ctx context.Context, o *options, e *engine.Engine) error {
	changes := e.Subscribe()
	defer changes.Close()
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- e.Run(running) }()
	defer func() {
		stop()
		<-ended
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changes.C:
		}
		s := e.Status()
		switch {
		case s.SessionEnded:
			return s.Err
		case s.Syncing || s.Since.IsZero(): // it will change again soon
		default:
			if err := printStanding(ctx, o, e); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}
