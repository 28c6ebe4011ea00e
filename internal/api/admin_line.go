package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/office"
)

// lineRoutes adds the office's own numbers outside.
func (s *Server) lineRoutes(a huma.API) {
	change(s, a, "set-number", http.MethodPut, "/v1/admin/numbers", aboutLine, s.setLine)
	register(a, "numbers", http.MethodGet, "/v1/admin/numbers", s.lines)
	change(s, a, "remove-number", http.MethodDelete, "/v1/admin/numbers/{number}",
		func(in *LineInput) string { return string(in.Number) }, s.removeLine)
}

// aboutLine tells what a number is to do.
func aboutLine(in *In[office.Line]) string {
	l := in.Body
	about := fmt.Sprint(l.Number, " rings ", l.Extensions)
	if l.Menu {
		about = fmt.Sprint(l.Number, " voicemail menu")
	}
	if l.Fax {
		about += " fax"
	}
	return about
}

func (s *Server) setLine(ctx context.Context, in *In[office.Line]) (*Out[office.Line], error) {
	c, err := s.cfg.Store.Company(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "number", err)
	}
	l := in.Body
	if l.Number, err = office.ParseCompanyNumber(string(l.Number), c.Region); err != nil {
		return nil, s.refuse(ctx, "number "+inOneLine(string(in.Body.Number)), err)
	}
	if l.Extensions = unique(l.Extensions); l.Extensions == nil {
		l.Extensions = []office.Number{}
	}
	switch err := l.Check(); {
	case errors.Is(err, office.ErrExtension):
		p := s.refuse(ctx, "", err)
		p.Detail = "number " + string(l.Number) + ": it rings extensions, or is the voicemail menu or a fax"
		return nil, p
	case err != nil:
		return nil, s.refuse(ctx, "number "+string(l.Number), err)
	}
	for _, n := range l.Extensions {
		if _, err := s.cfg.Store.Extension(ctx, n); err != nil {
			return nil, s.refuse(ctx, "extension "+string(n), err)
		}
	}
	if err := s.cfg.Store.SetLine(ctx, l); err != nil {
		return nil, s.refuse(ctx, "number "+string(l.Number), err)
	}
	return &Out[office.Line]{l}, nil
}

// unique returns all without those that are there already, in the same order.
func unique(all []office.Number) (out []office.Number) {
	for _, n := range all {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

func (s *Server) lines(ctx context.Context, _ *struct{}) (*Out[[]office.Line], error) {
	all, err := s.cfg.Store.Lines(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "numbers", err)
	}
	return &Out[[]office.Line]{append([]office.Line{}, all...)}, nil
}

// A LineInput names one of the office's own numbers, as it may be typed.
type LineInput struct {
	Number office.Number `path:"number" maxLength:"64"`
}

func (s *Server) removeLine(ctx context.Context, in *LineInput) (*struct{}, error) {
	c, err := s.cfg.Store.Company(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "number", err)
	}
	n, err := office.ParseCompanyNumber(string(in.Number), c.Region)
	if err != nil {
		return nil, s.refuse(ctx, "number "+inOneLine(string(in.Number)), err)
	}
	if err := s.cfg.Store.RemoveLine(ctx, n); err != nil {
		return nil, s.refuse(ctx, "number "+string(n), err)
	}
	return nil, nil
}
