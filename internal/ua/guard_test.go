package ua

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"timbre/internal/rtp"
	"timbre/internal/sipguard"
)

// FuzzGuard proves what the guard promises: what passes, the stack's parser takes
// without a panic, with all fields that handlers rely on; what does not, is
// answered with well-formed text or not at all.
func FuzzGuard(f *testing.F) {
	for i, c := range torture {
		f.Add(c.wire(i), false)
		f.Add(c.wire(i), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, stream bool) {
		verdict := sipguard.Check(b, stream)
		if verdict != (sipguard.Fault{}) {
			out := sipguard.Refusal(b, verdict)
			if out != nil && (!bytes.HasPrefix(out, []byte("SIP/2.0 ")) || !bytes.HasSuffix(out, []byte("\r\nContent-Length: 0\r\n\r\n"))) {
				t.Errorf("refused with %q", out)
			}
			return
		}
		msg, err := sip.ParseMessage(b)
		if err != nil {
			return // guarded tries the parser too
		}
		if msg.Via() == nil || msg.From() == nil || msg.To() == nil || msg.CallID() == nil || msg.CSeq() == nil {
			t.Errorf("a mandatory field is missing in %q", b)
		}
		if req, ok := msg.(*sip.Request); ok {
			_ = sip.NewResponseFromRequest(req, 200, "OK", nil).String()
			if req.IsInvite() && req.Contact() == nil {
				t.Errorf("no Contact in %q", b)
			}
			_, _ = (&Endpoint{ports: new(rtp.Ports)}).readOffer(req)
			_ = digestParams(header(req, "Authorization"))
			_ = acceptsSDP(req)
		}
	})
}

func FuzzDigestParams(f *testing.F) {
	f.Add(`Digest username="dana", realm="timbre", nc=00000001, uri="sip:x", response="\"\\"`)
	f.Fuzz(func(_ *testing.T, s string) { digestParams(s) })
}

// TestStreamReassembles sends messages in pieces and several at once.
func TestStreamReassembles(t *testing.T) {
	e := busy(t)
	p := dialRaw(t, "tcp", at(e, "tcp"))
	two := crlf(fmt.Sprintf(options, 1, 1) + fmt.Sprintf(options, 2, 2))
	for _, piece := range []string{"\r\n", two[:1], two[1:30], two[30:300], two[300:]} {
		if _, err := io.WriteString(p, piece); err != nil {
			t.Fatal(err)
		}
	}
	got := ""
	for range 2 {
		msg := p.read(t)
		got += msg
	}
	for _, want := range []string{"Call-ID: opt1\r\n", "Call-ID: opt2\r\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

// TestStreamsThatLoseTheirBoundaries must be answered where that is possible, and closed.
func TestStreamsThatLoseTheirBoundaries(t *testing.T) {
	e := busy(t)
	for name, c := range map[string]struct{ msg, want string }{
		"no Content-Length":     {strings.Replace(fmt.Sprintf(options, 1, 1), "Content-Length: 0\n", "", 1), "SIP/2.0 400 "},
		"a body without end":    {strings.Replace(fmt.Sprintf(options, 2, 2), "Length: 0", "Length: 99999999", 1), "SIP/2.0 400 "},
		"a body too long":       {strings.Replace(fmt.Sprintf(options, 3, 3), "Length: 0", "Length: 32700", 1), "SIP/2.0 513 "},
		"a header without end":  {"OPTIONS sip:x@y SIP/2.0\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\n" + strings.Repeat("X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyy\n", 1000), "SIP/2.0 513 "},
		"another protocol":      {"GET / HTTP/1.1\nHost: x\nContent-Length: 0\n\n", ""},
		"a negative length":     {strings.Replace(fmt.Sprintf(options, 4, 4), "Length: 0", "Length: -1", 1), "SIP/2.0 400 "},
		"noise without newline": {strings.Repeat("x", 20000), ""},
	} {
		p := dialRaw(t, "tcp", at(e, "tcp"))
		io.WriteString(p, crlf(c.msg)) // may fail: it is closed early
		got, err := io.ReadAll(p)
		if err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: not closed: %v", name, err)
		}
		if !strings.HasPrefix(string(got), c.want) || c.want == "" && len(got) > 0 {
			t.Errorf("%s: answered %q", name, got)
		}
	}
	alive(t, e, 99)
}

// TestStreamDeadlines looks at how long a connection may keep us waiting.
func TestStreamDeadlines(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	d := &deadlines{Conn: a}
	s := newStream(d, slog.New(slog.DiscardHandler), func() {})
	defer s.Close()
	check := func(what string, want time.Duration) {
		t.Helper()
		if got := time.Until(d.read); got > want || got < want-5*time.Second {
			t.Errorf("%s may take %v, want %v", what, got, want)
		}
	}
	msg := crlf(fmt.Sprintf(options, 1, 1))
	send := func(text string) {
		go io.WriteString(b, text)
		s.fill()
	}
	send("\r\n")
	s.next()
	send(msg[:10])
	check("a stranger who keeps alive", strangerTime)
	send(msg[10:])
	check("the rest of a message", frameTime)
	if n, err := s.Read(make([]byte, sipguard.MaxMessage)); err != nil || n != len(msg) {
		t.Fatalf("%d, %v", n, err)
	}
	s.opened = s.opened.Add(5*time.Second - strangerTime)
	send(msg[:10])
	check("a stranger who talks on", 5*time.Second)
	s.prove()
	check("a peer that proves itself meanwhile", idleTime)
	send(msg[10:])
	check("the rest of its message", frameTime)
	if n, err := s.Read(make([]byte, sipguard.MaxMessage)); err != nil || n != len(msg) {
		t.Fatalf("%d, %v", n, err)
	}
	send(msg[:10])
	check("an idle connection", idleTime)
}

// deadlines notes the read deadline.
type deadlines struct {
	net.Conn
	read time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.read = t
	return d.Conn.SetReadDeadline(t)
}

// TestConnectionsPerSourceAreLimited opens too many connections.
func TestConnectionsPerSourceAreLimited(t *testing.T) {
	s := streams{byPeer: map[string]*stream{}, sources: map[netip.Prefix]int{}}
	a, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for i := range maxStreamsPerSource {
		if !s.admit(a) {
			t.Fatalf("connection %d is refused", i)
		}
	}
	if s.admit(a) {
		t.Error("one too many is admitted")
	}
	if !s.admit(other) {
		t.Error("another source is refused")
	}
	s.leave(a)
	if !s.admit(a) {
		t.Error("the place of one that left is not given away")
	}
	for range maxStreamsPerSource {
		s.leave(a)
	}
	s.leave(other)
	if len(s.sources) != 0 {
		t.Errorf("%d sources are remembered", len(s.sources))
	}
}

// TestTLSRefusesStrangers lets a phone dial a server whose certificate it does not know.
func TestTLSRefusesStrangers(t *testing.T) {
	serverTLS, _ := certificate(t)
	_, otherTLS := certificate(t)
	cfg := Config{ServerTLS: serverTLS, OnInvite: func(_ context.Context, in *Incoming) { in.Reject(486) }}
	listen(t, &cfg)
	s := start(t, cfg)
	p := start(t, Config{ClientTLS: otherTLS})
	if _, err := p.Dial(within(t), Target{URI: "sip:x@office.test", Transport: "tls", Addr: at(s, "tls")}); err == nil {
		t.Error("the call went through")
	}
	c, err := tls.Dial("tcp", at(s, "tls").String(), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(limit))
	raw := &rawPeer{Conn: c}
	io.WriteString(raw, crlf(fmt.Sprintf(options, 1, 1)))
	b := make([]byte, 4096)
	if n, err := c.Read(b); err != nil || !bytes.HasPrefix(b[:n], []byte("SIP/2.0 200 ")) {
		t.Errorf("%q, %v", b[:n], err)
	}
}

// BenchmarkGuard measures what the guard costs per message.
func BenchmarkGuard(b *testing.B) {
	msg := wireCase{msg: invite("Content-Type: application/sdp\nUser-Agent: phone\nAllow: INVITE, ACK\n", goodSDP)}.wire(1)
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if sipguard.Check(msg, false) != (sipguard.Fault{}) {
				b.Fatal("refused")
			}
		}
	})
	b.Run("guarded", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if guarded(msg, false) != (sipguard.Fault{}) {
				b.Fatal("refused")
			}
		}
	})
}
