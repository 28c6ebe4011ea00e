package api

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"timbre/internal/office"
	"timbre/internal/store"
	"timbre/sync/jmap"
)

// The routes of JMAP.
const (
	apiRoute      = "POST /jmap/api"
	uploadRoute   = "POST /jmap/upload/{accountId}/{$}"
	downloadRoute = "GET /jmap/download/{accountId}/{blobId}/{name...}" // and HEAD; some clients leave the slashes of a name as they are
	eventRoute    = "GET /jmap/eventsource"
)

// jmapRoutes adds JMAP (RFC 8620).
func (s *Server) jmapRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /.well-known/jmap", s.withSession(s.wellKnown))
	mux.HandleFunc(apiRoute, s.withSession(s.call))
	mux.HandleFunc(uploadRoute, s.withSession(s.upload))
	mux.HandleFunc(downloadRoute, s.withSession(s.download))
	mux.HandleFunc(eventRoute, s.withSession(s.events))
}

// A visit is a request with the session that it belongs to.
type visit struct {
	store.Session
	token     string
	extension office.Extension // whose account it is
}

// withSession lets requests with a valid token through.
func (s *Server) withSession(next func(http.ResponseWriter, *http.Request, *visit)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := s.visit(r)
		if err != nil {
			p := s.refuse(r.Context(), "session", err)
			if p.Status == http.StatusUnauthorized {
				w.Header().Set("Www-Authenticate", challenge)
			}
			writeProblem(w, p.Status, p)
			return
		}
		next(w, r, v)
	}
}

// visit returns who sends a request. office.ErrSession: nobody who is logged in.
func (s *Server) visit(r *http.Request) (*visit, error) {
	token := bearer(r.Header.Get("Authorization"))
	session, err := s.cfg.Gate.Session(r.Context(), token)
	if err != nil {
		return nil, err
	}
	e, err := s.cfg.Store.Extension(r.Context(), session.Extension)
	if errors.Is(err, office.ErrNotFound) || err == nil && e.Account != session.Account { // removed in this moment, and its sessions with it
		err = office.ErrSession
	}
	return &visit{session, token, e}, err
}

// writeProblem answers with a problem of ours or of JMAP.
func writeProblem(w http.ResponseWriter, status int, p any) {
	w.Header().Set("Content-Type", jmap.ProblemType)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(p)
}

// A capability is the object of office.Capability: what the office has.
type capability struct {
	Types  []string      `json:"types"` // of objects
	Fax    faxCapability `json:"fax"`
	Limits officeLimits  `json:"limits"`
}

type faxCapability struct {
	Enabled bool   `json:"enabled"`
	Reason  string `json:"reason,omitempty"` // why not
}

// officeLimits are those beside the limits of JMAP Core.
type officeLimits struct {
	GreetingBytes   int `json:"greetingBytes"`
	GreetingSeconds int `json:"greetingSeconds"`
	FaxBytes        int `json:"faxBytes"`
	FaxPages        int `json:"faxPages"`
}

var ownCapability = capability{
	Types: []string{
		"Voicemail", "Call", "Fax", "Extension", "Presence",
		"VoicemailSettings", "ForwardingSettings", "CallerIdSettings", "Profile", "Availability",
	},
	Fax: faxCapability{Reason: "notInstalled"},
	Limits: officeLimits{
		GreetingBytes: office.MaxGreetingBytes, GreetingSeconds: int(office.MaxGreeting / time.Second),
		FaxBytes: office.MaxFaxBytes, FaxPages: office.MaxFaxPages,
	},
}

// jmapSession returns the session object (RFC 8620 §2) of an extension's
// account for a client that reached the server by the Host header host. Where
// that is no host, the URLs are relative to the server.
func (s *Server) jmapSession(e office.Extension, host string) jmap.Session {
	own, _ := json.Marshal(ownCapability) // numbers and strings only
	core, _ := json.Marshal(jmap.DefaultLimits)
	base := ""
	if hostOf(host) != "" {
		base = "https://" + host
	}
	id := jmap.ID(e.Account)
	session := jmap.Session{
		Capabilities: map[string]json.RawMessage{jmap.Core: core, office.Capability: own},
		Accounts: map[jmap.ID]jmap.Account{id: {
			Name: e.Name, IsPersonal: true, Capabilities: map[string]json.RawMessage{office.Capability: own},
		}},
		// Core too, which RFC 8620 advises against: clients that know no other
		// capability of ours find their account by it.
		PrimaryAccounts: map[string]jmap.ID{jmap.Core: id, office.Capability: id},
		Username:        string(e.Number),
		APIURL:          base + "/jmap/api",
		DownloadURL:     base + "/jmap/download/{accountId}/{blobId}/{name}?accept={type}",
		UploadURL:       base + "/jmap/upload/{accountId}/",
		EventSourceURL:  base + "/jmap/eventsource?types={types}&closeafter={closeafter}&ping={ping}",
	}
	session.State = stateOf(session)
	return session
}

// stateOf returns a state that changes when anything else in the session object does.
func stateOf(session jmap.Session) string {
	all, _ := json.Marshal(session) // strings, numbers and JSON
	sum := sha256.Sum256(all)
	return hex.EncodeToString(sum[:6])
}

// wellKnown answers the session object.
func (s *Server) wellKnown(w http.ResponseWriter, r *http.Request, v *visit) {
	s.writeJSON(w, r, s.jmapSession(v.extension, r.Host))
}

// call answers a JMAP request (RFC 8620 §3).
func (s *Server) call(w http.ResponseWriter, r *http.Request, v *visit) {
	limits := jmap.DefaultLimits
	if !s.busy.enter(string(v.ID), limits.MaxConcurrentRequests, maxConnections) {
		writeProblem(w, http.StatusBadRequest, jmap.TooLarge("maxConcurrentRequests"))
		return
	}
	defer s.busy.leave(string(v.ID))

	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), jmap.RequestType) {
		writeProblem(w, http.StatusBadRequest, &jmap.Problem{Type: jmap.NotJSON, Status: http.StatusBadRequest, Detail: "the content type is not " + jmap.RequestType})
		return
	}
	body, problem := readBody(w, r, limits.MaxSizeRequest)
	if problem != nil {
		writeProblem(w, problem.Status, problem)
		return
	}
	request, problem := jmap.ParseRequest(body, limits, office.Capability)
	if problem != nil {
		writeProblem(w, problem.Status, problem)
		return
	}
	response := request.Answer(r.Context(), limits, s.methods(v, request.Using), func(c jmap.Invocation, err error) {
		if r.Context().Err() == nil {
			s.log.Error("method not served", "method", c.Name, "err", err)
		}
	})
	response.SessionState = s.jmapSession(v.extension, r.Host).State
	s.writeJSON(w, r, response)
}

// readBody returns the body of a request, or why not: it is longer than most, or does
// not come whole or in time.
func readBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, *jmap.Problem) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	var long *http.MaxBytesError
	switch {
	case err == nil:
		return body, nil
	case errors.As(err, &long):
		return nil, jmap.TooLarge("maxSizeRequest")
	}
	return nil, &jmap.Problem{Type: jmap.NotJSON, Status: http.StatusBadRequest, Detail: "the body did not come whole"}
}

// kinds returns the JMAP types that a session may ask for, by name.
func (s *Server) kinds(v *visit) map[string]kind {
	return map[string]kind{
		"Voicemail":          newVoicemails(s.cfg.Store, v.Account),
		"Call":               newCalls(s.cfg.Store, v.Account, v.Device.ID),
		"Fax":                newFaxes(s.cfg.Store, v.extension),
		"Extension":          directory{s.cfg.Store},
		"Presence":           s.presence,
		"VoicemailSettings":  s.voicemailSettings(v),
		"ForwardingSettings": s.forwardingSettings(v),
		"CallerIdSettings":   s.callerIDSettings(v),
		"Profile":            s.profile(v),
		"Availability":       s.availability(v),
	}
}

// methods returns what answers one method call of a session.
func (s *Server) methods(v *visit, using []string) func(context.Context, jmap.Invocation) (any, error) {
	capable := slices.Contains(using, office.Capability)
	kinds, kept := s.kinds(v), &look{store: s.cfg.Store}
	return func(ctx context.Context, c jmap.Invocation) (any, error) {
		if c.Name == "Blob/copy" && slices.Contains(using, jmap.Core) {
			answer, err := s.copyBlobs(ctx, v.Account, c.Args)
			return answer, methodError(err)
		}
		noun, verb, _ := strings.Cut(c.Name, "/")
		k, known := kinds[noun]
		if !known || !capable {
			return nil, &jmap.MethodError{Type: jmap.UnknownMethod}
		}
		m := method{k: k, t: store.Type(noun), feed: kept, account: v.Account}
		if own, ok := k.(feed); ok {
			m.feed = own
		}
		if verb == "set" { // which may change other types too
			defer kept.forget()
		}
		answer, err := m.do(ctx, verb, c.Args)
		var half *halfDone
		if errors.As(err, &half) {
			s.log.Error("method served in part", "method", c.Name, "err", half.err)
		}
		return answer, methodError(err)
	}
}

// A halfDone is why a method could not do all, when some was done.
type halfDone struct{ err error }

func (e *halfDone) Error() string { return "done in part: " + e.err.Error() }

// methodError turns the store's sentinels into what JMAP calls them.
func methodError(err error) error {
	var half *halfDone
	switch {
	case err == nil:
		return nil
	case errors.As(err, &half):
		return &jmap.MethodError{Type: jmap.ServerPartialFail}
	case errors.Is(err, store.ErrCannotCalculate):
		return &jmap.MethodError{Type: jmap.CannotCalculateChanges}
	case errors.Is(err, store.ErrStateMismatch):
		return &jmap.MethodError{Type: jmap.StateMismatch}
	case errors.Is(err, office.ErrUnavailable), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &jmap.MethodError{Type: jmap.ServerUnavailable}
	}
	return err
}

// writeJSON answers v, packed where the client takes it and it is worth it.
func (s *Server) writeJSON(w http.ResponseWriter, r *http.Request, v any) {
	b, err := encode(v)
	if err != nil {
		p := s.refuse(r.Context(), "answer", err)
		writeProblem(w, p.Status, p)
		return
	}
	w.Header().Set("Content-Type", jmap.RequestType)
	w.Header().Set("Vary", "Accept-Encoding")
	if len(b) < 1024 || !acceptsGzip(r) {
		w.Write(b)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := s.packers.Get().(*gzip.Writer)
	defer s.packers.Put(z)
	z.Reset(w)
	z.Write(b)
	z.Close()
	z.Reset(nil) // w is not kept
}

// encode returns v as JSON.
func encode(v any) ([]byte, error) {
	if response, ok := v.(*jmap.Response); ok { // json.Marshal would read what it writes once more
		return response.MarshalJSON()
	}
	return json.Marshal(v)
}

// acceptsGzip reports whether the client unpacks gzip (RFC 9110 §12.5.3).
func acceptsGzip(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(coding) == "gzip" && strings.ReplaceAll(weight, " ", "") != "q=0" {
			return true
		}
	}
	return false
}
