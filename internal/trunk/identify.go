package trunk

import (
	"net/netip"

	"timbre/internal/ua"
)

// Identify reports whether a request from source comes from a carrier, and over
// which trunk, by its name. toUser is the user part of the Request-URI. It is what
// ua.Config.Peer asks.
func (g *Group) Identify(source netip.AddrPort, transport, toUser string) (name string, ok bool) {
	return "", false
}

// Called returns the number that a carrier's call is for, as the carrier writes
// it: the user of the Request-URI, or, where that is only the contact under which
// we registered, what P-Called-Party-ID or To says. It is empty where none of
// them names a number.
func (g *Group) Called(in *ua.Incoming) string { return in.To() }
