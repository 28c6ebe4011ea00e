package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"timbre/app/model"
	"timbre/internal/office"
	"timbre/sync/engine"
	"timbre/sync/local"
)

func newLogCommand(o *options) *cobra.Command {
	var from, to, kind, csv string
	c := &cobra.Command{
		Use: "log [--from D --to D --kind incoming|outgoing|missed] [--csv FILE]", Short: o.words.Say("cli.log"), Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := o.logFilter(from, to, kind, time.Now())
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("csv") && (csv == "" || csv == "-" && o.json) {
				return usageError{"cli.usage.value", []any{"flag", "--csv", "value", csv}}
			}
			return o.withAccount(func(e *engine.Engine) error {
				if csv != "" {
					return exportCalls(cmd.Context(), o, e, f, csv)
				}
				return listCalls(cmd.Context(), o, e, f)
			})
		},
	}
	c.Flags().StringVar(&from, "from", "", o.words.Say("cli.flag.from"))
	c.Flags().StringVar(&to, "to", "", o.words.Say("cli.flag.to"))
	c.Flags().StringVar(&kind, "kind", "", o.words.Say("cli.flag.kind"))
	c.Flags().StringVar(&csv, "csv", "", o.words.Say("cli.flag.csv"))
	return c
}

// logFilter reads the flags of log. The days from and to are both shown; the
// default is the last days up to now.
func (o *options) logFilter(from, to, kind string, now time.Time) (f local.Filter, err error) {
	switch k := office.CallKind(kind); k {
	case "", office.Incoming, office.Outgoing, office.Missed:
		f.Kind = k
	default:
		return f, usageError{"cli.usage.value", []any{"flag", "--kind", "value", kind}}
	}
	if f.To, err = o.day("--to", to, now); err != nil {
		return f, err
	}
	if to != "" {
		f.To = f.To.AddDate(0, 0, 1)
	}
	if f.From, err = o.day("--from", from, now); err != nil {
		return f, err
	}
	if from == "" {
		last := now
		if to != "" {
			last = f.To.AddDate(0, 0, -1)
		}
		y, m, d := last.Date()
		f.From = time.Date(y, m, d+1-model.DefaultDays, 0, 0, 0, 0, now.Location())
	}
	if to != "" && !f.From.Before(f.To) {
		return f, usageError{"calllog.badRange", nil}
	}
	return f, nil
}

// day returns the start of the day that a flag names, as 2026-11-23 or as the
// user's language writes it; the zero time where it names none.
func (o *options) day(flag, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, s, now.Location()); err == nil {
		return t, nil
	}
	if t, ok := o.words.ParseDate(s, now.Location()); ok {
		return t, nil
	}
	return time.Time{}, usageError{"cli.usage.value", []any{"flag", flag, "value", s}}
}

func listCalls(ctx context.Context, o *options, e *engine.Engine, f local.Filter) error {
	if err := o.sync(ctx, e); err != nil {
		return err
	}
	now, region := time.Now(), o.region(e)
	return printList(ctx, o, f, e.Calls, "calllog.empty", func(c local.Call) []string {
		outcome, _ := o.words.Outcome(c.Call, region)
		if why := o.words.Failure(c.Call); why != "" {
			outcome = why
		}
		return []string{o.words.When(c.StartedAt, now), o.words.Kind(c.Kind), o.words.Name(c.Peer, region), o.words.Under(c.Peer, region), outcome}
	})
}

// A csvAnswer is what log answers with --csv and --json.
type csvAnswer struct {
	File string `json:"file"`
}

// exportCalls writes the calls to a file that is not there yet and that only the
// user can read, or to the output where it is called "-". What it cannot write as a
// whole it leaves nothing of.
func exportCalls(ctx context.Context, o *options, e *engine.Engine, f local.Filter, file string) (err error) {
	if file != "-" {
		if _, err := os.Lstat(file); err == nil { // before anybody waits for the server
			return fs.ErrExist
		}
	}
	if err := o.sync(ctx, e); err != nil {
		return err
	}
	style := local.CSVStyle{Language: o.words.Language, Separator: separator(model.Locale(os.Getenv)), Location: time.Local}
	if file == "-" {
		return e.ExportCalls(ctx, o.out, f, style)
	}
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = e.ExportCalls(ctx, out, f, style)
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	return o.print(csvAnswer{file}, o.words.Say("cli.log.saved", "file", file))
}

// separator returns what stands between cells where people have that locale: a
// semicolon where the comma is the decimal sign, as their spreadsheets expect.
func separator(locale string) byte {
	locale, _, _ = strings.Cut(strings.NewReplacer("-", "_", "@", ".").Replace(locale), ".")
	lang, country, _ := strings.Cut(locale, "_")
	switch {
	case lang == "es" && slices.Contains([]string{"ES", "AR", "BO", "CL", "CO", "CR", "CU", "EC", "PY", "UY", "VE"}, country),
		slices.Contains([]string{"ca", "de", "eu", "fr", "gl", "it", "nl", "pt"}, lang):
		return ';'
	}
	return ','
}
