package main

import (
	"io"

	"github.com/spf13/cobra"

	"timbre/internal/api"
)

func (c *command) status() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show what the office is doing now", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.administer(cmd.Context(), false, func(a *api.Admin) error {
				s, err := a.Status(cmd.Context())
				if err != nil {
					return err
				}
				return c.print(s, func(w io.Writer) { statusTable(w, s) })
			})
		},
	}
}

func statusTable(w io.Writer, s api.Status) {
	row(w, "version", s.Version)
	row(w, "database", s.Database)
	if s.Company == nil {
		row(w, "company", "not set yet")
	} else {
		row(w, "company", string(s.Company.Number)+" "+s.Company.Name)
	}
	row(w, "extensions", s.Extensions)
	row(w, "devices", s.Devices)
	row(w, "sessions", s.Sessions)
	if !s.Running {
		row(w, "server", "not running")
		return
	}
	row(w, "server", "running")
	for _, l := range [][2]string{{"https", s.Listeners.HTTPS}, {"sip", s.Listeners.SIP}, {"sips", s.Listeners.SIPS}} {
		if l[1] != "" {
			row(w, "  "+l[0], l[1])
		}
	}
	if s.Fingerprint != "" {
		row(w, "fingerprint", s.Fingerprint)
	}
	row(w, "registered devices", s.Registered)
	row(w, "live calls", s.LiveCalls)
}
