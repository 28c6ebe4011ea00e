package ua

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
)

// lamps starts a server of message lamps with the state body, and a raw phone.
func lamps(t *testing.T, network string, own func(ctx context.Context, s *Subscription)) (*Endpoint, *subscriber) {
	t.Helper()
	cfg := Config{Digest: secrets(nil), Events: []string{"message-summary", "dialog"}, OnSubscribe: own}
	listen(t, &cfg)
	cfg.ServerTLS, _ = certificate(t)
	e := start(t, cfg)
	return e, &subscriber{rawPeer: dialRaw(t, network, at(e, network)), callID: newToken(), to: "<sip:101@office.test>", event: "message-summary"}
}

// A subscriber is a raw phone that subscribes.
type subscriber struct {
	*rawPeer
	callID, to, event string
	cseq              int
	told              []string // NOTIFYs that came and were answered with 200
}

// subscribe sends a SUBSCRIBE, with proof of the user where one is asked for, and
// returns the final response.
func (s *subscriber) subscribe(t *testing.T, user string, expires int) string {
	t.Helper()
	proof := ""
	for {
		s.cseq++
		if _, err := fmt.Fprint(s.rawPeer, crlf(fmt.Sprintf("SUBSCRIBE sip:101@office.test SIP/2.0\nVia: SIP/2.0/%s h;branch=z9hG4bK%s;rport\n"+
			"From: <sip:101@office.test>;tag=phone\nTo: %s\nCall-ID: %s\nCSeq: %d SUBSCRIBE\nMax-Forwards: 70\nContact: <sip:101@127.0.0.1:9>\n"+
			"Event: %s\nExpires: %d\n%sContent-Length: 0\n\n", strings.ToUpper(s.LocalAddr().Network()), newToken(), s.to, s.callID, s.cseq, s.event, expires, proof))); err != nil {
			t.Fatal(err)
		}
		for {
			msg := s.read(t)
			switch {
			case strings.HasPrefix(msg, "NOTIFY "):
				s.take(msg)
				continue
			case proof == "" && strings.HasPrefix(msg, "SIP/2.0 401 "):
				_, nonce, _ := strings.Cut(msg, `nonce="`)
				nonce, _, _ = strings.Cut(nonce, `"`)
				response := hashHex(false, hashHex(false, "dana", "timbre", "secret"), nonce, hashHex(false, "SUBSCRIBE", "sip:101@office.test"))
				proof = fmt.Sprintf("Authorization: Digest username=%q, realm=\"timbre\", nonce=%q, uri=\"sip:101@office.test\", response=%q\n", user, nonce, response)
			case strings.Contains(msg, fmt.Sprintf("CSeq: %d SUBSCRIBE\r\n", s.cseq)):
				if s.to == "<sip:101@office.test>" && strings.HasPrefix(msg, "SIP/2.0 200 ") {
					_, to, _ := strings.Cut(msg, "To: ")
					s.to, _, _ = strings.Cut(to, "\r\n")
				}
				return msg
			default:
				continue
			}
			break
		}
	}
}

func (s *subscriber) take(msg string) {
	s.told = append(s.told, msg)
	fmt.Fprint(s, respond(msg, "200 OK", "", ""))
}

// notified returns the next NOTIFY.
func (s *subscriber) notified(t *testing.T) string {
	t.Helper()
	for len(s.told) == 0 {
		if msg := s.read(t); strings.HasPrefix(msg, "NOTIFY ") {
			s.take(msg)
		}
	}
	msg := s.told[0]
	s.told = s.told[1:]
	return msg
}

// lamp is an owner that tells what comes over states until the end.
func lamp(t *testing.T, states <-chan string, ended chan<- struct{}) func(context.Context, *Subscription) {
	return func(_ context.Context, s *Subscription) {
		if s.User != "101" || s.Username != "dana" || s.Event != "message-summary" {
			t.Errorf("subscription of %q by %q to %q", s.User, s.Username, s.Event)
		}
		if err := s.Accept(10 * time.Minute); err != nil {
			t.Errorf("Accept: %v", err)
		}
		if s.Reject(403) == nil || s.Accept(time.Hour) == nil {
			t.Error("answered twice")
		}
		for {
			select {
			case state := <-states:
				if err := s.Notify("application/simple-message-summary", []byte(state)); err != nil && !errors.Is(err, ErrClosed) {
					t.Logf("Notify: %v", err)
				}
			case <-s.Done():
				if err := s.Notify("text/plain", nil); !errors.Is(err, ErrClosed) {
					t.Errorf("Notify after the end: %v", err)
				}
				ended <- struct{}{}
				return
			}
		}
	}
}

// TestSubscription subscribes, is told, renews and unsubscribes.
func TestSubscription(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		states, ended := make(chan string, 4), make(chan struct{}, 4)
		e, s := lamps(t, network, lamp(t, states, ended))
		has := func(msg string, want ...string) {
			t.Helper()
			for _, w := range want {
				if !strings.Contains(msg, w) {
					t.Errorf("%s: %q is not in\n%s", network, w, msg)
				}
			}
		}
		states <- "Messages-Waiting: no\r\n"
		has(s.subscribe(t, "dana", 3600), "SIP/2.0 200 ", "Expires: 600\r\n", "Contact: <sip:101@", ";tag=")
		has(s.notified(t), "NOTIFY sip:101@127.0.0.1:9 ", "Event: message-summary\r\n", "Subscription-State: active;expires=", "To: <sip:101@office.test>;tag=phone\r\n",
			"From: "+s.to+"\r\n", "Content-Type: application/simple-message-summary\r\n", "\r\n\r\nMessages-Waiting: no\r\n", "CSeq: 1 NOTIFY\r\n")
		states <- "Messages-Waiting: yes\r\n"
		has(s.notified(t), "\r\n\r\nMessages-Waiting: yes\r\n", "CSeq: 2 NOTIFY\r\n")

		has(s.subscribe(t, "dana", 300), "SIP/2.0 200 ", "Expires: 300\r\n", "To: "+s.to+"\r\n")
		has(s.notified(t), "\r\n\r\nMessages-Waiting: yes\r\n", "Subscription-State: active;expires=") // the same again
		has(s.subscribe(t, "dana", 30), "SIP/2.0 423 ", "Min-Expires: 60\r\n")
		s.cseq -= 4
		has(s.subscribe(t, "dana", 300), "SIP/2.0 500 ") // an old one, late
		to := s.to
		s.to = "<sip:101@office.test>;tag=other"
		has(s.subscribe(t, "dana", 300), "SIP/2.0 481 ")
		s.to, s.event = to, "dialog"
		has(s.subscribe(t, "dana", 300), "SIP/2.0 481 ")
		s.event = "message-summary"

		s.cseq += 10
		has(s.subscribe(t, "dana", 0), "SIP/2.0 200 ", "Expires: 0\r\n")
		has(s.notified(t), "Subscription-State: terminated;reason=timeout\r\n", "\r\n\r\nMessages-Waiting: yes\r\n")
		next(t, ended)
		has(s.subscribe(t, "dana", 300), "SIP/2.0 481 ")
		if n := e.subscriptions.count(); n != 0 {
			t.Errorf("%d subscriptions are left", n)
		}
	}
}

func (l *subscriptions) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all) + len(l.users)
}

// TestSubscriptionsThatAreRefused asks for what there is not.
func TestSubscriptionsThatAreRefused(t *testing.T) {
	e, s := lamps(t, "udp", func(_ context.Context, s *Subscription) {
		if s.Event == "dialog" {
			panic("in a test")
		}
		s.Reject(403)
	})
	for _, c := range []struct {
		name, event, user string
		expires           int
		want, more        string
	}{
		{"an unknown event", "presence", "dana", 600, "489", "Allow-Events: message-summary, dialog\r\n"},
		{"no event", "", "dana", 600, "489", ""},
		{"a wrong user", "message-summary", "eve", 600, "401", ""},
		{"too short", "message-summary", "dana", 59, "423", "Min-Expires: 60\r\n"},
		{"by its owner", "message-summary;id=7", "dana", 600, "403", ""},
		{"a panic", "dialog", "dana", 600, "500", ""},
	} {
		s.event, s.callID = c.event, newToken()
		if res := s.subscribe(t, c.user, c.expires); !strings.HasPrefix(res, "SIP/2.0 "+c.want+" ") || !strings.Contains(res, c.more) {
			t.Errorf("%s: answered\n%s", c.name, res)
		}
	}
	if n := e.subscriptions.count(); n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}

// TestStateIsWantedOnce subscribes with Expires 0.
func TestStateIsWantedOnce(t *testing.T) {
	states, ended := make(chan string, 1), make(chan struct{}, 1)
	_, s := lamps(t, "udp", lamp(t, states, ended))
	states <- "Messages-Waiting: no\r\n"
	if res := s.subscribe(t, "dana", 0); !strings.Contains(res, "Expires: 0\r\n") {
		t.Errorf("answered\n%s", res)
	}
	if msg := s.notified(t); !strings.Contains(msg, "Subscription-State: terminated;reason=timeout\r\n") || !strings.HasSuffix(msg, "Messages-Waiting: no\r\n") {
		t.Errorf("told\n%s", msg)
	}
	next(t, ended)
}

// TestSubscriptionsEnd ends them by the far side's 481, a broken connection, the
// owner's return and time.
func TestSubscriptionsEnd(t *testing.T) {
	t.Run("the phone forgot", func(t *testing.T) {
		states, ended := make(chan string, 1), make(chan struct{}, 1)
		_, s := lamps(t, "udp", lamp(t, states, ended))
		s.subscribe(t, "dana", 600)
		states <- "x"
		fmt.Fprint(s, respond(s.read(t), "481 Unknown", "", ""))
		next(t, ended)
	})
	t.Run("the phone went", func(t *testing.T) {
		ended := make(chan struct{}, 1)
		_, s := lamps(t, "tcp", lamp(t, nil, ended))
		s.subscribe(t, "dana", 600)
		s.Close()
		next(t, ended)
	})
	t.Run("the owner returned", func(t *testing.T) {
		_, s := lamps(t, "udp", func(_ context.Context, s *Subscription) {
			s.Accept(time.Hour)
			s.Notify("text/plain", []byte("last"))
		})
		s.subscribe(t, "dana", 600)
		s.notified(t)
		if msg := s.notified(t); !strings.Contains(msg, "Subscription-State: terminated;reason=noresource\r\n") || !strings.HasSuffix(msg, "last") {
			t.Errorf("told\n%s", msg)
		}
	})
	t.Run("expired", func(t *testing.T) {
		ended := make(chan struct{}, 1)
		_, s := lamps(t, "udp", func(_ context.Context, s *Subscription) {
			s.Accept(30 * time.Millisecond)
			<-s.Done()
			ended <- struct{}{}
		})
		s.subscribe(t, "dana", 600)
		if msg := s.notified(t); !strings.Contains(msg, "Subscription-State: terminated;reason=timeout\r\n") {
			t.Errorf("told\n%s", msg)
		}
		next(t, ended)
	})
}

// TestSubscriptionsAreBounded fills up what one user may have, and all.
func TestSubscriptionsAreBounded(t *testing.T) {
	_, s := lamps(t, "udp", func(_ context.Context, s *Subscription) {
		s.Accept(time.Hour)
		<-s.Done()
	})
	for i := range maxSubscriptionsOne + 1 {
		s.callID, s.to = newToken(), "<sip:101@office.test>"
		want := "SIP/2.0 200 "
		if i == maxSubscriptionsOne {
			want = "SIP/2.0 503 "
		}
		if res := s.subscribe(t, "dana", 600); !strings.HasPrefix(res, want) {
			t.Fatalf("subscription %d: answered\n%s", i, res)
		}
	}
}

// TestUnaskedNotify tells a phone what it did not ask for.
func TestUnaskedNotify(t *testing.T) {
	told := make(chan string, 1)
	var phone, deaf Config
	phone.OnNotify = func(event, contentType string, body []byte) { told <- event + "|" + contentType + "|" + string(body) }
	phone.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	deaf.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	p, d := start(t, phone), start(t, deaf)
	var cfg Config
	cfg.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	s := start(t, cfg)
	target := Target{URI: "sip:101@127.0.0.1:9", Transport: "udp", Addr: at(p, "udp"), From: office.Party{Number: "101"}}
	if err := s.Notify(within(t), target, "message-summary", "application/simple-message-summary", []byte("Messages-Waiting: yes\r\n")); err != nil {
		t.Errorf("Notify: %v", err)
	}
	if got := next(t, told); got != "message-summary|application/simple-message-summary|Messages-Waiting: yes\r\n" {
		t.Errorf("told %q", got)
	}
	target.Addr = at(d, "udp")
	var no *StatusError
	if err := s.Notify(within(t), target, "message-summary", "text/plain", nil); !errors.As(err, &no) || no.Code != 489 {
		t.Errorf("Notify of a phone that takes none: %v", err)
	}
	target.Transport, target.Addr = "tcp", netip.MustParseAddrPort("127.0.0.1:1")
	if err := s.Notify(within(t), target, "message-summary", "text/plain", nil); !errors.As(err, &no) || no.Code != 503 {
		t.Errorf("Notify of nobody: %v", err)
	}
}

// TestSubscribersAreToldOfTheEnd ends the endpoint: its subscribers learn it with the
// state of last, so that they subscribe anew.
func TestSubscribersAreToldOfTheEnd(t *testing.T) {
	states, ended := make(chan string, 1), make(chan struct{}, 1)
	cfg := Config{Digest: secrets(nil), Events: []string{"message-summary"}, OnSubscribe: lamp(t, states, ended)}
	cfg.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	cfg.Host = "office.test"
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	<-e.ready
	s := &subscriber{rawPeer: dialRaw(t, "udp", at(e, "udp")), callID: newToken(), to: "<sip:101@office.test>", event: "message-summary"}
	if res := s.subscribe(t, "dana", 600); !strings.HasPrefix(res, "SIP/2.0 200 ") {
		t.Fatalf("answered\n%s", res)
	}
	states <- "Messages-Waiting: yes\r\n"
	s.notified(t)
	cancel()
	last := s.notified(t)
	for _, want := range []string{"Subscription-State: terminated;reason=deactivated\r\n", "Messages-Waiting: yes\r\n"} {
		if !strings.Contains(last, want) {
			t.Errorf("%q is not in\n%s", want, last)
		}
	}
	next(t, ended)
	if err := next(t, done); err != nil {
		t.Errorf("Run: %v", err)
	}
}
