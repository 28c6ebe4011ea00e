package ua

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"timbre/internal/office"
	"timbre/internal/sipguard"
)

// An address is one name-addr or addr-spec of a header field, cut into its parts
// (RFC 3261 §20.10). Escapes are left as they are.
type address struct {
	name    string // displayed, without quotes
	scheme  string // in lower case
	user    string // without password; the number of a tel URI; empty for other schemes than sip, sips and tel
	host    string // without port; only of sip and sips
	options string // parameters of the URI, from the first ";" on
	headers string // header fields of the URI, behind "?"
	params  string // parameters of the address, from the first ";" on
}

// parseAddress reads one address of a header field. It reports false for what is
// none.
func parseAddress(s string) (a address, ok bool) {
	s = strings.TrimSpace(s)
	if !sipguard.ValidAddress([]byte(s)) {
		return a, false
	}
	if strings.HasPrefix(s, `"`) {
		n := sipguard.Quoted([]byte(s))
		a.name, s = unquote(s[1:n-1]), strings.TrimLeft(s[n:], " \t")
	}
	uri := s
	open, sign := strings.IndexByte(s, '<'), strings.IndexAny(s, ";:")
	if open >= 0 && open < sign {
		end := strings.IndexByte(s, '>')
		if open > 0 {
			a.name = strings.TrimSpace(s[:open])
		}
		uri, a.params = s[open+1:end], strings.TrimSpace(s[end+1:])
	} else if i := strings.IndexByte(s, ';'); i >= 0 {
		uri, a.params = strings.TrimSpace(s[:i]), s[i:]
	}
	scheme, rest, _ := strings.Cut(uri, ":")
	a.scheme = strings.ToLower(scheme)
	switch a.scheme {
	case "sip", "sips":
		if user, host, has := strings.Cut(rest, "@"); has {
			a.user, _, _ = strings.Cut(user, ":")
			rest = host
		}
		rest, a.headers, _ = strings.Cut(rest, "?")
		if i := strings.IndexByte(rest, ';'); i >= 0 {
			rest, a.options = rest[:i], rest[i:]
		}
		a.host = rest
		if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, ']') {
			a.host = rest[:i]
		}
	case "tel":
		a.user = rest
		if i := strings.IndexByte(rest, ';'); i >= 0 {
			a.user, a.options = rest[:i], rest[i:]
		}
	}
	return a, true
}

// party returns who is at the address: cleaned. The number is empty where the user
// part is none.
func (a address) party() office.Party {
	number, err := office.ParseNumber(a.number())
	if err != nil {
		number = ""
	}
	return office.Party{Number: number, Name: office.CleanName(a.name)}
}

// number returns the user part, unescaped and without parameters such as phone-context.
func (a address) number() string {
	user, _, _ := strings.Cut(a.user, ";")
	return unescape(user)
}

// header returns a header field of the URI, unescaped.
func (a address) header(name string) (value string, has bool) {
	for h := range strings.SplitSeq(a.headers, "&") {
		if n, v, _ := strings.Cut(h, "="); strings.EqualFold(unescape(n), name) {
			return unescape(v), true
		}
	}
	return "", false
}

// paramOf returns the value of a parameter in a list of ";name=value", without
// quotes; empty where it has none or is not there.
func paramOf(params, name string) string {
	for len(params) > 0 {
		params = strings.TrimLeft(params, "; \t")
		i := strings.IndexAny(params, ";=")
		if i < 0 || params[i] == ';' {
			i = max(i, 0)
			if i == 0 {
				return ""
			}
			params = params[i:]
			continue
		}
		n, v := strings.TrimSpace(params[:i]), strings.TrimLeft(params[i+1:], " \t")
		end := strings.IndexByte(v, ';')
		if strings.HasPrefix(v, `"`) {
			end = sipguard.Quoted([]byte(v))
			if end == 0 {
				return ""
			}
		} else if end < 0 {
			end = len(v)
		}
		if strings.EqualFold(n, name) {
			v = strings.TrimSpace(v[:end])
			if strings.HasPrefix(v, `"`) {
				v = unquote(v[1 : len(v)-1])
			}
			return v
		}
		params = v[end:]
	}
	return ""
}

// values returns the elements of all header fields of that name, in order. A list
// that cannot be taken apart is one element.
func values(m sip.Message, name string) []string {
	var out []string
	for _, h := range m.GetHeaders(name) {
		v, from := h.Value(), len(out)
		if !sipguard.EachAddress([]byte(v), func(b []byte) bool {
			out = append(out, strings.TrimSpace(string(b)))
			return true
		}) {
			out = append(out[:from], v)
		}
	}
	return out
}
