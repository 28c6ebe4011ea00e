package sipguard

import (
	"bytes"
	"net/netip"
)

// The character classes of RFC 3261 §25.1 that the guard needs.

// IsToken reports whether b is a non-empty token.
func IsToken(b []byte) bool {
	for _, c := range b {
		if !isTokenChar(c) {
			return false
		}
	}
	return len(b) > 0
}

func isTokenChar(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return c != 0 && bytes.IndexByte([]byte("-.!%*_+`'~"), c) >= 0
}

// number reads 1 to 10 digits; ok is false for anything else.
func number(b []byte) (n uint64, ok bool) {
	if len(b) == 0 || len(b) > 10 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// isClean reports whether a header value has no control character but the tab
// and those that a quoted string escapes.
func isClean(b []byte) bool {
	for i, c := range b {
		if (c < ' ' && c != '\t' || c == 0x7f) && (i == 0 || b[i-1] != '\\' || c == '\r' || c == '\n') {
			return false
		}
	}
	return true
}

// Quoted returns the length of the quoted string at the beginning of b, with its
// quotes, or 0 where it does not end.
func Quoted(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return 0
}

// validHost reports whether b is a host name, an IPv4 address or an IPv6
// reference, with or without a port behind it.
func validHost(b []byte) bool {
	host, port := b, []byte(nil)
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 || end > 41 {
			return false
		}
		if a, err := netip.ParseAddr(string(b[1:end])); err != nil || !a.Is6() || a.Zone() != "" {
			return false
		}
		if host, port = nil, b[end+1:]; len(port) > 0 {
			if port[0] != ':' {
				return false
			}
			port = port[1:]
			return validPort(port)
		}
		return true
	}
	if i := bytes.IndexByte(b, ':'); i >= 0 {
		host, port = b[:i], b[i+1:]
		if !validPort(port) {
			return false
		}
	}
	if len(host) == 0 || len(host) > 255 {
		return false
	}
	for _, c := range host {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return true
}

func validPort(b []byte) bool {
	n, ok := number(b)
	return ok && n > 0 && n < 65536
}

// scheme returns the scheme of a URI in lower case and what follows its colon.
func scheme(uri []byte) (string, []byte) {
	i := bytes.IndexByte(uri, ':')
	if i <= 0 || i > 32 {
		return "", nil
	}
	for j, c := range uri[:i] {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (j == 0 || !(c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.')) {
			return "", nil
		}
	}
	return string(bytes.ToLower(uri[:i])), uri[i+1:]
}

// validSIP reports whether rest, a sip or sips URI without its scheme, is well
// formed; headers says whether a "?" part may be in it.
func validSIP(rest []byte, headers bool) bool {
	for _, c := range rest {
		if c <= ' ' || c == 0x7f || c == '<' || c == '>' || c == '"' {
			return false
		}
	}
	if at := bytes.IndexByte(rest, '@'); at >= 0 {
		if at == 0 || !validUser(rest[:at]) {
			return false
		}
		rest = rest[at+1:]
	}
	hostport := rest
	if i := bytes.IndexAny(rest, ";?"); i >= 0 {
		hostport, rest = rest[:i], rest[i:]
		if !headers && bytes.IndexByte(rest, '?') >= 0 {
			return false
		}
	}
	return validHost(hostport)
}

// validUser reports whether the user part has no bracket.
func validUser(b []byte) bool {
	for i := 0; i < len(b); i++ {
		if b[i] == '[' || b[i] == ']' {
			return false // a parser may take it for an IPv6 host
		}
	}
	return true
}

// ValidAddress reports whether b is one name-addr or addr-spec with parameters.
// Without angle brackets no comma, question mark or semicolon belongs to the URI.
func ValidAddress(b []byte) bool {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return false
	}
	if b[0] == '"' {
		n := Quoted(b)
		if n == 0 {
			return false
		}
		b = bytes.TrimLeft(b[n:], " \t")
		if len(b) == 0 || b[0] != '<' {
			return false
		}
	}
	open := bytes.IndexByte(b, '<')
	if semi := bytes.IndexAny(b, ";:"); open < 0 || semi >= 0 && semi < open {
		spec, params := b, []byte(nil)
		if i := bytes.IndexByte(b, ';'); i >= 0 {
			spec, params = b[:i], b[i:]
		}
		spec = bytes.TrimRight(spec, " \t")
		return !bytes.ContainsAny(spec, "?, \t<>\"") && validURI(spec, false) && validParams(params)
	}
	for _, c := range b[:open] {
		if !isTokenChar(c) && c != ' ' && c != '\t' && c < 0x80 {
			return false
		}
	}
	end := bytes.IndexByte(b, '>')
	if end < open {
		return false
	}
	return validURI(b[open+1:end], true) && validParams(bytes.TrimLeft(b[end+1:], " \t"))
}

// validURI reports whether b is a URI of any scheme; those of SIP are looked into.
func validURI(b []byte, headers bool) bool {
	s, rest := scheme(b)
	switch s {
	case "":
		return false
	case "sip", "sips":
		return validSIP(rest, headers)
	}
	return len(rest) > 0 && !bytes.ContainsAny(rest, " \t<>\"")
}

// validParams reports whether b is empty or a list of ";name[=value]".
func validParams(b []byte) bool {
	for len(b) > 0 {
		if b[0] != ';' {
			return false
		}
		b = bytes.TrimLeft(b[1:], " \t")
		i := 0
		for i < len(b) && isTokenChar(b[i]) {
			i++
		}
		if i == 0 {
			return false
		}
		b = bytes.TrimLeft(b[i:], " \t")
		if len(b) == 0 || b[0] != '=' {
			continue
		}
		b = bytes.TrimLeft(b[1:], " \t")
		if len(b) > 0 && b[0] == '"' {
			n := Quoted(b)
			if n == 0 {
				return false
			}
			b = b[n:]
		} else {
			i := 0
			for i < len(b) && (isTokenChar(b[i]) || bytes.IndexByte([]byte("[]:/@?&$"), b[i]) >= 0) {
				i++
			}
			if i == 0 {
				return false
			}
			b = b[i:]
		}
		b = bytes.TrimLeft(b, " \t")
	}
	return true
}

// EachAddress calls f for every element of a comma-separated list of addresses
// and reports whether f accepted all.
func EachAddress(b []byte, f func([]byte) bool) bool {
	start, angle := 0, false
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			n := Quoted(b[i:])
			if n == 0 {
				return false
			}
			i += n - 1
		case '<':
			angle = true
		case '>':
			angle = false
		case ',':
			if !angle {
				if !f(b[start:i]) {
					return false
				}
				start = i + 1
			}
		}
	}
	return f(b[start:])
}
