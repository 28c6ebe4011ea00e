package server

import (
	"context"
	"slices"
	"testing"
)

func TestPlace(t *testing.T) {
	tests := []struct {
		name         string
		cfg          Config
		domain, host string
	}{
		{"bound to one address", Config{SIPS: "127.0.0.1:5061"}, "127.0.0.1", "127.0.0.1"},
		{"a domain", Config{SIPS: ":5061", Domain: "office.example.com"}, "office.example.com", "office.example.com"},
		{"a public address", Config{SIPS: ":5061", PublicAddress: "203.0.113.7"}, "203.0.113.7", "203.0.113.7"},
		{"both", Config{Domain: "office.example.com", PublicAddress: "203.0.113.7"}, "office.example.com", "203.0.113.7"},
	}
	for _, tt := range tests {
		tt.cfg.Data = "x"
		p, err := tt.cfg.resolve(context.Background())
		if err != nil || p.domain != tt.domain || p.host != tt.host {
			t.Errorf("%s: %+v, %v", tt.name, p, err)
		}
	}
	// Phones dial what SIP is bound to; people may come by another address.
	if p, err := (Config{Data: "x", HTTPS: ":8443", SIPS: "127.0.0.1:5061"}).resolve(context.Background()); err != nil || p.host != "127.0.0.1" || p.shown != firstOf(interfaceHost(), "127.0.0.1") {
		t.Errorf("%+v, %v", p, err)
	}
	p, err := Config{Data: "x", PublicAddress: "203.0.113.7", Domain: "office.example.com"}.resolve(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	names := p.names()
	for _, want := range []string{"localhost", "127.0.0.1", "::1", "203.0.113.7", "office.example.com"} {
		if !slices.Contains(names, want) {
			t.Errorf("%v: %s is missing", names, want)
		}
	}
	if got, want := p.uris(ports{5060, 5061}), []string{"sips:203.0.113.7:5061", "sip:203.0.113.7:5060", "sip:203.0.113.7:5060;transport=tcp"}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no folder":               {},
		"a key alone":             {Data: "x", Key: "key.pem"},
		"ports the wrong way":     {Data: "x", RTPMin: 30000, RTPMax: 20000},
		"too few ports":           {Data: "x", RTPMin: 20000, RTPMax: 20001},
		"ports that do not exist": {Data: "x", RTPMin: 60000, RTPMax: 70000},
		"an address of nobody":    {Data: "x", PublicAddress: "nobody.invalid"},
	} {
		if _, err := cfg.resolve(context.Background()); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
