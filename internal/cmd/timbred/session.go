package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"timbre/internal/api"
	"timbre/internal/office"
)

func (c *command) session() *cobra.Command {
	return group("session", "Logins of the people", c.sessionList(), c.sessionRevoke())
}

func (c *command) sessionList() *cobra.Command {
	return &cobra.Command{
		Use: "list [EXTENSION]", Short: "List the logins of an extension, or all", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var ext office.Number
			if len(args) == 1 {
				ext = office.Number(args[0])
			}
			return c.administer(cmd.Context(), false, func(a *api.Admin) error {
				all, err := a.Sessions(cmd.Context(), ext)
				if err != nil {
					return err
				}
				return c.printTimes(cmd.Context(), a, all, func(w io.Writer, when clock) {
					row(w, "ID", "EXTENSION", "DEVICE", "FROM", "SINCE", "LAST USED")
					for _, s := range all {
						row(w, s.ID, s.Extension, s.DeviceName, s.Address, when(s.CreatedAt), when(s.LastUsedAt))
					}
				})
			})
		},
	}
}

func (c *command) sessionRevoke() *cobra.Command {
	var ext string
	cmd := &cobra.Command{
		Use: "revoke [ID]", Short: "End a login, or with --extension all logins of an extension", Args: cobra.MaximumNArgs(1),
	}
	cmd.Flags().StringVar(&ext, "extension", "", "end all logins of this extension")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if (len(args) == 1) == (ext != "") {
			return errors.New("give the ID of a login (timbred session list) or --extension")
		}
		return c.administer(cmd.Context(), false, func(a *api.Admin) error {
			if ext != "" {
				n, err := a.RevokeSessions(cmd.Context(), office.Number(ext))
				if err != nil {
					return err
				}
				return c.done(api.Revoked{Sessions: n}, "%d logins of extension %s ended", n, ext)
			}
			if err := a.RevokeSession(cmd.Context(), office.ID(args[0])); err != nil {
				return err
			}
			return c.done(api.Revoked{Sessions: 1}, "login %s ended", args[0])
		})
	}
	return cmd
}
