package officetest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"timbre/internal/office"
	"timbre/softphone"
	"timbre/sync/engine"
)

// Login opens a fresh profile in the office's folder and logs extension n in.
// The engine is closed with the office; it does not run.
func (o *Office) Login(ctx context.Context, n office.Number) (*engine.Engine, error) {
	dir, err := o.Profile(n)
	if err != nil {
		return nil, err
	}
	e, err := engine.Open(dir, engine.Options{Log: o.opt.Log})
	if err != nil {
		return nil, err
	}
	o.onClose(e.Close)
	return e, e.Login(ctx, engine.Login{
		Server: o.Ready.HTTPS, Company: Company, Extension: n, Password: o.Person(n).Password,
		Fingerprint: o.Ready.Fingerprint, DeviceName: "prueba",
	})
}

// Profile makes an empty profile folder in the office's folder.
func (o *Office) Profile(n office.Number) (string, error) {
	dir := filepath.Join(o.Dir, "profiles")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return os.MkdirTemp(dir, string(n)+"-")
}

// A Phone is a softphone in this process whose events can be waited for.
type Phone struct {
	*softphone.Phone
	Ear      *Ear
	Incoming chan *softphone.Call // calls that ring here; those that nobody takes from it are forgotten after 16

	mu      sync.Mutex
	changed chan struct{} // guarded by mu; closed and replaced when anything happens
}

// PhoneOptions say how a Phone behaves.
type PhoneOptions struct {
	Hz     float64 // what it says; 0: silence
	Answer bool    // takes every call at once
	Log    *slog.Logger
}

// Phone logs extension n in and returns its phone, registered. It is stopped
// with the office or when ctx ends.
func (o *Office) Phone(ctx context.Context, n office.Number, opt PhoneOptions) (*Phone, error) {
	p := &Phone{Ear: NewEar(opt.Hz), Incoming: make(chan *softphone.Call, 16), changed: make(chan struct{})}
	phone, err := o.softphone(ctx, n, softphone.Config{
		Log: opt.Log, Audio: p.Ear, Without: softphone.AllStages, // a steady tone is noise to them
		OnCall: func(*softphone.Call, softphone.Status) { p.wake() },
		OnIncoming: func(c *softphone.Call) {
			if opt.Answer {
				c.Answer()
			}
			select {
			case p.Incoming <- c:
			default:
			}
		},
	})
	p.Phone = phone
	return p, err
}

// softphone logs extension n in and runs a phone for it until the office is
// closed or ctx ends; cfg lacks the account. It returns when the phone is
// registered.
func (o *Office) softphone(ctx context.Context, n office.Number, cfg softphone.Config) (*softphone.Phone, error) {
	e, err := o.Login(ctx, n)
	if err != nil {
		return nil, fmt.Errorf("login of %s: %w", n, err)
	}
	a, _ := e.Account()
	cfg.Account = softphone.Account{SIPAccount: a.SIP, Extension: a.Extension, Name: a.Name, Fingerprint: a.Fingerprint}
	registered := make(chan struct{}, 1)
	cfg.OnRegistration = func(r softphone.Registration) {
		if r.State == softphone.Registered {
			select {
			case registered <- struct{}{}:
			default:
			}
		}
	}
	p, err := softphone.New(cfg)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	o.onClose(func() error {
		cancel()
		return <-ended
	})
	select {
	case <-registered:
		return p, nil
	case <-time.After(registerTime):
		return nil, fmt.Errorf("phone of %s: not registered: %+v", n, p.Registration())
	}
}

// registerTime is how long a phone may take to register.
const registerTime = 10 * time.Second

// Reach waits until c is in state, or fails when it ended otherwise.
func (p *Phone) Reach(ctx context.Context, c *softphone.Call, state softphone.CallState) error {
	err := p.wait(ctx, func() bool {
		s := c.Status().State
		return s == state || s == softphone.Ended
	})
	if s := c.Status(); err == nil && s.State != state {
		err = fmt.Errorf("call ended: %s, %d %s", s.Outcome, s.Code, s.Reason)
	}
	if err != nil {
		return fmt.Errorf("waiting for a call to be %s: %w", state, err)
	}
	return nil
}

// wake lets those who wait look again.
func (p *Phone) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.changed)
	p.changed = make(chan struct{})
}

// wait returns when is is true, or ctx's error.
func (p *Phone) wait(ctx context.Context, is func() bool) error {
	for {
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		if is() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
