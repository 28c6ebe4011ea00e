package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/office"
)

// tokenRoutes adds the administrators' tokens.
func (s *Server) tokenRoutes(a huma.API) {
	change(s, a, "add-token", http.MethodPost, "/v1/admin/tokens", func(in *In[NewToken]) string { return in.Body.Name }, s.addToken)
	register(a, "tokens", http.MethodGet, "/v1/admin/tokens", s.tokens)
	change(s, a, "remove-token", http.MethodDelete, "/v1/admin/tokens/{name}", func(in *TokenNameInput) string { return in.Name }, s.removeToken)
}

func (s *Server) addToken(ctx context.Context, in *In[NewToken]) (*Out[Token], error) {
	if refused := s.onlyHere(ctx); refused != nil {
		return nil, refused
	}
	name := office.CleanName(in.Body.Name)
	if err := office.CheckName(name); err != nil {
		return nil, s.refuse(ctx, "name", err)
	}
	t, token, err := s.cfg.Gate.AddAdminToken(ctx, name, in.Body.OnlyMetrics)
	if err != nil {
		return nil, s.refuse(ctx, "token "+name, err)
	}
	return &Out[Token]{Token{t.Name, t.OnlyMetrics, t.CreatedAt, token}}, nil
}

func (s *Server) tokens(ctx context.Context, _ *struct{}) (*Out[[]Token], error) {
	all, err := s.cfg.Store.AdminTokens(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "tokens", err)
	}
	out := &Out[[]Token]{[]Token{}}
	for _, t := range all {
		out.Body = append(out.Body, Token{Name: t.Name, OnlyMetrics: t.OnlyMetrics, CreatedAt: t.CreatedAt})
	}
	return out, nil
}

// A TokenNameInput names a token.
type TokenNameInput struct {
	Name string `path:"name" maxLength:"256"`
}

func (s *Server) removeToken(ctx context.Context, in *TokenNameInput) (*struct{}, error) {
	if refused := s.onlyHere(ctx); refused != nil {
		return nil, refused
	}
	if err := s.cfg.Store.RemoveAdminToken(ctx, in.Name); err != nil {
		return nil, s.refuse(ctx, "token "+in.Name, err)
	}
	return nil, nil
}

// onlyHere refuses what a token may not do: make others like it, so that its
// end is the end of what it opened.
func (s *Server) onlyHere(ctx context.Context) error {
	if administrator(ctx) == commandLine {
		return nil
	}
	return s.refuse(ctx, "tokens are made and ended on the server itself", office.ErrRefused)
}

// withToken lets requests with a valid token of an administrator through, of a
// monitor too where they are for the figures.
func (s *Server) withToken(next http.Handler, figures bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t, err := s.cfg.Gate.AdminToken(r.Context(), bearer(r.Header.Get("Authorization")))
		if err == nil && t.OnlyMetrics && !figures {
			err = office.ErrRefused
		}
		if err != nil {
			p := s.refuse(r.Context(), "token", err)
			if p.Status == http.StatusUnauthorized {
				w.Header().Set("Www-Authenticate", challenge)
			}
			writeProblem(w, p.Status, p)
			return
		}
		who := context.WithValue(r.Context(), administratorKey{}, "token "+t.Name)
		next.ServeHTTP(w, r.WithContext(who))
	})
}

// adminOverHTTPS adds the administration and the figures to the public side,
// behind an administrator's token.
func (s *Server) adminOverHTTPS(mux *http.ServeMux, administration http.Handler) {
	mux.Handle("/v1/admin/", s.withToken(administration, false))
	mux.Handle("GET /metrics", s.withToken(administration, true))
}
