package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/office"
)

// deviceRoutes adds the telephones.
func (s *Server) deviceRoutes(a huma.API) {
	change(s, a, "add-device", http.MethodPost, "/v1/admin/extensions/{number}/devices",
		func(in *DeviceInput) string { return string(in.Number) + " " + in.Body.Name }, s.addDevice)
	register(a, "devices", http.MethodGet, "/v1/admin/devices", s.devices)
	change(s, a, "remove-device", http.MethodDelete, "/v1/admin/devices/{id}",
		func(in *RemoveDeviceInput) string { return string(in.ID) }, s.removeDevice)
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
