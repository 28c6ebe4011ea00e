package main

import (
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
	release := &cobra.Command{
		Use: "release", Short: "Send the e-mails that are held since a backup was restored", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.administer(cmd.Context(), false, func(a *api.Admin) error {
				n, err := a.ReleaseMail(cmd.Context())
				if err != nil {
					return err
				}
				return c.print(api.Released{Mails: n}, func(w io.Writer) { fmt.Fprintf(w, "%d e-mails released\n", n) })
			})
		},
	}
	return group("mail", "E-mail that waits", release)
}
