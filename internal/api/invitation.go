package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/auth"
	"timbre/internal/office"
)

// invitationRoutes adds the way in for users whom the administrator invited.
func (s *Server) invitationRoutes(a huma.API) {
	huma.Register(a, huma.Operation{
		OperationID: "accept-invitation", Method: http.MethodPost, Path: "/v1/invitations",
		Summary: "Accept an invitation: the extension gets its password and can log in", MaxBodyBytes: maxControlBody,
	}, s.acceptInvitation)
}

// An AcceptInput is an invitation's token and the password that its user
// chooses.
type AcceptInput struct {
	Body struct {
		Token    string `json:"token" maxLength:"128"`
		Password string `json:"password" maxLength:"1024"`
	}
}

// An Accepted says as whom the user logs in now.
type Accepted struct {
	CompanyNumber office.Number `json:"companyNumber"`
	Extension     office.Number `json:"extension"`
	Name          string        `json:"name"`
}

func (s *Server) acceptInvitation(ctx context.Context, in *AcceptInput) (*Out[Accepted], error) {
	e, err := s.cfg.Gate.AcceptInvitation(ctx, in.Body.Token, in.Body.Password)
	var wait *auth.TooMany
	switch {
	case errors.As(err, &wait): // the queue for hashing is full
		seconds := max(int(math.Ceil(wait.RetryAfter.Seconds())), 1)
		return nil, huma.ErrorWithHeaders(s.refuse(ctx, "invitation", office.ErrTooMany), http.Header{"Retry-After": {strconv.Itoa(seconds)}})
	case err != nil:
		return nil, s.refuse(ctx, "invitation", err)
	}
	c, err := s.cfg.Store.Company(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "company", err)
	}
	return &Out[Accepted]{Accepted{c.Number, e.Number, e.Name}}, nil
}
