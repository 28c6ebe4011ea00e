package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"timbre/internal/api"
	"timbre/internal/office"
)

func (c *command) extensionReset() *cobra.Command {
	var fromStdin bool
	cmd := &cobra.Command{Use: "reset-password NUMBER", Short: "Give an extension a new password and end its sessions", Args: one}
	cmd.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from the standard input; else one is made and printed")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		password := ""
		if fromStdin {
			if password, err = readPassword(c.in); err != nil {
				return err
			}
		}
		return c.administer(cmd.Context(), false, func(a *api.Admin) error {
			e, err := a.ResetPassword(cmd.Context(), office.Number(args[0]), password)
			if err != nil {
				return err
			}
			return c.print(e, func(w io.Writer) {
				fmt.Fprintf(w, "extension %s has a new password; its sessions have ended\n", e.Number)
				oneTime(w, e.Password)
			})
		})
	}
	return cmd
}

func (c *command) extensionPIN() *cobra.Command {
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "reset-pin NUMBER", Short: "Take away the PIN of a mailbox, or give it another", Args: one,
	}
	cmd.Flags().BoolVar(&fromStdin, "pin-stdin", false, "read the new PIN from the standard input; else there is none until its user sets one")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		pin, now := "", "no PIN any more: its messages cannot be heard by telephone until its user sets one"
		if fromStdin {
			var err error
			if pin, err = readLine(c.in); err != nil {
				return err
			}
			if pin == "" {
				return fmt.Errorf("the standard input holds no PIN")
			}
			now = "a new PIN"
		}
		return c.onExtension(cmd.Context(), args[0], func(ctx context.Context, a *api.Admin, n office.Number) error {
			return a.ResetPIN(ctx, n, pin)
		}, "extension %s has "+now)
	}
	return cmd
}

func (c *command) extensionUnlock() *cobra.Command {
	return &cobra.Command{
		Use: "unlock NUMBER", Short: "Let an extension in at once although wrong passwords or PINs were tried", Args: one,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.onExtension(cmd.Context(), args[0], func(ctx context.Context, a *api.Admin, n office.Number) error {
				return a.Unlock(ctx, n)
			}, "extension %s need not wait")
		},
	}
}

func (c *command) extensionDisable() *cobra.Command {
	return &cobra.Command{
		Use: "disable NUMBER", Args: one,
		Short: "End an extension's logins; it cannot log in, call or be called. Everything is kept",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.onExtension(cmd.Context(), args[0], disabled(true), "extension %s is disabled")
		},
	}
}

func (c *command) extensionEnable() *cobra.Command {
	return &cobra.Command{
		Use: "enable NUMBER", Short: "Take back what disable did; its users log in again", Args: one,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.onExtension(cmd.Context(), args[0], disabled(false), "extension %s is enabled")
		},
	}
}

func disabled(is bool) func(context.Context, *api.Admin, office.Number) error {
	return func(ctx context.Context, a *api.Admin, n office.Number) error {
		_, err := a.SetExtension(ctx, n, api.ExtensionChange{Disabled: &is})
		return err
	}
}

// onExtension does something to an extension, and says so with its number.
func (c *command) onExtension(ctx context.Context, number string, do func(context.Context, *api.Admin, office.Number) error, says string) error {
	return c.administer(ctx, false, func(a *api.Admin) error {
		if err := do(ctx, a, office.Number(number)); err != nil {
			return err
		}
		return c.done(named{Number: number}, says, number)
	})
}
