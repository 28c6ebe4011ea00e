package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/office"
	"timbre/internal/store"
)

// loginRoutes adds what an administrator does with the sessions of all.
func (s *Server) loginRoutes(a huma.API) {
	register(a, "all-sessions", http.MethodGet, "/v1/admin/sessions", s.allSessions)
	change(s, a, "revoke-session", http.MethodDelete, "/v1/admin/sessions/{id}", func(in *RevokeInput) string { return string(in.ID) }, s.revoke)
	change(s, a, "revoke-sessions", http.MethodDelete, "/v1/admin/extensions/{number}/sessions",
		func(in *ForExtension) string { return string(in.Number) }, s.revokeAll)
}

// A SessionsInput chooses the sessions of one extension, or of all.
type SessionsInput struct {
	Extension office.Number `query:"extension" maxLength:"16"`
}

func (s *Server) allSessions(ctx context.Context, in *SessionsInput) (*Out[[]LoginSession], error) {
	all, err := s.sessionsOf(ctx, in.Extension)
	if err != nil {
		return nil, s.refuse(ctx, "sessions of extension "+string(in.Extension), err)
	}
	out := &Out[[]LoginSession]{[]LoginSession{}}
	for _, l := range all {
		out.Body = append(out.Body, LoginSession{
			ID: l.ID, Extension: l.Extension, DeviceName: l.Device.Name, Address: l.Address,
			CreatedAt: l.CreatedAt.UTC(), LastUsedAt: l.LastUsed.UTC(), ExpiresAt: l.ExpiresAt.UTC(),
		})
	}
	return out, nil
}

// sessionsOf returns the sessions of extension n, of all where n is empty, by
// extension.
func (s *Server) sessionsOf(ctx context.Context, n office.Number) ([]store.Session, error) {
	var of []office.Extension
	if n != "" {
		e, err := s.cfg.Store.Extension(ctx, n)
		if err != nil {
			return nil, err
		}
		of = []office.Extension{e}
	} else {
		var err error
		if of, err = s.cfg.Store.Extensions(ctx); err != nil {
			return nil, err
		}
	}
	var all []store.Session
	for _, e := range of {
		own, err := s.cfg.Gate.Sessions(ctx, e.Account)
		if err != nil {
			return nil, err
		}
		all = append(all, own...)
	}
	return all, nil
}

// A RevokeInput names the session to end.
type RevokeInput struct {
	ID office.ID `path:"id" maxLength:"64"`
}

func (s *Server) revoke(ctx context.Context, in *RevokeInput) (*struct{}, error) {
	all, err := s.sessionsOf(ctx, "")
	if err != nil {
		return nil, s.refuse(ctx, "sessions", err)
	}
	for _, l := range all {
		if l.ID != in.ID {
			continue
		}
		if err := s.cfg.Gate.EndSession(ctx, l.Account, l.ID); err != nil {
			return nil, s.refuse(ctx, "session", err)
		}
		return nil, nil
	}
	return nil, s.refuse(ctx, "session "+string(in.ID), office.ErrNotFound)
}

func (s *Server) revokeAll(ctx context.Context, in *ForExtension) (*Out[Revoked], error) {
	all, err := s.sessionsOf(ctx, in.Number)
	if err != nil {
		return nil, s.refuse(ctx, "extension "+string(in.Number), err)
	}
	for _, l := range all {
		if err := s.cfg.Gate.EndSession(ctx, l.Account, l.ID); err != nil {
			return nil, s.refuse(ctx, "session", err)
		}
	}
	return &Out[Revoked]{Revoked{len(all)}}, nil
}
