package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/office"
	"timbre/internal/store"
)

// administratorKey is the context's key of who administers.
type administratorKey struct{}

// commandLine is who administers where no token says more: whoever may open the
// admin socket or the data folder.
const commandLine = "command line"

// administrator returns who sent a request of the administration.
func administrator(ctx context.Context) string {
	if who, ok := ctx.Value(administratorKey{}).(string); ok {
		return who
	}
	return commandLine
}

// register adds an operation that only reads.
func register[I, O any](a huma.API, id, method, path string, do func(context.Context, *I) (*O, error)) {
	huma.Register(a, huma.Operation{OperationID: id, Method: method, Path: path, MaxBodyBytes: maxControlBody}, do)
}

// change adds an operation that changes something. The audit log gets a line
// before it is begun, with what about tells of the request, which must be no
// secret, and the result when it has ended.
func change[I, O any](s *Server, a huma.API, id, method, path string, about func(*I) string, do func(context.Context, *I) (*O, error)) {
	register(a, id, method, path, func(ctx context.Context, in *I) (out *O, err error) {
		err = s.audited(ctx, id, about(in), func(office.ID) error {
			out, err = do(ctx, in)
			return err
		})
		return out, err
	})
}

// audited does what the audit log then tells of, in the line with the given id.
func (s *Server) audited(ctx context.Context, what, about string, do func(line office.ID) error) error {
	line, err := s.cfg.Store.BeginAudit(ctx, store.Audit{Who: administrator(ctx), What: what, About: inOneLine(about)})
	if err != nil {
		return s.refuse(ctx, "audit log", err)
	}
	refused := do(line)
	// The client may have gone: what was done is written down all the same.
	if err := s.cfg.Store.EndAudit(context.WithoutCancel(ctx), line, resultOf(refused)); err != nil {
		s.log.Error("result not entered into the audit log", "err", err)
	}
	return refused
}

// maxAbout is how much a line of the audit log says, in runes.
const maxAbout = 200

// inOneLine returns what may be shown and stored of a text.
func inOneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxAbout {
		return string(r[:maxAbout]) + "…"
	}
	return s
}

// resultOf returns how the audit log tells of err.
func resultOf(err error) string {
	var p *problem
	switch {
	case err == nil:
		return "ok"
	case !errors.As(err, &p), p.Status == http.StatusBadGateway: // somebody else's answer
		return "failed"
	}
	if code := p.refusal().Code; code != "" {
		return string(code)
	}
	return strconv.Itoa(p.Status)
}

// An AuditInput chooses lines of the audit log.
type AuditInput struct {
	Since time.Time `query:"since"`
	Limit int       `query:"limit" minimum:"0" maximum:"500"`
}

func (s *Server) auditRoutes(a huma.API) {
	register(a, "audit", http.MethodGet, "/v1/admin/audit", s.audit)
}

func (s *Server) audit(ctx context.Context, in *AuditInput) (*Out[[]Audit], error) {
	all, err := s.cfg.Store.Audits(ctx, in.Since, in.Limit)
	if err != nil {
		return nil, s.refuse(ctx, "audit log", err)
	}
	out := &Out[[]Audit]{[]Audit{}}
	for _, l := range all {
		out.Body = append(out.Body, Audit{l.At, l.Who, l.What, l.About, l.Result})
	}
	return out, nil
}
