package softphone

import (
	"net/netip"
	"testing"
)

func TestServerIsTheFirstAddressWithTLS(t *testing.T) {
	for _, c := range []struct {
		uris []string
		host string
		port uint16
	}{
		{[]string{"sips:office.example:5061"}, "office.example", 5061},
		{[]string{"sip:office.example:5060", "sips:192.0.2.1:15061"}, "192.0.2.1", 15061}, // plain SIP is not used
		{[]string{"sips:office.example"}, "office.example", 5061},
		{[]string{"sip:office.example;transport=TLS"}, "office.example", 5061},
		{[]string{"sip:office.example:9;lr;transport=tls"}, "office.example", 9},
		{[]string{"sips:ana@office.example"}, "office.example", 5061},
		{[]string{"sips:[2001:db8::1]:7"}, "2001:db8::1", 7},
		{[]string{"sips:office.example:0", "sips:office.example:x", "sips:", "sip:office.example;transport=udp", "nonsense", ""}, "", 0},
		{nil, "", 0},
	} {
		s, err := newServer(c.uris)
		if (err != nil) != (c.host == "") {
			t.Errorf("%q: %v", c.uris, err)
			continue
		}
		if err == nil && (s.host != c.host || s.port != c.port) {
			t.Errorf("%q: %s port %d, want %s port %d", c.uris, s.host, s.port, c.host, c.port)
		}
	}
}

func TestResolve(t *testing.T) {
	s, err := newServer([]string{"sips:127.0.0.1:5061"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // one address: it is tried again
		a, err := s.resolve(t.Context())
		if err != nil || a != netip.MustParseAddrPort("127.0.0.1:5061") {
			t.Fatalf("%v, %v", a, err)
		}
	}
}
