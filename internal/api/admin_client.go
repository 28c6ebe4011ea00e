package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"timbre/internal/office"
)

// An Admin administers an office over its admin socket, or, without a running
// server, on the office's data itself: both ways pass through the same
// handlers. Its errors wrap the sentinels of package office. It is safe for
// concurrent use.
type Admin struct {
	via http.RoundTripper
}

// DialAdmin returns the administration of the office that a running server
// serves on the socket at path. It returns office.ErrOffline where no server
// listens there.
func DialAdmin(ctx context.Context, path string) (*Admin, error) {
	dial := func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	c, err := dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking the server on %s: %w (%w)", path, office.ErrOffline, err)
	}
	c.Close()
	return &Admin{&http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		DisableKeepAlives: true,
	}}, nil
}

// SetCompany sets what is not empty of number, name and region of the office.
// office.ErrNoCompany where there is none yet and number or name is missing.
func (a *Admin) SetCompany(ctx context.Context, c Company) (Company, error) {
	return ask[Company](ctx, a, http.MethodPut, "/v1/admin/company", c)
}

// AddExtension adds an extension. The answer holds the password with which its
// user logs in.
func (a *Admin) AddExtension(ctx context.Context, e NewExtension) (Extension, error) {
	return ask[Extension](ctx, a, http.MethodPost, "/v1/admin/extensions", e)
}

// SetExtension changes what is not nil in c. A new password ends all sessions
// of the extension.
func (a *Admin) SetExtension(ctx context.Context, number office.Number, c ExtensionChange) (Extension, error) {
	return ask[Extension](ctx, a, http.MethodPatch, "/v1/admin/extensions/"+escape(number), c)
}

// ResetPassword gives the extension a new password and ends its sessions. An
// empty password asks for one to be made, which the answer holds.
func (a *Admin) ResetPassword(ctx context.Context, number office.Number, password string) (Extension, error) {
	return ask[Extension](ctx, a, http.MethodPost, "/v1/admin/extensions/"+escape(number)+"/password", NewPassword{password})
}

// Extensions returns all extensions in the order of their numbers.
func (a *Admin) Extensions(ctx context.Context) ([]Extension, error) {
	return ask[[]Extension](ctx, a, http.MethodGet, "/v1/admin/extensions", nil)
}

// RemoveExtension ends the extension, its devices and its sessions now, and
// what is kept for it after keep, which is 0 (now) to MaxKeep.
func (a *Admin) RemoveExtension(ctx context.Context, number office.Number, keep time.Duration) error {
	path := fmt.Sprintf("/v1/admin/extensions/%s?keep=%d", escape(number), int64(keep.Seconds()))
	_, err := ask[struct{}](ctx, a, http.MethodDelete, path, nil)
	return err
}

// AddDevice adds a third-party telephone to the extension. The answer alone
// ever holds its secret.
func (a *Admin) AddDevice(ctx context.Context, number office.Number, name string) (Device, error) {
	return ask[Device](ctx, a, http.MethodPost, "/v1/admin/extensions/"+escape(number)+"/devices", NewDevice{name})
}

// Devices returns the devices of the extension, of all where number is empty.
func (a *Admin) Devices(ctx context.Context, number office.Number) ([]Device, error) {
	return ask[[]Device](ctx, a, http.MethodGet, "/v1/admin/devices?extension="+url.QueryEscape(string(number)), nil)
}

// RemoveDevice ends the device with that id, its secret, its registrations and
// the session it belongs to.
func (a *Admin) RemoveDevice(ctx context.Context, id office.ID) error {
	_, err := ask[struct{}](ctx, a, http.MethodDelete, "/v1/admin/devices/"+url.PathEscape(string(id)), nil)
	return err
}

// Status returns what the office is doing now.
func (a *Admin) Status(ctx context.Context) (Status, error) {
	return ask[Status](ctx, a, http.MethodGet, "/v1/admin/status", nil)
}

func escape(n office.Number) string { return url.PathEscape(string(n)) }

// maxAnswer bounds what a client reads of an answer: 10,000 extensions fit.
const maxAnswer = 8 << 20

// ask sends one request and reads its answer. A refusal wraps the sentinel that
// the server names.
func ask[T any](ctx context.Context, a *Admin, method, path string, body any) (answer T, err error) {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return answer, err
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://admin"+path, in)
	if err != nil {
		return answer, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := a.via.RoundTrip(req)
	if err != nil {
		return answer, fmt.Errorf("asking the server: %w (%w)", office.ErrOffline, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return answer, fmt.Errorf("asking the server: %w (%w)", office.ErrOffline, err)
	}
	if res.StatusCode >= 400 {
		return answer, refusal(res.StatusCode, b)
	}
	if len(b) == 0 {
		return answer, nil
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return answer, fmt.Errorf("reading the server's answer: %w", err)
	}
	return answer, nil
}

// refusal reads the problem that the server answered with.
func refusal(status int, body []byte) error {
	var p problem
	if json.Unmarshal(body, &p) != nil || p.Detail == "" {
		return fmt.Errorf("the server answered %d %s", status, http.StatusText(status))
	}
	return p.refusal()
}
