package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"timbre/app/model"
	"timbre/internal/office"
	"timbre/sync/engine"
	"timbre/sync/local"
)

func newSearchCommand(o *options) *cobra.Command {
	c := &cobra.Command{Use: "search TEXT [--limit N]", Short: o.words.Say("cli.search")}
	limit := c.Flags().Int("limit", 50, o.words.Say("cli.flag.limit"))
	c.Args = func(cmd *cobra.Command, args []string) error {
		if strings.TrimSpace(strings.Join(args, "")) == "" {
			return wrongArgs(cmd)
		}
		return nil
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if *limit < 1 {
			return usageError{"cli.usage.value", []any{"flag", "--limit", "value", *limit}}
		}
		return o.withAccount(func(e *engine.Engine) error { return search(cmd.Context(), o, e, strings.Join(args, " "), *limit) })
	}
	return c
}

// search writes what is found of text: people first, then the others, newest first.
func search(ctx context.Context, o *options, e *engine.Engine, text string, limit int) error {
	if err := o.sync(ctx, e); err != nil {
		return err
	}
	hits, err := e.Search(ctx, text, limit)
	if err != nil {
		return err
	}
	switch {
	case o.json && hits == nil:
		return o.printJSON([]local.Hit{})
	case o.json:
		return o.printJSON(hits)
	case len(hits) == 0:
		return o.print(nil, o.words.Say("cli.search.empty", "text", text))
	}
	region := o.region(e)
	var t table
	for _, h := range hits {
		kind, when, detail := o.hit(h, region, time.Now())
		t.add(kind, when, o.words.Name(h.Party, region), o.words.Under(h.Party, region), detail)
	}
	return t.print(o.out)
}

// hit says what was found, when it was and what is to know of it.
func (o *options) hit(h local.Hit, region office.Region, now time.Time) (kind, when, detail string) {
	w := o.words
	switch {
	case h.Call != nil:
		detail, _ = w.Outcome(h.Call.Call, region)
		return w.Say("cli.search." + string(h.Call.Kind)), w.When(h.Call.StartedAt, now), detail
	case h.Voicemail != nil:
		detail = model.Length(time.Duration(h.Voicemail.Duration))
		if h.Voicemail.IsNew {
			detail += " · " + w.Say("voicemail.new")
		}
		return w.Say("cli.search.Voicemail"), w.When(h.Voicemail.ReceivedAt, now), string(h.Voicemail.ID) + "  " + detail
	case h.Fax != nil:
		return w.Say("cli.search.Fax"), w.When(h.Fax.CreatedAt, now), string(h.Fax.ID) + "  " + o.faxState(h.Fax.Fax)
	}
	return w.Say("cli.search." + string(h.Type)), "", ""
}
