package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"timbre/internal/office"
	"timbre/sync/engine"
	"timbre/sync/local"
)

func newGreetingCommand(o *options) *cobra.Command {
	w := o.words
	set := &cobra.Command{Use: "set FILE|default [--until TIME]", Short: w.Say("cli.greeting.set"), Args: exactly(1)}
	until := set.Flags().String("until", "", w.Say("cli.flag.until"))
	set.RunE = func(cmd *cobra.Command, args []string) error {
		file := args[0]
		if file == "default" {
			file = ""
		} else if err := checkFile(file, office.SoundType, office.ErrGreeting); err != nil {
			return err
		}
		var end *time.Time
		if *until != "" {
			at, ok := parseMoment(*until, time.Local)
			t, is := at.(time.Time)
			if !ok || !is || file == "" || !t.After(time.Now()) {
				return usageError{"cli.usage.value", []any{"flag", "--until", "value", *until}}
			}
			end = &t
		}
		return o.withAccount(func(e *engine.Engine) error { return setGreeting(cmd.Context(), o, e, file, end) })
	}
	return group("greeting", w.Say("cli.greeting"), set)
}

// checkFile looks whether a file can be sent before anything is queued: typeOf knows
// it by its first octets, else it is refused.
func checkFile(name string, typeOf func(head []byte) string, refused error) error {
	f, err := openFile(name)
	if err != nil {
		return err
	}
	defer f.Close()
	head := make([]byte, 12)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if typeOf(head[:n]) == "" {
		return refused
	}
	return nil
}

// openFile opens a file that is to be read; a folder is none.
func openFile(name string) (*os.File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, usageError{"cli.usage.folder", []any{"file", name}}
	}
	return os.Open(name)
}

// setGreeting queues the sound in file as the greeting, up to end if there is one;
// without a file the default one.
func setGreeting(ctx context.Context, o *options, e *engine.Engine, file string, end *time.Time) error {
	err := o.edit(ctx, e, settings(local.VoicemailSettingsType), func() error { return e.SetGreeting(ctx, file, end) })
	if err != nil {
		return err
	}
	s, _, err := e.VoicemailSettings(ctx)
	if err != nil {
		return err
	}
	key := "cli.greeting.own"
	switch {
	case file == "":
		key = "cli.greeting.default"
	case end != nil:
		key = "cli.greeting.temporary"
	}
	return o.print(greetingAnswer{s.Greeting, e.Status().Pending > 0}, o.words.Say(key))
}

// A greetingAnswer is what greeting set answers with --json.
type greetingAnswer struct {
	Greeting office.Greeting `json:"greeting"`
	Pending  bool            `json:"pending"`
}
