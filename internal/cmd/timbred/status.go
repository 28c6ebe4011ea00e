package main

import (
	"fmt"
	"io"
	"time"

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
	when := clockOf(s.Company)
	row(w, "version", s.Version)
	row(w, "database", s.Database)
	if s.Company == nil {
		row(w, "company", "not set yet")
	} else {
		row(w, "company", string(s.Company.Number)+" "+s.Company.Name)
		row(w, "time zone", s.Company.TimeZone)
	}
	row(w, "extensions", s.Extensions)
	row(w, "devices", s.Devices)
	row(w, "sessions", s.Sessions)
	if s.Running {
		runningTable(w, s, when)
	} else {
		row(w, "server", "not running")
	}
	for _, t := range s.Trunks {
		row(w, "trunk "+t.Name, trunkState(t, when)+lastError(trunkError(t, when)))
	}
	row(w, "e-mail", mailState(s.Mail, when))
	if s.Disk.Total > 0 {
		row(w, "disk", fmt.Sprintf("%d %% of %s used", s.Disk.Used*100/s.Disk.Total, sized(s.Disk.Total)))
	}
	backup := "never"
	if s.LastBackup != nil {
		backup = when(*s.LastBackup)
	}
	row(w, "last backup", backup)
	retentionTable(w, s.Retention)
}

// runningTable shows what only a running server knows.
func runningTable(w io.Writer, s api.Status, when clock) {
	row(w, "server", "running")
	for _, l := range [][2]string{{"https", s.Listeners.HTTPS}, {"sip", s.Listeners.SIP}, {"sips", s.Listeners.SIPS}} {
		if l[1] != "" {
			row(w, "  "+l[0], l[1])
		}
	}
	if s.Fingerprint != "" {
		row(w, "fingerprint", s.Fingerprint)
	}
	if s.CertificateEnds != nil {
		row(w, "certificate ends", when(*s.CertificateEnds))
	}
	row(w, "registered devices", s.Registered)
	row(w, "live calls", s.LiveCalls)
}

// errorAt tells when an error was, in front of it.
func errorAt(at *time.Time, when clock, err string) string {
	if at == nil || at.IsZero() || err == "" {
		return err
	}
	return when(*at) + ": " + err
}

// lastError tells of an error behind a state, if there was one.
func lastError(err string) string {
	if err == "-" || err == "" {
		return ""
	}
	return "; last error: " + err
}

// mailState tells what of the e-mail needs a person.
func mailState(m api.MailQueue, when clock) string {
	state := fmt.Sprintf("%d waiting", m.Waiting)
	if !m.Set {
		state = "not set up (timbred smtp set), " + state
	}
	if m.Oldest != nil {
		state += " since " + when(*m.Oldest)
	}
	if m.Held > 0 {
		state += fmt.Sprintf(", %d held (timbred mail release)", m.Held)
	}
	if m.GivenUp > 0 {
		state += fmt.Sprintf(", %d given up", m.GivenUp)
	}
	return state + lastError(errorAt(m.ErrorAt, when, m.LastError))
}

// sized returns a size as people read it.
func sized(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	f, i := float64(n), 0
	for ; f >= 1000 && i < len(units)-1; i++ {
		f /= 1000
	}
	return fmt.Sprintf("%.3g %s", f, units[i])
}
