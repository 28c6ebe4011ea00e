package ua

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/internal/sdp"
)

// TestReoffer changes a call from either side: codec, hold, headers. Protection,
// keys and the address that the far side knows stay.
func TestReoffer(t *testing.T) {
	for _, secure := range []bool{false, true} {
		legs := make(chan *Leg, 1)
		all := []sdp.Codec{sdp.PCMA, sdp.PCMU, sdp.TelephoneEvent}
		s, p, target := pair(t, Config{OnInvite: answering(t, legs, AnswerOptions{Codecs: all})})
		target.Secure = secure
		phone, err := p.Dial(within(t), target)
		if err != nil {
			t.Fatal(err)
		}
		server := next(t, legs)
		bothWays(t, phone, server)
		for _, l := range []*Leg{server, phone} {
			far := map[*Leg]*Leg{server: phone, phone: server}[l]
			before := l.described()
			if err := l.Reoffer(within(t), Offer{Codecs: []sdp.Codec{sdp.PCMU, sdp.TelephoneEvent}, Headers: Headers{"Timbre-Far-Media": "rtp"}}); err != nil {
				t.Fatalf("Reoffer: %v", err)
			}
			if !l.Codec().Is(sdp.PCMU) || !far.Codec().Is(sdp.PCMU) || l.Secure() != secure || far.Secure() != secure {
				t.Errorf("codecs %v and %v, secure %v", l.Codec(), far.Codec(), l.Secure())
			}
			bothWays(t, phone, server)
			if err := l.Reoffer(within(t), Offer{Codecs: all, Hold: true}); err != nil {
				t.Fatalf("hold: %v", err)
			}
			next(t, far.Holds())
			if !far.Held() || l.Held() {
				t.Errorf("held %v and %v", far.Held(), l.Held())
			}
			sent := far.Stats().SentPackets
			far.WritePacket(&Packet{Payload: []byte("held")})
			if far.Stats().SentPackets != sent {
				t.Error("who is held is heard")
			}
			l.WritePacket(&Packet{Sequence: 1, SSRC: 9, Payload: []byte("music")})
			hear(t, far, []byte("music"))
			if err := far.Reoffer(within(t), Offer{}); err != nil || !far.Held() {
				t.Errorf("a change by who is held: %v, held %v", err, far.Held())
			}
			if err := l.Reoffer(within(t), Offer{}); err != nil {
				t.Fatalf("resume: %v", err)
			}
			if n := len(l.takes); n != len(all) {
				t.Errorf("the call may be held in %d codecs: %v", n, l.takes)
			}
			next(t, far.Holds())
			if far.Held() {
				t.Error("still held")
			}
			if err := l.Reoffer(within(t), Offer{Codecs: all}); err != nil {
				t.Fatal(err)
			}
			bothWays(t, phone, server)
			after := l.described()
			if secure && after.Cryptos[0].Key != before.Cryptos[0].Key {
				t.Error("the key changed")
			}
			if after.Addr != before.Addr || after.Port != before.Port || after.ID != before.ID || after.Version <= before.Version {
				t.Errorf("%+v became %+v", before, after)
			}
		}
		phone.Hangup(within(t))
		if err := phone.Reoffer(within(t), Offer{}); !errors.Is(err, ErrClosed) {
			t.Errorf("Reoffer after the end: %v", err)
		}
		idle(t, s)
		idle(t, p)
	}
}

// described returns what we say of l now.
func (l *Leg) described() sdp.Local {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.local
}

// TestReofferIsRefused leaves the call as it was.
func TestReofferIsRefused(t *testing.T) {
	legs := make(chan *Leg, 1)
	_, p, target := pair(t, Config{OnInvite: answering(t, legs, AnswerOptions{Codecs: []sdp.Codec{sdp.PCMA}})})
	phone, err := p.Dial(within(t), target)
	if err != nil {
		t.Fatal(err)
	}
	server := next(t, legs)
	var no *StatusError
	if err := phone.Reoffer(within(t), Offer{Codecs: []sdp.Codec{sdp.PCMU}}); !errors.As(err, &no) || no.Code != 488 {
		t.Errorf("Reoffer: %v", err)
	}
	if !phone.Codec().Is(sdp.PCMA) || phone.over() {
		t.Errorf("codec %v, over %v", phone.Codec(), phone.over())
	}
	bothWays(t, phone, server)
	phone.Hangup(within(t))
}

// TestReofferFindsTheCallGone changes the call of a far side that was restarted.
func TestReofferFindsTheCallGone(t *testing.T) {
	c, legs, _ := dialCallee(t, Target{})
	c.answer("200 OK", scriptedSDP)
	l := next(t, legs)
	done := make(chan error, 1)
	go func() { done <- l.Reoffer(within(t), Offer{}) }()
	c.next(t, "ACK")
	c.invite = c.next(t, "INVITE")
	c.answer("481 Unknown", "")
	var no *StatusError
	if err := next(t, done); !errors.As(err, &no) || no.Code != 481 {
		t.Errorf("Reoffer: %v", err)
	}
	next(t, l.Done())
	if got := l.Cause(); got != (Cause{Code: 408}) {
		t.Errorf("cause %+v", got)
	}
	fmt.Fprint(c, respond(c.next(t, "BYE"), "481 Unknown", "", ""))
}

// TestReofferGlare lets both sides change the call at once, many times over.
func TestReofferGlare(t *testing.T) {
	legs := make(chan *Leg, 1)
	_, p, target := pair(t, Config{OnInvite: answering(t, legs, AnswerOptions{})})
	phone, err := p.Dial(within(t), target)
	if err != nil {
		t.Fatal(err)
	}
	server := next(t, legs)
	var wg sync.WaitGroup
	for _, l := range []*Leg{phone, server} {
		for range 2 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				if err := l.Reoffer(ctx, Offer{}); err != nil {
					t.Errorf("Reoffer: %v", err)
				}
			})
		}
	}
	wg.Wait()
	bothWays(t, phone, server)
	phone.Hangup(within(t))
}

// TestReofferToALossyFarSide answers our re-INVITE twice, as where the ACK was lost,
// and challenges the next.
func TestReofferToALossyFarSide(t *testing.T) {
	c, legs, _ := dialCallee(t, Target{Auth: &Credentials{Username: "dana", Password: "secret", Realm: "timbre"}})
	c.answer("200 OK", scriptedSDP)
	l := next(t, legs)
	c.next(t, "ACK")
	done := make(chan error, 1)
	go func() { done <- l.Reoffer(within(t), Offer{Hold: true}) }()
	c.invite = c.next(t, "INVITE")
	if !strings.Contains(c.invite, "a=sendonly") || !strings.Contains(c.invite, "CSeq: 2 INVITE\r\n") {
		t.Errorf("offered\n%s", c.invite)
	}
	fmt.Fprint(c, respond(c.invite, "401 Unauthorized", "WWW-Authenticate: Digest realm=\"timbre\", nonce=\"n\"\n", ""))
	c.next(t, "ACK")
	c.invite = c.next(t, "INVITE")
	if !strings.Contains(c.invite, "Authorization: Digest ") || !strings.Contains(c.invite, "CSeq: 3 INVITE\r\n") {
		t.Errorf("proved with\n%s", c.invite)
	}
	held := strings.Replace(scriptedSDP, "RTP/AVP 8", "RTP/AVP 8", 1) + "a=recvonly\n"
	c.answer("200 OK", held)
	if ack := c.next(t, "ACK"); !strings.Contains(ack, "CSeq: 3 ACK\r\n") || !strings.Contains(ack, ";tag=raw\r\n") {
		t.Errorf("acknowledged with\n%s", ack)
	}
	if err := next(t, done); err != nil {
		t.Errorf("Reoffer: %v", err)
	}
	c.answer("200 OK", held)
	c.next(t, "ACK")

	go func() { done <- l.Reoffer(within(t), Offer{}) }()
	c.invite = c.next(t, "INVITE")
	c.answer("200 OK", "v=0\n") // nobody knows what the session is now
	c.next(t, "ACK")
	if err := next(t, done); err == nil {
		t.Error("nonsense is an answer")
	}
	bye := c.next(t, "BYE")
	fmt.Fprint(c, respond(bye, "200 OK", "", ""))
	next(t, l.Done())
}

func TestRenumbered(t *testing.T) {
	opus := func(pt uint8) sdp.Codec { return sdp.Codec{Name: "opus", Clock: 48000, Channels: 2, PayloadType: pt} }
	event := func(pt uint8) sdp.Codec { c := sdp.TelephoneEvent; c.PayloadType = pt; return c }
	got := renumbered([]sdp.Codec{sdp.PCMU, opus(101), sdp.PCMU, event(101)}, []sdp.Codec{sdp.PCMA, event(97), {Name: "x", Clock: 1, PayloadType: 101}})
	want := []sdp.Codec{sdp.PCMU, opus(102), event(97)}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestListeners replaces who listens, and lets one panic.
func TestListeners(t *testing.T) {
	_, s, leg := answered(t, "udp", scriptedSDP)
	to := net.UDPAddrFromAddrPort(leg.sound.Name())
	inside, leave := make(chan struct{}), make(chan struct{})
	left := false // only the listener and who replaces it touch it, one after the other
	leg.Listen(func(*Packet) {
		close(inside)
		<-leave
		left = true
	})
	s.sound.WriteTo(rtpBytes(8, 1, 0, 1, "one"), to)
	next(t, inside)
	time.AfterFunc(10*time.Millisecond, func() { close(leave) })
	leg.Listen(nil)
	if !left {
		t.Error("the listener of before is still running")
	}
	s.sound.WriteTo(rtpBytes(97, 2, 0, 1, "\x05\x00\x00\xa0"), to) // a digit that nobody listens to
	if d := next(t, leg.Digits()); d != '5' {
		t.Errorf("digit %q", d)
	}
	leg.Listen(func(*Packet) { panic("in a test") })
	s.sound.WriteTo(rtpBytes(8, 3, 160, 1, "three"), to)
	next(t, leg.Done())
	if got := leg.Cause(); got != (Cause{Code: 500}) {
		t.Errorf("cause %+v", got)
	}
	fmt.Fprint(s, respond(s.read(t), "200 OK", "", ""))
}
