package model

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"timbre/internal/office"
	"timbre/sync/engine"
)

// door answers logins as a server would.
type door struct {
	asked []engine.Login
	err   func(engine.Login) error
}

func (d *door) Login(_ context.Context, l engine.Login) error {
	d.asked = append(d.asked, l)
	return d.err(l)
}
func (d *door) Logout(context.Context, bool) error { return nil }

const print office.Fingerprint = "0f9d3a5be21c77448899aabbccddeeff00112233445566778899aabbccddeeff"

func filled(b *bench, d *door) (*Login, *bool) {
	done := false
	l := NewLogin(b.Desk, d, "", "")
	l.Server, l.Company, l.Extension, l.Password = "oficina.mx:8443", "55 5555 0100", " 101 ", "secreto bien largo"
	l.OnDone = func() { done = true }
	return l, &done
}

// What is an emergency number here is an extension elsewhere: the server says.
func TestLoginOfAnExtensionElsewhere(t *testing.T) {
	b := newBench(t, office.Spanish)
	d := &door{err: func(engine.Login) error { return nil }}
	l, done := filled(b, d)
	l.Extension = "066"
	l.Submit()
	b.until("the login", func() bool { return *done })
	if len(d.asked) != 1 || d.asked[0].Extension != "066" {
		t.Errorf("asked %+v, said %q", d.asked, l.Problem)
	}
}

func TestLoginAsksBeforeItTrusts(t *testing.T) {
	b := newBench(t, office.Spanish)
	d := &door{err: func(l engine.Login) error {
		if l.Fingerprint == "" {
			return fmt.Errorf("logging in: %w", &engine.UnknownAuthority{Fingerprint: print})
		}
		return nil
	}}
	l, done := filled(b, d)
	l.Submit()
	l.Submit() // twice is once
	b.until("the question", func() bool { return l.Question == print })
	if *done || l.Busy || l.Problem != "" {
		t.Fatalf("before the answer: %+v", l)
	}
	l.Submit() // the question stands
	l.Trust()
	b.until("the login", func() bool { return *done })
	want := engine.Login{Server: "https://oficina.mx:8443", Company: "+525555550100", Extension: "101", Password: "secreto bien largo"}
	if len(d.asked) != 2 || d.asked[0] != want {
		t.Fatalf("asked %+v", d.asked)
	}
	if want.Fingerprint = print; d.asked[1] != want {
		t.Fatalf("asked %+v", d.asked)
	}
	if l.Password != "" {
		t.Error("the password is kept")
	}
}

func TestLoginDistrust(t *testing.T) {
	b := newBench(t, office.Spanish)
	d := &door{err: func(engine.Login) error { return &engine.UnknownAuthority{Fingerprint: print} }}
	l, _ := filled(b, d)
	l.Submit()
	b.until("the question", func() bool { return l.Question != "" })
	l.Distrust()
	l.Submit()
	b.until("the question again", func() bool { return l.Question != "" })
	if d.asked[1].Fingerprint != "" {
		t.Error("a fingerprint that was refused is used")
	}
}

// A server that is known and shows another authority is refused in words, not
// asked about.
func TestLoginRefusesAChangedAuthority(t *testing.T) {
	b := newBench(t, office.Spanish)
	d := &door{err: func(engine.Login) error { return &engine.UnknownAuthority{Fingerprint: strings60()} }}
	l := NewLogin(b.Desk, d, "https://oficina.mx:8443", print)
	l.Company, l.Extension, l.Password = "5555550100", "101", "x"
	if l.AskServer {
		t.Error("a known server is asked for")
	}
	l.Submit()
	b.until("the refusal", func() bool { return l.Problem != "" })
	if l.Question != "" || l.Problem != b.Phrases.Words(office.ErrFingerprint) || d.asked[0].Fingerprint != print {
		t.Errorf("%+v", l)
	}
	// Another server has another authority.
	l.ChangeServer()
	l.Server = "otra.mx"
	l.Submit()
	b.until("the question", func() bool { return l.Question != "" })
}

func strings60() office.Fingerprint { return office.Fingerprint(strings.Repeat("ab", 32)) }

func TestLoginSaysWhatIsWrong(t *testing.T) {
	b := newBench(t, office.Spanish)
	d := &door{err: func(engine.Login) error { return office.ErrLogin }}
	for _, c := range []struct {
		change func(*Login)
		words  string
	}{
		{func(l *Login) { l.Company = " " }, "Falta: Número telefónico."},
		{func(l *Login) { l.Password = "" }, "Falta: Contraseña."},
		{func(l *Login) { l.Server = "" }, "Falta: Servidor."},
		{func(l *Login) { l.Extension = "ana" }, b.Phrases.Words(office.ErrExtension)},
		{func(l *Login) { l.Company = "ana" }, b.Phrases.Say("error.company")},
		{func(l *Login) { l.Server = "http://oficina.mx" }, b.Phrases.Say("error.server")},
		{func(*Login) {}, b.Phrases.Words(office.ErrLogin)},
	} {
		l, done := filled(b, d)
		c.change(l)
		l.Submit()
		b.until(c.words, func() bool { return l.Problem != "" })
		if l.Problem != c.words || l.Busy || *done {
			t.Errorf("%q, want %q", l.Problem, c.words)
		}
	}
	if len(d.asked) != 1 {
		t.Errorf("%d requests went out, want 1", len(d.asked))
	}
}

func TestLoginRemembersAsPeopleRead(t *testing.T) {
	b := newBench(t, office.Spanish)
	for company, want := range map[office.Number]string{"+525555550100": "55 5555 0100", "+13055550100": "(+1) 305 555 0100", "": ""} {
		d := &door{err: func(engine.Login) error { return office.ErrLogin }}
		l := NewLogin(b.Desk, d, "oficina.mx", print)
		l.Remember(company, "101")
		if l.Company != want || l.Extension != "101" {
			t.Errorf("%s: %q, %q", company, l.Company, l.Extension)
		}
		if company == "" {
			continue
		}
		mend := LoginField(-1)
		l.OnMend = func(f LoginField) { mend = f }
		l.Password = "secreto"
		l.Submit()
		b.until("the answer", func() bool { return l.Problem != "" })
		if mend != PasswordField || d.asked[0].Company != company {
			t.Errorf("%s: asked %+v, mend %d", company, d.asked, mend)
		}
	}
}

func TestServerURL(t *testing.T) {
	for in, want := range map[string]string{
		"oficina.mx": "https://oficina.mx", " https://oficina.mx:8443/ ": "https://oficina.mx:8443", "127.0.0.1:8443": "https://127.0.0.1:8443",
		"[::1]:8443": "https://[::1]:8443", "http://oficina.mx": "", "": "", "https://": "", "https://a/b": "", "https://u:p@a": "", "a b": "", "ftp://a": "",
	} {
		if got, err := ServerURL(in); got != want || (err == nil) != (want != "") {
			t.Errorf("ServerURL(%q) = %q, %v", in, got, err)
		}
	}
}

func TestGroups(t *testing.T) {
	want := "0f9d 3a5b e21c 7744\n8899 aabb ccdd eeff\n0011 2233 4455 6677\n8899 aabb ccdd eeff"
	if got := Groups(print); got != want {
		t.Errorf("got %q", got)
	}
}
