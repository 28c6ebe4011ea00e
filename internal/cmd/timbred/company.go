package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"timbre/internal/api"
	"timbre/internal/office"
)

func (c *command) company() *cobra.Command {
	var company api.Company
	set := &cobra.Command{
		Use: "set", Short: "Set number, name or country of the office, or its administrator's e-mail address", Args: cobra.NoArgs,
		Example: `  timbred company set --number +525555550100 --name "Ejemplo"`,
	}
	f := set.Flags()
	f.StringVar((*string)(&company.Number), "number", "", "main number with its country code, which users type to log in")
	f.StringVar(&company.Name, "name", "", "name of the company")
	f.StringVar((*string)(&company.Region), "region", "", "country, such as MX (at first "+string(office.DefaultRegion)+")")
	f.StringVar(&company.Email, "email", "", "e-mail address of the administrator, who is told of what needs a person")
	set.RunE = func(cmd *cobra.Command, _ []string) error {
		if company == (api.Company{}) {
			return errors.New("nothing to change: give --number, --name, --region or --email")
		}
		whole := company.Number != "" && company.Name != ""
		err := c.administer(cmd.Context(), whole, func(a *api.Admin) error {
			is, err := a.SetCompany(cmd.Context(), company)
			if err != nil {
				return err
			}
			return c.print(is, func(w io.Writer) { row(w, "company", is.Number, is.Name, is.Region, is.Email) })
		})
		if !whole && errors.Is(err, office.ErrNoCompany) {
			return errors.New("there is no office yet: the first time give both --number and --name")
		}
		return err
	}
	return group("company", "The office as a whole", set)
}
