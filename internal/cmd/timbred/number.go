package main

import (
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"timbre/internal/api"
	"timbre/internal/office"
)

func (c *command) number() *cobra.Command {
	return group("number", "The office's own numbers outside", c.numberAdd(), c.numberList(), c.numberRemove())
}

func (c *command) numberAdd() *cobra.Command {
	var extensions string
	var line office.Line
	cmd := &cobra.Command{
		Use: "add NUMBER", Short: "Add a number and say whom it rings, or change that", Args: spelled,
		Example: "  timbred number add +525555550123 --extension 101,102   # both ring together",
	}
	f := cmd.Flags()
	f.StringVar(&extensions, "extension", "", "extensions that it rings together, with commas between")
	f.BoolVar(&line.Fax, "fax", false, "fax machines may call it")
	f.BoolVar(&line.Menu, "menu", false, "it rings nobody: whoever calls it hears their voicemail with extension and PIN")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		line.Number = office.Number(strings.Join(args, " "))
		for ext := range strings.SplitSeq(extensions, ",") {
			if ext = strings.TrimSpace(ext); ext != "" {
				line.Extensions = append(line.Extensions, office.Number(ext))
			}
		}
		if len(line.Extensions) == 0 && !line.Menu && !line.Fax {
			return errors.New("whom does it ring? Give --extension 101,102 or --menu or --fax")
		}
		return c.administer(cmd.Context(), false, func(a *api.Admin) error {
			is, err := a.SetLine(cmd.Context(), line)
			if err != nil {
				return err
			}
			return c.print(is, func(w io.Writer) { lineTable(w, is) })
		})
	}
	return cmd
}

func (c *command) numberList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the office's numbers and whom they ring", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.administer(cmd.Context(), false, func(a *api.Admin) error {
				all, err := a.Lines(cmd.Context())
				if err != nil {
					return err
				}
				return c.print(all, func(w io.Writer) { lineTable(w, all...) })
			})
		},
	}
}

func lineTable(w io.Writer, all ...office.Line) {
	row(w, "NUMBER", "RINGS", "FAX")
	for _, l := range all {
		rings := make([]string, len(l.Extensions))
		for i, n := range l.Extensions {
			rings[i] = string(n)
		}
		if l.Menu {
			rings = []string{"voicemail menu"}
		}
		row(w, string(l.Number), strings.Join(rings, ","), yes(l.Fax))
	}
}

func (c *command) numberRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove NUMBER", Short: "Remove one of the office's numbers", Args: spelled,
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.administer(cmd.Context(), false, func(a *api.Admin) error {
				n := strings.Join(args, " ")
				if err := a.RemoveLine(cmd.Context(), office.Number(n)); err != nil {
					return err
				}
				return c.done(named{Number: n}, "number %s removed", n)
			})
		},
	}
}

// spelled wants one number, which may come in several words: 55 5555 0123.
func spelled(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return one(cmd, args)
	}
	return nil
}
