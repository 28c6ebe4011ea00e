package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"timbre/internal/office"
	"timbre/sync/engine"
	"timbre/sync/local"
)

func newFaxCommand(o *options) *cobra.Command {
	w := o.words
	return group("fax", w.Say("cli.fax"),
		&cobra.Command{Use: "send NUMBER FILE", Short: w.Say("cli.fax.send"), Args: exactly(2), RunE: func(cmd *cobra.Command, args []string) error {
			n, err := office.ParseNumber(args[0])
			if err != nil {
				return err
			}
			if err := checkFile(args[1], office.FaxType, office.ErrFax); err != nil {
				return err
			}
			return o.withAccount(func(e *engine.Engine) error { return sendFax(cmd.Context(), o, e, n, args[1]) })
		}},
		&cobra.Command{Use: "list", Short: w.Say("cli.fax.list"), Args: exactly(0), RunE: func(cmd *cobra.Command, _ []string) error {
			return o.withAccount(func(e *engine.Engine) error { return listFaxes(cmd.Context(), o, e) })
		}},
		&cobra.Command{Use: "get ID FILE", Short: w.Say("cli.fax.get"), Args: exactly(2), RunE: o.onFax(
			func(ctx context.Context, e *engine.Engine, f local.Fax, args []string) error {
				return getFax(ctx, o, e, f, args[0])
			})},
		&cobra.Command{Use: "cancel ID", Short: w.Say("cli.fax.cancel"), Args: exactly(1), RunE: o.onFax(
			func(ctx context.Context, e *engine.Engine, f local.Fax, _ []string) error {
				err := o.edit(ctx, e, faxSubject(f), func() error { return e.CancelFax(ctx, f.ID) })
				if errors.Is(err, office.ErrRefused) {
					return usageError{"cli.fax.tooLate", nil}
				}
				if err != nil {
					return err
				}
				return o.print(faxAnswer{f.ID, e.Status().Pending > 0}, w.Say("cli.fax.canceled"))
			})},
		&cobra.Command{Use: "resend ID", Short: w.Say("cli.fax.resend"), Args: exactly(1), RunE: o.onFax(
			func(ctx context.Context, e *engine.Engine, f local.Fax, _ []string) error {
				return resendFax(ctx, o, e, f)
			})},
		&cobra.Command{Use: "delete ID", Short: w.Say("cli.fax.delete"), Args: exactly(1), RunE: o.onFax(
			func(ctx context.Context, e *engine.Engine, f local.Fax, _ []string) error {
				err := o.edit(ctx, e, faxSubject(f), func() error { return e.DeleteFaxNow(ctx, f.ID) })
				if errors.Is(err, office.ErrRefused) {
					return usageError{"cli.fax.notFinished", nil}
				}
				if err != nil {
					return err
				}
				return o.print(faxAnswer{f.ID, e.Status().Pending > 0}, w.Say("cli.fax.deleted"))
			})},
	)
}

// A faxAnswer is what cancel, resend and delete answer with --json. The ID that
// resend answers is that of the new fax.
type faxAnswer struct {
	ID      office.ID `json:"id"`
	Pending bool      `json:"pending"`
}

// faxSubject is what a change of f is about.
func faxSubject(f local.Fax) subject { return subject{of: local.FaxType, object: f.ID} }

// onFax returns a command's function for one fax; args are what follows its ID.
func (o *options) onFax(do func(ctx context.Context, e *engine.Engine, f local.Fax, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		return o.withAccount(func(e *engine.Engine) error {
			var f local.Fax
			err := o.find(cmd.Context(), e, func() (err error) { f, err = e.Fax(cmd.Context(), office.ID(args[0])); return err })
			if err != nil {
				return err
			}
			return do(cmd.Context(), e, f, args[1:])
		})
	}
}

func sendFax(ctx context.Context, o *options, e *engine.Engine, n office.Number, file string) error {
	if n.IsEmergency(o.region(e)) || strings.ContainsAny(string(n), "*#") {
		return usageError{"cli.usage.faxNumber", nil}
	}
	ref, err := e.SendFax(ctx, n, file)
	if err != nil {
		return err
	}
	return o.queued(ctx, e, ref)
}

func resendFax(ctx context.Context, o *options, e *engine.Engine, f local.Fax) error {
	ref, err := e.ResendFax(ctx, f.ID)
	if errors.Is(err, office.ErrRefused) {
		return usageError{"cli.fax.noResend", nil}
	}
	if err != nil {
		return err
	}
	return o.queued(ctx, e, ref)
}

// queued sends a fax that was just queued to the server, and tells its ID.
func (o *options) queued(ctx context.Context, e *engine.Engine, ref office.ID) error {
	if err := o.edit(ctx, e, subject{of: local.FaxType, object: ref, isNew: true}, func() error { return nil }); err != nil {
		return err
	}
	f, err := e.Fax(context.WithoutCancel(ctx), ref)
	if err != nil {
		return err
	}
	return o.print(faxAnswer{f.ID, e.Status().Pending > 0}, o.words.Say("cli.fax.queued", "number", o.words.Number(f.Number, o.region(e)), "id", f.ID))
}

// getFax copies the document of a fax to a file that is not there yet. One that
// came in is not new any more.
func getFax(ctx context.Context, o *options, e *engine.Engine, f local.Fax, file string) error {
	if _, err := os.Lstat(file); err == nil {
		return fs.ErrExist
	}
	if err := e.DownloadFax(ctx, f.ID, file); err != nil {
		return err
	}
	if f.IsNew {
		if err := o.edit(ctx, e, faxSubject(f), func() error { return e.MarkFax(ctx, f.ID, false) }); err != nil {
			return err
		}
	}
	return o.print(downloadAnswer{f.ID, file}, o.words.Say("cli.fax.saved", "file", file))
}

func listFaxes(ctx context.Context, o *options, e *engine.Engine) error {
	if err := o.refresh(ctx, e); err != nil { // a fax that was refused is in the list
		return err
	}
	now, region := time.Now(), o.region(e)
	return printList(ctx, o, local.Filter{}, e.Faxes, "cli.fax.empty", func(f local.Fax) []string {
		mark := ""
		switch {
		case f.IsNew:
			mark = o.words.Say("voicemail.new")
		case f.IsPending:
			mark = o.words.Say("cli.prefs.pending")
		}
		return []string{string(f.ID), o.words.When(f.CreatedAt, now), o.words.Name(f.Party(), region), o.words.Under(f.Party(), region), o.faxState(f.Fax), mark}
	})
}

// faxState says how far a fax has come, with its pages, or why it failed.
func (o *options) faxState(f office.Fax) string {
	w := o.words
	state := string(f.State)
	switch f.State {
	case office.FaxQueued, office.FaxDialing, office.FaxSending, office.FaxDelivered, office.FaxFailed, office.FaxCanceled, office.FaxArrived:
		state = w.Say("fax.state." + state)
	}
	switch {
	case f.State == office.FaxFailed && f.Error != nil:
		return state + ": " + o.faxError(f.Error.Code)
	case f.State == office.FaxSending && f.Pages > 0:
		return state + " " + strconv.Itoa(f.PagesDone) + "/" + strconv.Itoa(f.Pages)
	case f.Pages > 0:
		return state + " · " + w.Count("fax.pages", f.Pages)
	}
	return state
}

// faxErrors are the codes of failures for which there are words: those of the
// office, and the reasons for which the server did not take a fax at all.
var faxErrors = []string{
	"busy", "noAnswer", "noFax", "notFound", "noTrunk", "line", "forbidden", "invalidProperties", engine.FileDamaged, engine.FileTooLarge,
}

// faxError says why a fax failed.
func (o *options) faxError(code string) string {
	if !slices.Contains(faxErrors, code) {
		code = "other"
	}
	return o.words.Say("fax.error." + code)
}
