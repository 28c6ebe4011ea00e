package main

import (
	"cmp"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"timbre/internal/api"
	"timbre/internal/office"
)

func (c *command) company() *cobra.Command {
	var company api.Company
	set := &cobra.Command{
		Use: "set", Short: "Set number, name, country or time zone of the office, or its administrator's e-mail address", Args: cobra.NoArgs,
		Example: `  timbred company set --number +525555550100 --name "Ejemplo"`,
	}
	f := set.Flags()
	f.StringVar((*string)(&company.Number), "number", "", "main number with its country code, which users type to log in")
	f.StringVar(&company.Name, "name", "", "name of the company")
	f.StringVar((*string)(&company.Region), "region", "", "country, such as MX (at first "+string(office.DefaultRegion)+")")
	f.StringVar(&company.TimeZone, "timezone", "", "time zone in which times are told, such as America/Tijuana (at first that of the country)")
	f.StringVar(&company.Email, "email", "", "e-mail address of the administrator, who is told of what needs a person")
	set.RunE = func(cmd *cobra.Command, _ []string) error {
		if company == (api.Company{}) {
			return errors.New("nothing to change: give --number, --name, --region, --timezone or --email")
		}
		whole := company.Number != "" && company.Name != ""
		err := c.administer(cmd.Context(), whole, func(a *api.Admin) error {
			is, err := a.SetCompany(cmd.Context(), company)
			if err != nil {
				return err
			}
			return c.print(is, func(w io.Writer) { companyTable(w, is) })
		})
		if !whole && errors.Is(err, office.ErrNoCompany) {
			return errors.New("there is no office yet: the first time give both --number and --name")
		}
		return err
	}
	show := &cobra.Command{
		Use: "show", Short: "Show the office", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.administer(cmd.Context(), false, func(a *api.Admin) error {
				is, err := a.Company(cmd.Context())
				if err != nil {
					return err
				}
				return c.print(is, func(w io.Writer) { companyTable(w, is) })
			})
		},
	}
	return group("company", "The office as a whole", set, show)
}

func companyTable(w io.Writer, is api.Company) {
	row(w, "company", is.Name)
	row(w, "number", string(is.Number))
	row(w, "country", is.Region)
	row(w, "time zone", is.TimeZone)
	row(w, "administrator", cmp.Or(is.Email, "no e-mail address (timbred company set --email)"))
}
