package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/office"
)

// trunkRoutes adds the lines to the outside.
func (s *Server) trunkRoutes(a huma.API) {
	change(s, a, "add-trunk", http.MethodPost, "/v1/admin/trunks",
		func(in *In[NewTrunk]) string { return in.Body.Name + " " + in.Body.URI }, s.addTrunk)
	register(a, "trunks", http.MethodGet, "/v1/admin/trunks", s.trunks)
	change(s, a, "test-trunk", http.MethodPost, "/v1/admin/trunks/{name}/test", func(in *TrunkInput) string { return in.Name }, s.testTrunk)
	change(s, a, "remove-trunk", http.MethodDelete, "/v1/admin/trunks/{name}", func(in *TrunkInput) string { return in.Name }, s.removeTrunk)
}

func (s *Server) addTrunk(ctx context.Context, in *In[NewTrunk]) (*Out[Trunk], error) {
	t := in.Body.Trunk.WithDefaults()
	if err := office.CheckTrunk(t); err != nil {
		return nil, s.refuse(ctx, "trunk "+t.Name, err)
	}
	t, err := s.cfg.Store.AddTrunk(ctx, t, in.Body.Password)
	if err != nil {
		return nil, s.refuse(ctx, "trunk "+t.Name, err)
	}
	return &Out[Trunk]{Trunk{Trunk: t}}, nil
}

func (s *Server) trunks(ctx context.Context, _ *struct{}) (*Out[[]Trunk], error) {
	all, err := s.trunksNow(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "trunks", err)
	}
	return &Out[[]Trunk]{all}, nil
}

// trunksNow returns all trunks with their states, in the order in which they are
// tried.
func (s *Server) trunksNow(ctx context.Context) ([]Trunk, error) {
	all, err := s.cfg.Store.Trunks(ctx)
	if err != nil {
		return nil, err
	}
	var states map[office.ID]TrunkState
	if s.cfg.House.Trunks != nil {
		states = s.cfg.House.Trunks.TrunkStates()
	}
	out := []Trunk{}
	for _, t := range all {
		line := Trunk{Trunk: t}
		if state, ok := states[t.ID]; ok {
			line.State = &state
		}
		out = append(out, line)
	}
	return out, nil
}

// A TrunkInput names a trunk.
type TrunkInput struct {
	Name string `path:"name" maxLength:"256"`
}

func (s *Server) testTrunk(ctx context.Context, in *TrunkInput) (*Out[Trunk], error) {
	if s.cfg.House.Trunks == nil {
		return nil, newProblem(http.StatusServiceUnavailable, "trunk "+in.Name+": only a running server can test it (timbred serve)")
	}
	all, err := s.cfg.Store.Trunks(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "trunks", err)
	}
	for _, t := range all {
		if t.Name != in.Name {
			continue
		}
		state, err := s.cfg.House.Trunks.TestTrunk(ctx, t.ID)
		if err != nil {
			return nil, s.refuse(ctx, "trunk "+t.Name, err)
		}
		return &Out[Trunk]{Trunk{t, &state}}, nil
	}
	return nil, s.refuse(ctx, "trunk "+in.Name, office.ErrNotFound)
}

func (s *Server) removeTrunk(ctx context.Context, in *TrunkInput) (*struct{}, error) {
	if err := s.cfg.Store.RemoveTrunk(ctx, in.Name); err != nil {
		return nil, s.refuse(ctx, "trunk "+in.Name, err)
	}
	return nil, nil
}
