package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"timbre/app/model"
	"timbre/internal/office"
	"timbre/sync/engine"
)

// A loginForm is what the user gives to log in.
type loginForm struct {
	server, company, extension, fingerprint string
	passwordStdin                           bool
}

func newLoginCommand(o *options) *cobra.Command {
	var form loginForm
	c := &cobra.Command{
		Use:   "login --server URL --company NUMBER --extension N --password-stdin",
		Short: o.words.Say("cli.login"),
		Args:  exactly(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return login(cmd.Context(), o, form) },
	}
	f := c.Flags()
	f.StringVar(&form.server, "server", "", o.words.Say("cli.flag.server"))
	f.StringVar(&form.company, "company", "", o.words.Say("cli.flag.company"))
	f.StringVar(&form.extension, "extension", "", o.words.Say("cli.flag.extension"))
	f.StringVar(&form.fingerprint, "fingerprint", "", o.words.Say("cli.flag.fingerprint"))
	f.BoolVar(&form.passwordStdin, "password-stdin", false, o.words.Say("cli.flag.passwordStdin"))
	return c
}

// read returns the login that the form and the password on standard input describe.
func (form loginForm) read(ctx context.Context, o *options) (l engine.Login, err error) {
	for _, f := range []struct{ value, flag string }{{form.server, "--server"}, {form.company, "--company"}, {form.extension, "--extension"}} {
		if strings.TrimSpace(f.value) == "" {
			return l, usageError{"cli.usage.missing", []any{"flag", f.flag}}
		}
	}
	if !form.passwordStdin {
		return l, usageError{"cli.usage.missing", []any{"flag", "--password-stdin"}}
	}
	if l.Server, err = model.ServerURL(form.server); err != nil {
		return l, err
	}
	if l.Company, err = office.ParseCompanyNumber(form.company, office.DefaultRegion); err != nil {
		return l, usageError{"error.company", nil}
	}
	if l.Extension, err = office.ParseExtension(form.extension, ""); err != nil {
		return l, err
	}
	if form.fingerprint != "" {
		if l.Fingerprint, err = office.ParseFingerprint(form.fingerprint); err != nil {
			return l, usageError{"cli.usage.fingerprint", nil}
		}
	}
	l.Password, err = newSecrets(o).next(ctx, o.words.Say("login.password"))
	return l, err
}

// A loginAnswer is what login prints with --json.
type loginAnswer struct {
	Account       office.ID          `json:"account"`
	Server        string             `json:"server"`
	Company       office.Number      `json:"company"`
	Extension     office.Number      `json:"extension"`
	Name          string             `json:"name"`
	Fingerprint   office.Fingerprint `json:"fingerprint"`
	SecretsInFile bool               `json:"secretsInFile"`
}

func login(ctx context.Context, o *options, form loginForm) error {
	if o.offline {
		return usageError{"cli.usage.loginOffline", nil}
	}
	request, err := form.read(ctx, o)
	if err != nil {
		return err
	}
	return o.withEngine(func(e *engine.Engine) error {
		if a, in := e.Account(); in && (a.Server != request.Server || a.Company != request.Company || a.Extension != request.Extension) {
			return usageError{"cli.usage.loggedIn", []any{"ext", a.Extension}}
		}
		if last := e.LastLogin(); request.Fingerprint == "" && last.Server == request.Server {
			request.Fingerprint = last.Fingerprint
		}
		var unknown *engine.UnknownAuthority
		err := e.Login(ctx, request)
		if errors.As(err, &unknown) && request.Fingerprint == "" {
			return usageError{"cli.fingerprint", []any{"server", request.Server, "fingerprint", unknown.Fingerprint}}
		}
		if err != nil {
			return err
		}
		if err := o.sync(ctx, e); err != nil {
			return err
		}
		a, _ := e.Account()
		inFile := e.Status().SecretsInFile
		if inFile {
			o.note(o.words.Say("login.keptOpenly"))
		}
		return o.print(loginAnswer{a.ID, a.Server, a.Company, a.Extension, a.Name, a.Fingerprint, inFile},
			o.words.Say("cli.loggedIn", "name", a.Name, "extension", a.Extension))
	})
}

func newLogoutCommand(o *options) *cobra.Command {
	var wipe bool
	c := &cobra.Command{
		Use: "logout [--wipe]", Short: o.words.Say("cli.logout"), Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.withEngine(func(e *engine.Engine) error {
				if wipe && !e.LoggedIn() {
					return wipeKept(cmd.Context(), o, e)
				}
				return logout(cmd.Context(), o, e, wipe)
			})
		},
	}
	c.Flags().BoolVar(&wipe, "wipe", false, o.words.Say("cli.flag.wipe"))
	return c
}

func logout(ctx context.Context, o *options, e *engine.Engine, wipe bool) error {
	if !e.LoggedIn() {
		return usageError{key: "cli.usage.loggedOut"}
	}
	if err := o.deliver(ctx, e); ctx.Err() != nil {
		return ctx.Err()
	} else if err != nil {
		o.log.Info("logging out without a last sync", "err", err)
	}
	if n := e.Status().Pending; n > 0 {
		key := "logout.kept"
		if wipe {
			key = "logout.pending"
		}
		o.note(o.words.Count(key, n))
	}
	if err := e.Logout(ctx, wipe); err != nil {
		return err
	}
	text := "cli.loggedOut"
	if o.offline {
		text = "cli.loggedOut.offline"
	}
	return o.print(map[string]bool{"wiped": wipe}, o.words.Say(text))
}

// wipeKept erases what logouts without --wipe left.
func wipeKept(ctx context.Context, o *options, e *engine.Engine) error {
	n, err := e.WipeKept(ctx)
	if err != nil {
		return err
	}
	if n == 0 {
		return usageError{key: "cli.usage.nothingKept"}
	}
	return o.print(map[string]bool{"wiped": true}, o.words.Say("cli.wiped"))
}
