package ua

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"timbre/internal/office"
)

// A line is a phone that is registered over TLS with a server.
type line struct {
	server, phone *Endpoint
	bound         *bindings
	states        chan RegisterState
	calls         chan *Incoming // to the phone; its user ends them
}

// newLine starts both and waits for the registration. The phone answers where
// answer is set, and rings else.
func newLine(t *testing.T, answer bool, legs chan *Leg) *line {
	t.Helper()
	serverTLS, clientTLS := certificate(t)
	l := &line{bound: newBindings(), states: make(chan RegisterState, 100), calls: make(chan *Incoming, 4)}
	cfg := Config{ServerTLS: serverTLS, Digest: secrets(nil), OnRegister: l.bound.register, OnInvite: answering(t, legs, AnswerOptions{})}
	listen(t, &cfg)
	l.server = start(t, cfg)
	phone := Config{ClientTLS: clientTLS, OnInvite: func(_ context.Context, in *Incoming) {
		in.Ring()
		l.calls <- in
		<-in.Canceled()
	}}
	if answer {
		phone.OnInvite = answering(t, legs, AnswerOptions{})
	}
	l.phone = start(t, phone)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- l.phone.RegisterLoop(ctx, RegisterConfig{
			Domain: "office.test", Transport: "tls", Addr: at(l.server, "tls"), Auth: Credentials{Username: "dana", Password: "secret", Realm: "timbre"},
			OnState: func(st RegisterState) { l.states <- st },
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := next(t, done); err != nil {
			t.Errorf("RegisterLoop: %v", err)
		}
	})
	l.registered(t)
	return l
}

// registered waits until the phone has registered once more.
func (l *line) registered(t *testing.T) {
	t.Helper()
	for next(t, l.states).Phase != Registered {
	}
}

// target is the phone as the server reaches it.
func (l *line) target() Target {
	r := l.bound.of("dana")
	return Target{URI: r.Contacts[0].URI, Transport: "tls", Addr: r.Source, Secure: true, From: office.Party{Number: "101"}}
}

// cut closes the server's end of every connection, as a server that is killed does.
func (l *line) cut() {
	l.server.streams.mu.Lock()
	var open []net.Conn
	for _, s := range l.server.streams.byPeer {
		open = append(open, s.Conn)
	}
	l.server.streams.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
}

// TestRingingEndsWithTheConnection cuts the connection over which a call came that
// nobody has answered: nobody calls any more, and nothing can be said to anybody.
func TestRingingEndsWithTheConnection(t *testing.T) {
	l := newLine(t, false, nil)
	failed := make(chan error, 1)
	go func() {
		_, err := l.server.Dial(within(t), l.target())
		failed <- err
	}()
	in := next(t, l.calls)
	l.cut()
	next(t, in.Canceled())
	if _, err := in.Answer(within(t), AnswerOptions{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Answer: %v", err)
	}
	var refused *StatusError
	if err := next(t, failed); !errors.As(err, &refused) || refused.Code != 503 {
		t.Errorf("Dial: %v", err)
	}
	idle(t, l.phone)
	idle(t, l.server)
}

// talks sets up a call and returns both its ends.
func (l *line) talks(t *testing.T, legs chan *Leg, phoneCalls bool) (server, phone *Leg) {
	t.Helper()
	from, target := l.server, l.target()
	if phoneCalls {
		from, target = l.phone, Target{
			URI: "sip:102@office.test", Transport: "tls", Addr: at(l.server, "tls"), Secure: true,
			From: office.Party{Number: "101"}, Auth: &Credentials{Username: "dana", Password: "secret", Realm: "timbre"},
		}
	}
	near, err := from.Dial(within(t), target)
	if err != nil {
		t.Fatal(err)
	}
	far := next(t, legs)
	bothWays(t, near, far)
	next(t, far.acked)
	if phoneCalls {
		return far, near
	}
	return near, far
}

// moves waits until l's far side is somewhere else than before.
func moves(t *testing.T, l *Leg, before netip.AddrPort) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	over := time.After(limit)
	for l.way().peer == before {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("still at %v", before)
		}
	}
}

// TestAnsweredCallOutlivesItsConnection cuts the connection of a call. The phone
// registers anew; from then on each side's requests reach the other over the new
// connection.
func TestAnsweredCallOutlivesItsConnection(t *testing.T) {
	for _, c := range []struct {
		name                     string
		phoneCalls, phoneHangsUp bool
	}{
		{"to the phone, server hangs up", false, false},
		{"to the phone, phone hangs up", false, true},
		{"from the phone, server hangs up", true, false},
		{"from the phone, phone hangs up", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			legs := make(chan *Leg, 1)
			l := newLine(t, true, legs)
			server, phone := l.talks(t, legs, c.phoneCalls)
			before := server.way().peer
			l.cut()
			l.registered(t)
			moves(t, server, before)
			first, second := server, phone
			if c.phoneHangsUp {
				first, second = phone, server
			}
			if err := first.Hangup(within(t)); err != nil {
				t.Errorf("Hangup: %v", err)
			}
			next(t, second.Done())
			if got := second.Cause(); got != (Cause{200, true}) {
				t.Errorf("cause %+v", got)
			}
			idle(t, l.phone)
			idle(t, l.server)
		})
	}
}

// TestCallEndsWhereTheRegistrarForgotIt cuts the connection of a call that the server
// has hung up, or lost, when the phone comes back.
func TestCallEndsWhereTheRegistrarForgotIt(t *testing.T) {
	for _, c := range []struct {
		name   string
		forget func(server *Leg)
	}{
		{"lost", func(server *Leg) { server.finish(Cause{Code: 500}); server.forget() }},
		{"hung up", func(server *Leg) { server.finish(Cause{Code: 200}) }}, // its BYE is on a way that leads nowhere
	} {
		t.Run(c.name, func(t *testing.T) {
			legs := make(chan *Leg, 1)
			l := newLine(t, true, legs)
			server, phone := l.talks(t, legs, false)
			c.forget(server)
			l.cut()
			next(t, phone.Done())
			if got := phone.Cause(); got != (Cause{Code: 408}) {
				t.Errorf("cause %+v", got)
			}
			idle(t, l.phone)
			server.forget()
		})
	}
}

// TestLegFollowsToNewerConnectionsAlone lets requests of a call come over a second
// connection while the first seems open, and over the first again.
func TestLegFollowsToNewerConnectionsAlone(t *testing.T) {
	legs := make(chan *Leg, 1)
	l := newLine(t, true, legs)
	server, phone := l.talks(t, legs, false)
	first := phone.way()
	key := peerKey("tls", first.peer)
	use := func(s *stream) { // as if it were the only one
		l.phone.streams.mu.Lock()
		defer l.phone.streams.mu.Unlock()
		if s == nil {
			delete(l.phone.streams.byPeer, key)
		} else {
			l.phone.streams.byPeer[key] = s
		}
	}
	use(nil)
	second, err := l.phone.path(within(t), "tls", first.peer)
	if err != nil {
		t.Fatal(err)
	}
	if phone.move(second, true) {
		t.Error("a leg left a connection that is open")
	}
	if !phone.move(second, false) {
		t.Error("a leg did not move to a newer connection")
	}
	if phone.move(first, false) {
		t.Error("a leg moved back to an older connection")
	}
	res, err := phone.do(within(t), sip.OPTIONS, nil)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("OPTIONS: %v, %v", res, err)
	}
	if server.way().peer != remote(second.stream.LocalAddr()) {
		t.Errorf("the server's leg is at %v, not at %v", server.way().peer, second.stream.LocalAddr())
	}
	if err := server.Hangup(within(t)); err != nil {
		t.Errorf("Hangup: %v", err)
	}
	next(t, phone.Done())
}
