package ua

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"timbre/internal/sdp"
	"timbre/internal/sipguard"
)

// TestStrangersLeaveNothingBehind sends many of each request that nobody must
// prove himself for: its answer may cost work, but no memory.
func TestStrangersLeaveNothingBehind(t *testing.T) {
	digest := secrets(nil)
	digest.Allow = func(netip.Addr, string) time.Duration { return time.Minute }
	cfg := Config{
		Digest:     digest,
		OnInvite:   func(context.Context, *Incoming) { t.Error("a call came through") },
		OnRegister: func(context.Context, *Registration) { t.Error("a registration came through") },
	}
	listen(t, &cfg)
	cfg.ServerTLS, _ = certificate(t)
	p := dialRaw(t, "udp", at(start(t, cfg), "udp"))
	n := 0
	send := func(method, from, to, headers string, want int) {
		t.Helper()
		n++
		fmt.Fprint(p, crlf(fmt.Sprintf("%s sip:x@h SIP/2.0\nVia: SIP/2.0/UDP h;branch=z9hG4bK%d;rport\nFrom: <sip:a@h>%s\nTo: <sip:x@h>%s\n"+
			"Call-ID: %d\nCSeq: 1 %s\nMax-Forwards: 70\nContact: <sip:a@h>\n%sContent-Length: 0\n\n", method, n, from, to, n, method, headers)))
		if res := p.read(t); !strings.HasPrefix(res, fmt.Sprintf("SIP/2.0 %d ", want)) {
			t.Fatalf("%s answered\n%s", method, res)
		}
	}
	credentials := `Authorization: Digest username="dana", realm="timbre", nonce="n", uri="sip:h", response="r"` + "\n"
	for _, c := range []struct {
		method, from, to, headers string
		want                      int
	}{
		{"OPTIONS", ";tag=1", "", "", 200},
		{"OPTIONS", ";tag=1", ";tag=none", "", 481},
		{"OPTIONS", ";tag=1", "", "Require: 100rel\n", 420},
		{"BYE", ";tag=1", ";tag=none", "", 481},
		{"INFO", ";tag=1", ";tag=none", "", 481},
		{"UPDATE", ";tag=1", ";tag=none", "", 481},
		{"CANCEL", ";tag=1", "", "", 481},
		{"MESSAGE", ";tag=1", "", "", 405},
		{"SUBSCRIBE", ";tag=1", "", "", 489},
		{"DANCE", ";tag=1", "", "", 501},
		{"REGISTER", ";tag=1", "", "", 401},
		{"REGISTER", ";tag=1", "", credentials, 503},
		{"INVITE", ";tag=1", "", "", 401},
		{"INVITE", ";tag=1", "", credentials, 503},
		{"INVITE", ";tag=1", ";tag=none", "", 481},
		{"INVITE", "", "", "", 400},
		{"INVITE", ";tag=1", "", "Require: 100rel\n", 420},
	} {
		for range 10 { // whatever is made once
			send(c.method, c.from, c.to, c.headers, c.want)
		}
		const many = 500
		before := heap()
		for range many {
			send(c.method, c.from, c.to, c.headers, c.want)
		}
		if grown := int64(heap()-before) / many; grown > 512 {
			t.Errorf("%s answered %d: %d bytes are kept of each", c.method, c.want, grown)
		}
	}
}

// heap returns how many bytes are in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestConnectionsAreBoundedFromTheStart admits connections that have not shaken
// hands, and many addresses of one IPv6 customer, which count together.
func TestConnectionsAreBoundedFromTheStart(t *testing.T) {
	s := streams{byPeer: map[string]*stream{}, sources: map[netip.Prefix]int{}}
	n := 0
	for a := netip.MustParseAddr("192.0.2.1"); n < maxStreams+1 && s.admit(a); n++ {
		if n%100 == 99 {
			a = a.Next()
		}
	}
	if n != maxStreams {
		t.Errorf("%d connections were admitted", n)
	}
	s.leave(netip.MustParseAddr("192.0.2.1"))
	if !s.admit(netip.MustParseAddr("198.51.100.1")) {
		t.Error("the place of one that left is not given away")
	}
	n = 0
	s = streams{byPeer: map[string]*stream{}, sources: map[netip.Prefix]int{}}
	for a := netip.MustParseAddr("2001:db8::1"); n <= maxStreamsPerSource && s.admit(a); n++ {
		a = a.Next()
	}
	if n != maxStreamsPerSource {
		t.Errorf("%d connections of one IPv6 customer were admitted", n)
	}
}

// TestBytesAreLookedAtOnce sends a message byte by byte: the header is not searched
// from its start for each.
func TestBytesAreLookedAtOnce(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	s := newStream(a, slog.New(slog.DiscardHandler), func() {})
	defer s.Close()
	msg := strings.Replace(crlf(fmt.Sprintf(options, 1, 1)), "Content-Length: 0\r\n", "Content-Length: 4\r\n", 1) + "body"
	header := len(msg) - len("body")
	go func() {
		for i := range msg {
			io.WriteString(b, msg[i:i+1])
		}
	}()
	for i := 1; i < len(msg); i++ {
		if err := s.fill(); err != nil {
			t.Fatal(err)
		}
		if n, err := s.next(); n != 0 || err != nil {
			t.Fatalf("after %d bytes: %d, %v", i, n, err)
		}
		if i < header && s.looked != max(0, i-3) || i >= header && s.total != len(msg) {
			t.Fatalf("after %d bytes %d are done with, the message has %d", i, s.looked, s.total)
		}
	}
	if n, err := s.Read(make([]byte, sipguard.MaxMessage)); n != len(msg) || err != nil || s.looked != 0 || s.total != 0 {
		t.Errorf("%d, %v, and then %d and %d", n, err, s.looked, s.total)
	}
}

// TestOnlyProvenPeersStay looks at which connections may stay longer than a
// stranger's.
func TestOnlyProvenPeersStay(t *testing.T) {
	proven := func(e *Endpoint, p *rawPeer) bool {
		s := e.streams.open("tcp", remote(p.LocalAddr()))
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.proven
	}
	cfg := Config{Digest: secrets(nil), OnRegister: func(_ context.Context, r *Registration) { r.Accept(nil) }}
	listen(t, &cfg)
	cfg.ServerTLS, _ = certificate(t)
	e := start(t, cfg)
	p := dialRaw(t, "tcp", at(e, "tcp"))
	register := func(headers string) string {
		fmt.Fprint(p, crlf("REGISTER sip:h SIP/2.0\nVia: SIP/2.0/TCP h;branch=z9hG4bK"+newToken()+"\nFrom: <sip:dana@h>;tag=1\nTo: <sip:dana@h>\n"+
			"Call-ID: 1\nCSeq: 1 REGISTER\nMax-Forwards: 70\n"+headers+"Content-Length: 0\n\n"))
		return p.read(t)
	}
	res := register("")
	if proven(e, p) {
		t.Error("one that was challenged is proven")
	}
	_, nonce, _ := strings.Cut(res, `nonce="`)
	nonce, _, _ = strings.Cut(nonce, `"`)
	proof := hashHex(false, hashHex(false, "dana", "timbre", "secret"), nonce, hashHex(false, "REGISTER", "sip:h"))
	credentials := `Authorization: Digest username="dana", realm="timbre", nonce="` + nonce + `", uri="sip:h", response="`
	if register(credentials + "0\"\n"); proven(e, p) {
		t.Error("one with wrong credentials is proven")
	}
	if res := register(credentials + proof + "\"\n"); !strings.HasPrefix(res, "SIP/2.0 200 ") || !proven(e, p) {
		t.Errorf("one that registered is not proven\n%s", res)
	}

	e, call, _ := answered(t, "tcp", scriptedSDP)
	q := dialRaw(t, "tcp", at(e, "tcp"))
	fmt.Fprint(q, crlf(fmt.Sprintf(options, 1, 1)))
	if q.read(t); proven(e, q) {
		t.Error("one that asked for options is proven")
	}
	call.rawPeer = q // the caller's new connection
	if call.request("INFO", "", ""); !proven(e, q) {
		t.Error("one with a call is not proven")
	}
	call.request("BYE", "", "")
}

// TestSoundIsSentToPhonesAlone offers and answers addresses at which no phone can be.
func TestSoundIsSentToPhonesAlone(t *testing.T) {
	legs := make(chan *Leg, 1)
	cfg := Config{OnInvite: answering(t, legs, AnswerOptions{}), Media: Media{Public: netip.MustParseAddr("192.0.2.9")}}
	listen(t, &cfg)
	cfg.ServerTLS, _ = certificate(t)
	e := start(t, cfg)
	p := at(e, "udp")
	for _, c := range []struct {
		what, addr string
		port       int
		ok         bool
	}{
		{"a phone", "192.0.2.1", 4000, true},
		{"a phone on an odd port", "2001:db8::1", 1024, true},
		{"one that holds", "0.0.0.0", 9, true},
		{"a group", "224.0.1.1", 4000, false},
		{"a group of IPv6", "ff02::1", 4000, false},
		{"everybody", "255.255.255.255", 4000, false},
		{"everybody in our network", "127.255.255.255", 4000, false},
		{"our network", "127.0.0.0", 4000, false},
		{"a name server", "192.0.2.1", 53, false},
		{"our SIP socket", "127.0.0.1", int(p.Port()), false},
		{"our SIP socket by another name", "127.0.0.2", int(p.Port()), false},
		{"our SIP socket from outside", "192.0.2.9", int(p.Port()), false},
		{"the SIP socket of another", "192.0.2.1", int(p.Port()), true},
	} {
		family := "IP4"
		if strings.Contains(c.addr, ":") {
			family = "IP6"
		}
		body := crlf(fmt.Sprintf("v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN %s %s\nt=0 0\nm=audio %d RTP/AVP 8\n", family, c.addr, c.port))
		_, err := e.readAnswer([]byte(body), sdp.Local{Codecs: []sdp.Codec{sdp.PCMA}})
		if (err == nil) != c.ok {
			t.Errorf("answer of %s: %v", c.what, err)
		}
		req := sip.NewRequest(sip.INVITE, sip.Uri{})
		req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
		req.SetBody([]byte(body))
		if _, code := e.readOffer(req); (code == 0) != c.ok || !c.ok && code != 488 {
			t.Errorf("offer of %s: %d", c.what, code)
		}
	}

	// The same on the wire: the call goes on as it was.
	s := call(t, "udp", p, scriptedSDP)
	leg := next(t, legs)
	own := leg.sound.Name().Port()
	for _, m := range []struct {
		what, addr string
		port       uint16
	}{{"port 53", "127.0.0.1", 53}, {"the other end of the same call", "127.0.0.1", own}, {"that end from outside", "192.0.2.9", own}} {
		body := strings.NewReplacer("PORT", fmt.Sprint(m.port), "c=IN IP4 127.0.0.1", "c=IN IP4 "+m.addr).Replace(scriptedSDP)
		if res := s.request("INVITE", "Content-Type: application/sdp\n", body); !strings.HasPrefix(res, "SIP/2.0 488 ") {
			t.Errorf("a change to %s is answered\n%s", m.what, res)
		}
		s.ack("")
	}
	if err := leg.WritePacket(&Packet{Payload: []byte("still")}); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1500)
	if n, err := s.sound.Read(b); err != nil || !bytes.HasSuffix(b[:n], []byte("still")) {
		t.Errorf("%x, %v", b[:n], err)
	}
	s.request("BYE", "", "")
}

// TestWrongCredentialsAreLoggedOnceAMinute lets one source guess, and many.
func TestWrongCredentialsAreLoggedOnceAMinute(t *testing.T) {
	var l wrongLog
	now := time.Unix(1_800_000_000, 0)
	a := netip.MustParseAddr("192.0.2.1")
	for minute := range 3 {
		if !l.first(customer(a), now) {
			t.Errorf("minute %d: not logged", minute)
		}
		for second := range 60 {
			if l.first(customer(a), now.Add(time.Duration(second)*time.Second)) {
				t.Errorf("minute %d: logged again after %d s", minute, second)
			}
		}
		now = now.Add(time.Minute)
	}
	lines := 0
	for range 2 * maxWrong {
		a = a.Next()
		if l.first(customer(a), now) {
			lines++
		}
	}
	if lines != maxWrong {
		t.Errorf("%d lines in one minute", lines)
	}
}
