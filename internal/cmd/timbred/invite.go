package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"rsc.io/qr"

	"timbre/internal/api"
	"timbre/internal/office"
)

func (c *command) invite() *cobra.Command {
	var server, png string
	cmd := &cobra.Command{
		Use: "invite EXTENSION", Short: "Make a link by which its user chooses a password, once, within a day", Args: one,
		Example: "  timbred invite 101 --png ana.png",
	}
	cmd.Flags().StringVar(&server, "server", "", "URL by which the user reaches the server; empty: as the server knows it")
	cmd.Flags().StringVar(&png, "png", "", "file to write the link to as a QR code; it must not exist yet")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.administer(cmd.Context(), false, func(a *api.Admin) error {
			i, err := a.Invite(cmd.Context(), office.Number(args[0]), server)
			if err != nil {
				return err
			}
			if png != "" {
				if err := writeQR(png, i.Link); err != nil {
					return err
				}
			}
			return c.printTimes(cmd.Context(), a, i, func(w io.Writer, when clock) {
				fmt.Fprintln(w, i.Link)
				fmt.Fprintf(w, "good once, until %s; whoever has it can choose the password\n", when(i.ExpiresAt))
			})
		})
	}
	return cmd
}

// writeQR writes text as a QR code to a new file that only its owner reads.
func writeQR(file, text string) error {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return fmt.Errorf("--png: %w", err)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("--png: %w", err)
	}
	_, err = f.Write(code.PNG())
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		os.Remove(file)
		return fmt.Errorf("--png: %w", err)
	}
	return nil
}
