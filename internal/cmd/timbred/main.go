// Command timbred is the companion server of a small office's telephones, and
// its administration: `timbred serve` runs it, the other commands change an
// office whether or not a server runs on it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // for machines without the system's table of time zones

	"github.com/spf13/cobra"

	"timbre/internal/api"
	"timbre/internal/office"
	"timbre/internal/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(os.Stdin, os.Stdout, os.Stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "timbred: "+words(err))
		stop()
		os.Exit(1)
	}
}

// words returns err as one line for an administrator.
func words(err error) string {
	var refused *api.Refusal
	text := err.Error()
	switch {
	case errors.As(err, &refused):
		text = refused.Detail
	case errors.Is(err, office.ErrInUse):
		text = strings.ReplaceAll(text, string(office.ErrInUse), "a server or another command is using it; stop that first")
	case errors.Is(err, office.ErrNotEmpty):
		text = strings.ReplaceAll(text, string(office.ErrNotEmpty), "an office is there already")
	case errors.Is(err, office.ErrBackup):
		text = strings.ReplaceAll(text, string(office.ErrBackup), "no backup, or a damaged one; nothing was changed")
	case errors.Is(err, office.ErrNewerSchema):
		text = strings.ReplaceAll(text, string(office.ErrNewerSchema), "a newer version of timbred wrote it; this one does not touch it")
	case errors.Is(err, office.ErrNoCompany):
		text = strings.ReplaceAll(text, string(office.ErrNoCompany), "there is no office yet (timbred company set)")
	case errors.Is(err, syscall.EADDRINUSE):
		listener, _, _ := strings.Cut(text, ":")
		text += ": another program has this port, end it or choose another with --" + listener
	case strings.HasPrefix(text, "unknown "):
		text += "; see timbred --help"
	default:
		text = strings.ReplaceAll(text, "time: missing unit in duration", "a time has its unit, such as 20s, not")
	}
	return strings.Join(strings.Fields(text), " ")
}

// A command is what all commands share: the flags that they all take and the
// streams.
type command struct {
	cfg  server.Config
	json bool

	in       io.Reader
	out, log io.Writer
}

// newRoot returns the command line.
func newRoot(in io.Reader, out, log io.Writer) *cobra.Command {
	c := &command{cfg: server.Default(), in: in, out: out, log: log}
	root := &cobra.Command{
		Use: "timbred", Short: "Telephone server of a small office",
		Version: server.Version(), SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetOut(out)
	root.SetErr(log)
	f := root.PersistentFlags()
	f.StringVar(&c.cfg.Data, "data", c.cfg.Data, "folder of the office's data")
	f.StringVar(&c.cfg.DB, "db", "", "PostgreSQL instead of SQLite, as postgres://user@host/database")
	f.BoolVar(&c.json, "json", false, "answer in JSON")
	root.AddCommand(c.serve(), c.company(), c.extension(), c.invite(), c.device(), c.number(), c.trunk(), c.smtp(), c.mail(), c.fax(),
		c.session(), c.status(), c.admin(), c.audit(), c.retention(), c.backup(), c.restore(), c.migrate())
	return root
}

// group returns a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return fmt.Errorf("%s: which of its commands? See %s --help", cmd.CommandPath(), cmd.CommandPath())
	}}
	g.AddCommand(commands...)
	return g
}

// one wants exactly one argument.
func one(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("use it like this: %s", cmd.UseLine())
	}
	return nil
}

// administer calls do with the administration of the office.
func (c *command) administer(ctx context.Context, create bool, do func(*api.Admin) error) (err error) {
	admin, done, err := server.Admin(ctx, c.cfg, create)
	if err != nil {
		return err
	}
	defer func() {
		if e := done(); err == nil {
			err = e
		}
	}()
	return do(admin)
}
