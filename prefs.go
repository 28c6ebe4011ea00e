package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"timbre/internal/office"
	"timbre/sync/engine"
	"timbre/sync/local"
)

func newPrefsCommand(o *options) *cobra.Command {
	w := o.words
	var names []string
	for _, p := range preferences {
		names = append(names, p.name)
	}
	all := strings.Join(names, "|")
	set := &cobra.Command{Use: "set " + all + " KEY=VALUE…", Short: w.Say("cli.prefs.set"), Long: o.prefsHelp()}
	set.Args = atLeast(2)
	set.RunE = func(cmd *cobra.Command, args []string) error {
		p, err := preferenceOf(args[0])
		if err != nil {
			return err
		}
		patch, err := p.patch(o, args[1:])
		if err != nil {
			return err
		}
		return o.withAccount(func(e *engine.Engine) error { return setPreference(cmd.Context(), o, e, p, patch) })
	}
	show := &cobra.Command{Use: "show [" + all + "]", Short: w.Say("cli.prefs.show")}
	show.Args = atMost(1)
	show.RunE = func(cmd *cobra.Command, args []string) error {
		wanted := preferences
		if len(args) > 0 {
			p, err := preferenceOf(args[0])
			if err != nil {
				return err
			}
			wanted = []preference{p}
		}
		return o.withAccount(func(e *engine.Engine) error {
			if err := o.sync(cmd.Context(), e); err != nil {
				return err
			}
			return showPreferences(cmd.Context(), o, e, wanted)
		})
	}
	return group("prefs", w.Say("cli.prefs"), show, set)
}

// prefsHelp says which properties there are and what may be written.
func (o *options) prefsHelp() string {
	var t table
	for _, p := range preferences {
		t.add(p.name)
		for _, name := range p.settable() {
			x, _ := p.find(name)
			t.add("  "+name, o.words.Say("cli.prefs."+p.name+"."+name), o.words.Say("cli.prefs.kind."+string(x.kind)))
		}
	}
	return o.words.Say("cli.prefs.set") + "\n\n" + strings.TrimRight(t.String(), "\n")
}

// preferenceOf returns the group of that name.
func preferenceOf(name string) (preference, error) {
	var names []string
	for _, p := range preferences {
		if p.name == name {
			return p, nil
		}
		names = append(names, p.name)
	}
	return preference{}, usageError{"cli.usage.prefs", []any{"value", name, "names", strings.Join(names, ", ")}}
}

// patch reads KEY=VALUE pairs into the properties to change.
func (p preference) patch(o *options, pairs []string) (map[string]any, error) {
	patch := map[string]any{}
	for _, pair := range pairs {
		name, value, is := strings.Cut(pair, "=")
		x, known := p.find(name)
		switch _, twice := patch[name]; {
		case !is:
			return nil, usageError{"cli.usage.pair", []any{"value", pair}}
		case !known || x.readOnly:
			return nil, usageError{"cli.usage.key", []any{"name", p.name, "key", name, "keys", strings.Join(p.settable(), ", ")}}
		case twice:
			return nil, usageError{"cli.usage.twice", []any{"key", name}}
		}
		v, ok := x.kind.parse(value, time.Local)
		if !ok {
			return nil, usageError{"cli.usage.property", []any{"key", name, "value", value, "valid", o.words.Say("cli.prefs.kind." + string(x.kind))}}
		}
		patch[name] = v
	}
	return patch, nil
}

// setPreference makes the changes of patch, of what the server has now if it can
// be reached.
func setPreference(ctx context.Context, o *options, e *engine.Engine, p preference, patch map[string]any) error {
	if !o.offline {
		if err := o.reach(ctx, e); ctx.Err() != nil {
			return err
		}
	}
	if err := o.choose(ctx, e, p, patch); err != nil {
		return err
	}
	err := o.edit(ctx, e, settings(p.of), func() error { return p.change(ctx, e, patch) })
	if errors.Is(err, office.ErrNumber) { // it is one, but not to be forwarded to
		return office.ErrForwarding
	}
	if err != nil {
		return err
	}
	if o.json {
		return showPreferences(context.WithoutCancel(ctx), o, e, []preference{p})
	}
	var made []string
	for _, name := range p.settable() {
		v, changed := patch[name]
		if !changed {
			continue
		}
		b, err := json.Marshal(v)
		if err != nil {
			return err
		}
		made = append(made, name+" "+o.show(p.of, name, b))
	}
	return o.print(nil, o.words.Say("cli.prefs.changed", "values", strings.Join(made, ", ")))
}

// choose makes the number that goes out one of those that the office offers.
func (o *options) choose(ctx context.Context, e *engine.Engine, p preference, patch map[string]any) error {
	n, asked := patch["number"].(office.Number)
	if p.of != local.CallerIDSettingsType || !asked || n == "" {
		return nil
	}
	s, _, err := e.CallerIDSettings(ctx)
	if err != nil {
		return err
	}
	full, err := office.ParseCompanyNumber(string(n), o.region(e))
	if err == nil && slices.Contains(s.Choices, full) {
		n = full
	}
	if !slices.Contains(s.Choices, n) {
		b, err := json.Marshal(s.Choices)
		if err != nil {
			return err
		}
		return usageError{"cli.usage.choice", []any{"choices", o.show(p.of, "choices", b)}}
	}
	patch["number"] = n
	return nil
}

// change queues a patch of p's properties.
func (p preference) change(ctx context.Context, e *engine.Engine, patch map[string]any) error {
	switch p.of {
	case local.VoicemailSettingsType:
		return e.SetVoicemailSettings(ctx, patch)
	case local.ForwardingSettingsType:
		return e.SetForwardingSettings(ctx, patch)
	case local.CallerIDSettingsType:
		return e.SetCallerIDSettings(ctx, patch)
	case local.ProfileType:
		return e.SetProfile(ctx, patch)
	}
	return e.SetAvailability(ctx, patch)
}

// read returns the properties of p as the user wants them, and those of them that
// wait to be sent.
func (p preference) read(ctx context.Context, e *engine.Engine) (values any, pending local.Pending, err error) {
	switch p.of {
	case local.VoicemailSettingsType:
		return e.VoicemailSettings(ctx)
	case local.ForwardingSettingsType:
		return e.ForwardingSettings(ctx)
	case local.CallerIDSettingsType:
		return e.CallerIDSettings(ctx)
	case local.ProfileType:
		return e.Profile(ctx)
	}
	return e.Availability(ctx)
}

// showPreferences writes groups with all their properties. One that the server
// does not have is left out.
func showPreferences(ctx context.Context, o *options, e *engine.Engine, wanted []preference) error {
	answer, waiting := map[string]any{}, map[string]local.Pending{}
	var groups []string
	for _, p := range wanted {
		v, pending, err := p.read(ctx, e)
		if errors.Is(err, office.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		answer[p.name] = v
		if len(pending) > 0 {
			waiting[p.name] = pending
		}
		text, err := o.group(p, v, pending)
		if err != nil {
			return err
		}
		groups = append(groups, text)
	}
	if len(groups) == 0 {
		return office.ErrNotFound
	}
	answer["pending"] = waiting
	return o.print(answer, strings.TrimSuffix(strings.Join(groups, "\n"), "\n"))
}

// group writes one group of preferences as a table, ending in a new line.
func (o *options) group(p preference, values any, pending local.Pending) (string, error) {
	b, err := json.Marshal(values)
	if err != nil {
		return "", err
	}
	object := objectOf(b)
	t := table{}
	t.add(p.name + " · " + o.words.Say("refused.of."+string(p.of)))
	for _, x := range p.properties {
		mark := ""
		if slices.Contains(pending, x.name) {
			mark = o.words.Say("cli.prefs.pending")
		}
		t.add(fmt.Sprintf("  %-13s", x.name), o.show(p.of, x.name, object[x.name]), mark, o.words.Say("cli.prefs."+p.name+"."+x.name))
	}
	return t.String(), nil
}
