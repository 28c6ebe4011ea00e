package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/auth"
	"timbre/internal/office"
	"timbre/internal/store"
)

// extensionRoutes adds the people's lines.
func (s *Server) extensionRoutes(a huma.API) {
	change(s, a, "add-extension", http.MethodPost, "/v1/admin/extensions",
		func(in *In[NewExtension]) string { return string(in.Body.Number) + " " + in.Body.Name }, s.addExtension)
	register(a, "extensions", http.MethodGet, "/v1/admin/extensions", s.extensions)
	change(s, a, "set-extension", http.MethodPatch, "/v1/admin/extensions/{number}", aboutExtension, s.setExtension)
	change(s, a, "reset-password", http.MethodPost, "/v1/admin/extensions/{number}/password",
		func(in *PasswordInput) string { return string(in.Number) }, s.resetPassword)
	change(s, a, "remove-extension", http.MethodDelete, "/v1/admin/extensions/{number}", func(in *RemoveExtensionInput) string {
		return fmt.Sprintf("%s keep %s", in.Number, time.Duration(in.Keep)*time.Second)
	}, s.removeExtension)
	change(s, a, "reset-pin", http.MethodPost, "/v1/admin/extensions/{number}/pin",
		func(in *PINInput) string { return string(in.Number) }, s.resetPIN)
	change(s, a, "unlock-extension", http.MethodPost, "/v1/admin/extensions/{number}/unlock",
		func(in *ForExtension) string { return string(in.Number) }, s.unlock)
	change(s, a, "invite", http.MethodPost, "/v1/admin/extensions/{number}/invitation",
		func(in *InviteInput) string { return string(in.Number) }, s.invite)
}

// A ForExtension is a request about one extension.
type ForExtension struct {
	Number office.Number `path:"number" maxLength:"16"`
}

func (s *Server) addExtension(ctx context.Context, in *In[NewExtension]) (*Out[Extension], error) {
	company, err := s.cfg.Store.Company(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "extension", err)
	}
	number, err := office.ParseExtension(string(in.Body.Number), company.Region)
	if err != nil {
		return nil, s.refuseExtension(ctx, in.Body.Number, company.Region, err)
	}
	n := in.Body
	e := office.Extension{
		Number: number, Name: office.CleanName(n.Name), Email: n.Email, Language: n.Language, RingTime: time.Duration(n.Ring),
	}.WithDefaults()
	for _, limit := range []struct{ given, to *int }{{n.MaxCalls, &e.Rights.MaxCalls}, {n.Minutes, &e.Rights.Minutes}, {n.CallLimit, &e.CallLimit}} {
		if limit.given != nil {
			*limit.to = *limit.given
		}
	}
	if n.Allow != "" {
		if e.Rights.Classes, err = office.ParseClasses(string(n.Allow)); err != nil {
			return nil, s.refuse(ctx, "allow", err)
		}
	}
	if refused := s.check(ctx, e); refused != nil {
		return nil, refused
	}
	e, made, err := s.cfg.Gate.AddExtension(ctx, e, n.Password)
	if err != nil {
		return nil, s.refuse(ctx, "extension "+string(number), err)
	}
	out := extensionOf(e, false)
	out.Password = made
	return &Out[Extension]{out}, nil
}

// refuseExtension tells why n is no extension of an office in region.
func (s *Server) refuseExtension(ctx context.Context, n office.Number, region office.Region, err error) error {
	p := s.refuse(ctx, "extension "+inOneLine(string(n)), err)
	switch {
	case n.IsEmergency(region):
		p.Detail = "extension " + string(n) + ": an emergency number; choose another"
	case n.IsService(region):
		p.Detail = "extension " + string(n) + ": a service number of the carriers; choose another"
	}
	return p
}

// check returns a problem for the first property of e that may not be chosen.
func (s *Server) check(ctx context.Context, e office.Extension) error {
	for _, p := range []struct {
		noun string
		err  error
	}{
		{"name", office.CheckName(e.Name)},
		{"email", office.CheckEmail(e.Email)},
		{"language", office.CheckLanguage(e.Language)},
		{"ring time", office.CheckRingTime(e.RingTime)},
		{"rights", office.CheckRights(e.Rights)},
		{"call limit", office.CheckCallLimit(e.CallLimit)},
	} {
		if p.err != nil {
			return s.refuse(ctx, p.noun, p.err)
		}
	}
	return nil
}

func extensionOf(e office.Extension, hasPIN bool) Extension {
	return Extension{
		Number: e.Number, Name: e.Name, Email: e.Email, Language: e.Language, Ring: office.Of(e.RingTime),
		Allow: e.Rights.Classes, MaxCalls: e.Rights.MaxCalls, Minutes: e.Rights.Minutes, CallLimit: e.CallLimit, Disabled: e.Disabled, HasPIN: hasPIN,
	}
}

func (s *Server) extensions(ctx context.Context, _ *struct{}) (*Out[[]Extension], error) {
	all, err := s.cfg.Store.Extensions(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "extensions", err)
	}
	pins, err := s.cfg.Store.PINs(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "extensions", err)
	}
	out := &Out[[]Extension]{[]Extension{}}
	for _, e := range all {
		out.Body = append(out.Body, extensionOf(e, pins[e.Account]))
	}
	return out, nil
}

// A SetExtensionInput is an extension and what to change of it.
type SetExtensionInput struct {
	ForExtension
	Body ExtensionChange
}

// aboutExtension names what is changed of an extension.
func aboutExtension(in *SetExtensionInput) string {
	c, said := in.Body, []string{string(in.Number)}
	for _, p := range []struct {
		name  string
		given bool
	}{
		{"name", c.Name != nil},
		{"email", c.Email != nil},
		{"language", c.Language != nil},
		{"ring", c.Ring != nil},
		{"password", c.Password != nil},
		{"allow", c.Allow != nil},
		{"max-calls", c.MaxCalls != nil},
		{"minutes", c.Minutes != nil},
		{"call-limit", c.CallLimit != nil},
		{"disabled", c.Disabled != nil},
	} {
		if p.given {
			said = append(said, p.name)
		}
	}
	return strings.Join(said, " ")
}

func (s *Server) setExtension(ctx context.Context, in *SetExtensionInput) (*Out[Extension], error) {
	noun := "extension " + string(in.Number)
	e, err := s.cfg.Store.Extension(ctx, in.Number)
	if err != nil {
		return nil, s.refuse(ctx, noun, err)
	}
	c := in.Body
	patch, err := patchOf(c, &e)
	if err != nil {
		return nil, s.refuse(ctx, "allow", err)
	}
	if refused := s.check(ctx, e); refused != nil {
		return nil, refused
	}
	if c.Password != nil { // first: it alone may still be refused
		if err := s.cfg.Gate.SetPassword(ctx, e.Number, *c.Password); err != nil {
			return nil, s.refuse(ctx, noun, err)
		}
	}
	if e, err = s.cfg.Store.SetExtension(ctx, e.Number, patch); err != nil {
		return nil, s.refuse(ctx, noun, err)
	}
	return s.tell(ctx, e, "")
}

// patchOf returns what c changes, with names and classes as they are kept, and
// makes e as it will be.
func patchOf(c ExtensionChange, e *office.Extension) (p store.ExtensionPatch, err error) {
	if c.Name != nil {
		e.Name = office.CleanName(*c.Name)
		p.Name = &e.Name
	}
	if c.Allow != nil {
		if e.Rights.Classes, err = office.ParseClasses(string(*c.Allow)); err != nil {
			return p, err
		}
		p.Classes = &e.Rights.Classes
	}
	give(&p.Email, &e.Email, c.Email)
	give(&p.Language, &e.Language, c.Language)
	give(&p.RingTime, &e.RingTime, (*time.Duration)(c.Ring))
	give(&p.MaxCalls, &e.Rights.MaxCalls, c.MaxCalls)
	give(&p.Minutes, &e.Rights.Minutes, c.Minutes)
	give(&p.CallLimit, &e.CallLimit, c.CallLimit)
	give(&p.Disabled, &e.Disabled, c.Disabled)
	return p, nil
}

// give enters a value that is not nil into a patch and into what it changes.
func give[T any](patch **T, now *T, value *T) {
	if value != nil {
		*patch, *now = value, *value
	}
}

// A PasswordInput is an extension and its new password.
type PasswordInput struct {
	ForExtension
	Body NewPassword
}

func (s *Server) resetPassword(ctx context.Context, in *PasswordInput) (*Out[Extension], error) {
	noun := "extension " + string(in.Number)
	password, made := in.Body.Password, ""
	if password == "" {
		made = auth.NewPassword()
		password = made
	}
	if err := s.cfg.Gate.SetPassword(ctx, in.Number, password); err != nil {
		return nil, s.refuse(ctx, noun, err)
	}
	e, err := s.cfg.Store.Extension(ctx, in.Number)
	if err != nil {
		return nil, s.refuse(ctx, noun, err)
	}
	return s.tell(ctx, e, made)
}

// tell answers what became of an extension, with the password that was made for
// it if one was.
func (s *Server) tell(ctx context.Context, e office.Extension, made string) (*Out[Extension], error) {
	pins, err := s.cfg.Store.PINs(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "extension "+string(e.Number), err)
	}
	out := extensionOf(e, pins[e.Account])
	out.Password = made
	return &Out[Extension]{out}, nil
}

// A RemoveExtensionInput says for how many seconds to keep what it had.
type RemoveExtensionInput struct {
	ForExtension
	Keep int64 `query:"keep" minimum:"0" maximum:"31622400"` // MaxKeep
}

func (s *Server) removeExtension(ctx context.Context, in *RemoveExtensionInput) (*struct{}, error) {
	if err := s.cfg.Store.RemoveExtension(ctx, in.Number, time.Duration(in.Keep)*time.Second); err != nil {
		return nil, s.refuse(ctx, "extension "+string(in.Number), err)
	}
	return nil, nil
}

// A PINInput is an extension and its new PIN.
type PINInput struct {
	ForExtension
	Body NewPIN
}

func (s *Server) resetPIN(ctx context.Context, in *PINInput) (*struct{}, error) {
	if err := s.cfg.Gate.ResetPIN(ctx, in.Number, in.Body.PIN); err != nil {
		return nil, s.refuse(ctx, "extension "+string(in.Number), err)
	}
	return nil, nil
}

func (s *Server) unlock(ctx context.Context, in *ForExtension) (*struct{}, error) {
	if err := s.cfg.Gate.Unlock(ctx, in.Number); err != nil {
		return nil, s.refuse(ctx, "extension "+string(in.Number), err)
	}
	return nil, nil
}
