package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"timbre/internal/api"
	"timbre/internal/office"
)

func (c *command) extension() *cobra.Command {
	return group("extension", "The people's lines",
		c.extensionAdd(), c.extensionSet(), c.extensionList(), c.extensionReset(), c.extensionPIN(), c.extensionUnlock(),
		c.extensionDisable(), c.extensionEnable(), c.extensionRemove())
}

func (c *command) extensionAdd() *cobra.Command {
	var e api.NewExtension
	var ring time.Duration
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "add NUMBER", Short: "Add an extension", Args: one,
		Example: `  timbred extension add 101 --name "Ana López" --email ana@example.com`,
	}
	f := cmd.Flags()
	f.StringVar(&e.Name, "name", "", "name of its user")
	f.StringVar(&e.Email, "email", "", "e-mail address of its user")
	f.StringVar((*string)(&e.Language), "language", "", "es-MX or en (at first es-MX)")
	f.DurationVar(&ring, "ring", 0, "how long it rings before voicemail answers (at first 25s)")
	f.BoolVar(&fromStdin, "password-stdin", false, "read its password from the standard input; else one is made and printed")
	allowed := rights(f)
	cmd.MarkFlagRequired("name")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		e.Number = office.Number(args[0])
		if cmd.Flags().Changed("ring") {
			if err := office.CheckRingTime(ring); err != nil {
				return errRing
			}
			e.Ring = office.Duration(ring)
		}
		r := allowed()
		e.MaxCalls, e.Minutes, e.CallLimit = r.MaxCalls, r.Minutes, r.CallLimit
		if r.Allow != nil {
			e.Allow = *r.Allow
		}
		if fromStdin {
			if e.Password, err = readPassword(c.in); err != nil {
				return err
			}
		}
		return c.administer(cmd.Context(), false, func(a *api.Admin) error {
			made, err := a.AddExtension(cmd.Context(), e)
			if err != nil {
				return err
			}
			return c.print(made, func(w io.Writer) {
				fmt.Fprintf(w, "extension %s added\n", made.Number)
				oneTime(w, made.Password)
			})
		})
	}
	return cmd
}

var errRing = fmt.Errorf("--ring: not a ring time of %.0fs to %.0fs", office.MinRingTime.Seconds(), office.MaxRingTime.Seconds())

func (c *command) extensionSet() *cobra.Command {
	var name, email, language string
	var ring time.Duration
	var fromStdin bool
	cmd := &cobra.Command{Use: "set NUMBER", Short: "Change an extension", Args: one}
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "name of its user")
	f.StringVar(&email, "email", "", "e-mail address of its user")
	f.StringVar(&language, "language", "", "es-MX or en")
	f.DurationVar(&ring, "ring", 0, "how long it rings before voicemail answers, 5s to 60s")
	f.BoolVar(&fromStdin, "password-stdin", false, "read a new password from the standard input; ends its sessions")
	allowed := rights(f)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		change := allowed()
		is := cmd.Flags().Changed
		if is("name") {
			change.Name = &name
		}
		if is("email") {
			change.Email = &email
		}
		if is("language") {
			change.Language = (*office.Language)(&language)
		}
		if is("ring") {
			if err := office.CheckRingTime(ring); err != nil {
				return errRing
			}
			change.Ring = (*office.Duration)(&ring)
		}
		if fromStdin {
			password, err := readPassword(c.in)
			if err != nil {
				return err
			}
			change.Password = &password
		}
		if change == (api.ExtensionChange{}) {
			return errors.New("nothing to change is given")
		}
		return c.administer(cmd.Context(), false, func(a *api.Admin) error {
			e, err := a.SetExtension(cmd.Context(), office.Number(args[0]), change)
			if err != nil {
				return err
			}
			return c.print(e, func(w io.Writer) { extensionTable(w, e) })
		})
	}
	return cmd
}

func (c *command) extensionList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the extensions", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.administer(cmd.Context(), false, func(a *api.Admin) error {
				all, err := a.Extensions(cmd.Context())
				if err != nil {
					return err
				}
				return c.print(all, func(w io.Writer) { extensionTable(w, all...) })
			})
		},
	}
}

func extensionTable(w io.Writer, all ...api.Extension) {
	row(w, "NUMBER", "NAME", "E-MAIL", "LANGUAGE", "RINGS", "MAY CALL", "MAX CALLS", "MINUTES", "CALL LIMIT", "PIN", "STATE")
	for _, e := range all {
		state := "enabled"
		if e.Disabled {
			state = "disabled"
		}
		row(w, e.Number, e.Name, e.Email, e.Language, time.Duration(e.Ring), e.Allow, e.MaxCalls, e.Minutes, e.CallLimit, yes(e.HasPIN), state)
	}
}

// rights adds the flags of what an extension may do, and returns what was given
// of them.
func rights(f *pflag.FlagSet) (given func() api.ExtensionChange) {
	var allow office.Classes
	var calls, minutes, limit int
	f.StringVar((*string)(&allow), "allow", "", "whom it may call, of internal,national,international,premium (at first internal,national)")
	f.IntVar(&calls, "max-calls", 0, "how many outside calls it may have at the same time; 0: any number (at first 4)")
	f.IntVar(&minutes, "minutes", 0, "how many minutes it may call outside in a day; 0: any number (at first 600)")
	f.IntVar(&limit, "call-limit", 0, "how many calls it may have before it is busy (at first 2)")
	return func() (c api.ExtensionChange) {
		if f.Changed("allow") {
			c.Allow = &allow
		}
		if f.Changed("max-calls") {
			c.MaxCalls = &calls
		}
		if f.Changed("minutes") {
			c.Minutes = &minutes
		}
		if f.Changed("call-limit") {
			c.CallLimit = &limit
		}
		return c
	}
}

func (c *command) extensionRemove() *cobra.Command {
	var keep string
	var purge bool
	cmd := &cobra.Command{
		Use: "remove NUMBER", Args: one,
		Short: "Remove an extension, its devices and sessions now, its voicemail and log later",
	}
	cmd.Flags().StringVar(&keep, "keep", "30d", "how long its voicemail and log are kept, in days (d) or hours (h)")
	cmd.Flags().BoolVar(&purge, "purge", false, "keep nothing")
	cmd.MarkFlagsMutuallyExclusive("keep", "purge")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var kept time.Duration
		if !purge {
			var err error
			if kept, err = readDays("keep", keep); err != nil {
				return err
			}
			if kept > api.MaxKeep {
				return errors.New("--keep: at most a year, such as 30d or 12h")
			}
		}
		return c.administer(cmd.Context(), false, func(a *api.Admin) error {
			if err := a.RemoveExtension(cmd.Context(), office.Number(args[0]), kept); err != nil {
				return err
			}
			removed := struct {
				Number office.Number   `json:"number"`
				Keep   office.Duration `json:"keep"`
			}{office.Number(args[0]), office.Duration(kept)}
			return c.print(removed, func(w io.Writer) { fmt.Fprintf(w, "extension %s removed\n", args[0]) })
		})
	}
	return cmd
}
