package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"timbre/internal/api"
	"timbre/internal/office"
)

func (c *command) device() *cobra.Command {
	return group("device", "Third-party telephones", c.deviceAdd(), c.deviceList(), c.deviceRemove())
}

func (c *command) deviceAdd() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: "add EXTENSION", Short: "Add a telephone and print what to type into it", Args: one,
		Example: "  timbred device add 101 --name desk",
	}
	cmd.Flags().StringVar(&name, "name", "", "what to call it")
	cmd.MarkFlagRequired("name")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.administer(cmd.Context(), false, func(a *api.Admin) error {
			d, err := a.AddDevice(cmd.Context(), office.Number(args[0]), name)
			if err != nil {
				return err
			}
			account := struct {
				Username string   `json:"username"`
				Password string   `json:"password"`
				Domain   string   `json:"domain"`
				SIP      []string `json:"sip"`
			}{d.Username, d.Password, d.Domain, d.SIP}
			return c.print(account, func(w io.Writer) {
				row(w, "user name", d.Username)
				row(w, "password", d.Password)
				row(w, "domain", d.Domain)
				for _, uri := range d.SIP {
					row(w, "server", uri)
				}
			})
		})
	}
	return cmd
}

func (c *command) deviceList() *cobra.Command {
	return &cobra.Command{
		Use: "list [EXTENSION]", Short: "List the telephones of an extension, or all", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var ext office.Number
			if len(args) == 1 {
				ext = office.Number(args[0])
			}
			return c.administer(cmd.Context(), false, func(a *api.Admin) error {
				all, err := a.Devices(cmd.Context(), ext)
				if err != nil {
					return err
				}
				return c.print(all, func(w io.Writer) {
					row(w, "EXTENSION", "NAME", "USER NAME", "KIND", "NOW")
					for _, d := range all {
						row(w, d.Extension, d.Name, d.Username, kindOf(d), stateOf(d))
					}
				})
			})
		},
	}
}

func kindOf(d api.Device) string {
	if d.Session {
		return "login"
	}
	return "telephone"
}

func stateOf(d api.Device) string {
	if d.Registered {
		return "registered"
	}
	return "-"
}

func (c *command) deviceRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove USERNAME", Short: "Remove a telephone, or end the login that it belongs to", Args: one,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.administer(cmd.Context(), false, func(a *api.Admin) error {
				d, err := findDevice(cmd.Context(), a, args[0])
				if err != nil {
					return err
				}
				if err := a.RemoveDevice(cmd.Context(), d.ID); err != nil {
					return err
				}
				return c.print(d, func(w io.Writer) { fmt.Fprintf(w, "device %s of extension %s removed\n", d.Username, d.Extension) })
			})
		},
	}
}

// findDevice returns the device with that user name or id.
func findDevice(ctx context.Context, a *api.Admin, name string) (api.Device, error) {
	all, err := a.Devices(ctx, "")
	if err != nil {
		return api.Device{}, err
	}
	for _, d := range all {
		if d.Username == name || string(d.ID) == name {
			return d, nil
		}
	}
	return api.Device{}, fmt.Errorf("device %s: not found", name)
}
