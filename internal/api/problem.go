package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"timbre/internal/office"
	"timbre/sync/jmap"
)

// A Refusal is what an office answered instead of doing what it was asked. It
// wraps the sentinel of package office that fits, if one does.
type Refusal struct {
	Code   office.Error // empty: none fits
	Detail string       // one line for an administrator
}

func (r *Refusal) Error() string { return r.Detail }

func (r *Refusal) Unwrap() error {
	if r.Code == "" {
		return nil
	}
	return r.Code
}

// A problem is a refusal as it travels (RFC 9457). It never repeats what was
// submitted, which may be a password.
type problem struct {
	Type   string `json:"type"` // office.ProblemType and the code, or about:blank
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func (p *problem) Error() string             { return p.Detail }
func (p *problem) GetStatus() int            { return p.Status }
func (p *problem) ContentType(string) string { return jmap.ProblemType }

// refusal returns p as a client sees it.
func (p *problem) refusal() *Refusal {
	code, known := strings.CutPrefix(p.Type, office.ProblemType)
	if !known {
		code = ""
	}
	return &Refusal{Code: office.Error(code), Detail: p.Detail}
}

// newProblem returns a problem without a code.
func newProblem(status int, detail string) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

// A reply is how one sentinel is told.
type reply struct {
	status int
	words  string
}

// replies say how each sentinel is told that a client may know of.
var replies = map[office.Error]reply{
	office.ErrLogin:       {http.StatusUnauthorized, "company, extension or password is wrong"},
	office.ErrSession:     {http.StatusUnauthorized, "the session has ended"},
	office.ErrInvitation:  {http.StatusForbidden, "it was used already, or its time is over; ask the administrator for another"},
	office.ErrTooMany:     {http.StatusTooManyRequests, "too many attempts; try again later"},
	office.ErrUnavailable: {http.StatusServiceUnavailable, "cannot be served now; try again later"},
	office.ErrNotFound:    {http.StatusNotFound, "not found"},
	office.ErrExists:      {http.StatusConflict, "exists already"},
	office.ErrRefused:     {http.StatusForbidden, "refused"},
	office.ErrNoCompany:   {http.StatusConflict, "the company is not set yet (timbred company set)"},
	office.ErrNumber:      {http.StatusUnprocessableEntity, "not a telephone number with its country code, such as +525555550100"},
	office.ErrExtension:   {http.StatusUnprocessableEntity, "not an extension: 2 to 6 digits that are no emergency number"},
	office.ErrName:        {http.StatusUnprocessableEntity, "not a name: 1 to 64 printable characters"},
	office.ErrPassword:    {http.StatusUnprocessableEntity, "not a password: 8 to 128 bytes"},
	office.ErrRingTime:    {http.StatusUnprocessableEntity, "not a ring time: 5 to 60 seconds"},
	office.ErrEmail:       {http.StatusUnprocessableEntity, "not an e-mail address"},
	office.ErrRegion:      {http.StatusUnprocessableEntity, "not a country of two capital letters, such as MX"},
	office.ErrTimeZone:    {http.StatusUnprocessableEntity, "not a time zone such as America/Tijuana"},
	office.ErrLanguage:    {http.StatusUnprocessableEntity, "not a language: es-MX or en"},
	office.ErrPIN:         {http.StatusUnprocessableEntity, "not a PIN: 4 to 8 digits that nobody would guess"},
	office.ErrWrongPIN:    {http.StatusForbidden, "the PIN is wrong"},
	office.ErrClass:       {http.StatusUnprocessableEntity, "not a list of internal, national, international and premium"},
	office.ErrLimit:       {http.StatusUnprocessableEntity, "outside its limits"},
	office.ErrTrunk:       {http.StatusUnprocessableEntity, "not a trunk: a name, and sip:host or sip:host:port"},
	office.ErrMailing:     {http.StatusUnprocessableEntity, "not a way to send e-mail: smtp:// or smtps://user@host:port, and an address to send from"},
	office.ErrGreeting:    {http.StatusUnprocessableEntity, "not a greeting: WAV or MP3 of at most 90 seconds"},
	office.ErrForwarding:  {http.StatusUnprocessableEntity, "forwarding needs a number and a case"},
	office.ErrNotAllowed:  {http.StatusForbidden, "the rights of the extension do not cover it; the administrator can change them"},
	office.ErrNoTrunk:     {http.StatusServiceUnavailable, "no line to the outside works now"},
	office.ErrDisabled:    {http.StatusForbidden, "the extension is disabled"},
	office.ErrNoDevice:    {http.StatusConflict, "no device of the extension can be rung"},
	office.ErrNotEmpty:    {http.StatusConflict, "the folder is not empty"},
	office.ErrBackup:      {http.StatusUnprocessableEntity, "not a backup, or a damaged one"},
}

// refuse returns err as it is told to a client, with the noun it is about in
// front. What is no sentinel is logged and told without its text.
func (s *Server) refuse(ctx context.Context, noun string, err error) *problem {
	var code office.Error
	if errors.As(err, &code) {
		if r, ok := replies[code]; ok {
			return &problem{office.ProblemType + string(code), http.StatusText(r.status), r.status, noun + ": " + r.words}
		}
	}
	if ctx.Err() == nil { // else the client has gone, which needs no line
		s.log.Error("request not served", "about", noun, "err", err)
	}
	return newProblem(http.StatusInternalServerError, noun+": the server could not do it; its log says why")
}

// redact replaces huma's own errors, which echo what was submitted.
func redact(_ huma.Context, _ string, v any) (any, error) {
	e, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	detail := "the request is not valid"
	if len(e.Errors) > 0 && e.Errors[0].Location != "" {
		detail = fmt.Sprintf("%s: %.64s", detail, e.Errors[0].Location)
	}
	return newProblem(e.Status, detail), nil
}
