package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"timbre/app/model"
	"timbre/internal/office"
	"timbre/sync/engine"
	"timbre/sync/local"
)

// Options are what all commands share: the flags that each of them takes, the
// streams and the language.
type options struct {
	profile string // empty: the platform's data folder
	offline bool
	json    bool

	unreached error // why the server cannot be reached in this command
	alone     bool  // the engine fetches no sounds and pages by itself

	in        io.Reader
	out, errs io.Writer
	words     *model.Phrasebook
	log       *slog.Logger
}

func newOptions(stdin io.Reader, stdout, stderr io.Writer) *options {
	return &options{in: stdin, out: stdout, errs: stderr, words: language(os.Getenv), log: slog.New(slog.DiscardHandler)}
}

// folder returns the profile folder.
func (o *options) folder() (string, error) {
	if o.profile != "" {
		return o.profile, nil
	}
	return engine.DefaultProfile()
}

// appLog is the log of the app, which nobody reads unless something is wrong.
func (o *options) appLog() *slog.Logger {
	return slog.New(slog.NewTextHandler(o.errs, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// open opens the profile. The caller closes the engine.
func (o *options) open() (*engine.Engine, error) {
	profile, err := o.folder()
	if err != nil {
		return nil, err
	}
	return engine.Open(profile, engine.Options{Log: o.log, Offline: o.offline, NoDownloads: o.alone})
}

// withEngine runs do on the profile and closes it.
func (o *options) withEngine(do func(*engine.Engine) error) error {
	e, err := o.open()
	if err != nil {
		return err
	}
	return errors.Join(do(e), e.Close())
}

// withAccount is withEngine for commands that need somebody logged in.
func (o *options) withAccount(do func(*engine.Engine) error) error {
	return o.withEngine(func(e *engine.Engine) error {
		if !e.LoggedIn() {
			return usageError{key: "cli.usage.loggedOut"}
		}
		return do(e)
	})
}

// reach syncs with the server, once in a command that cannot reach it.
func (o *options) reach(ctx context.Context, e *engine.Engine) error {
	if o.unreached == nil {
		o.unreached = e.SyncOnce(ctx)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return o.unreached
}

// refresh brings the local copy up to date where the server can be reached. Where
// it cannot, a line says that what is shown may be old.
func (o *options) refresh(ctx context.Context, e *engine.Engine) error {
	if o.offline {
		return nil
	}
	err := o.reach(ctx, e)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		o.note(o.words.Words(err) + " " + o.words.Say("cli.stale"))
	}
	return nil
}

// sync is refresh for commands that do not themselves show what the server
// refused of changes made earlier: that is told.
func (o *options) sync(ctx context.Context, e *engine.Engine) error {
	if err := o.refresh(ctx, e); err != nil {
		return err
	}
	return o.tellRefused(ctx, e, subject{}, nil)
}

// find runs do, which looks for something; where there is no such thing, it may
// have come in since the last sync.
func (o *options) find(ctx context.Context, e *engine.Engine, do func() error) error {
	err := do()
	if !errors.Is(err, office.ErrNotFound) || o.offline {
		return err
	}
	if err := o.reach(ctx, e); err != nil {
		return err
	}
	return do()
}

// edit makes a change of something and sends it where the server can be reached,
// else says that it waits. A *refusedError where the server says no.
func (o *options) edit(ctx context.Context, e *engine.Engine, of subject, change func() error) error {
	if err := o.find(ctx, e, change); err != nil {
		return err
	}
	kept := context.WithoutCancel(ctx) // the change is made; who interrupts now must hear that
	before, err := e.Refused(kept)
	if err != nil {
		return err
	}
	switch err := o.deliver(ctx, e); {
	case e.Status().Pending == 0:
	case err == nil:
		o.note(o.words.Count("cli.pending", e.Status().Pending))
	default:
		o.note(o.words.Say(whyQueued(err)))
	}
	return o.tellRefused(kept, e, of, before)
}

// deliver sends what waits; errOffline where it is not to be tried.
func (o *options) deliver(ctx context.Context, e *engine.Engine) error {
	if o.offline {
		return errOffline
	}
	return o.reach(ctx, e)
}

// errOffline means that the user wants no connection.
var errOffline = errors.New("without a connection, as asked for")

// whyQueued returns the text for a change that waits since err.
func whyQueued(err error) string {
	switch {
	case errors.Is(err, errOffline), errors.Is(err, context.Canceled):
		return "cli.queued"
	case errors.Is(err, office.ErrSession):
		return "cli.queued.login"
	case errors.Is(err, office.ErrOffline):
		return "cli.queued.offline"
	}
	return "cli.queued.unavailable"
}

// wholeList returns all that f chooses, read page by page; never nil, so that
// an empty list is [] in JSON.
func wholeList[T interface{ Cursor() local.Cursor }](ctx context.Context, f local.Filter, read func(context.Context, local.Filter) ([]T, error)) ([]T, error) {
	all := []T{}
	for {
		page, err := read(ctx, f)
		if err != nil || len(page) == 0 {
			return all, err
		}
		all = append(all, page...)
		f.After = page[len(page)-1].Cursor()
	}
}

// printList writes all that f chooses, each with the cells that row makes of it. empty
// is the text where there is nothing.
func printList[T interface{ Cursor() local.Cursor }](ctx context.Context, o *options, f local.Filter, read func(context.Context, local.Filter) ([]T, error), empty string, row func(T) []string) error {
	all, err := wholeList(ctx, f, read)
	switch {
	case err != nil:
		return err
	case o.json:
		return o.printJSON(all)
	case len(all) == 0:
		return o.print(nil, o.words.Say(empty))
	}
	var t table
	for _, x := range all {
		t.add(row(x)...)
	}
	return t.print(o.out)
}

// note writes a line for people beside the output.
func (o *options) note(text string) { fmt.Fprintln(o.errs, text) }

// print writes v as JSON if that was asked for, else the text.
func (o *options) print(v any, text string) error {
	if !o.json {
		_, err := fmt.Fprintln(o.out, text)
		return err
	}
	return o.printJSON(v)
}

func (o *options) printJSON(v any) error {
	enc := json.NewEncoder(o.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// region is that of the office that the user is logged in to.
func (o *options) region(e *engine.Engine) office.Region {
	a, _ := e.Account()
	return model.RegionOf(a.Company)
}
