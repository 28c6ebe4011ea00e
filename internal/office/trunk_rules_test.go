package office_test

import (
	"testing"

	"timbre/internal/office"
)

func TestCheckTrunk(t *testing.T) {
	good := office.Trunk{Name: "carrier", URI: "sip:sip.example.com:5060"}.WithDefaults()
	if err := office.CheckTrunk(good); err != nil {
		t.Fatalf("%+v: %v", good, err)
	}
	for _, uri := range []string{"sip:192.0.2.1", "sip:[2001:db8::1]:5061", "sip:host_1"} {
		if err := office.CheckTrunk(office.Trunk{Name: "c", URI: uri}.WithDefaults()); err != nil {
			t.Errorf("%s: %v", uri, err)
		}
	}
	for what, spoil := range map[string]func(*office.Trunk){
		"no name":            func(t *office.Trunk) { t.Name = "" },
		"name in two words":  func(t *office.Trunk) { t.Name = "my carrier" },
		"a path as name":     func(t *office.Trunk) { t.Name = "../x" },
		"no scheme":          func(t *office.Trunk) { t.URI = "sip.example.com" },
		"sips":               func(t *office.Trunk) { t.URI = "sips:sip.example.com" }, // --transport tls says so
		"a user":             func(t *office.Trunk) { t.URI = "sip:me@sip.example.com" },
		"parameters":         func(t *office.Trunk) { t.URI = "sip:sip.example.com;lr" },
		"port 0":             func(t *office.Trunk) { t.URI = "sip:sip.example.com:0" },
		"no port":            func(t *office.Trunk) { t.URI = "sip:sip.example.com:" },
		"no host":            func(t *office.Trunk) { t.URI = "sip:" },
		"line break":         func(t *office.Trunk) { t.URI = "sip:a\r\nb" },
		"transport":          func(t *office.Trunk) { t.Transport = "sctp" },
		"format":             func(t *office.Trunk) { t.Format = "local" },
		"priority":           func(t *office.Trunk) { t.Priority = -1 },
		"registers as whom":  func(t *office.Trunk) { t.Register = true },
		"space in user name": func(t *office.Trunk) { t.Username = "a b" },
	} {
		bad := good
		spoil(&bad)
		if err := office.CheckTrunk(bad); err != office.ErrTrunk {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestCheckMailing(t *testing.T) {
	for _, url := range []string{"smtp://user@mail.example.com:587", "smtps://mail.example.com", "smtp://me%40example.com@127.0.0.1:25/"} {
		if err := office.CheckMailing(office.Mailing{URL: url, From: "pbx@example.com"}); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, m := range []office.Mailing{
		{},
		{URL: "smtp://mail.example.com"},
		{URL: "smtp://mail.example.com", From: "nobody"},
		{URL: "http://mail.example.com", From: "a@b.example"},
		{URL: "smtp://", From: "a@b.example"},
		{URL: "smtp://u:secret@mail.example.com", From: "a@b.example"}, // it would be shown
		{URL: "smtp://mail.example.com/path", From: "a@b.example"},
		{URL: "smtp://mail.example.com:99999", From: "a@b.example"},
		{URL: "%", From: "a@b.example"},
	} {
		if err := office.CheckMailing(m); err != office.ErrMailing {
			t.Errorf("%+v: %v", m, err)
		}
	}
}

func TestCheckRights(t *testing.T) {
	if err := office.CheckRights(office.DefaultRights()); err != nil {
		t.Error(err)
	}
	for r, want := range map[office.Rights]error{
		{Classes: "internal", MaxCalls: 0, Minutes: 0}: nil,
		{}:                                   office.ErrClass,
		{Classes: "national,internal"}:       office.ErrClass, // not as ParseClasses writes it
		{Classes: "everything"}:              office.ErrClass,
		{Classes: "internal", MaxCalls: -1}:  office.ErrLimit,
		{Classes: "internal", MaxCalls: 101}: office.ErrLimit,
		{Classes: "internal", Minutes: -1}:   office.ErrLimit,
	} {
		if err := office.CheckRights(r); err != want {
			t.Errorf("%+v: %v, want %v", r, err, want)
		}
	}
	for n, want := range map[int]error{0: office.ErrLimit, 1: nil, 50: nil, 51: office.ErrLimit} {
		if err := office.CheckCallLimit(n); err != want {
			t.Errorf("%d: %v, want %v", n, err, want)
		}
	}
}
