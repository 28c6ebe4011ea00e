package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/dialplan"
	"timbre/internal/office"
)

// adminRoutes adds the administration. Whoever reaches it is an administrator.
func (s *Server) adminRoutes(a huma.API) {
	change(s, a, "set-company", http.MethodPut, "/v1/admin/company", aboutCompany, s.setCompany)
	register(a, "company", http.MethodGet, "/v1/admin/company", s.company)
	s.extensionRoutes(a)
	s.deviceRoutes(a)
	s.lineRoutes(a)
	s.trunkRoutes(a)
	s.mailRoutes(a)
	s.retentionRoutes(a)
	s.backupRoutes(a)
	s.statusRoutes(a)
	s.auditRoutes(a)
	s.tokenRoutes(a)
	s.loginRoutes(a)
}

// An In carries a request body, an Out the body of an answer.
type (
	In[T any]  struct{ Body T }
	Out[T any] struct{ Body T }
)

// aboutCompany tells what an office becomes.
func aboutCompany(in *In[Company]) string {
	c := in.Body
	return strings.Join(strings.Fields(fmt.Sprint(c.Number, " ", c.Name, " ", c.Region, " ", c.TimeZone, " ", c.Email)), " ")
}

func (s *Server) setCompany(ctx context.Context, in *In[Company]) (*Out[Company], error) {
	c := office.Company{Number: in.Body.Number, Name: office.CleanName(in.Body.Name), Region: in.Body.Region, TimeZone: in.Body.TimeZone, Email: in.Body.Email}
	old, err := s.cfg.Store.Company(ctx)
	if err != nil && (!errors.Is(err, office.ErrNoCompany) || in.Body.Number == "" || in.Body.Name == "") {
		return nil, s.refuse(ctx, "company", err)
	}
	c.Region = cmp.Or(c.Region, old.Region, office.DefaultRegion)
	if in.Body.Number == "" {
		c.Number = old.Number
	}
	if in.Body.Name == "" {
		c.Name = old.Name
	}
	c.TimeZone = cmp.Or(c.TimeZone, old.TimeZone)
	c.Email = cmp.Or(c.Email, old.Email)
	if err := office.CheckEmail(c.Email); err != nil {
		return nil, s.refuse(ctx, "email", err)
	}
	if err := dialplan.CheckRegion(c.Region); err != nil {
		return nil, s.refuse(ctx, "region", err)
	}
	if err := office.CheckTimeZone(c.TimeZone); err != nil {
		return nil, s.refuse(ctx, "time zone", err)
	}
	if err := office.CheckName(c.Name); err != nil {
		return nil, s.refuse(ctx, "name", err)
	}
	n, err := office.ParseCompanyNumber(string(c.Number), c.Region)
	if err != nil {
		return nil, s.refuse(ctx, "number", err)
	}
	c.Number = n
	if err := s.cfg.Store.SetCompany(ctx, c); err != nil {
		return nil, s.refuse(ctx, "company", err)
	}
	return &Out[Company]{companyOf(c)}, nil
}

func (s *Server) company(ctx context.Context, _ *struct{}) (*Out[Company], error) {
	c, err := s.cfg.Store.Company(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "company", err)
	}
	return &Out[Company]{companyOf(c)}, nil
}

func companyOf(c office.Company) Company {
	return Company{c.Number, c.Name, c.Region, c.Location().String(), c.Email}
}
