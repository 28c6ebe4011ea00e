package trunk

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
)

// known returns a group of trunks at addresses, which does not run.
func known(t *testing.T, trunks ...office.Trunk) *Group {
	t.Helper()
	g := New(Config{})
	for _, tr := range trunks {
		c := newCarrier(tr, "secret", time.Time{})
		if err := g.resolve(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		g.carriers = append(g.carriers, c)
	}
	return g
}

func TestIdentify(t *testing.T) {
	plain, secure := trunkAt("1", 1), trunkAt("2", 2)
	secure.Transport, secure.URI = "tls", "sip:10.0.0.2"
	registered := trunkAt("3", 3)
	registered.Register, registered.Username = true, "525555550100"
	twin := registered
	twin.ID, twin.Name, twin.Username = "id-4", "carrier 4", "525555550199"
	here := trunkAt("5", 5)
	here.URI = "sip:127.0.0.1:5070"
	g := known(t, plain, secure, registered, twin, here)
	of := func(name string) string {
		for _, c := range g.carriers {
			if c.trunk.Name == name {
				return c.contact
			}
		}
		return ""
	}
	tests := []struct {
		name, source, transport, user string
		want                          string
	}{
		{"its address", "10.0.0.1:5060", "udp", "+525555550123", "carrier 1"},
		{"its address, as an IPv6 socket sees it", "[::ffff:10.0.0.1]:5060", "udp", "+525555550123", "carrier 1"},
		{"its address, another port", "10.0.0.1:5099", "udp", "+525555550123", "carrier 1"},
		{"its address, over TCP", "10.0.0.1:40000", "tcp", "+525555550123", "carrier 1"},
		{"somebody", "10.0.0.9:5060", "udp", "+525555550123", ""},
		{"anybody can write the address of a trunk over TLS", "10.0.0.2:5061", "udp", "+525555550123", ""},
		{"a trunk over TLS", "10.0.0.2:40000", "tls", "+525555550123", "carrier 2"},
		{"our contact, from elsewhere", "10.9.9.9:5060", "udp", of("carrier 3"), "carrier 3"},
		{"two at one carrier", "10.0.0.3:5060", "udp", of("carrier 4"), "carrier 4"},
		{"two at one carrier, by number", "10.0.0.3:5060", "udp", "+525555550123", "carrier 3"},
		{"the user of a registration is no secret", "10.9.9.9:5060", "udp", "525555550100", ""},
		{"a contact of a trunk that does not register", "10.9.9.9:5060", "udp", of("carrier 1"), ""},
		{"this machine", "127.0.0.1:5070", "udp", "+525555550123", "carrier 5"},
		{"a phone on this machine", "127.0.0.1:5071", "udp", "102", ""},
	}
	for _, tt := range tests {
		got, ok := g.Identify(netip.MustParseAddrPort(tt.source), tt.transport, tt.user)
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("%s: %q, %v, want %q", tt.name, got, ok, tt.want)
		}
	}
	if g.TLS(netip.MustParseAddrPort("10.0.0.2:5061")) == nil || g.TLS(netip.MustParseAddrPort("10.0.0.1:5060")) != nil {
		t.Error("TLS is for the trunk over TLS alone")
	}
}

func TestContactsAreSecretAndStay(t *testing.T) {
	one, two := trunkAt("1", 1), trunkAt("2", 2)
	if before := contactOf(one, "secret"); before != contactOf(one, "secret") {
		t.Error("another contact after a restart")
	}
	seen := map[string]bool{}
	for _, c := range []string{contactOf(one, "secret"), contactOf(one, "other"), contactOf(two, "secret"), contactOf(one, ""), contactOf(one, "")} {
		if seen[c] || len(c) < 20 || isNumber(c) {
			t.Errorf("contact %q", c)
		}
		seen[c] = true
	}
}

func TestCalled(t *testing.T) {
	tests := []struct{ user, party, to, want string }{
		{"+525555550123", "", "<sip:+525555550199@office.example>", "+525555550123"},
		{"5555550123", "", "", "5555550123"},
		{"tabc", "", `"Ejemplo" <sip:+525555550123@carrier.example;user=phone>;tag=1`, "+525555550123"},
		{"tabc", "<sip:%2B525555550124@carrier.example>", "<sip:account@carrier.example>", "+525555550124"},
		{"tabc", "<tel:+52-55-5555-0124;phone-context=x>", "<sip:account@carrier.example>", "+52-55-5555-0124"},
		{"tabc", "", "sip:5555550123@carrier.example;tag=2", "5555550123"},
		{"tabc", "", `"<sip:911@x>" <sip:5555550123@carrier.example>`, "5555550123"},
		{"tabc", "", "<sip:carrier.example>", ""},
		{"tabc", "", "<sip:%zz5555550123@carrier.example>", ""},
		{"tabc", "", "", ""},
	}
	for _, tt := range tests {
		if got := called(tt.user, tt.party, tt.to); got != tt.want {
			t.Errorf("%q, %q, %q: %q, want %q", tt.user, tt.party, tt.to, got, tt.want)
		}
	}
}

func FuzzCalled(f *testing.F) {
	f.Add("tabc", `"Ejemplo" <sip:+525555550123@carrier.example>;tag=1`)
	f.Add("%2B", "<tel:1;x")
	f.Fuzz(func(t *testing.T, user, to string) {
		got := called(user, to)
		if n, err := office.ParseNumber(got); got != "" && (err != nil || len(n) < 3) {
			t.Errorf("%q from %q, %q", got, user, to)
		}
	})
}

func TestPlace(t *testing.T) {
	tests := []struct {
		uri, transport, host string
		port                 uint16
	}{
		{"sip:carrier.example", "udp", "carrier.example", 5060},
		{"sip:carrier.example", "tls", "carrier.example", 5061},
		{"sip:carrier.example:5080;transport=tcp", "tcp", "carrier.example", 5080},
		{"sips:carrier.example", "tls", "", 0},
		{"sip:[2001:db8::1]:5070", "udp", "2001:db8::1", 5070},
		{"sip:[2001:db8::1]", "udp", "2001:db8::1", 5060},
		{"sip:10.0.0.1:0", "udp", "", 0},
		{"sip:10.0.0.1:99999", "udp", "", 0},
		{"sip:user@carrier.example", "udp", "", 0},
		{"carrier.example", "udp", "", 0},
		{"sip:", "udp", "", 0},
		{"", "udp", "", 0},
	}
	for _, tt := range tests {
		host, port, err := place(office.Trunk{URI: tt.uri, Transport: tt.transport})
		if host != tt.host || port != tt.port || (err == nil) != (tt.host != "") {
			t.Errorf("%s: %s, %d, %v", tt.uri, host, port, err)
		}
	}
}

func FuzzPlace(f *testing.F) {
	f.Add("sip:[::1]:5060")
	f.Add("sip:]")
	f.Fuzz(func(t *testing.T, uri string) {
		host, port, err := place(office.Trunk{URI: uri})
		if err == nil && (host == "" || port == 0 || !strings.Contains(uri, host)) {
			t.Errorf("%q: %q, %d", uri, host, port)
		}
	})
}
