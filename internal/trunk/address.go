package trunk

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"timbre/internal/office"
)

// resolveTime is how long a name server may take.
const resolveTime = 5 * time.Second

// place returns the host and port of a trunk's URI; the port is the usual one
// where the URI has none. It returns office.ErrTrunk where that is no address.
func place(t office.Trunk) (host string, port uint16, err error) {
	at, ok := strings.CutPrefix(t.URI, "sip:")
	at, _, _ = strings.Cut(at, ";")
	if port = 5060; t.Transport == "tls" {
		port = 5061
	}
	host, digits := at, ""
	if end := strings.LastIndexByte(at, ']'); end >= 0 {
		host, digits = strings.TrimPrefix(at[:end], "["), strings.TrimPrefix(at[end+1:], ":")
	} else {
		host, digits, _ = strings.Cut(at, ":")
	}
	if digits != "" {
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil || n == 0 {
			return "", 0, office.ErrTrunk
		}
		port = uint16(n)
	}
	if !ok || host == "" || strings.ContainsAny(host, "@/ <>\"?") {
		return "", 0, office.ErrTrunk
	}
	return host, port, nil
}

// resolve looks up the addresses of c anew. Where the name server does not
// answer, the addresses of before remain; it is an error where there are none.
func (g *Group) resolve(ctx context.Context, c *carrier) error {
	if c.host == "" {
		g.note(c, func(s *State) { s.LastError = office.ErrTrunk.Error() })
		return office.ErrTrunk
	}
	found, err := g.lookup(ctx, c.host)
	g.mu.Lock()
	if err == nil {
		for i, a := range found {
			found[i] = a.Unmap()
		}
		// IPv4 first, which carriers serve best; then the one in use before all.
		slices.SortStableFunc(found, func(a, b netip.Addr) int { return cmp.Compare(a.BitLen(), b.BitLen()) })
		if len(c.addrs) > 0 {
			if at := slices.Index(found, c.addrs[0]); at > 0 {
				found = slices.Concat(found[at:], found[:at])
			}
		}
		c.addrs = found
	}
	none := len(c.addrs) == 0
	g.mu.Unlock()
	if !none || ctx.Err() != nil {
		return ctx.Err()
	}
	g.note(c, func(s *State) { s.Reachable, s.LastError = false, err.Error() })
	return err
}

// lookup returns the addresses of host, at least one.
func (g *Group) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	found, err := g.cfg.Resolve(ctx, host)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s has no address", host)
	}
	if err != nil {
		return nil, fmt.Errorf("looking up the carrier: %w", err)
	}
	return slices.Clone(found), nil
}

// addr returns where requests to c go; invalid where its host has no address.
func (g *Group) addr(c *carrier) netip.AddrPort {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(c.addrs) == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(c.addrs[0], c.port)
}

// next has the next address of c used, where it has several.
func (g *Group) next(c *carrier) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(c.addrs) > 1 {
		c.addrs = slices.Concat(c.addrs[1:], c.addrs[:1])
	}
}

// at reports whether a is an address of c. g.mu must be held.
func (c *carrier) at(a netip.Addr) bool { return slices.Contains(c.addrs, a.Unmap()) }
