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
	"strconv"
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

// Company returns the office as it is set. office.ErrNoCompany: it is not yet.
func (a *Admin) Company(ctx context.Context) (Company, error) {
	return ask[Company](ctx, a, http.MethodGet, "/v1/admin/company", nil)
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

// ResetPIN gives the mailbox of the extension a new PIN; an empty one means that
// it has none any more.
func (a *Admin) ResetPIN(ctx context.Context, number office.Number, pin string) error {
	_, err := ask[struct{}](ctx, a, http.MethodPost, "/v1/admin/extensions/"+escape(number)+"/pin", NewPIN{pin})
	return err
}

// Unlock lets an extension log in at once although wrong passwords were tried.
func (a *Admin) Unlock(ctx context.Context, number office.Number) error {
	_, err := ask[struct{}](ctx, a, http.MethodPost, "/v1/admin/extensions/"+escape(number)+"/unlock", nil)
	return err
}

// Invite makes a link by which the extension's user chooses a password once.
// server is the URL by which that user reaches the office; empty: as the server
// knows it.
func (a *Admin) Invite(ctx context.Context, number office.Number, server string) (Invitation, error) {
	return ask[Invitation](ctx, a, http.MethodPost, "/v1/admin/extensions/"+escape(number)+"/invitation?server="+url.QueryEscape(server), nil)
}

// SetLine adds one of the office's own numbers or changes what it rings.
func (a *Admin) SetLine(ctx context.Context, l office.Line) (office.Line, error) {
	return ask[office.Line](ctx, a, http.MethodPut, "/v1/admin/numbers", l)
}

// Lines returns the office's own numbers.
func (a *Admin) Lines(ctx context.Context) ([]office.Line, error) {
	return ask[[]office.Line](ctx, a, http.MethodGet, "/v1/admin/numbers", nil)
}

// RemoveLine removes one of the office's own numbers.
func (a *Admin) RemoveLine(ctx context.Context, number office.Number) error {
	_, err := ask[struct{}](ctx, a, http.MethodDelete, "/v1/admin/numbers/"+escape(number), nil)
	return err
}

// AddTrunk adds a line to the outside.
func (a *Admin) AddTrunk(ctx context.Context, t NewTrunk) (Trunk, error) {
	return ask[Trunk](ctx, a, http.MethodPost, "/v1/admin/trunks", t)
}

// Trunks returns the lines to the outside in the order in which they are tried.
func (a *Admin) Trunks(ctx context.Context) ([]Trunk, error) {
	return ask[[]Trunk](ctx, a, http.MethodGet, "/v1/admin/trunks", nil)
}

// SetTrunk changes what is not nil in c.
func (a *Admin) SetTrunk(ctx context.Context, name string, c TrunkChange) (Trunk, error) {
	return ask[Trunk](ctx, a, http.MethodPatch, "/v1/admin/trunks/"+url.PathEscape(name), c)
}

// TestTrunk asks a carrier now and returns what came of it.
func (a *Admin) TestTrunk(ctx context.Context, name string) (Trunk, error) {
	return ask[Trunk](ctx, a, http.MethodPost, "/v1/admin/trunks/"+url.PathEscape(name)+"/test", nil)
}

// RemoveTrunk removes a line to the outside.
func (a *Admin) RemoveTrunk(ctx context.Context, name string) error {
	_, err := ask[struct{}](ctx, a, http.MethodDelete, "/v1/admin/trunks/"+url.PathEscape(name), nil)
	return err
}

// SetMailing says how the office sends e-mail.
func (a *Admin) SetMailing(ctx context.Context, m NewMailing) (office.Mailing, error) {
	return ask[office.Mailing](ctx, a, http.MethodPut, "/v1/admin/smtp", m)
}

// Mailing returns how the office sends e-mail. office.ErrNotFound: it does not.
func (a *Admin) Mailing(ctx context.Context) (office.Mailing, error) {
	return ask[office.Mailing](ctx, a, http.MethodGet, "/v1/admin/smtp", nil)
}

// TestMail sends a message now, to the administrator where to is empty, and
// returns to whom.
func (a *Admin) TestMail(ctx context.Context, to string) (string, error) {
	sent, err := ask[MailTest](ctx, a, http.MethodPost, "/v1/admin/smtp/test", MailTest{to})
	return sent.To, err
}

// ReleaseMail lets go the e-mails that are held since a backup was restored, and
// returns how many.
func (a *Admin) ReleaseMail(ctx context.Context) (int, error) {
	r, err := ask[Released](ctx, a, http.MethodPost, "/v1/admin/mail/release", nil)
	return r.Mails, err
}

// ReleaseFaxes lets go the faxes that are held since a backup was restored, and
// returns how many.
func (a *Admin) ReleaseFaxes(ctx context.Context) (int, error) {
	r, err := ask[Released](ctx, a, http.MethodPost, "/v1/admin/faxes/release", nil)
	return r.Faxes, err
}

// Sessions returns the logins of the extension, of all where number is empty.
func (a *Admin) Sessions(ctx context.Context, number office.Number) ([]LoginSession, error) {
	return ask[[]LoginSession](ctx, a, http.MethodGet, "/v1/admin/sessions?extension="+url.QueryEscape(string(number)), nil)
}

// RevokeSession ends a login.
func (a *Admin) RevokeSession(ctx context.Context, id office.ID) error {
	_, err := ask[struct{}](ctx, a, http.MethodDelete, "/v1/admin/sessions/"+url.PathEscape(string(id)), nil)
	return err
}

// RevokeSessions ends all logins of the extension and returns how many.
func (a *Admin) RevokeSessions(ctx context.Context, number office.Number) (int, error) {
	r, err := ask[Revoked](ctx, a, http.MethodDelete, "/v1/admin/extensions/"+escape(number)+"/sessions", nil)
	return r.Sessions, err
}

// AddToken makes a token for the administration over HTTPS, or for the figures
// alone. The answer alone ever holds it.
func (a *Admin) AddToken(ctx context.Context, t NewToken) (Token, error) {
	return ask[Token](ctx, a, http.MethodPost, "/v1/admin/tokens", t)
}

// Tokens returns the administrators' tokens by name.
func (a *Admin) Tokens(ctx context.Context) ([]Token, error) {
	return ask[[]Token](ctx, a, http.MethodGet, "/v1/admin/tokens", nil)
}

// RemoveToken ends a token.
func (a *Admin) RemoveToken(ctx context.Context, name string) error {
	_, err := ask[struct{}](ctx, a, http.MethodDelete, "/v1/admin/tokens/"+url.PathEscape(name), nil)
	return err
}

// Retention returns how long the log and the messages are kept.
func (a *Admin) Retention(ctx context.Context) (Retention, error) {
	return ask[Retention](ctx, a, http.MethodGet, "/v1/admin/retention", nil)
}

// SetRetention changes what is not nil of how long the log and the messages are
// kept.
func (a *Admin) SetRetention(ctx context.Context, c RetentionChange) (Retention, error) {
	return ask[Retention](ctx, a, http.MethodPatch, "/v1/admin/retention", c)
}

// Audit returns what administrators did since a time, newest first, at most
// limit lines.
func (a *Admin) Audit(ctx context.Context, since time.Time, limit int) ([]Audit, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if !since.IsZero() {
		q.Set("since", since.UTC().Format(time.RFC3339Nano))
	}
	return ask[[]Audit](ctx, a, http.MethodGet, "/v1/admin/audit?"+q.Encode(), nil)
}

// Backup writes a backup of everything to w. Half a backup may have been written
// where it fails.
func (a *Admin) Backup(ctx context.Context, w io.Writer) error {
	res, err := a.send(ctx, http.MethodGet, "/v1/admin/backup", nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("receiving the backup: %w", err)
	}
	return nil
}

// NoteBackup tells the office that a backup was read back and found whole.
func (a *Admin) NoteBackup(ctx context.Context, t Taken) error {
	_, err := ask[struct{}](ctx, a, http.MethodPost, "/v1/admin/backups", t)
	return err
}

func escape(n office.Number) string { return url.PathEscape(string(n)) }

// maxAnswer bounds what a client reads of an answer: 10,000 extensions fit.
const maxAnswer = 8 << 20

// ask sends one request and reads its answer.
func ask[T any](ctx context.Context, a *Admin, method, path string, body any) (answer T, err error) {
	res, err := a.send(ctx, method, path, body)
	if err != nil {
		return answer, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return answer, fmt.Errorf("asking the server: %w (%w)", office.ErrOffline, err)
	}
	if len(b) == 0 {
		return answer, nil
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		return answer, fmt.Errorf("reading the server's answer: %w", err)
	}
	return answer, nil
}

// send sends one request and returns its answer. A refusal wraps the sentinel
// that the server names.
func (a *Admin) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://admin"+path, in)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := a.via.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("asking the server: %w (%w)", office.ErrOffline, err)
	}
	if res.StatusCode < 400 {
		return res, nil
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("asking the server: %w (%w)", office.ErrOffline, err)
	}
	return nil, refusal(res.StatusCode, b)
}

// refusal reads the problem that the server answered with.
func refusal(status int, body []byte) error {
	var p problem
	if json.Unmarshal(body, &p) != nil || p.Detail == "" {
		return fmt.Errorf("the server answered %d %s", status, http.StatusText(status))
	}
	return p.refusal()
}
