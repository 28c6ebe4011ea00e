package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"timbre/internal/office"
	"timbre/sync/engine"
)

func newPasswordCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "password", Short: o.words.Say("cli.password"), Long: o.words.Say("cli.password") + "\n\n" + o.words.Say("cli.password.how"), Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.offline {
				return usageError{"cli.usage.secretOffline", nil}
			}
			return o.withAccount(func(e *engine.Engine) error { return changePassword(cmd.Context(), o, e) })
		},
	}
}

func newPINCommand(o *options) *cobra.Command {
	c := &cobra.Command{Use: "pin [--remove]", Short: o.words.Say("cli.pin"), Long: o.words.Say("cli.pin") + "\n\n" + o.words.Say("cli.pin.how"), Args: exactly(0)}
	remove := c.Flags().Bool("remove", false, o.words.Say("cli.flag.removePin"))
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.offline {
			return usageError{"cli.usage.secretOffline", nil}
		}
		return o.withAccount(func(e *engine.Engine) error { return setPIN(cmd.Context(), o, e, *remove) })
	}
	return c
}

// Secrets reads one secret from each line of standard input, all through one
// reader: another would begin behind what this one has read ahead.
type secrets struct {
	o     *options
	lines *bufio.Reader
}

func newSecrets(o *options) secrets {
	return secrets{o, bufio.NewReader(io.LimitReader(o.in, 4096))}
}

// next returns the next line without its end. Who types it at a terminal is asked
// for what, and it is not shown.
func (s secrets) next(ctx context.Context, what string) (string, error) {
	if f, is := s.o.in.(*os.File); is {
		if undo, ok := hideEcho(f); ok {
			defer undo()
			fmt.Fprint(s.o.errs, what+": ")
		}
	}
	var line string
	read := make(chan error, 1)
	go func() { // it outlives this function where nobody types anything any more, which ends the program
		var err error
		line, err = s.lines.ReadString('\n')
		read <- err
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case err := <-read:
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("reading a secret: %w", err)
		}
	}
	secret := strings.TrimRight(line, "\r\n")
	if secret == "" {
		return "", usageError{"cli.usage.noSecret", []any{"what", what}}
	}
	return secret, nil
}

func changePassword(ctx context.Context, o *options, e *engine.Engine) error {
	from := newSecrets(o)
	current, err := from.next(ctx, o.words.Say("cli.password.current"))
	if err != nil {
		return err
	}
	fresh, err := from.next(ctx, o.words.Say("cli.password.new"))
	if err != nil {
		return err
	}
	if err := office.CheckPassword(fresh); err != nil {
		return err
	}
	if err := e.ChangePassword(ctx, current, fresh); err != nil {
		return wrongPassword(err)
	}
	return o.print(map[string]bool{"changed": true}, o.words.Say("cli.password.changed"))
}

// setPIN replaces the PIN of the mailbox or takes it away.
func setPIN(ctx context.Context, o *options, e *engine.Engine, remove bool) error {
	from := newSecrets(o)
	password, err := from.next(ctx, o.words.Say("cli.password.current"))
	if err != nil {
		return err
	}
	pin, text := "", "cli.pin.removed"
	if !remove {
		text = "cli.pin.changed"
		if pin, err = from.next(ctx, o.words.Say("cli.pin.new")); err != nil {
			return err
		}
		a, _ := e.Account()
		if err := office.CheckPIN(pin, a.Extension); err != nil {
			return err
		}
	}
	if err := e.SetPIN(ctx, password, pin); err != nil {
		return wrongPassword(err)
	}
	return o.print(map[string]bool{"hasPin": !remove}, o.words.Say(text))
}

// wrongPassword says ErrLogin in the words for somebody who is logged in.
func wrongPassword(err error) error {
	if errors.Is(err, office.ErrLogin) {
		return usageError{"cli.password.wrong", nil}
	}
	return err
}
