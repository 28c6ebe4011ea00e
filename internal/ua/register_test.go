package ua

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/internal/office"
)

// A bindings is the simplest registrar: the last contact wins.
type bindings struct {
	mu     sync.Mutex
	bound  map[string]*Registration // guarded by mu
	brief  time.Duration            // shortest expiry that is granted
	events chan string
}

func newBindings() *bindings {
	return &bindings{bound: map[string]*Registration{}, events: make(chan string, 100)}
}

func (b *bindings) register(_ context.Context, r *Registration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case r.All:
		b.events <- "all"
		r.Accept(nil)
	case len(r.Contacts) != 1:
		r.Accept(nil)
	case r.Contacts[0].Expires == 0:
		delete(b.bound, r.Username)
		b.events <- "out " + r.Username
		r.Accept(nil)
	case r.Contacts[0].Expires < b.brief:
		b.events <- "brief"
		r.Reject(423, Headers{"Min-Expires": "7200"})
	default:
		b.bound[r.Username] = r
		b.events <- "in " + r.Username
		r.Accept(r.Contacts)
	}
}

func (b *bindings) of(user string) *Registration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bound[user]
}

// next waits for an event of the registrar or a state of the phone.
func next[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(limit):
		t.Fatal("nothing happened")
		panic("unreachable")
	}
}

// TestRegisteredPhoneIsCalled registers a phone over each transport and calls it
// back: over TCP and TLS that must go through the connection that it made.
func TestRegisteredPhoneIsCalled(t *testing.T) {
	serverTLS, clientTLS := certificate(t)
	for _, network := range []string{"udp", "tcp", "tls"} {
		t.Run(network, func(t *testing.T) {
			reg := newBindings()
			server := Config{ServerTLS: serverTLS, Digest: secrets(nil), OnRegister: reg.register}
			listen(t, &server)
			s := start(t, server)

			legs := make(chan *Leg, 1)
			phone := Config{ClientTLS: clientTLS, OnInvite: answering(t, legs, AnswerOptions{})}
			if network == "udp" {
				phone.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
			}
			p := start(t, phone)
			ctx, cancel := context.WithCancel(t.Context())
			states := make(chan RegisterState, 100)
			done := make(chan error, 1)
			go func() {
				done <- p.RegisterLoop(ctx, RegisterConfig{
					Domain: "office.test", Transport: network, Addr: at(s, network), Auth: Credentials{Username: "dana", Password: "secret", Realm: "timbre"},
					OnState: func(st RegisterState) { states <- st },
				})
			}()
			if st := next(t, states); st.Phase != Registering {
				t.Errorf("first state %+v", st)
			}
			if st := next(t, states); st.Phase != Registered || st.Expires != 10*time.Minute {
				t.Errorf("second state %+v", st)
			}
			r := reg.of("dana")
			if r.Transport != network || r.User != "dana" {
				t.Errorf("registration %+v", r)
			}
			leg, err := s.Dial(within(t), Target{
				URI: r.Contacts[0].URI, Transport: r.Transport, Addr: r.Source, Secure: network == "tls",
				From: office.Party{Number: "101", Name: "Ana"}, To: office.Party{Number: "102"},
			})
			if err != nil {
				t.Fatalf("Dial: %v", err)
			}
			far := next(t, legs)
			bothWays(t, leg, far)
			if err := far.Hangup(within(t)); err != nil {
				t.Errorf("Hangup: %v", err)
			}
			next(t, leg.Done())
			cancel()
			if err := next(t, done); err != nil {
				t.Errorf("RegisterLoop: %v", err)
			}
			if reg.of("dana") != nil {
				t.Error("the contact was not taken back")
			}
			if got := drain(reg.events); strings.Contains(got, "all") {
				t.Errorf("another's contacts were removed too: %s", got)
			}
		})
	}
}

func drain(c <-chan string) string {
	var b strings.Builder
	for {
		select {
		case s := <-c:
			b.WriteString(s + "; ")
		default:
			return b.String()
		}
	}
}

func TestRegisterTakesOverTheShortestExpiry(t *testing.T) {
	reg := newBindings()
	reg.brief = time.Hour
	server := Config{Digest: secrets(nil), OnRegister: reg.register}
	server.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	s := start(t, server)
	phone := Config{}
	phone.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	p := start(t, phone)
	states, done := looping(t, p, RegisterConfig{
		Domain: "office.test", Transport: "udp", Addr: at(s, "udp"), Auth: Credentials{Username: "dana", Password: "secret", Realm: "timbre"},
	})
	next(t, states)
	if st := next(t, states); st.Phase != Registered || st.Expires != 2*time.Hour {
		t.Errorf("state %+v", st)
	}
	done()
}

// looping runs a loop until the returned function, which waits for its end.
func looping(t *testing.T, p *Endpoint, cfg RegisterConfig) (<-chan RegisterState, func()) {
	t.Helper()
	states := make(chan RegisterState, 1000)
	cfg.OnState = func(st RegisterState) { states <- st }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.RegisterLoop(ctx, cfg) }()
	return states, func() {
		cancel()
		if err := next(t, done); err != nil {
			t.Errorf("RegisterLoop: %v", err)
		}
	}
}

func TestRegisterFailsAndTriesAgain(t *testing.T) {
	server := Config{Digest: secrets(nil), OnRegister: newBindings().register}
	server.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	s := start(t, server)
	phone := Config{}
	phone.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	p := start(t, phone)
	states, done := looping(t, p, RegisterConfig{
		Domain: "office.test", Transport: "udp", Addr: at(s, "udp"), Auth: Credentials{Username: "dana", Password: "guess", Realm: "timbre"},
	})
	next(t, states)
	for range 2 {
		st := next(t, states)
		if st.Phase != Failed || st.Status != 401 || st.RetryIn < minRetry || st.RetryIn > maxRetry || st.Err == nil {
			t.Errorf("state %+v", st)
		}
		if st := next(t, states); st.Phase != Registering {
			t.Errorf("state %+v", st)
		}
	}
	done()
}

// TestRegisterFindsABrokenConnection breaks the phone's connection: it must
// register again at once, not when the registration runs out.
func TestRegisterFindsABrokenConnection(t *testing.T) {
	reg := newBindings()
	server := Config{Digest: secrets(nil), OnRegister: reg.register}
	server.TCP, _ = net.Listen("tcp", "127.0.0.1:0")
	s := start(t, server)
	p := start(t, Config{})
	_, done := looping(t, p, RegisterConfig{
		Domain: "office.test", Transport: "tcp", Addr: at(s, "tcp"), Auth: Credentials{Username: "dana", Password: "secret", Realm: "timbre"},
	})
	if got := next(t, reg.events); got != "in dana" {
		t.Fatal(got)
	}
	first := reg.of("dana").Source
	s.streams.mu.Lock()
	broken := s.streams.byPeer[peerKey("tcp", first)]
	s.streams.mu.Unlock()
	broken.Close()
	if got := next(t, reg.events); got != "in dana" {
		t.Fatal(got)
	}
	if again := reg.of("dana").Source; again == first {
		t.Error("it registered over the broken connection")
	}
	done()
}

func TestBackOff(t *testing.T) {
	for failed, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 50: time.Minute} {
		for range 100 {
			if d := backOff(failed, 0); d < minRetry || d > most || d < most/2 {
				t.Fatalf("after %d failures: %v", failed, d)
			}
		}
	}
	if d := backOff(1, 90*time.Second); d != 90*time.Second {
		t.Errorf("Retry-After 90 s: %v", d)
	}
}

func TestKeepAliveIsAnswered(t *testing.T) {
	cfg := Config{}
	cfg.TCP, _ = net.Listen("tcp", "127.0.0.1:0")
	e := start(t, cfg)
	p := dialRaw(t, "tcp", at(e, "tcp"))
	if _, err := p.Write([]byte("\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2)
	if n, err := p.Read(b); err != nil || string(b[:n]) != "\r\n" {
		t.Errorf("%q, %v", b[:n], err)
	}
}
