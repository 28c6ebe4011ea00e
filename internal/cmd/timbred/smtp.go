package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"timbre/internal/api"
	"timbre/internal/office"
)

func (c *command) smtp() *cobra.Command {
	return group("smtp", "How the office sends e-mail", c.smtpSet(), c.smtpShow(), c.smtpTest())
}

func (c *command) smtpSet() *cobra.Command {
	var m api.NewMailing
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "set", Short: "Set the mail server", Args: cobra.NoArgs,
		Example: "  timbred smtp set --url smtp://pbx@mail.example.com:587 --from pbx@example.com --password-stdin",
	}
	f := cmd.Flags()
	f.StringVar(&m.URL, "url", "", "smtp://user@host:port (STARTTLS) or smtps://user@host:port (TLS)")
	f.StringVar(&m.From, "from", "", "address that the office sends from")
	f.BoolVar(&fromStdin, "password-stdin", false, "read the password from the standard input")
	cmd.MarkFlagRequired("url")
	cmd.MarkFlagRequired("from")
	cmd.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if fromStdin {
			if m.Password, err = readSecret(c.in); err != nil {
				return err
			}
		}
		return c.administer(cmd.Context(), false, func(a *api.Admin) error {
			is, err := a.SetMailing(cmd.Context(), m)
			if err != nil {
				return err
			}
			return c.print(is, func(w io.Writer) { mailingTable(w, is) })
		})
	}
	return cmd
}

func mailingTable(w io.Writer, m office.Mailing) {
	row(w, "server", m.URL)
	row(w, "from", m.From)
}

func (c *command) smtpShow() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show the mail server", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.administer(cmd.Context(), false, func(a *api.Admin) error {
				m, err := a.Mailing(cmd.Context())
				if errors.Is(err, office.ErrNotFound) {
					return errors.New("no mail server is set (timbred smtp set)")
				}
				if err != nil {
					return err
				}
				return c.print(m, func(w io.Writer) { mailingTable(w, m) })
			})
		},
	}
}

func (c *command) smtpTest() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "test", Short: "Send a message now", Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&to, "to", "", "where to; empty: to the administrator (timbred company set --email)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return c.administer(cmd.Context(), false, func(a *api.Admin) error {
			sent, err := a.TestMail(cmd.Context(), to)
			if err != nil {
				return err
			}
			return c.done(api.MailTest{To: sent}, "the mail server took a message to %s", sent)
		})
	}
	return cmd
}

func (c *command) mail() *cobra.Command {
	return group("mail", "E-mail that waits", c.release("e-mails", func(ctx context.Context, a *api.Admin) (r api.Released, n int, err error) {
		n, err = a.ReleaseMail(ctx)
		return api.Released{Mails: n}, n, err
	}))
}

func (c *command) fax() *cobra.Command {
	return group("fax", "Faxes that wait", c.release("faxes", func(ctx context.Context, a *api.Admin) (r api.Released, n int, err error) {
		n, err = a.ReleaseFaxes(ctx)
		return api.Released{Faxes: n}, n, err
	}))
}

// release lets go what is held since a backup was restored.
func (c *command) release(what string, let func(context.Context, *api.Admin) (api.Released, int, error)) *cobra.Command {
	return &cobra.Command{
		Use: "release", Short: "Send the " + what + " that are held since a backup was restored", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.administer(cmd.Context(), false, func(a *api.Admin) error {
				r, n, err := let(cmd.Context(), a)
				if err != nil {
					return err
				}
				return c.print(r, func(w io.Writer) { fmt.Fprintf(w, "%d %s released\n", n, what) })
			})
		},
	}
}
