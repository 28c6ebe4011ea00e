package ua

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	pion "github.com/pion/rtp"
	"github.com/pion/srtp/v3"

	"timbre/internal/rtp"
	"timbre/internal/sdp"
)

// rtpBytes builds a packet.
func rtpBytes(pt uint8, sequence uint16, timestamp, ssrc uint32, payload string) []byte {
	p := pion.Packet{
		Header:  pion.Header{Version: 2, PayloadType: pt, SequenceNumber: sequence, Timestamp: timestamp, SSRC: ssrc},
		Payload: []byte(payload),
	}
	b, err := p.Marshal()
	if err != nil {
		panic(err)
	}
	return b
}

// parseRTP cuts a packet open.
func parseRTP(b []byte) (p pion.Packet, ok bool) { return p, p.Unmarshal(b) == nil }

// srtpOf returns a context that works with the key of c.
func srtpOf(t *testing.T, c sdp.Crypto) *srtp.Context {
	t.Helper()
	profile := srtp.ProtectionProfileAes128CmHmacSha1_80
	if c.Suite == sdp.AES32 {
		profile = srtp.ProtectionProfileAes128CmHmacSha1_32
	}
	ctx, err := srtp.CreateContext([]byte(c.Key[:16]), []byte(c.Key[16:]), profile)
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// socket binds a UDP socket on an address of loopback.
func socket(t *testing.T, ip string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(limit))
	return c
}

// TestHostileSound sends rubbish to a call's RTP port; the call goes on.
func TestHostileSound(t *testing.T) {
	_, s, leg := answered(t, "udp", scriptedSDP)
	to := net.UDPAddrFromAddrPort(leg.sound.Name())
	for _, b := range [][]byte{
		{},
		{0x80},
		bytes.Repeat([]byte{0xff}, 1500), rtpBytes(8, 1, 2, 3, "")[:12],
		{0x90, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 0, 0, 0, 0}, // an extension of padding alone
		{0xb0, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 0},
		{0x80, 200, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3},
		rtpBytes(55, 1, 2, 3, "unknown payload type"), rtpBytes(97, 1, 2, 3, "\x05"), bytes.Repeat([]byte{0x80}, 4000),
	} {
		if _, err := s.sound.WriteTo(b, to); err != nil {
			t.Fatal(err)
		}
	}
	s.sound.WriteTo(rtpBytes(8, 9, 10, 11, "sound"), to)
	hear(t, leg, []byte("sound"))
	s.request("BYE", "", "")
}

// TestLatching sends sound from where it may come and from where it may not.
func TestLatching(t *testing.T) {
	_, s, leg := answered(t, "udp", scriptedSDP)
	to := net.UDPAddrFromAddrPort(leg.sound.Name())
	stranger, moved, third := socket(t, "127.0.0.2"), socket(t, "127.0.0.1"), socket(t, "127.0.0.1")
	back := func(c *net.UDPConn, payload string) {
		t.Helper()
		if err := leg.WritePacket(&Packet{SSRC: 5, Payload: []byte(payload)}); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 1500)
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if r, ok := parseRTP(b[:n]); !ok || string(r.Payload) != payload {
			t.Errorf("%s came as %x", payload, b[:n])
		}
	}
	back(s.sound, "to the SDP address") // nothing was heard yet

	stranger.WriteTo(rtpBytes(8, 1, 0, 1, "stranger"), to)
	moved.WriteTo(rtpBytes(8, 2, 0, 2, "from another port"), to) // behind a NAT the port differs
	if p := hear(t, leg, []byte("from another port")); p.SSRC != 2 {
		t.Errorf("packet %+v", p)
	}
	back(moved, "to the learnt port")
	third.WriteTo(rtpBytes(8, 3, 0, 3, "third"), to) // once learnt, no other may speak
	stranger.WriteTo(rtpBytes(8, 4, 0, 4, "stranger"), to)
	moved.WriteTo(rtpBytes(8, 5, 0, 2, "still he"), to)
	hear(t, leg, []byte("still he"))
	back(moved, "still to him")
	if got := leg.Stats().ReceivedPackets; got != 2 {
		t.Errorf("%d packets were taken", got)
	}

	s.request("INVITE", "Content-Type: application/sdp\n", scriptedSDP)
	s.ack("")
	third.WriteTo(rtpBytes(8, 6, 0, 3, "after the re-INVITE"), to)
	hear(t, leg, []byte("after the re-INVITE"))
	back(third, "to the new one")
	s.request("BYE", "", "")
}

// TestLatchingOfSRTPNeedsAValidTag lets the right address speak with the wrong key.
func TestLatchingOfSRTPNeedsAValidTag(t *testing.T) {
	key := rtp.NewCrypto(1, sdp.AES80)
	secure := strings.Replace(scriptedSDP, "RTP/AVP", "RTP/SAVP", 1) + "a=crypto:" + key.String() + "\n"
	_, s, leg := answered(t, "udp", secure)
	to := net.UDPAddrFromAddrPort(leg.sound.Name())
	forger := socket(t, "127.0.0.1")
	wrong := srtpOf(t, rtp.NewCrypto(1, sdp.AES80))
	right := srtpOf(t, key)
	forged, _ := wrong.EncryptRTP(nil, rtpBytes(8, 1, 0, 1, "forged"), nil)
	forger.WriteTo(forged, to)
	forger.WriteTo(rtpBytes(8, 1, 0, 1, "plain"), to)
	good, _ := right.EncryptRTP(nil, rtpBytes(8, 2, 0, 1, "good"), nil)
	good = bytes.Clone(good)
	s.sound.WriteTo(good, to)
	hear(t, leg, []byte("good"))
	s.sound.WriteTo(good, to) // a replay
	next, _ := right.EncryptRTP(nil, rtpBytes(8, 3, 0, 1, "next"), nil)
	s.sound.WriteTo(next, to)
	hear(t, leg, []byte("next"))
	if got := leg.Stats().ReceivedPackets; got != 2 {
		t.Errorf("%d packets were taken", got)
	}
	s.request("BYE", "", "")
}

func TestPublicAddressIsForStrangers(t *testing.T) {
	public := netip.MustParseAddr("203.0.113.7")
	for _, c := range []struct {
		name    string
		nets    []netip.Prefix
		peer    string
		isLocal bool
	}{
		{"private peer", nil, "10.1.2.3", true},
		{"peer of the internet", nil, "198.51.100.1", false},
		{"loopback", []netip.Prefix{netip.MustParsePrefix("192.168.7.0/24")}, "127.0.0.1", true},
		{"private peer elsewhere", []netip.Prefix{netip.MustParsePrefix("192.168.7.0/24")}, "10.1.2.3", false},
		{"own network", []netip.Prefix{netip.MustParsePrefix("192.168.7.0/24")}, "192.168.7.9", true},
	} {
		if got := (Media{Public: public, Local: c.nets}).isLocal(netip.MustParseAddr(c.peer)); got != c.isLocal {
			t.Errorf("%s: local %v", c.name, got)
		}
	}
	// 127.0.0.1 stands for the internet here.
	legs := make(chan *Leg, 1)
	cfg := Config{OnInvite: answering(t, legs, AnswerOptions{}), Media: Media{Public: public}}
	cfg.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	e := start(t, cfg)
	e.cfg.Media.Local = []netip.Prefix{netip.MustParsePrefix("192.168.7.0/24")}
	p, err := e.path(within(t), "udp", netip.MustParseAddrPort("127.0.0.1:9"))
	if err != nil || p.name.Addr() != p.local {
		t.Errorf("loopback: %+v, %v", p, err)
	}
}

func TestInfoDigit(t *testing.T) {
	for _, c := range []struct {
		kind, body string
		want       rune
	}{
		{"application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", '5'},
		{"application/dtmf-relay", "Duration=160\nsignal = *", '*'},
		{"Application/DTMF-Relay;x=y", "Signal=11", '#'},
		{"application/dtmf", "d", 'D'},
		{"application/dtmf", " 7\r\n", '7'},
		{"application/dtmf", "77", 0},
		{"application/dtmf-relay", "", 0},
		{"text/plain", "5", 0},
	} {
		if got := infoDigit(c.kind, []byte(c.body)); got != c.want {
			t.Errorf("%s %q: %q", c.kind, c.body, got)
		}
	}
}

// digits reads n digits of a leg .
func digits(t *testing.T, l *Leg, n int) string {
	t.Helper()
	got := ""
	for range n {
		got += string(next(t, l.Digits()))
	}
	return got
}

// TestDigitsBetweenPayloadTypes relays the digits of a phone whose events have
// one payload type to a phone that has another.
func TestDigitsBetweenPayloadTypes(t *testing.T) {
	event := func(pt uint8) []sdp.Codec {
		e := sdp.TelephoneEvent
		e.PayloadType = pt
		return []sdp.Codec{sdp.PCMA, e}
	}
	legs := make(chan *Leg, 1)
	_, p, target := pair(t, Config{OnInvite: answering(t, legs, AnswerOptions{})})
	legOf := func(pt uint8) (near, far *Leg) {
		target.Codecs = event(pt)
		near, err := p.Dial(within(t), target)
		if err != nil {
			t.Fatal(err)
		}
		return near, next(t, legs)
	}
	aNear, aFar := legOf(96)
	bNear, bFar := legOf(119)
	aFar.Listen(func(p *Packet) { bFar.WritePacket(p) }) // the relay
	bNear.Listen(func(p *Packet) {
		if p.Event && len(p.Payload) != 4 {
			t.Errorf("event %x", p.Payload)
		}
	})
	for _, d := range "1#" {
		if err := aNear.SendDigit(within(t), d); err != nil {
			t.Fatalf("SendDigit: %v", err)
		}
	}
	if got := digits(t, aFar, 2); got != "1#" {
		t.Errorf("the server heard %q", got)
	}
	if got := digits(t, bNear, 2); got != "1#" {
		t.Errorf("the other phone heard %q", got)
	}
	if err := aNear.SendDigit(within(t), 'x'); err == nil {
		t.Error("x was sent")
	}
	aNear.Hangup(within(t))
	bNear.Hangup(within(t))
}

// TestDigitsByInfo sends digits to who takes no telephone events.
func TestDigitsByInfo(t *testing.T) {
	legs := make(chan *Leg, 1)
	_, p, target := pair(t, Config{OnInvite: answering(t, legs, AnswerOptions{})})
	target.Codecs = []sdp.Codec{sdp.PCMU}
	l, err := p.Dial(within(t), target)
	if err != nil {
		t.Fatal(err)
	}
	far := next(t, legs)
	if err := l.SendDigit(within(t), '8'); err != nil {
		t.Errorf("SendDigit: %v", err)
	}
	if got := digits(t, far, 1); got != "8" {
		t.Errorf("heard %q", got)
	}
	l.Hangup(within(t))
}

// TestCodecsPassThrough holds a call in a codec that this package knows nothing of.
func TestCodecsPassThrough(t *testing.T) {
	opus := sdp.Codec{Name: "opus", Clock: 48000, Channels: 2, PayloadType: 111, Fmtp: "useinbandfec=1"}
	event := sdp.Codec{Name: "telephone-event", Clock: 48000, PayloadType: 112}
	legs := make(chan *Leg, 1)
	_, p, target := pair(t, Config{OnInvite: answering(t, legs, AnswerOptions{Codecs: []sdp.Codec{
		{Name: "OPUS", Clock: 48000, Channels: 2, PayloadType: 96}, sdp.TelephoneEvent, event,
	}})})
	target.Codecs = []sdp.Codec{opus, sdp.PCMA, sdp.TelephoneEvent, event}
	l, err := p.Dial(within(t), target)
	if err != nil {
		t.Fatal(err)
	}
	far := next(t, legs)
	if !l.Codec().Is(opus) || !far.Codec().Is(opus) || far.Codec().PayloadType != 111 {
		t.Errorf("codecs %+v and %+v", l.Codec(), far.Codec())
	}
	bothWays(t, l, far)
	l.Hangup(within(t))
}

// BenchmarkRelay measures what one packet costs from socket to socket, with SRTP
// on one side or none.
func BenchmarkRelay(b *testing.B) {
	for _, secure := range []bool{false, true} {
		name := map[bool]string{false: "plain", true: "srtp"}[secure]
		b.Run(name, func(b *testing.B) {
			legs := make(chan *Leg, 1)
			_, p, target := pair(b, Config{OnInvite: answering(b, legs, AnswerOptions{})})
			target.Secure = secure
			l, err := p.Dial(within(b), target)
			if err != nil {
				b.Fatal(err)
			}
			far := <-legs
			out := Packet{SSRC: 1, Payload: make([]byte, 160)}
			heard := make(chan struct{}, 1)
			far.Listen(func(*Packet) { heard <- struct{}{} })
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				out.Sequence++
				out.Timestamp += 160
				if err := l.WritePacket(&out); err != nil {
					b.Fatal(err)
				}
				<-heard
			}
			b.StopTimer()
			l.Hangup(within(b))
		})
	}
}
