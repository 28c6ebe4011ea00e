package office

import (
	"net/url"
	"strconv"
	"strings"
)

// MaxPriority is the largest priority number of a trunk.
const MaxPriority = 1000

// WithDefaults returns t with the transport and the number format that a trunk
// has unless somebody says otherwise.
func (t Trunk) WithDefaults() Trunk {
	if t.Transport == "" {
		t.Transport = "udp"
	}
	if t.Format == "" {
		t.Format = E164
	}
	return t
}

// CheckTrunk returns ErrTrunk unless t has a name without spaces, the URI of a
// host, a transport, a format and, where it registers, a user name.
func CheckTrunk(t Trunk) error {
	host, ok := strings.CutPrefix(t.URI, "sip:")
	switch {
	case CheckName(t.Name) != nil || strings.ContainsAny(t.Name, " /"),
		!ok || !isHostPort(host),
		t.Transport != "udp" && t.Transport != "tcp" && t.Transport != "tls",
		t.Format != E164 && t.Format != NationalFormat,
		t.Priority < 0 || t.Priority > MaxPriority,
		t.Register && t.Username == "",
		len(t.Username) > MaxName || strings.ContainsFunc(t.Username, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return ErrTrunk
	}
	return nil
}

// CheckMailing returns ErrMailing unless m has the URL of a mail server, without
// a password in it, and the address that the office sends from.
func CheckMailing(m Mailing) error {
	u, err := url.Parse(m.URL)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || !isHostPort(u.Host) ||
		u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return ErrMailing
	}
	if _, has := u.User.Password(); has || m.From == "" || CheckEmail(m.From) != nil {
		return ErrMailing
	}
	return nil
}

// isHostPort reports whether s is a host name or address, with a port or
// without.
func isHostPort(s string) bool {
	u, err := url.Parse("//" + s)
	if err != nil || u.Host != s || u.Hostname() == "" || u.User != nil {
		return false
	}
	if strings.HasSuffix(s, ":") {
		return false
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	return strings.Trim(strings.ToLower(u.Hostname()), "abcdefghijklmnopqrstuvwxyz0123456789-._:%") == ""
}

// Limits of what the administrator allows an extension.
const (
	MaxMaxCalls  = 100
	MaxMinutes   = 24 * 60 * MaxMaxCalls
	MaxCallLimit = 50
)

// CheckRights returns ErrClass or ErrLimit unless an extension may have r.
func CheckRights(r Rights) error {
	if c, err := ParseClasses(string(r.Classes)); err != nil || c != r.Classes {
		return ErrClass
	}
	if r.MaxCalls < 0 || r.MaxCalls > MaxMaxCalls || r.Minutes < 0 || r.Minutes > MaxMinutes {
		return ErrLimit
	}
	return nil
}

// CheckCallLimit returns ErrLimit unless an extension may have n calls at the
// same time before it is busy.
func CheckCallLimit(n int) error {
	if n < 1 || n > MaxCallLimit {
		return ErrLimit
	}
	return nil
}
