package softphone

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"timbre/internal/office"
)

// An Account is the line that a phone uses and how it finds the office. Only
// addresses with TLS are used: the sound of such a line is always SRTP.
type Account struct {
	office.SIPAccount
	Extension   office.Number      // whose line it is
	Name        string             // displayed to those who are called
	Fingerprint office.Fingerprint // of the office's authority; empty: the system's roots decide
}

// A RegistrationState is what stands between the phone and the office.
type RegistrationState string

// The states of a registration.
const (
	Offline     RegistrationState = "offline"     // the office cannot be reached; tried again by itself
	Registering RegistrationState = "registering" // asked, no answer yet
	Registered  RegistrationState = "registered"  // can be called
	Refused     RegistrationState = "refused"     // the office does not know the device: a person must log in again
)

// A Registration says whether the phone can be called now.
type Registration struct {
	State   RegistrationState
	Err     error     // why it is Offline or Refused; wraps office.ErrFingerprint for a strange server
	RetryAt time.Time // when it is tried again by itself; zero where it is not
}

// A server is where the office listens for SIP over TLS. It is safe for
// concurrent use.
type server struct {
	host string
	port uint16
	next atomic.Uint32 // which of the host's addresses is tried next
}

// newServer returns the first of uris that is SIP over TLS: "sips:HOST[:PORT]"
// or "sip:HOST[:PORT];transport=tls" (RFC 3261 §19.1).
func newServer(uris []string) (*server, error) {
	for _, s := range uris {
		scheme, rest, _ := strings.Cut(s, ":")
		address, params, _ := strings.Cut(rest, ";")
		if i := strings.LastIndexByte(address, '@'); i >= 0 {
			address = address[i+1:]
		}
		tls := strings.EqualFold(scheme, "sips") || strings.EqualFold(scheme, "sip") && strings.Contains(";"+strings.ToLower(params)+";", ";transport=tls;")
		if !tls || address == "" {
			continue
		}
		u, err := url.Parse("//" + address)
		if err != nil || u.Hostname() == "" {
			continue
		}
		port := uint64(5061)
		if u.Port() != "" {
			if port, err = strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
				continue
			}
		}
		return &server{host: u.Hostname(), port: uint16(port)}, nil
	}
	return nil, fmt.Errorf("softphone: no SIP address with TLS among %q", uris)
}

// resolve returns an address of the server, another one each time where it has
// several, IPv4 first.
func (s *server) resolve(ctx context.Context) (netip.AddrPort, error) {
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", s.host)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("looking up %s: %w", s.host, err)
	}
	var v4, v6 []netip.Addr
	for _, a := range addrs {
		if a = a.Unmap(); a.Is4() {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	all := append(v4, v6...)
	if len(all) == 0 {
		return netip.AddrPort{}, fmt.Errorf("looking up %s: no address", s.host)
	}
	n := s.next.Add(1) - 1
	return netip.AddrPortFrom(all[int(n)%len(all)], s.port), nil
}
