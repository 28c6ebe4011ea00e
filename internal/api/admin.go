package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/auth"
	"timbre/internal/office"
	"timbre/internal/store"
)

// adminRoutes adds the administration. Whoever reaches it is an administrator.
func (s *Server) adminRoutes(a huma.API) {
	register(a, "set-company", http.MethodPut, "/v1/admin/company", s.setCompany)
	register(a, "add-extension", http.MethodPost, "/v1/admin/extensions", s.addExtension)
	register(a, "extensions", http.MethodGet, "/v1/admin/extensions", s.extensions)
	register(a, "set-extension", http.MethodPatch, "/v1/admin/extensions/{number}", s.setExtension)
	register(a, "reset-password", http.MethodPost, "/v1/admin/extensions/{number}/password", s.resetPassword)
	register(a, "remove-extension", http.MethodDelete, "/v1/admin/extensions/{number}", s.removeExtension)
	register(a, "add-device", http.MethodPost, "/v1/admin/extensions/{number}/devices", s.addDevice)
	register(a, "devices", http.MethodGet, "/v1/admin/devices", s.devices)
	register(a, "remove-device", http.MethodDelete, "/v1/admin/devices/{id}", s.removeDevice)
	register(a, "status", http.MethodGet, "/v1/admin/status", s.status)
}

func register[I, O any](a huma.API, id, method, path string, do func(context.Context, *I) (*O, error)) {
	huma.Register(a, huma.Operation{OperationID: id, Method: method, Path: path, MaxBodyBytes: maxControlBody}, do)
}

// An In carries a request body, an Out the body of an answer.
type (
	In[T any]  struct{ Body T }
	Out[T any] struct{ Body T }
)

// A ForExtension is a request about one extension.
type ForExtension struct {
	Number office.Number `path:"number" maxLength:"16"`
}

func (s *Server) setCompany(ctx context.Context, in *In[Company]) (*Out[Company], error) {
	c := office.Company{Number: in.Body.Number, Name: office.CleanName(in.Body.Name), Region: in.Body.Region}
	old, err := s.cfg.Store.Company(ctx)
	if err != nil && (!errors.Is(err, office.ErrNoCompany) || in.Body.Number == "" || in.Body.Name == "") {
		return nil, s.refuse(ctx, "company", err)
	}
	c.Region = cmp.Or(c.Region, old.Region, office.DefaultRegion)
	if in.Body.Number == "" {
		c.Number = old.Number
	}
	if in.Body.Name == "" {
		c.Name = old.Name
	}
	if err := office.CheckRegion(c.Region); err != nil {
		return nil, s.refuse(ctx, "region", err)
	}
	if err := office.CheckName(c.Name); err != nil {
		return nil, s.refuse(ctx, "name", err)
	}
	n, err := office.ParseCompanyNumber(string(c.Number), c.Region)
	if err != nil {
		return nil, s.refuse(ctx, "number", err)
	}
	c.Number = n
	if err := s.cfg.Store.SetCompany(ctx, c); err != nil {
		return nil, s.refuse(ctx, "company", err)
	}
	return &Out[Company]{companyOf(c)}, nil
}

func companyOf(c office.Company) Company { return Company{c.Number, c.Name, c.Region} }

func (s *Server) addExtension(ctx context.Context, in *In[NewExtension]) (*Out[Extension], error) {
	company, err := s.cfg.Store.Company(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "extension", err)
	}
	number, err := office.ParseExtension(string(in.Body.Number), company.Region)
	if err != nil {
		return nil, s.refuse(ctx, "extension", err)
	}
	e := office.Extension{
		Number: number, Name: office.CleanName(in.Body.Name), Email: in.Body.Email,
		Language: in.Body.Language, RingTime: time.Duration(in.Body.Ring),
	}.WithDefaults()
	if refused := s.check(ctx, e); refused != nil {
		return nil, refused
	}
	e, made, err := s.cfg.Gate.AddExtension(ctx, e, in.Body.Password)
	if err != nil {
		return nil, s.refuse(ctx, "extension "+string(number), err)
	}
	out := extensionOf(e)
	out.Password = made
	return &Out[Extension]{out}, nil
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
	} {
		if p.err != nil {
			return s.refuse(ctx, p.noun, p.err)
		}
	}
	return nil
}

func extensionOf(e office.Extension) Extension {
	return Extension{Number: e.Number, Name: e.Name, Email: e.Email, Language: e.Language, Ring: office.Of(e.RingTime)}
}

func (s *Server) extensions(ctx context.Context, _ *struct{}) (*Out[[]Extension], error) {
	all, err := s.cfg.Store.Extensions(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "extensions", err)
	}
	out := &Out[[]Extension]{[]Extension{}}
	for _, e := range all {
		out.Body = append(out.Body, extensionOf(e))
	}
	return out, nil
}

// A SetExtensionInput is an extension and what to change of it.
type SetExtensionInput struct {
	ForExtension
	Body ExtensionChange
}

func (s *Server) setExtension(ctx context.Context, in *SetExtensionInput) (*Out[Extension], error) {
	noun := "extension " + string(in.Number)
	e, err := s.cfg.Store.Extension(ctx, in.Number)
	if err != nil {
		return nil, s.refuse(ctx, noun, err)
	}
	var patch store.ExtensionPatch
	c := in.Body
	if c.Name != nil {
		e.Name = office.CleanName(*c.Name)
		patch.Name = &e.Name
	}
	if c.Email != nil {
		e.Email = *c.Email
		patch.Email = &e.Email
	}
	if c.Language != nil {
		e.Language = *c.Language
		patch.Language = &e.Language
	}
	if c.Ring != nil {
		e.RingTime = time.Duration(*c.Ring)
		patch.RingTime = &e.RingTime
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
	return &Out[Extension]{extensionOf(e)}, nil
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
	out := extensionOf(e)
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

// A DeviceInput is an extension and its new telephone.
type DeviceInput struct {
	ForExtension
	Body NewDevice
}

func (s *Server) addDevice(ctx context.Context, in *DeviceInput) (*Out[Device], error) {
	name := office.CleanName(in.Body.Name)
	if err := office.CheckName(name); err != nil {
		return nil, s.refuse(ctx, "name", err)
	}
	d, sip, err := s.cfg.Gate.AddDevice(ctx, in.Number, name)
	if err != nil {
		return nil, s.refuse(ctx, "extension "+string(in.Number), err)
	}
	out := deviceOf(d)
	out.Password, out.Domain, out.SIP = sip.Password, sip.Domain, sip.URIs
	return &Out[Device]{out}, nil
}

func deviceOf(d office.Device) Device {
	return Device{
		ID: d.ID, Extension: d.Extension, Name: d.Name, Username: d.Username,
		Session: d.Session, CreatedAt: d.CreatedAt.UTC(),
	}
}

// A DevicesInput chooses the devices of one extension, or of all.
type DevicesInput struct {
	Extension office.Number `query:"extension" maxLength:"16"`
}

func (s *Server) devices(ctx context.Context, in *DevicesInput) (*Out[[]Device], error) {
	if in.Extension != "" {
		if _, err := s.cfg.Store.Extension(ctx, in.Extension); err != nil {
			return nil, s.refuse(ctx, "extension "+string(in.Extension), err)
		}
	}
	all, err := s.cfg.Store.Devices(ctx, in.Extension)
	if err != nil {
		return nil, s.refuse(ctx, "devices", err)
	}
	reachable := map[office.ID]bool{}
	for _, id := range s.registered() {
		reachable[id] = true
	}
	out := &Out[[]Device]{[]Device{}}
	for _, d := range all {
		line := deviceOf(d)
		line.Registered = reachable[d.ID]
		out.Body = append(out.Body, line)
	}
	return out, nil
}

// A RemoveDeviceInput names the device to remove.
type RemoveDeviceInput struct {
	ID office.ID `path:"id" maxLength:"64"`
}

func (s *Server) removeDevice(ctx context.Context, in *RemoveDeviceInput) (*struct{}, error) {
	if err := s.cfg.Store.RemoveDevice(ctx, in.ID); err != nil {
		return nil, s.refuse(ctx, "device", err)
	}
	return nil, nil
}

func (s *Server) status(ctx context.Context, _ *struct{}) (*Out[Status], error) {
	held, err := s.cfg.Store.Status(ctx)
	if err != nil {
		return nil, s.refuse(ctx, "status", err)
	}
	out := Status{
		Version: s.cfg.Version, Running: s.cfg.Switch != nil, Database: held.Database, Listeners: s.cfg.Listeners, Fingerprint: s.cfg.Fingerprint,
		Extensions: held.Extensions, Devices: held.Devices, Sessions: held.Sessions,
		Registered: len(s.registered()), LiveCalls: s.liveCalls(),
	}
	if c, err := s.cfg.Store.Company(ctx); err == nil {
		company := companyOf(c)
		out.Company = &company
	}
	return &Out[Status]{out}, nil
}
