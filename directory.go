package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"timbre/internal/office"
	"timbre/sync/engine"
	"timbre/sync/local"
)

func newDirectoryCommand(o *options) *cobra.Command {
	w := o.words
	c := &cobra.Command{Use: "directory [TEXT]", Short: w.Say("cli.directory"), Args: atMost(1)}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		text := ""
		if len(args) > 0 {
			text = args[0]
		}
		o.alone = true
		return o.withAccount(func(e *engine.Engine) error { return listDirectory(cmd.Context(), o, e, text) })
	}
	c.AddCommand(
		&cobra.Command{Use: "import FILE", Short: w.Say("cli.directory.import"), Args: exactly(1), RunE: func(cmd *cobra.Command, args []string) error {
			return o.withAccount(func(e *engine.Engine) error { return importContacts(cmd.Context(), o, e, args[0]) })
		}},
		&cobra.Command{Use: "forget", Short: w.Say("cli.directory.forget"), Args: exactly(0), RunE: func(cmd *cobra.Command, _ []string) error {
			return o.withAccount(func(e *engine.Engine) error { return forgetContacts(cmd.Context(), o, e) })
		}},
	)
	return c
}

// A directoryAnswer is what directory answers with --json.
type directoryAnswer struct {
	Extensions []directoryEntry `json:"extensions"`
	Contacts   []local.Contact  `json:"contacts"`
}

// A directoryEntry is an extension with what it is doing now; empty: nobody knows.
type directoryEntry struct {
	office.Entry
	State office.PresenceState `json:"state,omitempty"`
}

// listDirectory writes the extensions of the office that text means, and the
// contacts of this computer.
func listDirectory(ctx context.Context, o *options, e *engine.Engine, text string) error {
	if err := o.sync(ctx, e); err != nil {
		return err
	}
	entries, err := e.Directory(ctx, text)
	if err != nil {
		return err
	}
	contacts, err := e.Contacts(ctx, text)
	if err != nil {
		return err
	}
	var doing map[office.ID]office.PresenceState
	if !o.offline && o.unreached == nil && len(entries) > 0 {
		doing = presence(ctx, e)
	}
	if o.json {
		answer := directoryAnswer{[]directoryEntry{}, append([]local.Contact{}, contacts...)}
		for _, x := range entries {
			answer.Extensions = append(answer.Extensions, directoryEntry{x, doing[x.ID]})
		}
		return o.printJSON(answer)
	}
	if len(entries)+len(contacts) == 0 {
		return o.print(nil, o.words.Say("cli.directory.empty"))
	}
	region := o.region(e)
	var t table
	for _, x := range entries {
		state := ""
		if s := doing[x.ID]; s != "" {
			state = o.words.Say("presence." + string(s))
		}
		t.add(o.words.Number(x.Number, region), x.Name, state)
	}
	for _, c := range contacts {
		t.add(o.words.Number(c.Number, region), c.Name, o.label(c.Label))
	}
	return t.print(o.out)
}

// label says what kind of number a contact's is, as far as there are words for it.
func (o *options) label(label string) string {
	switch label {
	case "cell", "work", "home", "fax", "pager", "car", "main":
		return o.words.Say("cli.directory.label." + label)
	}
	return label
}

// presenceTime is how long the office may take to say what everybody is doing.
const presenceTime = 3 * time.Second

// presence asks what everybody is doing now; nil where the office does not say.
func presence(ctx context.Context, e *engine.Engine) map[office.ID]office.PresenceState {
	changes := e.Subscribe()
	defer changes.Close()
	limit, stop := context.WithTimeout(ctx, presenceTime)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.Run(limit) // it returns no error
	}()
	defer func() {
		stop()
		<-ended
	}()
	for {
		if now := e.Presence(); now != nil {
			return now
		}
		select {
		case <-changes.C:
		case <-limit.Done():
			return nil
		}
	}
}

// A contactsAnswer is what import and forget answer with --json.
type contactsAnswer struct {
	Contacts int `json:"contacts"` // read by import, or left by forget
}

func importContacts(ctx context.Context, o *options, e *engine.Engine, file string) error {
	book, err := openFile(file)
	if err != nil {
		return err
	}
	defer book.Close()
	n, err := e.ImportContacts(ctx, book, o.region(e))
	switch {
	case errors.Is(err, office.ErrName):
		return usageError{"cli.usage.noBook", []any{"file", file}}
	case errors.Is(err, office.ErrLimit):
		return usageError{"cli.usage.largeBook", nil}
	case err != nil:
		return err
	}
	return o.print(contactsAnswer{n}, o.words.Count("cli.directory.imported", n))
}

func forgetContacts(ctx context.Context, o *options, e *engine.Engine) error {
	if err := e.RemoveContacts(ctx); err != nil {
		return err
	}
	return o.print(contactsAnswer{0}, o.words.Say("cli.directory.forgotten"))
}
