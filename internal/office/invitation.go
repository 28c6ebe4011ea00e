package office

import (
	"net/url"
	"strings"
)

// An Invitation is the link that an administrator sends to a new user:
//
//	timbre://invitation?server=…&company=…&extension=…&fingerprint=…&token=…
//
// It holds all that a login needs but the password, and the token by which its
// user may choose that once.
type Invitation struct {
	Server      string // URL, such as "https://pbx.example.com:8443"
	Company     Number
	Extension   Number
	Fingerprint Fingerprint // of the office's authority; empty: the system's roots decide
	Token       string
}

// The link of an invitation begins with these.
const (
	invitationScheme = "timbre"
	invitationHost   = "invitation"
)

// String returns the link. Whoever reads it can choose the password.
func (i Invitation) String() string {
	q := url.Values{"server": {i.Server}, "company": {string(i.Company)}, "extension": {string(i.Extension)}, "token": {i.Token}}
	if i.Fingerprint != "" {
		q.Set("fingerprint", string(i.Fingerprint))
	}
	return (&url.URL{Scheme: invitationScheme, Host: invitationHost, RawQuery: q.Encode()}).String()
}

// ParseInvitation reads a link, as it may be pasted. It returns ErrInvitation
// where it is none, or leads anywhere but over HTTPS.
func ParseInvitation(link string) (Invitation, error) {
	u, err := url.Parse(strings.TrimSpace(link))
	if err != nil || u.Scheme != invitationScheme || u.Host != invitationHost || u.Path != "" && u.Path != "/" {
		return Invitation{}, ErrInvitation
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Invitation{}, ErrInvitation
	}
	i := Invitation{Server: q.Get("server"), Extension: Number(q.Get("extension")), Token: q.Get("token")}
	server, err := url.Parse(i.Server)
	if err != nil || server.Scheme != "https" || server.Host == "" || server.User != nil || server.Path != "" || server.RawQuery != "" || server.Fragment != "" {
		return Invitation{}, ErrInvitation
	}
	if i.Company, err = ParseNumber(q.Get("company")); err != nil || !i.Extension.IsExtension() || !isToken(i.Token) {
		return Invitation{}, ErrInvitation
	}
	if f := q.Get("fingerprint"); f != "" {
		if i.Fingerprint, err = ParseFingerprint(f); err != nil {
			return Invitation{}, ErrInvitation
		}
	}
	return i, nil
}

// isToken reports whether s may be a token: base64url.
func isToken(s string) bool { return len(s) <= 128 && ID(s).Valid() }
