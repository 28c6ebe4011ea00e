package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/office"
)

// callRoutes adds calls by way of another telephone.
func (s *Server) callRoutes(a huma.API) {
	huma.Register(a, huma.Operation{
		OperationID: "call", Method: http.MethodPost, Path: "/v1/calls", DefaultStatus: http.StatusCreated,
		Summary:  "Ring the telephones of the extension and connect the one that answers with a number",
		Security: token, MaxBodyBytes: maxControlBody,
	}, s.click)
	for _, p := range a.OpenAPI().Paths["/v1/calls"].Post.Parameters {
		p.Required = p.Required || p.Name == "Idempotency-Key" // told, but asked for by us: huma's answer would be 422
	}
}

// A ClickInput is a number to call, and which telephones of the extension ring
// first: the others, or all of them.
type ClickInput struct {
	Caller
	Key  string `header:"Idempotency-Key" maxLength:"128" doc:"Required. Made by the client, one for each call: the same again within a day calls nobody"`
	Body struct {
		Number string `json:"number" maxLength:"64"`
		Ring   string `json:"ring,omitempty" enum:"others,all" default:"others"`
	}
}

// A Clicked is a call that has begun.
type Clicked struct {
	ID office.ID `json:"id" doc:"Of the call in the log"`
}

func (s *Server) click(ctx context.Context, in *ClickInput) (*Out[Clicked], error) {
	session, _, err := s.enter(ctx, in.Authorization)
	if err != nil {
		return nil, err
	}
	if in.Key == "" {
		return nil, newProblem(http.StatusBadRequest, "the header Idempotency-Key is missing")
	}
	n, err := office.ParseNumber(in.Body.Number)
	if err != nil {
		return nil, s.refuse(ctx, "call", err)
	}
	if s.cfg.Dialer == nil {
		return nil, s.refuse(ctx, "call", office.ErrUnavailable)
	}
	wish := wish{Number: n, Ring: in.Body.Ring}
	id, err := s.clicks.once(ctx, clickKey{session.Account, in.Key}, wish, time.Now(), func() (office.ID, error) {
		// A client that goes away asks again with the same key.
		return s.cfg.Dialer.Click(context.WithoutCancel(ctx), session.Account, session.Device.ID, n, wish.Ring)
	})
	if errors.Is(err, errOtherWish) {
		return nil, newProblem(http.StatusUnprocessableEntity, "the Idempotency-Key is that of another call")
	}
	if err != nil {
		return nil, s.refuse(ctx, "call", err)
	}
	return &Out[Clicked]{Clicked{id}}, nil
}
