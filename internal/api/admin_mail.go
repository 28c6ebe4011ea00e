package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/office"
)

// mailRoutes adds how the office sends e-mail.
func (s *Server) mailRoutes(a huma.API) {
	change(s, a, "set-smtp", http.MethodPut, "/v1/admin/smtp",
		func(in *In[NewMailing]) string { return in.Body.From }, s.setMailing) // the URL may hold a password by mistake
	register(a, "smtp", http.MethodGet, "/v1/admin/smtp", s.mailing)
	change(s, a, "test-smtp", http.MethodPost, "/v1/admin/smtp/test", func(in *In[MailTest]) string { return in.Body.To }, s.testMail)
	change(s, a, "release-faxes", http.MethodPost, "/v1/admin/faxes/release", func(*struct{}) string { return "" }, s.releaseFaxes)
	change(s, a, "release-mail", http.MethodPost, "/v1/admin/mail/release", func(*struct{}) string { return "" }, s.releaseMail)
}

func (s *Server) setMailing(ctx context.Context, in *In[NewMailing]) (*Out[office.Mailing], error) {
	m := in.Body.Mailing
	if err := office.CheckMailing(m); err != nil {
		return nil, s.refuse(ctx, "smtp", err)
	}
	if err := s.cfg.Store.SetMailing(ctx, m, in.Body.Password); err != nil {
		return nil, s.refuse(ctx, "smtp", err)
	}
	return &Out[office.Mailing]{m}, nil
}

func (s *Server) mailing(ctx context.Context, _ *struct{}) (*Out[office.Mailing], error) {
	m, _, err := s.cfg.Store.Mailing(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "smtp", err)
	}
	return &Out[office.Mailing]{m}, nil
}

func (s *Server) testMail(ctx context.Context, in *In[MailTest]) (*Out[MailTest], error) {
	c, err := s.cfg.Store.Company(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "smtp", err)
	}
	to := cmp.Or(in.Body.To, c.Email)
	if err := office.CheckEmail(to); err != nil || to == "" {
		return nil, s.refuse(ctx, "to", office.ErrEmail)
	}
	if s.cfg.House.Mailer == nil {
		return nil, s.refuse(ctx, "smtp", office.ErrUnavailable)
	}
	err = s.cfg.House.Mailer.Test(ctx, to)
	if errors.Is(err, office.ErrNotFound) {
		return nil, newProblem(http.StatusConflict, "smtp: no mail server is set (timbred smtp set)")
	}
	if err != nil { // what the mail server said is all that helps
		return nil, newProblem(http.StatusBadGateway, "smtp: "+inOneLine(err.Error()))
	}
	return &Out[MailTest]{MailTest{to}}, nil
}

func (s *Server) releaseMail(ctx context.Context, _ *struct{}) (*Out[Released], error) {
	n, err := s.cfg.Store.ReleaseMail(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "mail", err)
	}
	return &Out[Released]{Released{Mails: n}}, nil
}

func (s *Server) releaseFaxes(ctx context.Context, _ *struct{}) (*Out[Released], error) {
	n, err := s.cfg.Store.ReleaseFaxes(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "faxes", err)
	}
	return &Out[Released]{Released{Faxes: n}}, nil
}
