package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/office"
)

// statusRoutes adds what the office is doing now.
func (s *Server) statusRoutes(a huma.API) {
	register(a, "status", http.MethodGet, "/v1/admin/status", s.status)
}

func (s *Server) status(ctx context.Context, _ *struct{}) (*Out[Status], error) {
	held, err := s.cfg.Store.Status(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "status", err)
	}
	out := Status{
		Version: s.cfg.Version, Running: s.cfg.Switch != nil, Database: held.Database, Listeners: s.cfg.Listeners, Fingerprint: s.cfg.Fingerprint,
		Extensions: held.Extensions, Devices: held.Devices, Sessions: held.Sessions,
		Registered: len(s.registered()), LiveCalls: s.liveCalls(),
	}
	if s.cfg.House.CertificateEnds != nil {
		out.CertificateEnds = known(s.cfg.House.CertificateEnds())
	}
	switch c, err := s.cfg.Store.Company(ctx); {
	case err == nil:
		company := companyOf(c)
		out.Company = &company
	case !errors.Is(err, office.ErrNoCompany):
		return nil, s.refuse(ctx, "company", err)
	}
	if out.Trunks, err = s.trunksNow(ctx); err != nil {
		return nil, s.refuse(ctx, "trunks", err)
	}
	if out.Mail, err = s.mailQueue(ctx); err != nil {
		return nil, s.refuse(ctx, "mail", err)
	}
	if out.Disk.Used, out.Disk.Total, err = s.cfg.Store.Disk(ctx); err != nil {
		return nil, s.refuse(ctx, "disk", err)
	}
	last, err := s.cfg.Store.LastBackup(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "backup", err)
	}
	out.LastBackup = known(last)
	r, err := s.cfg.Store.Retention(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "retention", err)
	}
	out.Retention = retentionOf(r)
	return &Out[Status]{out}, nil
}

// known returns a time as it is told, nil for the zero time.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// mailQueue returns what of the office's e-mail has not been sent.
func (s *Server) mailQueue(ctx context.Context) (MailQueue, error) {
	st, err := s.cfg.Store.MailStatus(ctx)
	if err != nil {
		return MailQueue{}, err
	}
	m, _, err := s.cfg.Store.Mailing(ctx)
	if err != nil && !errors.Is(err, office.ErrNotFound) {
		return MailQueue{}, err
	}
	return MailQueue{
		Set: m.URL != "", Waiting: st.Waiting, Held: st.Held, GivenUp: st.GivenUp, Oldest: known(st.Oldest), LastError: inOneLine(st.LastError), ErrorAt: known(st.ErrorAt),
	}, nil
}
