package ua

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"timbre/internal/sdp"
)

// rtpBytes builds a packet.
func rtpBytes(pt uint8, sequence uint16, timestamp, ssrc uint32, payload string) []byte {
	return appendRTP(nil, &rtpPacket{pt: pt, sequence: sequence, timestamp: timestamp, ssrc: ssrc, payload: []byte(payload)})
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

func TestParseRTP(t *testing.T) {
	good := rtpBytes(8, 1, 2, 3, "sound")
	set := func(b []byte, at int, v byte) []byte {
		b = bytes.Clone(b)
		b[at] = v
		return b
	}
	for _, c := range []struct {
		name    string
		packet  []byte
		payload string
		ok      bool
	}{
		{"plain", good, "sound", true},
		{"empty", nil, "", false},
		{"header cut", good[:11], "", false},
		{"version 1", set(good, 0, 0x40), "", false},
		{"RTCP", set(good, 1, 200), "", false},
		{"a CSRC", append(append(set(good, 0, 0x81)[:12:12], 0, 0, 0, 9), "sound"...), "sound", true},
		{"CSRCs that are not there", set(good, 0, 0x8f), "", false},
		{"padding", append(set(good, 0, 0xa0), 0, 0, 3), "sound", true},
		{"padding longer than the packet", append(set(good, 0, 0xa0), 99), "", false},
		{"padding of none", append(set(good, 0, 0xa0), 0), "", false},
		{"padding alone", set(good, 0, 0xa0)[:12], "", false},
		{"extension", append(append(set(good, 0, 0x90)[:12:12], 0xbe, 0xde, 0, 1, 0, 0, 0, 0), "sound"...), "sound", true},
		{"extension of padding only", append(set(good, 0, 0x90)[:12:12], 0xbe, 0xde, 0, 0), "", true},
		{"extension longer than the packet", append(set(good, 0, 0x90)[:12:12], 0xbe, 0xde, 0xff, 0xff), "", false},
		{"extension cut", append(set(good, 0, 0x90)[:12:12], 0xbe), "", false},
	} {
		p, ok := parseRTP(c.packet)
		if ok != c.ok || string(p.payload) != c.payload {
			t.Errorf("%s: %v, %q", c.name, ok, p.payload)
		}
	}
}

func FuzzParseRTP(f *testing.F) {
	f.Add(rtpBytes(8, 1, 2, 3, "sound"))
	f.Add([]byte{0x90, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 0, 0, 0, 0})
	key := newCrypto(1, sdp.AES80)
	c, err := newCipher(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, ok := parseRTP(b); ok && len(p.payload) > len(b)-rtpHeader {
			t.Errorf("payload of %d bytes in a packet of %d", len(p.payload), len(b))
		}
		if out, ok := c.decrypt(b); ok {
			t.Errorf("%x decrypts to %x without the key", b, out)
		}
	})
}

// TestHostileSound sends rubbish to a call's RTP port; the call goes on.
func TestHostileSound(t *testing.T) {
	_, s, leg := answered(t, "udp", scriptedSDP)
	to := net.UDPAddrFromAddrPort(leg.sound.named)
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
	to := net.UDPAddrFromAddrPort(leg.sound.named)
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
		if r, ok := parseRTP(b[:n]); !ok || string(r.payload) != payload {
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
	key := newCrypto(1, sdp.AES80)
	secure := strings.Replace(scriptedSDP, "RTP/AVP", "RTP/SAVP", 1) + "a=crypto:" + key.String() + "\n"
	_, s, leg := answered(t, "udp", secure)
	to := net.UDPAddrFromAddrPort(leg.sound.named)
	forger := socket(t, "127.0.0.1")
	wrong, _ := newCipher(newCrypto(1, sdp.AES80))
	right, _ := newCipher(key)
	forged, _ := wrong.encrypt(rtpBytes(8, 1, 0, 1, "forged"))
	forger.WriteTo(forged, to)
	forger.WriteTo(rtpBytes(8, 1, 0, 1, "plain"), to)
	good, _ := right.encrypt(rtpBytes(8, 2, 0, 1, "good"))
	good = bytes.Clone(good)
	s.sound.WriteTo(good, to)
	hear(t, leg, []byte("good"))
	s.sound.WriteTo(good, to) // a replay
	next, _ := right.encrypt(rtpBytes(8, 3, 0, 1, "next"))
	s.sound.WriteTo(next, to)
	hear(t, leg, []byte("next"))
	if got := leg.Stats().ReceivedPackets; got != 2 {
		t.Errorf("%d packets were taken", got)
	}
	s.request("BYE", "", "")
}

// TestForgersDoNotUseUpTheSources sends packets of made-up sources with wrong tags,
// before the first genuine packet and between those of several sources.
func TestForgersDoNotUseUpTheSources(t *testing.T) {
	key := newCrypto(1, sdp.AES80)
	c, _ := newCipher(key)
	sender, _ := newCipher(key)
	forge := func() {
		for i := range uint32(10*maxSSRCs + 7) {
			if _, ok := c.decrypt(append(rtpBytes(8, 1, 0, i, "forged"), make([]byte, 10)...)); ok {
				t.Fatal("a forged packet is taken")
			}
		}
	}
	for ssrc := range uint32(maxSSRCs) {
		if ssrc%16 == 0 {
			forge()
		}
		for sequence := range uint16(2) {
			packet, _ := sender.encrypt(rtpBytes(8, sequence, 0, ssrc, "genuine"))
			if _, ok := c.decrypt(packet); !ok {
				t.Fatalf("packet %d of source %d is refused", sequence, ssrc)
			}
			if _, ok := c.decrypt(packet); ok {
				t.Fatalf("packet %d of source %d is taken twice", sequence, ssrc)
			}
		}
	}
	more, _ := sender.encrypt(rtpBytes(8, 1, 0, maxSSRCs, "one more"))
	if _, ok := c.decrypt(more); ok {
		t.Error("even who has the key may not have so many sources")
	}
}

// TestWriterJoinsSources lets two sources speak one after the other: to the far
// side it is one stream.
func TestWriterJoinsSources(t *testing.T) {
	w := rtpWriter{ssrc: 99, sequence: 65533, timestamp: 1000}
	now := time.Unix(0, 0)
	var last rtpPacket
	check := func(p Packet, step uint16, duration uint32, marker bool) {
		t.Helper()
		r := w.next(&p, 8000, now)
		if r.ssrc != 99 || r.sequence-last.sequence != step || r.timestamp-last.timestamp != duration || r.marker != marker {
			t.Errorf("%+v after %+v", r, last)
		}
		if step < 1<<15 {
			last = r
		}
	}
	last = rtpPacket{sequence: w.sequence, timestamp: w.timestamp}
	check(Packet{SSRC: 1, Sequence: 10, Timestamp: 5000}, 1, 0, true)
	now = now.Add(20 * time.Millisecond)
	check(Packet{SSRC: 1, Sequence: 11, Timestamp: 5160}, 1, 160, false)
	check(Packet{SSRC: 1, Sequence: 13, Timestamp: 5480}, 2, 320, false) // a loss stays a loss
	check(Packet{SSRC: 1, Sequence: 12, Timestamp: 5320}, 0xffff, ^uint32(159), false)
	now = now.Add(100 * time.Millisecond)
	check(Packet{SSRC: 2, Sequence: 60000, Timestamp: 7}, 1, 800, true) // what passed meanwhile
	check(Packet{SSRC: 2, Sequence: 60001, Timestamp: 167}, 1, 160, false)
	check(Packet{SSRC: 1, Sequence: 14, Timestamp: 5640}, 1, 160, true) // at least one packet's
}

func TestStats(t *testing.T) {
	var c counters
	for _, seq := range []uint16{65534, 65535, 1, 0, 4, 4} { // 2 and 3 are missing; 4 came twice
		c.received(&rtpPacket{sequence: seq, ssrc: 1, payload: []byte("xx")}, 8000)
	}
	got := c.load()
	if got.ReceivedPackets != 6 || got.ReceivedBytes != 12 || got.Lost != 1 {
		t.Errorf("%+v", got)
	}
	c.received(&rtpPacket{sequence: 9, ssrc: 2}, 8000)
	c.received(&rtpPacket{sequence: 12, ssrc: 2}, 8000)
	if got := c.load().Lost; got != 3 {
		t.Errorf("after another source %d are lost", got)
	}
}

// TestPortRange binds all ports of a small range that was free a moment ago.
func TestPortRange(t *testing.T) {
	lo := netip.MustParseAddr("127.0.0.1")
	for try := range 20 {
		probe, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		first := probe.LocalAddr().(*net.UDPAddr).Port
		probe.Close()
		m := Media{PortMin: first | 1, PortMax: first | 1 + 4} // odd: two even ports lie within
		var p ports
		var bound []int
		for range 3 {
			c, err := p.bind(lo, m)
			if err != nil {
				break
			}
			defer c.Close()
			bound = append(bound, c.LocalAddr().(*net.UDPAddr).Port)
		}
		if len(bound) < 2 && try < 19 {
			continue // somebody else has one of them
		}
		if len(bound) != 2 || bound[0]%2 != 0 || bound[1] != bound[0]+2 || bound[0] < m.PortMin || bound[1] > m.PortMax {
			t.Errorf("ports %v of %d-%d", bound, m.PortMin, m.PortMax)
		}
		return
	}
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

func TestDigitReader(t *testing.T) {
	now := time.Unix(0, 0)
	type packet struct {
		timestamp uint32
		code      byte
		end       bool
		after     time.Duration
	}
	for _, c := range []struct {
		name    string
		packets []packet
		want    string
	}{
		{"one digit, its end three times", []packet{{0, 5, false, 0}, {0, 5, false, 20}, {0, 5, true, 20}, {0, 5, true, 0}, {0, 5, true, 0}}, "5"},
		{"the same digit twice", []packet{{0, 5, false, 0}, {0, 5, true, 20}, {800, 5, false, 60}, {800, 5, true, 20}}, "55"},
		{"only an end arrived", []packet{{0, 11, true, 0}, {0, 11, true, 0}}, "#"},
		{"ends lost", []packet{{0, 1, false, 0}, {1600, 2, false, 20}}, "12"},
		{"timestamp changes within", []packet{{0, 9, false, 0}, {160, 9, false, 20}, {320, 9, true, 20}}, "9"},
		{"late end of the one before", []packet{{800, 1, true, 0}, {1600, 2, false, 20}, {800, 1, true, 1}, {1600, 2, true, 20}}, "12"},
		{"flash is no digit", []packet{{0, 16, false, 0}, {0, 16, true, 20}}, ""},
		{"letters", []packet{{0, 12, true, 0}, {800, 15, true, 60}, {1600, 10, true, 60}}, "AD*"},
	} {
		var d digitReader
		got := ""
		for _, p := range c.packets {
			now = now.Add(p.after * time.Millisecond)
			payload := []byte{p.code, 0, 0, 0}
			if p.end {
				payload[1] = 0x80
			}
			if r := d.read(7, p.timestamp, payload, now); r != 0 {
				got += string(r)
			}
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if r := d.read(7, 99999, []byte{1, 2}, now); r != 0 {
			t.Errorf("%s: a short event is %q", c.name, r)
		}
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

// digits reads n digits of a leg whose packets somebody else reads.
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
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // the relay
		var p Packet
		for aFar.ReadPacket(&p) == nil && ctx.Err() == nil {
			bFar.WritePacket(&p)
		}
	}()
	go func() {
		var p Packet
		for bNear.ReadPacket(&p) == nil {
			if p.Event && len(p.Payload) != 4 {
				t.Errorf("event %x", p.Payload)
			}
		}
	}()
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
			var in Packet
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				out.Sequence++
				out.Timestamp += 160
				if err := l.WritePacket(&out); err != nil {
					b.Fatal(err)
				}
				if err := far.ReadPacket(&in); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			l.Hangup(within(b))
		})
	}
}
