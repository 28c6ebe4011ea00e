package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"

	"timbre/internal/ua"
)

// A place is where in the network an office is.
type place struct {
	domain string     // of SIP addresses
	host   string     // that phones dial when nobody says better
	shown  string     // host of listeners that are bound to all addresses, for people
	public netip.Addr // that peers outside the local networks reach; invalid: none
	extra  []string   // names and addresses that the configuration gives
}

// resolve checks cfg and finds out where the office is.
func (cfg Config) resolve(ctx context.Context) (p place, err error) {
	switch {
	case cfg.Data == "":
		return p, errors.New("no data folder is given")
	case (cfg.Cert == "") != (cfg.Key == ""):
		return p, errors.New("a certificate needs its key: give both --cert and --key or neither")
	case cfg.RTPMin < 0 || cfg.RTPMax > 65535 || cfg.RTPMin > cfg.RTPMax || cfg.RTPMax > 0 && cfg.RTPMax-cfg.RTPMin < 3:
		return p, fmt.Errorf("RTP ports %d-%d: not a range of at least 4 ports", cfg.RTPMin, cfg.RTPMax)
	}
	if cfg.PublicAddress != "" {
		if p.public, err = resolveHost(ctx, cfg.PublicAddress); err != nil {
			return p, fmt.Errorf("public address %s: %w", cfg.PublicAddress, err)
		}
		p.extra = append(p.extra, cfg.PublicAddress, p.public.String())
	}
	if cfg.Domain != "" {
		p.extra = append(p.extra, cfg.Domain)
	}
	p.shown = firstOf(cfg.PublicAddress, cfg.Domain, interfaceHost(), "127.0.0.1")
	p.host = firstOf(cfg.PublicAddress, cfg.Domain, boundHost(cfg), p.shown)
	p.domain = firstOf(cfg.Domain, p.host)
	return p, nil
}

func firstOf(names ...string) string {
	for _, n := range names {
		if n != "" {
			return n
		}
	}
	return ""
}

// resolveHost returns the address of a host name or spelled-out address, IPv4
// where there is a choice.
func resolveHost(ctx context.Context, host string) (netip.Addr, error) {
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range all {
		if a.Unmap().Is4() {
			return a.Unmap(), nil
		}
	}
	return all[0], nil
}

// boundHost returns the address that the SIP listeners are bound to, "" where
// they take calls on all.
func boundHost(cfg Config) string {
	for _, addr := range []string{cfg.SIPS, cfg.SIP, cfg.HTTPS} {
		host, _, err := net.SplitHostPort(addr)
		if ip := net.ParseIP(host); err == nil && ip != nil && !ip.IsUnspecified() {
			return host
		}
	}
	return ""
}

// interfaceHost returns the machine's first address that others can reach, IPv4
// where there is a choice, or "".
func interfaceHost() (host string) {
	for _, ip := range interfaceAddresses() {
		if !ip.IsGlobalUnicast() {
			continue
		}
		if ip.To4() != nil {
			return ip.String()
		}
		host = firstOf(host, ip.String())
	}
	return host
}

// maxNames bounds the interface addresses in a certificate.
const maxNames = 64

func interfaceAddresses() (ips []net.IP) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil // a certificate without them still serves
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLinkLocalUnicast() && len(ips) < maxNames {
			ips = append(ips, n.IP)
		}
	}
	return ips
}

// names returns what the office's certificate is for: every name and address
// by which a client may have reached it.
func (p place) names() []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if h, err := os.Hostname(); err == nil && h != "" {
		names = append(names, h)
	}
	names = append(names, p.extra...)
	for _, ip := range interfaceAddresses() {
		names = append(names, ip.String())
	}
	seen := map[string]bool{}
	unique := names[:0]
	for _, n := range names {
		if !seen[n] {
			seen[n] = true
			unique = append(unique, n)
		}
	}
	return unique
}

// ports are those that phones dial; 0: not listened on.
type ports struct{ sip, sips int }

// configuredPorts returns the ports of the addresses in cfg: those of the next
// server that runs with it.
func configuredPorts(cfg Config) ports {
	port := func(addr string) int {
		_, p, err := net.SplitHostPort(addr)
		if err != nil {
			return 0
		}
		n, _ := strconv.Atoi(p) // a service name is none that a phone could be told
		return n
	}
	return ports{port(cfg.SIP), port(cfg.SIPS)}
}

// uris returns where phones register, safest first.
func (p place) uris(ports ports) []string {
	var all []string
	at := func(port int) string { return net.JoinHostPort(p.host, strconv.Itoa(port)) }
	if ports.sips != 0 {
		all = append(all, "sips:"+at(ports.sips))
	}
	if ports.sip != 0 {
		all = append(all, "sip:"+at(ports.sip), "sip:"+at(ports.sip)+";transport=tcp")
	}
	return all
}

// media returns how RTP sockets are bound and named.
func (p place) media(cfg Config) ua.Media {
	return ua.Media{PortMin: cfg.RTPMin, PortMax: cfg.RTPMax, Public: p.public}
}
