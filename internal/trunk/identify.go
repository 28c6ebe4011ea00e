package trunk

import (
	"net/netip"
	"net/url"
	"strings"

	"timbre/internal/office"
	"timbre/internal/ua"
)

// Identify reports whether a request from source comes from a carrier, and over
// which trunk, by its name. toUser is the user part of the Request-URI. It is what
// ua.Config.Peer asks.
//
// A carrier is known by the contact under which we registered, which nobody else
// was told; else by its address and port; else by its address alone, from which a
// carrier may send as it likes, but not where that is this machine, which phones
// share. Over UDP, where anybody can write any address, only a trunk over UDP is
// known by it.
func (g *Group) Identify(source netip.AddrPort, transport, toUser string) (name string, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	rank := 0
	for _, c := range g.carriers {
		r := 0
		switch {
		case c.trunk.Register && toUser == c.contact:
			r = 3
		case !c.at(source.Addr()) || transport == "udp" && c.trunk.Transport != "udp":
		case c.port == source.Port():
			r = 2
		case !source.Addr().IsLoopback():
			r = 1
		}
		if r > rank {
			rank, name = r, c.trunk.Name
		}
	}
	return name, rank > 0
}

// Called returns the number that a carrier's call is for, as the carrier writes
// it: the user of the Request-URI, or, where that is only the contact under which
// we registered, what P-Called-Party-ID or To says. It is empty where none of
// them names a number.
func (g *Group) Called(in *ua.Incoming) string {
	return called(in.To(), in.Header("P-Called-Party-ID"), in.Header("To"))
}

// called returns the first that names a number: the user of the Request-URI, or
// that of the address in one of the header fields.
func called(user string, headers ...string) string {
	if isNumber(user) {
		return user
	}
	for _, h := range headers {
		if user = userOf(h); isNumber(user) {
			return user
		}
	}
	return ""
}

// isNumber reports whether s is a number of the outside, whatever its format.
func isNumber(s string) bool {
	n, err := office.ParseNumber(s)
	return err == nil && len(strings.Trim(string(n), "+*#")) >= 3
}

// userOf returns the user part of the address in a header field such as To,
// unescaped; empty where it has none.
func userOf(field string) string {
	if at := strings.LastIndexByte(field, '<'); at >= 0 { // a displayed name before it may hold anything
		field, _, _ = strings.Cut(field[at+1:], ">")
	}
	scheme, rest, _ := strings.Cut(field, ":")
	user, _, hasHost := strings.Cut(rest, "@")
	if strings.EqualFold(scheme, "tel") {
		user = rest
	} else if !hasHost {
		return ""
	}
	user, _, _ = strings.Cut(user, ";")
	user, err := url.PathUnescape(user)
	if err != nil {
		return ""
	}
	return user
}
