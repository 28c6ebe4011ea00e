package mail

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"timbre/internal/office"
	"timbre/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patient is how long a test waits for what must happen.
const patient = 20 * time.Second

// A post is a store with an extension, and a Mailer whose clock can be put
// forward.
type post struct {
	*Mailer
	store   *store.Store
	account office.ID

	mu    sync.Mutex
	ahead time.Duration // guarded by mu
}

// open makes a store whose mail goes to d with a password, in the way of scheme.
func open(t *testing.T, d *smtpd, scheme, user, password string) *post {
	t.Helper()
	p := &post{}
	var err error
	if p.store, err = store.Open(t.Context(), store.Config{Dir: t.TempDir(), Now: p.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.store.Close() })
	if err := p.store.SetCompany(t.Context(), office.Company{Number: "+525555550100", Name: "Ejemplo", Region: "MX", Email: "admin@example.com"}); err != nil {
		t.Fatal(err)
	}
	e, err := p.store.AddExtension(t.Context(), office.Extension{Number: "101", Name: "Ana López", Email: "ana@example.com"}, "none")
	if err != nil {
		t.Fatal(err)
	}
	p.account = e.Account
	if user != "" {
		user += "@"
	}
	if err := p.store.SetMailing(t.Context(), office.Mailing{URL: scheme + "://" + user + "127.0.0.1:" + d.port, From: "office@example.com"}, password); err != nil {
		t.Fatal(err)
	}
	p.Mailer = New(Config{Store: p.store, Now: p.now, Roots: d.roots, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	return p
}

func (p *post) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Now().Add(p.ahead)
}

// later puts the clock forward and sends what is due then.
func (p *post) later(t *testing.T, d time.Duration) {
	t.Helper()
	p.mu.Lock()
	p.ahead += d
	p.mu.Unlock()
	p.sendDue(t.Context())
}

// leaves makes a message of the given sound for the extension.
func (p *post) leaves(t *testing.T, sound []byte, attach bool) office.Voicemail {
	t.Helper()
	set, err := p.store.VoicemailSettings(t.Context(), p.account)
	if err != nil {
		t.Fatal(err)
	}
	set.AttachAudio = attach
	if _, err := p.store.SetVoicemailSettings(t.Context(), p.account, set, ""); err != nil {
		t.Fatal(err)
	}
	r := store.Recording{
		ID: office.NewID(), Account: p.account, Call: office.NewID(), From: office.Party{Number: "+525555550123", Name: "Señor Ñandú"}, StartedAt: p.now(),
	}
	if err := p.store.BeginRecording(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	v, err := p.store.AddVoicemail(t.Context(), store.NewVoicemail{Recording: r, ReceivedAt: p.now(), Duration: 42 * time.Second, Audio: sound})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// status returns what waits.
func (p *post) status(t *testing.T) store.MailStatus {
	t.Helper()
	s, err := p.store.MailStatus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestMessageIsTold(t *testing.T) {
	sound := bytes.Repeat([]byte{0xff, 0xfb, 0x00, 0x7f}, 5000)
	for _, c := range []struct {
		mode, scheme, user string
		secure             string
		attach             bool
	}{
		{"plain", "smtp", "", "no", true},
		{"starttls", "smtp", "office", "yes", false},
		{"tls", "smtps", "office", "yes", true},
	} {
		t.Run(c.mode, func(t *testing.T) {
			t.Parallel()
			d := serve(t, c.mode)
			p := open(t, d, c.scheme, c.user, "secret")
			p.leaves(t, sound, c.attach)
			p.sendDue(t.Context())
			all := d.received(t)
			if len(all) != 1 {
				t.Fatalf("%d e-mails: %+v", len(all), p.status(t))
			}
			r := all[0]
			if r.subject != "Mensaje de voz de Señor Ñandú (55 5555 0123), 0:42" || !strings.Contains(r.text, "Ejemplo") {
				t.Errorf("subject %q, text %q", r.subject, r.text)
			}
			for name, want := range map[string]string{
				"X-Secure": c.secure, "X-Receiver": "ana@example.com", "Auto-Submitted": "auto-generated", "From": `"Ejemplo" <office@example.com>`,
			} {
				if got := r.header.Get(name); got != want {
					t.Errorf("%s: %q", name, got)
				}
			}
			if c.attach != bytes.Equal(r.attachment, sound) || c.attach != strings.HasSuffix(r.file, ".mp3") {
				t.Errorf("attached: %d bytes as %q", len(r.attachment), r.file)
			}
			p.later(t, 72*time.Hour)
			if n := len(d.received(t)); n != 1 {
				t.Errorf("%d e-mails for one message", n)
			}
		})
	}
}

func TestLetterIsTriedAgain(t *testing.T) {
	t.Parallel()
	d := serve(t, "plain")
	p := open(t, d, "smtp", "", "")
	d.refuses(t, "451 later")
	p.leaves(t, nil, false)
	p.sendDue(t.Context())
	if s := p.status(t); s.Waiting != 1 || !strings.Contains(s.LastError, "451") {
		t.Fatalf("%+v", s)
	}
	d.refuses(t, "")
	p.later(t, time.Second) // not yet due
	if n := len(d.received(t)); n != 0 {
		t.Fatalf("%d e-mails before their time", n)
	}
	p.later(t, 2*firstRetry)
	if n := len(d.received(t)); n != 1 {
		t.Fatalf("%d e-mails: %+v", n, p.status(t))
	}
	if s := p.status(t); s != (store.MailStatus{}) {
		t.Errorf("%+v", s)
	}
}

// A server that vanishes after it took a letter and before it said so may have
// taken it: the second try must be the same letter to whoever receives it.
func TestSecondTryIsTheSameLetter(t *testing.T) {
	t.Parallel()
	d := serve(t, "plain")
	p := open(t, d, "smtp", "", "")
	if err := os.WriteFile(filepath.Join(d.folder, "hangup"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.leaves(t, nil, false)
	p.sendDue(t.Context())
	p.later(t, 2*firstRetry)
	p.later(t, 72*time.Hour)
	all := d.received(t)
	if len(all) != 2 || !strings.HasSuffix(all[0].header.Get("Message-ID"), "@example.com>") || all[0].header.Get("Message-ID") != all[1].header.Get("Message-ID") {
		t.Errorf("%d e-mails: %+v", len(all), all)
	}
}

func TestLetterIsGivenUp(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, d *smtpd, p *post)
		after time.Duration // from the first try until it is given up
		word  string
	}{
		{"for a receiver that there is not", func(t *testing.T, d *smtpd, _ *post) { d.refuses(t, "550 unknown user") }, 0, "550"},
		{"after two days", func(t *testing.T, d *smtpd, _ *post) { d.refuses(t, "451 later") }, 48 * time.Hour, "451"},
		{"for want of a server", func(t *testing.T, _ *smtpd, p *post) {
			if err := p.store.SetMailing(t.Context(), office.Mailing{URL: "smtp://127.0.0.1:1", From: "a@example.com"}, ""); err != nil {
				t.Fatal(err)
			}
		}, 48 * time.Hour, "refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := serve(t, "plain")
			p := open(t, d, "smtp", "", "")
			c.spoil(t, d, p)
			p.leaves(t, nil, false)
			p.sendDue(t.Context())
			if s := p.status(t); (s.GivenUp == 1) != (c.after == 0) || !strings.Contains(s.LastError, c.word) {
				t.Fatalf("%+v", s)
			}
			for passed := time.Duration(0); passed < c.after; passed += lastRetry {
				p.later(t, lastRetry)
			}
			if s := p.status(t); s.GivenUp != 1 || s.Waiting != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestServerMustBeTheRightOne(t *testing.T) {
	for _, c := range []struct {
		name, mode, scheme, password string
		trusted                      bool
		word                         string
	}{
		{"wrong password", "starttls", "smtp", "wrong", true, "535"},
		{"unknown authority", "starttls", "smtp", "secret", false, "certificate"},
		{"unknown authority, TLS", "tls", "smtps", "secret", false, "certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := serve(t, c.mode)
			p := open(t, d, c.scheme, "office", c.password)
			if !c.trusted {
				p.cfg.Roots = nil
			}
			err := p.Test(t.Context(), "admin@example.com")
			if err == nil || !strings.Contains(err.Error(), c.word) || strings.Contains(err.Error(), c.password) {
				t.Errorf("error %v", err)
			}
			if n := len(d.received(t)); n != 0 {
				t.Errorf("%d e-mails", n)
			}
		})
	}
}

func TestTestLetter(t *testing.T) {
	t.Parallel()
	d := serve(t, "starttls")
	p := open(t, d, "smtp", "office", "secret")
	if err := p.Test(t.Context(), "admin@example.com"); err != nil {
		t.Fatal(err)
	}
	all := d.received(t)
	if len(all) != 1 || all[0].header.Get("X-Receiver") != "admin@example.com" || !strings.Contains(all[0].text, "funciona") {
		t.Errorf("%+v", all)
	}
}

// A caller's name is chosen by strangers.
func TestNamesAreOnlyNames(t *testing.T) {
	t.Parallel()
	d := serve(t, "plain")
	p := open(t, d, "smtp", "", "")
	evil := "x\r\nBcc: all@example.com\r\n\r\n<script> =?utf-8?b?UGF5IG5vdw==?="
	if err := p.store.AddMail(t.Context(), store.Mail{Account: p.account, Notice: office.Notice{Kind: office.NoticeVoicemail, From: office.Party{Name: evil}}}); err != nil {
		t.Fatal(err)
	}
	p.sendDue(t.Context())
	all := d.received(t)
	if len(all) != 1 || all[0].header.Get("Bcc") != "" || all[0].header.Get("X-Receiver") != "ana@example.com" ||
		!strings.Contains(all[0].subject, "=?utf-8?b?UGF5IG5vdw==?=") {
		t.Errorf("%+v", all)
	}
}

func TestRunSendsWhatIsWritten(t *testing.T) {
	t.Parallel()
	d := serve(t, "plain")
	p := open(t, d, "smtp", "", "")
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer running.Wait()
	defer stop()
	for n := 1; n <= 3; n++ { // each wakes it
		p.leaves(t, nil, false)
		for end := time.After(patient); len(d.received(t)) < n; {
			select {
			case <-time.After(10 * time.Millisecond):
			case <-end:
				t.Fatalf("%d e-mails after %d messages: %+v", len(d.received(t)), n, p.status(t))
			}
		}
	}
}
