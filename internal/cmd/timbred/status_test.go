package main

import (
	"context"
	"net/netip"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/internal/api"
	"timbre/internal/office"
	"timbre/internal/officetest"
	"timbre/internal/store"
	"timbre/internal/ua"
)

// A telephone is a registered device of an extension.
type telephone struct {
	*officetest.Carrier
	target ua.Target
}

// register returns a telephone of extension n.
func register(t *testing.T, d *daemon, with func(...string) []string, n string) *telephone {
	t.Helper()
	var a office.SIPAccount
	decode(t, run(t, "", with("device", "add", n, "--name", "desk", "--json")...).ok(t), &a)
	c, stop, err := officetest.NewCarrier(officetest.CarrierOptions{})
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort(d.SIP)
	auth := ua.Credentials{Username: a.Username, Password: a.Password, Realm: office.SIPRealm}
	registered := make(chan struct{})
	once := sync.OnceFunc(func() { close(registered) })
	ctx, leave := context.WithCancel(context.Background())
	var looping sync.WaitGroup
	looping.Go(func() {
		c.RegisterLoop(ctx, ua.RegisterConfig{Domain: a.Domain, Transport: "udp", Addr: at, Auth: auth, OnState: func(r ua.RegisterState) {
			if r.Phase == ua.Registered {
				once()
			}
		}})
	})
	t.Cleanup(func() {
		leave()
		looping.Wait()
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-registered:
	case <-time.After(limit):
		t.Fatal("the telephone is not registered")
	}
	return &telephone{c, ua.Target{Transport: "udp", Addr: at, From: office.Party{Number: office.Number(a.Username)}, Auth: &auth}}
}

// call calls number until the test is over or the call is answered.
func (p *telephone) call(t *testing.T, number string) (*ua.Leg, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	to := p.target
	to.URI = "sip:" + number + "@localhost"
	return p.Dial(ctx, to)
}

// TestStatusTellsWhatIs brings about a state for each line of the status.
func TestStatusTellsWhatIs(t *testing.T) {
	data, with := found(t)
	has(t, run(t, "", with("status")...).ok(t), "server", "not running", "e-mail", "not set up (timbred smtp set), 0 waiting", "last backup", "never")
	run(t, "secret\n", with("smtp", "set", "--url", "smtp://127.0.0.1:1", "--from", "pbx@example.com", "--password-stdin")...).ok(t)
	d := serve(t, data)
	phone := register(t, d, with, "101")
	if _, err := phone.call(t, "911"); err == nil { // of which the administrator gets a mail
		t.Error("an emergency call without a line was answered")
	}
	echo, err := phone.call(t, "*43")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "backup")
	run(t, "", with("backup", file)...).ok(t)

	var s api.Status
	for begun := time.Now(); s.Mail.LastError == ""; time.Sleep(20 * time.Millisecond) {
		decode(t, run(t, "", with("status", "--json")...).ok(t), &s)
		if time.Since(begun) > limit {
			t.Fatalf("no mail was tried: %+v", s.Mail)
		}
	}
	if s.Devices != 1 || s.Registered != 1 || s.LiveCalls != 1 || s.Mail.Waiting != 1 || s.Mail.Oldest == nil {
		t.Errorf("%+v", s)
	}
	if s.CertificateEnds == nil || time.Until(*s.CertificateEnds) < 24*time.Hour {
		t.Errorf("the certificate ends %v", s.CertificateEnds)
	}
	const moment = `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d CST`
	out := run(t, "", with("status")...).ok(t)
	for _, line := range []string{
		`version +\S+`, `database +sqlite`, `company +\+525555550100 Ejemplo`, `extensions +2`, `devices +1`, `sessions +0`,
		`server +running`, `https +` + regexp.QuoteMeta(d.HTTPS), `fingerprint +` + string(d.Fingerprint), `certificate ends +` + moment,
		`registered devices +1`, `live calls +1`, `e-mail +1 waiting since ` + moment + `; last error: ` + moment + `: .*refused.*`,
		`disk +\d+ % of \S+ [kMGT]?B used`, `last backup +` + moment, `calls kept +.+`, `voicemail kept +.+`,
	} {
		if !regexp.MustCompile(`(?m)^ *` + line + ` *$`).MatchString(out) {
			t.Errorf("no line %q in\n%s", line, out)
		}
	}
	if err := echo.Hangup(t.Context()); err != nil {
		t.Error(err)
	}
	for begun := time.Now(); s.LiveCalls != 0; time.Sleep(20 * time.Millisecond) {
		decode(t, run(t, "", with("status", "--json")...).ok(t), &s)
		if time.Since(begun) > limit {
			t.Fatal("the call goes on")
		}
	}
}

// What was begun when the server was killed may have been done or not.
func TestAuditOfWhatWasInterrupted(t *testing.T) {
	data, with := found(t)
	kept, err := store.Open(t.Context(), store.Config{Dir: data})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kept.BeginAudit(t.Context(), store.Audit{Who: "command line", What: "remove-trunk", About: "carrier"}); err != nil {
		t.Fatal(err)
	}
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}
	out := run(t, "", with("audit")...).ok(t)
	for line := range strings.Lines(out) {
		if strings.Contains(line, "remove-trunk") {
			has(t, line, "carrier", "interrupted, done or not")
			return
		}
	}
	t.Error(out)
}

func TestMailState(t *testing.T) {
	for _, c := range []struct {
		queue api.MailQueue
		want  string
	}{
		{api.MailQueue{}, "not set up (timbred smtp set), 0 waiting"},
		{api.MailQueue{Waiting: 2, GivenUp: 3, LastError: "no mail server was set up"}, "not set up (timbred smtp set), 2 waiting, 3 given up; last error: no mail server was set up"},
		{api.MailQueue{Set: true}, "0 waiting"},
		{api.MailQueue{Set: true, Waiting: 1, Held: 4, LastError: "-"}, "1 waiting, 4 held (timbred mail release)"},
	} {
		if got := mailState(c.queue, clockOf(nil)); got != c.want {
			t.Errorf("%+v: %q, want %q", c.queue, got, c.want)
		}
	}
}
