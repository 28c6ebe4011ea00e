package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/office"
)

// trunkRoutes adds the lines to the outside.
func (s *Server) trunkRoutes(a huma.API) {
	change(s, a, "add-trunk", http.MethodPost, "/v1/admin/trunks",
		func(in *In[NewTrunk]) string { return in.Body.Name + " " + in.Body.URI }, s.addTrunk)
	change(s, a, "set-trunk", http.MethodPatch, "/v1/admin/trunks/{name}", aboutTrunk, s.setTrunk)
	register(a, "trunks", http.MethodGet, "/v1/admin/trunks", s.trunks)
	register(a, "test-trunk", http.MethodPost, "/v1/admin/trunks/{name}/test", s.testTrunk)
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

// A SetTrunkInput is a trunk and what to change of it.
type SetTrunkInput struct {
	TrunkInput
	Body TrunkChange
}

// aboutTrunk names what is changed of a trunk.
func aboutTrunk(in *SetTrunkInput) string {
	c, said := in.Body, in.Name
	for _, p := range []struct {
		name  string
		given bool
	}{
		{"uri", c.URI != nil},
		{"transport", c.Transport != nil},
		{"register", c.Register != nil},
		{"username", c.Username != nil},
		{"password", c.Password != nil},
		{"priority", c.Priority != nil},
		{"format", c.Format != nil},
		{"t38", c.T38 != nil},
	} {
		if p.given {
			said += " " + p.name
		}
	}
	return said
}

func (s *Server) setTrunk(ctx context.Context, in *SetTrunkInput) (*Out[Trunk], error) {
	noun, c := "trunk "+in.Name, in.Body
	t, err := s.trunk(ctx, in.Name)
	if err != nil {
		return nil, s.refuse(ctx, noun, err)
	}
	put(&t.URI, c.URI)
	put(&t.Transport, c.Transport)
	put(&t.Register, c.Register)
	put(&t.Username, c.Username)
	put(&t.Priority, c.Priority)
	put(&t.Format, c.Format)
	put(&t.T38, c.T38)
	if err := office.CheckTrunk(t); err != nil {
		return nil, s.refuse(ctx, noun, err)
	}
	if err := s.cfg.Store.SetTrunk(ctx, t, c.Password); err != nil {
		return nil, s.refuse(ctx, noun, err)
	}
	return &Out[Trunk]{Trunk{Trunk: t}}, nil
}

// put enters a value that is not nil.
func put[T any](to, value *T) {
	if value != nil {
		*to = *value
	}
}

// trunk returns the trunk of that name. office.ErrNotFound: there is none.
func (s *Server) trunk(ctx context.Context, name string) (office.Trunk, error) {
	all, err := s.cfg.Store.Trunks(ctx)
	if err != nil {
		return office.Trunk{}, err
	}
	for _, t := range all {
		if t.Name == name {
			return t, nil
		}
	}
	return office.Trunk{}, office.ErrNotFound
}

// errDown is what the audit log tells of a trunk that was tested and does not
// work, which is an answer and no refusal.
var errDown = errors.New("the trunk does not work")

func (s *Server) testTrunk(ctx context.Context, in *TrunkInput) (out *Out[Trunk], err error) {
	err = s.audited(ctx, "test-trunk", in.Name, func(office.ID) error {
		if out, err = s.askTrunk(ctx, in.Name); err == nil && !out.Body.State.Up {
			return errDown
		}
		return err
	})
	if errors.Is(err, errDown) {
		return out, nil
	}
	return out, err
}

// askTrunk has a carrier asked now.
func (s *Server) askTrunk(ctx context.Context, name string) (*Out[Trunk], error) {
	if s.cfg.House.Trunks == nil {
		return nil, newProblem(http.StatusServiceUnavailable, "trunk "+name+": only a running server can test it (timbred serve)")
	}
	t, err := s.trunk(ctx, name)
	if err != nil {
		return nil, s.refuse(ctx, "trunk "+name, err)
	}
	state, err := s.cfg.House.Trunks.TestTrunk(ctx, t.ID)
	if err != nil {
		return nil, s.refuse(ctx, "trunk "+name, err)
	}
	return &Out[Trunk]{Trunk{t, &state}}, nil
}

func (s *Server) removeTrunk(ctx context.Context, in *TrunkInput) (*struct{}, error) {
	if err := s.cfg.Store.RemoveTrunk(ctx, in.Name); err != nil {
		return nil, s.refuse(ctx, "trunk "+in.Name, err)
	}
	return nil, nil
}
