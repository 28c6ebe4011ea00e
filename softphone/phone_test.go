package softphone_test

import (
	"context"
	"errors"
	"testing"

	"timbre/internal/office"
	"timbre/internal/ua"
	"timbre/softphone"
	"timbre/softphone/audio"
)

func TestPhoneRegistersAndTakesBackItsOwnContactAlone(t *testing.T) {
	s := newSwitchboard(t, nil)
	p, err := softphone.New(softphone.Config{Account: s.account, Audio: audio.Null{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- p.Run(ctx) }()
	r := next(t, s.registered)
	if r.Username != "device" || r.Transport != "tls" || len(r.Contacts) != 1 || r.All {
		t.Errorf("registered %s over %s, %+v", r.Username, r.Transport, r.Contacts)
	}
	cancel()
	if err := next(t, ended); err != nil {
		t.Error(err)
	}
	if u := next(t, s.registered); u.All || len(u.Contacts) != 1 || u.Contacts[0].Expires != 0 || u.Contacts[0].URI != r.Contacts[0].URI {
		t.Errorf("unregistered %+v, want %s alone", u.Contacts, r.Contacts[0].URI)
	}
	if _, err := p.Call("102"); !errors.Is(err, softphone.ErrNotRunning) {
		t.Errorf("a call after the end: %v", err)
	}
}

func TestRegistrationSaysWhatIsWrong(t *testing.T) {
	s := newSwitchboard(t, nil)
	for name, c := range map[string]struct {
		change func(*softphone.Account)
		state  softphone.RegistrationState
		err    error
	}{
		"a wrong secret":  {func(a *softphone.Account) { a.Password = "guess" }, softphone.Refused, nil},
		"another server":  {func(a *softphone.Account) { a.Fingerprint = "00" + a.Fingerprint[2:] }, softphone.Offline, office.ErrFingerprint},
		"nobody is there": {func(a *softphone.Account) { a.URIs = []string{"sips:127.0.0.1:1"} }, softphone.Offline, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.account
			c.change(&a)
			h := newHandset(t, a, nil)
			r := until(t, h.registrations, func(r softphone.Registration) bool { return r.State != softphone.Registering })
			if r.State != c.state || r.Err == nil || r.RetryAt.IsZero() || c.err != nil && !errors.Is(r.Err, c.err) {
				t.Errorf("%+v, want %s, %v", r, c.state, c.err)
			}
			if h.Registration() != r {
				t.Errorf("asked: %+v, told: %+v", h.Registration(), r)
			}
		})
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	plain := softphone.Account{SIPAccount: office.SIPAccount{URIs: []string{"sip:127.0.0.1:5060"}}}
	if _, err := softphone.New(softphone.Config{Account: plain, Audio: audio.Null{}}); err == nil {
		t.Error("an account without TLS was taken")
	}
	secure := softphone.Account{SIPAccount: office.SIPAccount{URIs: []string{"sips:127.0.0.1:5061"}}}
	if _, err := softphone.New(softphone.Config{Account: secure}); err == nil {
		t.Error("a phone without sound was taken")
	}
}

func TestOneCallAtATime(t *testing.T) {
	s := newSwitchboard(t, func(_ context.Context, in *ua.Incoming) {
		in.Ring()
		<-in.Canceled()
	})
	h := newHandset(t, s.account, nil)
	if _, err := h.Call("no number"); !errors.Is(err, office.ErrNumber) {
		t.Errorf("no number: %v", err)
	}
	r := next(t, s.registered)
	h.registered(t)
	c, err := h.Call("102")
	if err != nil {
		t.Fatal(err)
	}
	h.reaches(t, softphone.Ringing)
	if _, err := h.Call("103"); !errors.Is(err, softphone.ErrInCall) {
		t.Errorf("a second call: %v", err)
	}
	_, err = s.Dial(t.Context(), callTo(r))
	if refused := (*ua.StatusError)(nil); !errors.As(err, &refused) || refused.Code != 486 {
		t.Errorf("a caller meanwhile: %v, want 486", err)
	}
	c.Hangup()
	if e := h.reaches(t, softphone.Ended); e.Outcome != office.Canceled {
		t.Errorf("ended as %+v", e)
	}
	next(t, c.Done())
	if h.Current() != nil {
		t.Error("the call is still there")
	}
}

// callTo returns how the switchboard calls a registered phone.
func callTo(r *ua.Registration) ua.Target {
	return ua.Target{
		URI: r.Contacts[0].URI, Transport: "tls", Addr: r.Source, Secure: true,
		From:    office.Party{Number: "102", Name: "Luis Peña"},
		Headers: ua.Headers{"Timbre-Call": "abcdefghijkl", "Timbre-Far-Media": "rtp"},
	}
}
