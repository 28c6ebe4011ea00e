package model

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"timbre/internal/office"
	"timbre/sync/engine"
)

// A Door is where a session begins and ends. *engine.Engine is one.
type Door interface {
	Login(ctx context.Context, l engine.Login) error
	Logout(ctx context.Context, wipe bool) error
}

// A LoginField is one of the fields of the login page.
type LoginField int

// The fields, from top to bottom.
const (
	CompanyField LoginField = iota
	ExtensionField
	PasswordField
	ServerField
)

// A Login is the login page. A view sets the fields and calls Submit.
type Login struct {
	Server, Company, Extension, Password string

	AskServer bool               // the server is not known: show the field
	Busy      bool               // an answer is awaited
	Problem   string             // in words; empty where there is none
	Question  office.Fingerprint // to be compared by a person before anything is sent; empty where none is asked

	OnChange func()
	OnMend   func(LoginField) // Problem is about this field
	OnDone   func()           // logged in

	desk     *Desk
	door     Door
	pinned   office.Fingerprint // of the server at pinnedAt
	pinnedAt string
}

// NewLogin returns the page for a server that may be known already.
func NewLogin(desk *Desk, door Door, server string, pinned office.Fingerprint) *Login {
	return &Login{Server: server, AskServer: server == "", desk: desk, door: door, pinned: pinned, pinnedAt: server}
}

// Remember fills in who was logged in last, as people read it.
func (l *Login) Remember(company office.Number, extension office.Number) {
	l.Company, l.Extension = string(company), string(extension)
	read := l.desk.Phrases.Number(company, office.DefaultRegion)
	if back, err := office.ParseCompanyNumber(read, office.DefaultRegion); err == nil && back == company {
		l.Company = read
	}
}

// Submit tries the fields as they are.
func (l *Login) Submit() {
	if l.Busy || l.Question != "" {
		return
	}
	request, field, problem := l.request()
	if l.Problem = problem; problem != "" {
		changed(l.OnChange)
		l.mend(field)
		return
	}
	l.Busy = true
	changed(l.OnChange)
	l.desk.Go(func(ctx context.Context) func() {
		err := l.door.Login(ctx, request)
		return func() { l.answered(request, err) }
	})
}

func (l *Login) mend(f LoginField) {
	if l.OnMend != nil {
		l.OnMend(f)
	}
}

// request reads the fields; problem says what is missing or wrong, and in which
// of them.
func (l *Login) request() (r engine.Login, field LoginField, problem string) {
	p := l.desk.Phrases
	for i, f := range []struct{ value, label string }{
		CompanyField: {l.Company, "login.company"}, ExtensionField: {l.Extension, "login.extension"},
		PasswordField: {l.Password, "login.password"}, ServerField: {l.Server, "login.server"},
	} {
		if strings.TrimSpace(f.value) == "" {
			return r, LoginField(i), p.Say("login.missing", "field", p.Say(f.label))
		}
	}
	company, err := office.ParseCompanyNumber(l.Company, office.DefaultRegion)
	if err != nil {
		return r, CompanyField, p.Say("error.company")
	}
	extension, err := office.ParseExtension(l.Extension, "")
	if err != nil {
		return r, ExtensionField, p.Words(err)
	}
	server, err := ServerURL(l.Server)
	if err != nil {
		return r, ServerField, p.Words(err)
	}
	r = engine.Login{Server: server, Company: company, Extension: extension, Password: l.Password}
	if server == l.pinnedAt {
		r.Fingerprint = l.pinned
	}
	return r, 0, ""
}

// answered takes the answer to a login.
func (l *Login) answered(request engine.Login, err error) {
	l.Busy = false
	var unknown *engine.UnknownAuthority
	switch {
	case err == nil:
		l.Password = ""
		changed(l.OnChange)
		changed(l.OnDone)
		return
	case request.Fingerprint == "" && errors.As(err, &unknown):
		l.Question, l.pinnedAt = unknown.Fingerprint, request.Server
	default:
		l.Problem = l.desk.Phrases.Words(err)
	}
	changed(l.OnChange)
	if errors.Is(err, office.ErrLogin) {
		l.mend(PasswordField)
	}
}

// Trust takes the authority in Question for the office's and logs in.
func (l *Login) Trust() {
	l.pinned, l.Question = l.Question, ""
	l.Submit()
}

// Distrust goes back to the fields; nothing was sent but the greeting.
func (l *Login) Distrust() {
	l.Question, l.pinned = "", ""
	changed(l.OnChange)
}

// ChangeServer forgets the server that is known, and its authority.
func (l *Login) ChangeServer() {
	l.AskServer, l.pinned, l.Problem = true, "", ""
	changed(l.OnChange)
}

// ServerURL returns the address of a server as a person types it: with or
// without https://, with or without a port.
func ServerURL(s string) (string, error) {
	s = strings.TrimSuffix(strings.TrimSpace(s), "/")
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.User != nil || strings.ContainsAny(s, " \t") {
		return "", errServer
	}
	return u.String(), nil
}

// Groups returns a fingerprint in groups of four, as it is compared aloud, four
// lines of four groups.
func Groups(f office.Fingerprint) string {
	var b strings.Builder
	for i := 0; i < len(f); i += 4 {
		switch {
		case i == 0:
		case i%16 == 0:
			b.WriteByte('\n')
		default:
			b.WriteByte(' ')
		}
		b.WriteString(string(f[i:min(i+4, len(f))]))
	}
	return b.String()
}
