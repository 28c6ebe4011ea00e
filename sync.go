package main

import (
	"context"
	"errors"
	"fmt"

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
	if err := e.FetchBlobs(ctx); err != nil {
		return err
	}
	answer, text, err := standing(ctx, o, e)
	if err != nil {
		return err
	}
	return o.print(answer, text)
}

// standing returns how things stand, and the same in words.
func standing(ctx context.Context, o *options, e *engine.Engine) (a syncAnswer, text string, err error) {
	if a.NewVoicemails, err = e.NewVoicemails(ctx); err != nil {
		return a, "", err
	}
	refused, err := e.Refused(ctx)
	if err != nil {
		return a, "", err
	}
	s := e.Status()
	a.Online, a.Pending, a.Refused = s.Online, s.Pending, len(refused)
	text = o.words.Count("cli.synced", a.NewVoicemails)
	if !s.Online {
		text = o.words.Words(s.Err)
	}
	if a.Pending > 0 {
		text += " " + o.words.Count("cli.pending", a.Pending)
	}
	if len(refused) > 0 {
		text += " " + o.words.Count("cli.refused.some", len(refused))
	}
	return a, text, nil
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
	for shown := ""; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-changes.C:
		}
		s := e.Status()
		if s.SessionEnded {
			return s.Err
		}
		if s.Syncing || s.Since.IsZero() { // it will change again soon
			continue
		}
		answer, text, err := standing(ctx, o, e)
		if ctx.Err() != nil { // the end of Run is a change too
			return nil
		}
		if err != nil {
			return err
		}
		if now := fmt.Sprint(answer); now != shown {
			shown = now
			if err := o.print(answer, text); err != nil {
				return err
			}
		}
	}
}
