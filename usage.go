package main

import (
	"cmp"
	"context"
	"errors"
	"math"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"timbre/app/model"
)

// A usageError is a command line that cannot be run, as a text of the phrasebook.
type usageError struct {
	key   string
	pairs []any
}

func (e usageError) Error() string { return e.key }

// say puts an error into words, in one line.
func (o *options) say(err error) string {
	var usage usageError
	if errors.As(err, &usage) {
		return o.words.Say(usage.key, usage.pairs...)
	}
	var refused *refusedError
	if errors.As(err, &refused) {
		return refused.words
	}
	var unanswered *unansweredError
	if errors.As(err, &unanswered) {
		why := o.words.CallWords(unanswered.status, unanswered.number, unanswered.region)
		return cmp.Or(why, o.words.Words(context.Canceled))
	}
	return o.words.Words(err)
}

// flagError says what is wrong with a flag.
func flagError(err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return usageError{"cli.usage.flag", []any{"flag", dashed(unknown.GetSpecifiedName())}}
	case errors.As(err, &missing):
		return usageError{"cli.usage.noValue", []any{"flag", dashed(missing.GetSpecifiedName())}}
	case errors.As(err, &invalid):
		return usageError{"cli.usage.value", []any{"flag", dashed(invalid.GetFlag().Name), "value", invalid.GetValue()}}
	}
	return usageError{"cli.usage.flag", []any{"flag", err.Error()}}
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// wrongArgs shows how cmd is used.
func wrongArgs(cmd *cobra.Command) error {
	return usageError{"cli.usage.args", []any{"usage", cmd.UseLine()}}
}

// exactly wants n arguments.
func exactly(n int) cobra.PositionalArgs { return between(n, n) }

// atLeast wants n arguments or more.
func atLeast(n int) cobra.PositionalArgs { return between(n, math.MaxInt) }

// atMost wants no more than n arguments.
func atMost(n int) cobra.PositionalArgs { return between(0, n) }

func between(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return wrongArgs(cmd)
		}
		return nil
	}
}

// unknownCommand refuses the name of a command that does not exist.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError{"cli.usage.command", []any{"command", cmd.CommandPath() + " " + args[0]}}
}

// group returns a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: unknownCommand, RunE: func(cmd *cobra.Command, _ []string) error {
		return cmd.Help()
	}}
	g.AddCommand(commands...)
	return g
}

// A namedValue is the value of a flag whose type the help names in words.
type namedValue struct {
	pflag.Value
	name string
}

func (v namedValue) Type() string { return v.name }

// nameValue makes the help name the type of f's value in the user's language.
func nameValue(f *pflag.Flag, w *model.Phrasebook) {
	switch f.Value.Type() {
	case "string":
		f.Value = namedValue{f.Value, w.Say("cli.help.text")}
	case "duration":
		f.Value, f.DefValue = namedValue{f.Value, w.Say("cli.help.duration")}, "" // no default is shown
	case "int":
		f.Value, f.DefValue = namedValue{f.Value, "N"}, ""
	}
}

// translateHelp makes the help of root and all its commands speak the user's
// language.
func translateHelp(root *cobra.Command, w *model.Phrasebook) {
	root.SetHelpCommand(&cobra.Command{Hidden: true, Use: "no-help"})
	root.SetUsageTemplate(strings.NewReplacer(
		"Usage:", w.Say("cli.help.usage"),
		"Available Commands:", w.Say("cli.help.commands"),
		"Global Flags:", w.Say("cli.help.globalFlags"),
		"Flags:", w.Say("cli.help.flags"),
		"{{.CommandPath}} [command]{{end}}", "{{.CommandPath}} "+w.Say("cli.help.command")+"{{end}}",
		`Use "{{.CommandPath}} [command] --help" for more information about a command.`, w.Say("cli.help.more"),
	).Replace(root.UsageTemplate()))
	var visit func(*cobra.Command)
	arguments := strings.NewReplacer("NUMBER", w.Say("cli.help.number"), "FILE", w.Say("cli.help.file"),
		"TEXT", w.Say("cli.help.words"), "TIME", w.Say("cli.help.time"), "KEY=VALUE", w.Say("cli.help.pair"))
	visit = func(c *cobra.Command) {
		c.DisableFlagsInUseLine = true
		c.Use = arguments.Replace(c.Use)
		for _, flags := range []*pflag.FlagSet{c.LocalNonPersistentFlags(), c.PersistentFlags()} {
			flags.VisitAll(func(f *pflag.Flag) { nameValue(f, w) })
		}
		c.Flags().BoolP("help", "h", false, w.Say("cli.help.flag"))
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
}
