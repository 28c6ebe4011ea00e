package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"timbre/internal/api"
	"timbre/internal/office"
)

func (c *command) trunk() *cobra.Command {
	return group("trunk", "Lines to the outside", c.trunkAdd(), c.trunkSet(), c.trunkList(), c.trunkTest(), c.trunkRemove())
}

func (c *command) trunkAdd() *cobra.Command {
	var t api.NewTrunk
	var fromStdin bool
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Add a carrier", Args: one,
		Example: "  timbred trunk add carrier --uri sip:sip.example.com --register --username 5555550100 --password-stdin",
	}
	f := cmd.Flags()
	f.StringVar(&t.URI, "uri", "", "where the carrier is, sip:host or sip:host:port")
	f.StringVar(&t.Transport, "transport", "udp", "udp, tcp or tls")
	f.BoolVar(&t.Register, "register", false, "register there; else the carrier knows the office by its address")
	f.StringVar(&t.Username, "username", "", "user name that the carrier gave")
	f.BoolVar(&fromStdin, "password-stdin", false, "read its password from the standard input")
	f.IntVar(&t.Priority, "priority", 0, "the lowest is tried first")
	f.StringVar((*string)(&t.Format), "format", string(office.E164), "how the carrier wants numbers: e164 or national")
	f.BoolVar(&t.T38, "t38", false, "it takes faxes by T.38")
	cmd.MarkFlagRequired("uri")
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		t.Name = args[0]
		if fromStdin {
			if t.Password, err = readSecret(c.in); err != nil {
				return err
			}
		}
		return c.administer(cmd.Context(), false, func(a *api.Admin) error {
			is, err := a.AddTrunk(cmd.Context(), t)
			if errors.Is(err, office.ErrExists) {
				return fmt.Errorf("trunk %s: exists already; timbred trunk set changes it", t.Name)
			}
			if err != nil {
				return err
			}
			return c.done(is, "trunk %s added", is.Name)
		})
	}
	return cmd
}

func (c *command) trunkSet() *cobra.Command {
	var uri, transport, username, format string
	var register, t38, fromStdin bool
	var priority int
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Change a carrier; calls that go on stay", Args: one,
		Example: "  timbred trunk set carrier --priority 2",
	}
	f := cmd.Flags()
	f.StringVar(&uri, "uri", "", "where the carrier is, sip:host or sip:host:port")
	f.StringVar(&transport, "transport", "", "udp, tcp or tls")
	f.BoolVar(&register, "register", false, "register there; =false: the carrier knows the office by its address")
	f.StringVar(&username, "username", "", "user name that the carrier gave")
	f.BoolVar(&fromStdin, "password-stdin", false, "read its password from the standard input")
	f.IntVar(&priority, "priority", 0, "the lowest is tried first")
	f.StringVar(&format, "format", "", "how the carrier wants numbers: e164 or national")
	f.BoolVar(&t38, "t38", false, "it takes faxes by T.38")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		change := api.TrunkChange{
			URI: given(f, "uri", &uri), Transport: given(f, "transport", &transport), Register: given(f, "register", &register),
			Username: given(f, "username", &username), Priority: given(f, "priority", &priority),
			Format: (*office.NumberFormat)(given(f, "format", &format)), T38: given(f, "t38", &t38),
		}
		if fromStdin {
			password, err := readSecret(c.in)
			if err != nil {
				return err
			}
			change.Password = &password
		}
		if change == (api.TrunkChange{}) {
			return errors.New("nothing to change is given")
		}
		return c.administer(cmd.Context(), false, func(a *api.Admin) error {
			is, err := a.SetTrunk(cmd.Context(), args[0], change)
			if err != nil {
				return err
			}
			return c.done(is, "trunk %s changed", is.Name)
		})
	}
	return cmd
}

// given returns the value of a flag that was given, else nil.
func given[T any](f *pflag.FlagSet, name string, value *T) *T {
	if !f.Changed(name) {
		return nil
	}
	return value
}

func (c *command) trunkList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the carriers with their states, in the order in which they are tried", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.administer(cmd.Context(), false, func(a *api.Admin) error {
				all, err := a.Trunks(cmd.Context())
				if err != nil {
					return err
				}
				return c.printTimes(cmd.Context(), a, all, func(w io.Writer, when clock) { trunkTable(w, when, all...) })
			})
		},
	}
}

func trunkTable(w io.Writer, when clock, all ...api.Trunk) {
	row(w, "NAME", "URI", "TRANSPORT", "REGISTERS", "PRIORITY", "FORMAT", "T38", "STATE", "LAST ERROR")
	for _, t := range all {
		row(w, t.Name, t.URI, t.Transport, yes(t.Register), t.Priority, t.Format, yes(t.T38), trunkState(t, when), trunkError(t, when))
	}
}

// trunkState tells how a trunk is and since when.
func trunkState(t api.Trunk, when clock) string {
	if t.State == nil {
		return "not known"
	}
	state := "down"
	if t.State.Up {
		state = "up"
	}
	if t.State.Since.IsZero() {
		return state
	}
	return fmt.Sprintf("%s since %s", state, when(t.State.Since))
}

// trunkError tells of the last failure of a trunk, and when that was.
func trunkError(t api.Trunk, when clock) string {
	if t.State == nil || t.State.LastError == "" {
		return "-"
	}
	return errorAt(&t.State.ErrorAt, when, t.State.LastError)
}

func (c *command) trunkTest() *cobra.Command {
	return &cobra.Command{
		Use: "test NAME", Short: "Ask a carrier now whether it works", Args: one,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.administer(cmd.Context(), false, func(a *api.Admin) error {
				t, err := a.TestTrunk(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if !t.State.Up {
					return fmt.Errorf("trunk %s does not work: %s", t.Name, t.State.LastError)
				}
				return c.done(t, "trunk %s works", t.Name)
			})
		},
	}
}

func (c *command) trunkRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Remove a carrier", Args: one,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.administer(cmd.Context(), false, func(a *api.Admin) error {
				if err := a.RemoveTrunk(cmd.Context(), args[0]); err != nil {
					return err
				}
				return c.done(named{Name: args[0]}, "trunk %s removed", args[0])
			})
		},
	}
}
