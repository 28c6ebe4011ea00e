package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/auth"
	"timbre/internal/office"
)

// accountRoutes adds what a user must know the password for. It needs a
// connection and is never queued by a client.
func (s *Server) accountRoutes(a huma.API) {
	huma.Register(a, huma.Operation{
		OperationID: "change-password", Method: http.MethodPut, Path: "/v1/password", DefaultStatus: http.StatusNoContent,
		Summary: "Change the password: ends the other sessions", Security: token, MaxBodyBytes: maxControlBody,
	}, s.changePassword)
	huma.Register(a, huma.Operation{
		OperationID: "set-pin", Method: http.MethodPut, Path: "/v1/pin", DefaultStatus: http.StatusNoContent,
		Summary: "Set the PIN of the mailbox; an empty one takes it away", Security: token, MaxBodyBytes: maxControlBody,
	}, s.setPIN)
}

// A ChangePasswordInput is a password and the one that takes its place.
type ChangePasswordInput struct {
	Caller
	Body struct {
		Current string `json:"current" maxLength:"1024"`
		New     string `json:"new" maxLength:"1024"`
	}
}

func (s *Server) changePassword(ctx context.Context, in *ChangePasswordInput) (*struct{}, error) {
	session, _, err := s.enter(ctx, in.Authorization)
	if err != nil {
		return nil, err
	}
	return nil, s.refuseChange(ctx, "password", s.cfg.Gate.ChangePassword(ctx, session.Account, in.Body.Current, in.Body.New, session.ID))
}

// A SetPINInput is a new PIN, with the password of who sets it.
type SetPINInput struct {
	Caller
	Body struct {
		Password string `json:"password" maxLength:"1024"`
		PIN      string `json:"pin" maxLength:"64"`
	}
}

func (s *Server) setPIN(ctx context.Context, in *SetPINInput) (*struct{}, error) {
	session, _, err := s.enter(ctx, in.Authorization)
	if err != nil {
		return nil, err
	}
	return nil, s.refuseChange(ctx, "pin", s.cfg.Gate.SetPIN(ctx, session.Account, in.Body.Password, in.Body.PIN))
}

// refuseChange returns err as huma answers it. A wrong password here is no 401,
// after which a client would have to think that its session has ended.
func (s *Server) refuseChange(ctx context.Context, noun string, err error) error {
	var wait *auth.TooMany
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wait):
		return s.refuseForNow(ctx, noun, wait)
	case errors.Is(err, office.ErrLogin):
		return &problem{office.ProblemType + string(office.ErrLogin), http.StatusText(http.StatusForbidden), http.StatusForbidden, noun + ": the password is wrong"}
	}
	return s.refuse(ctx, noun, err)
}
