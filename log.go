package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"timbre/app/model"
	"timbre/internal/office"
	"timbre/sync/engine"
	"timbre/sync/local"
)

func newLogCommand(o *options) *cobra.Command {
	var from, to, kind string
	c := &cobra.Command{
		Use: "log [--from D --to D --kind incoming|outgoing|missed]", Short: o.words.Say("cli.log"), Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := o.logFilter(from, to, kind, time.Now())
			if err != nil {
				return err
			}
			return o.withAccount(func(e *engine.Engine) error { return listCalls(cmd.Context(), o, e, f) })
		},
	}
	c.Flags().StringVar(&from, "from", "", o.words.Say("cli.flag.from"))
	c.Flags().StringVar(&to, "to", "", o.words.Say("cli.flag.to"))
	c.Flags().StringVar(&kind, "kind", "", o.words.Say("cli.flag.kind"))
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
	all, err := wholeList(ctx, f, e.Calls)
	if err != nil {
		return err
	}
	switch {
	case o.json:
		return o.printJSON(all)
	case len(all) == 0:
		return o.print(nil, o.words.Say("calllog.empty"))
	}
	now, region := time.Now(), o.region(e)
	t := tabwriter.NewWriter(o.out, 0, 0, 2, ' ', 0)
	for _, c := range all {
		outcome, _ := o.words.Outcome(c.Call, region)
		if why := o.words.Failure(c.Call); why != "" {
			outcome = why
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", o.words.When(c.StartedAt, now), o.words.Say("kind."+string(c.Kind)),
			o.words.Name(c.Peer, region), o.words.Under(c.Peer, region), outcome)
	}
	return t.Flush()
}
