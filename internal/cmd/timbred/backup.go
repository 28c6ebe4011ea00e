package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"timbre/internal/server"
)

func (c *command) backup() *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE", Short: "Write everything to a file, also while the server runs, and read it back", Args: one,
		Long: "Write everything to a file, also while the server runs, and read it back: rows, messages, greetings, faxes,\n" +
			"and the certificate authority with its key. Whoever has the file has the office; only its owner can read it.",
		RunE: func(cmd *cobra.Command, args []string) error {
			taken, err := server.Backup(cmd.Context(), c.cfg, args[0])
			if err != nil {
				return err
			}
			return c.print(taken, func(w io.Writer) { fmt.Fprintf(w, "%s: %s, read back and whole\n", args[0], sized(taken.Size)) })
		},
	}
}

func (c *command) restore() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Make a backup the office of the data folder", Args: one,
		Long: "Make a backup the office of the data folder, while no server runs on it. All users log in again, and\n" +
			"administrators' tokens and invitations have ended: they may have been taken back since the backup. E-mails that\n" +
			"were not sent then are held until: timbred mail release, faxes until: timbred fax release.",
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace what is in the data folder, and in the database that --db names")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		is, err := server.Restore(cmd.Context(), c.cfg, args[0], force)
		if err != nil {
			return err
		}
		return c.print(is, func(w io.Writer) {
			fmt.Fprintf(w, "the office of %s is restored; its users log in again\n", clockOf(nil)(is.TakenAt))
		})
	}
	return cmd
}

func (c *command) migrate() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "migrate", Short: "Move the rows from SQLite to PostgreSQL, while no server runs", Args: cobra.NoArgs,
		Example: "  timbred migrate --to postgres://timbre@db.example.com/timbre",
	}
	cmd.Flags().StringVar(&to, "to", "", "an empty PostgreSQL database, as postgres://user@host/database")
	cmd.MarkFlagRequired("to")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := server.Migrate(cmd.Context(), c.cfg, to); err != nil {
			return err
		}
		moved := struct {
			Database string `json:"database"`
		}{"postgres"}
		return c.print(moved, func(w io.Writer) {
			fmt.Fprintln(w, "the rows are in PostgreSQL; from now on serve and all commands need --db. timbre.db is left as it was")
		})
	}
	return cmd
}
