package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

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
	if c, err := s.cfg.Store.Company(ctx); err == nil {
		company := companyOf(c)
		out.Company = &company
	}
	return &Out[Status]{out}, nil
}
