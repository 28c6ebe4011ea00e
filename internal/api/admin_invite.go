package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"timbre/internal/office"
)

// An InviteInput is an extension, and how its user reaches the server: a URL, or
// empty, as the server knows it.
type InviteInput struct {
	ForExtension
	Server string `query:"server" maxLength:"256"`
}

func (s *Server) invite(ctx context.Context, in *InviteInput) (*Out[Invitation], error) {
	noun := "extension " + string(in.Number)
	e, err := s.cfg.Store.Extension(ctx, in.Number)
	if err != nil {
		return nil, s.refuse(ctx, noun, err)
	}
	if e.Disabled {
		return nil, s.refuse(ctx, noun, office.ErrDisabled)
	}
	c, err := s.cfg.Store.Company(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "company", err)
	}
	link := office.Invitation{Server: s.cfg.Listeners.HTTPS, Fingerprint: s.cfg.Fingerprint, Company: c.Number, Extension: e.Number}
	if link.Server == "" { // no server runs: as the last one was reached
		if link.Server, link.Fingerprint, err = s.cfg.Store.Door(ctx); err != nil {
			return nil, s.refuse(ctx, noun, err)
		}
	}
	link.Server = cmp.Or(in.Server, link.Server)
	link.Token = "any"
	if _, err := office.ParseInvitation(link.String()); err != nil {
		return nil, newProblem(http.StatusUnprocessableEntity, noun+": where is the server? Start it, or say with --server, such as https://pbx.example.com:8443")
	}
	var until time.Time
	if link.Token, until, err = s.cfg.Gate.Invite(ctx, e.Number); err != nil {
		return nil, s.refuse(ctx, noun, err)
	}
	return &Out[Invitation]{Invitation{e.Number, link.String(), until.UTC()}}, nil
}
