package api

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/auth"
	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// sessionRoutes adds login, logout and the list of sessions.
func (s *Server) sessionRoutes(a huma.API) {
	huma.Register(a, huma.Operation{
		OperationID: "login", Method: http.MethodPost, Path: "/v1/sessions", DefaultStatus: http.StatusCreated,
		Summary: "Log in: starts a session with a telephone of its own", MaxBodyBytes: maxControlBody,
	}, s.login)
	huma.Register(a, huma.Operation{
		OperationID: "current-session", Method: http.MethodGet, Path: "/v1/sessions/current",
		Summary: "The session of the token, with its SIP account", Security: token,
	}, s.currentSession)
	huma.Register(a, huma.Operation{
		OperationID: "logout", Method: http.MethodDelete, Path: "/v1/sessions/current",
		Summary: "Log out: ends session, telephone and registrations", Security: token,
	}, s.logout)
	huma.Register(a, huma.Operation{
		OperationID: "rotate-sip", Method: http.MethodPost, Path: "/v1/sessions/current/sip",
		Summary: "Replaces the SIP secret of the session", Security: token,
	}, s.rotateSIP)
	huma.Register(a, huma.Operation{
		OperationID: "sessions", Method: http.MethodGet, Path: "/v1/sessions",
		Summary: "The sessions of the account, last used first", Security: token,
	}, s.sessions)
	huma.Register(a, huma.Operation{
		OperationID: "end-session", Method: http.MethodDelete, Path: "/v1/sessions/{id}",
		Summary: "Ends a session of the account", Security: token,
	}, s.endSession)
}

// token is the security of an operation for which a session is needed.
var token = []map[string][]string{{"token": {}}}

// maxControlBody bounds the body of a control request.
const maxControlBody = 16 << 10

// A Caller is who sends a request: the token it shows, and what the connection
// tells. It is part of the input of every session operation.
type Caller struct {
	Authorization string `header:"Authorization" doc:"Bearer and the token"`

	addr netip.Addr
	host string // Host header: by which the client reached the server
}

// Resolve reads the connection.
func (c *Caller) Resolve(ctx huma.Context) []error {
	c.addr, c.host = addressOf(ctx.RemoteAddr()), ctx.Host()
	return nil
}

// A LoginInput is who wants to log in, and from what.
type LoginInput struct {
	Caller
	Body struct {
		CompanyNumber string `json:"companyNumber" maxLength:"64"`
		Extension     string `json:"extension" maxLength:"64"`
		Password      string `json:"password" maxLength:"1024"`
		DeviceName    string `json:"deviceName,omitempty" maxLength:"256"`
	}
}

// A SessionReply is a session with what its client needs. The token is there
// only in the answer to the login.
type SessionReply struct {
	Token     string            `json:"token,omitempty"`
	DeviceID  office.ID         `json:"deviceId"` // of the session's telephone, as in the quality of a call
	ExpiresAt time.Time         `json:"expiresAt"`
	Session   jmap.Session      `json:"session"`
	SIP       office.SIPAccount `json:"sip"`
}

// A SessionOutput carries a SessionReply.
type SessionOutput struct{ Body SessionReply }

func (s *Server) login(ctx context.Context, in *LoginInput) (*SessionOutput, error) {
	// What is not even a number goes on as it is: the gate does the same work
	// for it and gives the same answer.
	company := office.Number(in.Body.CompanyNumber)
	if n, err := office.ParseNumber(in.Body.CompanyNumber); err == nil {
		company = n
	}
	extension := office.Number(strings.TrimSpace(in.Body.Extension))
	l, err := s.cfg.Gate.Login(ctx, company, extension, in.Body.Password, office.CleanName(in.Body.DeviceName), in.addr)
	s.metrics.login(err)
	if err != nil {
		return nil, s.refuseLogin(ctx, err)
	}
	return &SessionOutput{SessionReply{l.Token, l.Session.Device.ID, l.Session.ExpiresAt.UTC(), s.jmapSession(l.Extension, in.host), s.dialled(l.SIP, in.host)}}, nil
}

// refuseLogin tells with a TooMany how long to wait.
func (s *Server) refuseLogin(ctx context.Context, err error) error {
	var wait *auth.TooMany
	if !errors.As(err, &wait) {
		return s.refuse(ctx, "login", err)
	}
	return s.refuseForNow(ctx, "login", wait)
}

// refuseForNow tells how long to wait (RFC 9110 §10.2.3).
func (s *Server) refuseForNow(ctx context.Context, noun string, wait *auth.TooMany) error {
	seconds := int(math.Ceil(wait.RetryAfter.Seconds()))
	return huma.ErrorWithHeaders(s.refuse(ctx, noun, office.ErrTooMany),
		http.Header{"Retry-After": {strconv.Itoa(max(seconds, 1))}})
}

// A TokenInput is a request that needs nothing but a session.
type TokenInput struct{ Caller }

func (s *Server) currentSession(ctx context.Context, in *TokenInput) (*SessionOutput, error) {
	session, token, err := s.enter(ctx, in.Authorization)
	if err != nil {
		return nil, err
	}
	sip, err := s.cfg.Gate.SIP(ctx, token)
	if err != nil {
		return nil, s.refuseSession(ctx, err)
	}
	e, err := s.cfg.Store.ExtensionOf(ctx, session.Account)
	if err != nil {
		return nil, s.refuse(ctx, "session", err)
	}
	return &SessionOutput{SessionReply{"", session.Device.ID, session.ExpiresAt.UTC(), s.jmapSession(e, in.host), s.dialled(sip, in.host)}}, nil
}

// A SIPOutput carries a new SIP account.
type SIPOutput struct {
	Body struct {
		SIP office.SIPAccount `json:"sip"`
	}
}

func (s *Server) rotateSIP(ctx context.Context, in *TokenInput) (*SIPOutput, error) {
	_, token, err := s.enter(ctx, in.Authorization)
	if err != nil {
		return nil, err
	}
	sip, err := s.cfg.Gate.RotateSIP(ctx, token)
	if err != nil {
		return nil, s.refuseSession(ctx, err)
	}
	out := &SIPOutput{}
	out.Body.SIP = s.dialled(sip, in.host)
	return out, nil
}

func (s *Server) logout(ctx context.Context, in *TokenInput) (*struct{}, error) {
	_, token, err := s.enter(ctx, in.Authorization)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Gate.Logout(ctx, token); err != nil {
		return nil, s.refuseSession(ctx, err)
	}
	return nil, nil
}

// A SessionLine is one login as its user sees it in the list.
type SessionLine struct {
	ID         office.ID `json:"id"`
	DeviceName string    `json:"deviceName"`
	Address    string    `json:"address"` // IP address that logged in
	IsCurrent  bool      `json:"isCurrent"`
	CreatedAt  time.Time `json:"createdAt"`
	LastUsedAt time.Time `json:"lastUsedAt"`
	ExpiresAt  time.Time `json:"expiresAt"`
}

// A SessionsOutput carries the sessions of an account.
type SessionsOutput struct {
	Body struct {
		Sessions []SessionLine `json:"sessions"`
	}
}

func (s *Server) sessions(ctx context.Context, in *TokenInput) (*SessionsOutput, error) {
	current, _, err := s.enter(ctx, in.Authorization)
	if err != nil {
		return nil, err
	}
	all, err := s.cfg.Gate.Sessions(ctx, current.Account)
	if err != nil {
		return nil, s.refuse(ctx, "sessions", err)
	}
	out := &SessionsOutput{}
	out.Body.Sessions = []SessionLine{}
	for _, l := range all {
		out.Body.Sessions = append(out.Body.Sessions, SessionLine{
			l.ID, l.Device.Name, l.Address, l.ID == current.ID,
			l.CreatedAt.UTC(), l.LastUsed.UTC(), l.ExpiresAt.UTC(),
		})
	}
	return out, nil
}

// An EndSessionInput names the session to end.
type EndSessionInput struct {
	Caller
	ID office.ID `path:"id" maxLength:"64"`
}

func (s *Server) endSession(ctx context.Context, in *EndSessionInput) (*struct{}, error) {
	session, _, err := s.enter(ctx, in.Authorization)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Gate.EndSession(ctx, session.Account, in.ID); err != nil {
		return nil, s.refuse(ctx, "session", err)
	}
	return nil, nil
}

// enter returns the session that an Authorization header opens, with its token.
// The error is ready to be returned to huma.
func (s *Server) enter(ctx context.Context, header string) (store.Session, string, error) {
	token := bearer(header)
	session, err := s.cfg.Gate.Session(ctx, token)
	if err != nil {
		return store.Session{}, "", s.refuseSession(ctx, err)
	}
	return session, token, nil
}

// refuseSession says how to authenticate (RFC 9110 §11.6.1).
func (s *Server) refuseSession(ctx context.Context, err error) error {
	p := s.refuse(ctx, "session", err)
	if p.Status != http.StatusUnauthorized {
		return p
	}
	return huma.ErrorWithHeaders(p, http.Header{"Www-Authenticate": {challenge}})
}

const challenge = `Bearer realm="timbre"`

// bearer returns the token of an Authorization header (RFC 6750 §2.1), or "".
func bearer(header string) string {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || len(token) > 128 {
		return ""
	}
	return token
}

// dialled returns a with the URI by which the client's phone reaches the
// office: on the host where the client has just reached it. What stands in the
// configuration may be the other side of a NAT.
func (s *Server) dialled(a office.SIPAccount, host string) office.SIPAccount {
	if host = hostOf(host); s.cfg.SIPSPort != 0 && host != "" {
		a.URIs = []string{"sips:" + net.JoinHostPort(host, strconv.Itoa(s.cfg.SIPSPort))}
	}
	if a.URIs == nil {
		a.URIs = []string{}
	}
	return a
}

// hostOf returns the host of a Host header without its port, or "" where it is
// neither an IP address nor a host name.
func hostOf(header string) string {
	host, _, err := net.SplitHostPort(header)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(header, "["), "]")
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return host
	}
	if host == "" || len(host) > 253 || strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789-._") != "" {
		return ""
	}
	return host
}
