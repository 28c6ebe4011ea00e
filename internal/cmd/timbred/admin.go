package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"timbre/internal/api"
)

func (c *command) admin() *cobra.Command {
	return group("admin", "Administration over HTTPS", c.adminToken(), c.adminTokens(), c.adminRevoke())
}

func (c *command) adminToken() *cobra.Command {
	var t api.NewToken
	cmd := &cobra.Command{
		Use: "token", Short: "Make a token for /v1/admin and /metrics, and print it", Args: cobra.NoArgs,
		Example: "  timbred admin token --name prometheus --metrics",
	}
	cmd.Flags().StringVar(&t.Name, "name", "", "what the audit log calls it; empty: its day and time")
	cmd.Flags().BoolVar(&t.OnlyMetrics, "metrics", false, "it opens /metrics and nothing else; without this it opens everything, backups too")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if t.Name == "" {
			t.Name = time.Now().UTC().Format("2006-01-02 15:04:05")
		}
		return c.administer(cmd.Context(), false, func(a *api.Admin) error {
			made, err := a.AddToken(cmd.Context(), t)
			if err != nil {
				return err
			}
			return c.done(made, "%s", made.Token)
		})
	}
	return cmd
}

func (c *command) adminTokens() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the tokens", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.administer(cmd.Context(), false, func(a *api.Admin) error {
				all, err := a.Tokens(cmd.Context())
				if err != nil {
					return err
				}
				return c.printTimes(cmd.Context(), a, all, func(w io.Writer, when clock) {
					row(w, "NAME", "OPENS", "SINCE")
					for _, t := range all {
						opens := "everything"
						if t.OnlyMetrics {
							opens = "metrics"
						}
						row(w, t.Name, opens, when(t.CreatedAt))
					}
				})
			})
		},
	}
}

func (c *command) adminRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke NAME", Short: "End a token", Args: one,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.administer(cmd.Context(), false, func(a *api.Admin) error {
				if err := a.RemoveToken(cmd.Context(), args[0]); err != nil {
					return err
				}
				return c.done(named{Name: args[0]}, "token %s ended", args[0])
			})
		},
	}
}

func (c *command) audit() *cobra.Command {
	var since string
	var limit int
	cmd := &cobra.Command{
		Use: "audit", Short: "Show what administrators did, newest first", Args: cobra.NoArgs,
		Example: "  timbred audit --since 7d",
	}
	cmd.Flags().StringVar(&since, "since", "30d", "how far to look back, in weeks (w), days (d) or hours (h)")
	cmd.Flags().IntVar(&limit, "limit", 100, "at most so many lines, 1 to 500")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		back, err := readDays("since", since)
		if err != nil {
			return err
		}
		return c.administer(cmd.Context(), false, func(a *api.Admin) error {
			all, err := a.Audit(cmd.Context(), time.Now().Add(-back), limit)
			if err != nil {
				return err
			}
			return c.printTimes(cmd.Context(), a, all, func(w io.Writer, when clock) {
				row(w, "TIME", "WHO", "WHAT", "ABOUT", "RESULT")
				for _, l := range all {
					result := l.Result
					if result == "" {
						result = "interrupted, done or not"
					}
					row(w, when(l.At), l.Who, l.What, l.About, result)
				}
			})
		})
	}
	return cmd
}

func (c *command) retention() *cobra.Command {
	var calls, voicemail string
	set := &cobra.Command{
		Use: "set", Short: "Set how long the call log and voicemail are kept", Args: cobra.NoArgs,
		Example: "  timbred retention set --calls 365d --voicemail 90d",
	}
	set.Flags().StringVar(&calls, "calls", "", "days (d) after which calls are deleted; 0: never")
	set.Flags().StringVar(&voicemail, "voicemail", "", "days (d) after which messages are deleted, heard or not; 0: never")
	set.MarkFlagsOneRequired("calls", "voicemail")
	set.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		var change api.RetentionChange
		if change.Calls, err = daysFlag("calls", calls); err != nil {
			return err
		}
		if change.Voicemail, err = daysFlag("voicemail", voicemail); err != nil {
			return err
		}
		return c.administer(cmd.Context(), false, func(a *api.Admin) error {
			r, err := a.SetRetention(cmd.Context(), change)
			if err != nil {
				return err
			}
			return c.print(r, func(w io.Writer) { retentionTable(w, r) })
		})
	}
	show := &cobra.Command{
		Use: "show", Short: "Show how long the call log and voicemail are kept", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.administer(cmd.Context(), false, func(a *api.Admin) error {
				r, err := a.Retention(cmd.Context())
				if err != nil {
					return err
				}
				return c.print(r, func(w io.Writer) { retentionTable(w, r) })
			})
		},
	}
	return group("retention", "How long what is kept", set, show)
}

func retentionTable(w io.Writer, r api.Retention) {
	row(w, "calls kept", days(time.Duration(r.Calls)))
	row(w, "voicemail kept", days(time.Duration(r.Voicemail)))
}
