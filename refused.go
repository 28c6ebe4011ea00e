package main

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"timbre/internal/office"
	"timbre/sync/engine"
	"timbre/sync/local"
)

func newRefusedCommand(o *options) *cobra.Command {
	w := o.words
	return group("refused", w.Say("cli.refused"),
		&cobra.Command{Use: "list", Short: w.Say("cli.refused.list"), Args: exactly(0), RunE: func(cmd *cobra.Command, _ []string) error {
			return o.withAccount(func(e *engine.Engine) error { return listRefused(cmd.Context(), o, e) })
		}},
		&cobra.Command{Use: "retry N", Short: w.Say("cli.refused.retry"), Args: exactly(1), RunE: o.onRefused(
			func(ctx context.Context, e *engine.Engine, r local.Refused) error {
				of := subject{of: r.Type, object: r.Object}
				if err := o.edit(ctx, e, of, func() error { return e.Retry(ctx, r.Seq) }); err != nil {
					return err
				}
				return o.print(refusedAnswer{Seq: r.Seq, Pending: e.Status().Pending > 0}, w.Say("cli.refused.retried"))
			})},
		&cobra.Command{Use: "dismiss N", Short: w.Say("cli.refused.dismiss"), Args: exactly(1), RunE: o.onRefused(
			func(ctx context.Context, e *engine.Engine, r local.Refused) error {
				if err := e.Dismiss(ctx, r.Seq); err != nil {
					return err
				}
				return o.print(refusedAnswer{Seq: r.Seq, Pending: e.Status().Pending > 0}, w.Say("cli.refused.dismissed"))
			})},
	)
}

// A refusedAnswer is what retry and dismiss answer with --json.
type refusedAnswer struct {
	Seq     int64 `json:"seq"`
	Pending bool  `json:"pending"`
}

// onRefused returns a command's function for one refused change, by its number.
func (o *options) onRefused(do func(context.Context, *engine.Engine, local.Refused) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		seq, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return usageError{"cli.usage.refused", []any{"value", args[0]}}
		}
		return o.withAccount(func(e *engine.Engine) error {
			all, err := e.Refused(cmd.Context())
			if err != nil {
				return err
			}
			i := slices.IndexFunc(all, func(r local.Refused) bool { return r.Seq == seq })
			if i < 0 {
				return usageError{"cli.usage.refused", []any{"value", args[0]}}
			}
			return do(cmd.Context(), e, all[i])
		})
	}
}

// A refusedRow is a refused change as list shows it with --json.
type refusedRow struct {
	Seq    int64           `json:"seq"`
	Type   local.Type      `json:"type"`
	Object office.ID       `json:"object"`
	Action local.Action    `json:"action"`
	Reason string          `json:"reason"`
	At     time.Time       `json:"at"`
	Mine   json.RawMessage `json:"mine"`
	Theirs json.RawMessage `json:"theirs"`
}

// listRefused lists the changes set aside. What has not been told yet is told by
// the list.
func listRefused(ctx context.Context, o *options, e *engine.Engine) error {
	if err := o.refresh(ctx, e); err != nil {
		return err
	}
	all, err := e.Refused(ctx)
	if err != nil {
		return err
	}
	if o.json {
		rows := make([]refusedRow, 0, len(all))
		for _, r := range all {
			mine := r.Mine
			if len(mine) == 0 { // of a deletion
				mine = nil
			}
			rows = append(rows, refusedRow{r.Seq, r.Type, r.Object, r.Action, r.Reason, r.At, mine, r.Theirs})
		}
		return o.printJSON(rows)
	}
	if len(all) == 0 {
		return o.print(nil, o.words.Say("cli.refused.empty"))
	}
	now, region := time.Now(), o.region(e)
	var t table
	for _, r := range all {
		t.add(strconv.FormatInt(r.Seq, 10), o.words.When(r.At, now), o.refusal(r, region)+" "+o.decide(r))
	}
	return t.print(o.out)
}

// A subject is what a command changes.
type subject struct {
	of     local.Type
	object office.ID
	isNew  bool // the command made it: where it is refused, nothing is left of it
}

// settings is the subject of an account's one object of t.
func settings(t local.Type) subject { return subject{of: t, object: office.Singleton} }

// A refusedError is a change of this command that the server said no to.
type refusedError struct{ words string }

func (e *refusedError) Error() string { return e.words }

// tellRefused says in words what the server said no to. What it refused of the
// command's own subject, and what is not in before, is the error. Once told a
// refused change is forgotten, unless the user has to decide something: which of
// two values counts, or what is to become of a fax that waited here.
func (o *options) tellRefused(ctx context.Context, e *engine.Engine, of subject, before []local.Refused) error {
	refused, err := e.Refused(ctx)
	if err != nil {
		return err
	}
	region := o.region(e)
	var own error
	for _, r := range refused {
		known := slices.ContainsFunc(before, func(b local.Refused) bool { return b.Seq == r.Seq })
		mine := r.Type == of.of && r.Object == of.object && !known
		keep := r.IsToDecide() && !(mine && of.isNew && r.Action == local.CreateFax)
		words := o.refusal(r, region)
		if keep {
			words += " " + o.decide(r)
		}
		if mine {
			own = &refusedError{words}
		} else {
			o.note(words)
		}
		if keep {
			continue
		}
		if err := e.Dismiss(ctx, r.Seq); err != nil {
			return err
		}
	}
	return own
}

// refusal says of a refused change what it was and why it was refused.
func (o *options) refusal(r local.Refused, region office.Region) string {
	what := o.refusedWhat(r, region)
	switch {
	case r.Action == local.CreateFax:
		return o.words.Say("refused.fax", "what", what, "why", o.faxError(r.Reason))
	case r.Reason == local.Conflict:
		return o.words.Say("refused.conflict", "what", what, "values", strings.Join(o.bothValues(r), "; "))
	}
	return o.words.Say("refused.text", "what", what, "why", o.refusedWhy(r))
}

// decide says what can be done about a refused change.
func (o *options) decide(r local.Refused) string {
	key := "cli.refused.decide"
	if r.Reason == local.Conflict {
		key = "cli.refused.choose"
	}
	return o.words.Say(key, "seq", r.Seq)
}

// refusedWhat names what a refused change was about.
func (o *options) refusedWhat(r local.Refused, region office.Region) string {
	w := o.words
	switch {
	case r.Action == local.SendGreeting:
		return w.Say("refused.of.greeting")
	case r.Action == local.CreateFax:
		var f office.Fax
		if json.Unmarshal(r.Mine, &f) != nil {
			return w.Say("refused.of.Fax")
		}
		return w.Say("refused.of.faxTo", "number", w.Number(f.Number, region))
	case r.Type.IsSingleton() && r.Reason != local.Conflict:
		return w.Say("refused.of.settings", "name", w.Say("refused.of."+string(r.Type)), "values", strings.Join(o.values(r), ", "))
	}
	return w.Say("refused.of." + string(r.Type))
}

// refusedWhy says why in words; the reason is a type of JMAP's errors or one of ours.
func (o *options) refusedWhy(r local.Refused) string {
	w := o.words
	switch r.Reason {
	case engine.FileDamaged, engine.FileTooLarge:
		return w.Say("refused." + r.Reason)
	case "forbidden":
		return w.Words(office.ErrNotAllowed)
	case "notFound", "blobNotFound":
		return w.Words(office.ErrNotFound)
	case "invalidProperties":
		switch {
		case r.Action == local.SendGreeting:
			return w.Words(office.ErrGreeting)
		case r.Type == local.ForwardingSettingsType:
			return w.Words(office.ErrForwarding)
		}
		return w.Say("refused.invalid")
	}
	return w.Say("refused.other")
}

// values returns the properties of a refused change of settings with the user's
// values.
func (o *options) values(r local.Refused) (list []string) {
	mine := objectOf(r.Mine)
	for _, name := range slices.Sorted(maps.Keys(mine)) {
		list = append(list, name+" "+o.show(r.Type, name, mine[name]))
	}
	return list
}

// bothValues returns the properties of a conflict with the user's values and those
// of the server.
func (o *options) bothValues(r local.Refused) (list []string) {
	mine, theirs := objectOf(r.Mine), objectOf(r.Theirs)
	for _, name := range slices.Sorted(maps.Keys(mine)) {
		list = append(list, o.words.Say("refused.both", "name", name,
			"mine", o.show(r.Type, name, mine[name]), "theirs", o.show(r.Type, name, theirs[name])))
	}
	return list
}
