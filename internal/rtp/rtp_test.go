package rtp

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"timbre/internal/sdp"
)

// rtpBytes builds a packet.
func rtpBytes(pt uint8, sequence uint16, timestamp, ssrc uint32, payload string) []byte {
	return appendPacket(nil, &packet{pt: pt, sequence: sequence, timestamp: timestamp, ssrc: ssrc, payload: []byte(payload)})
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
		p, ok := parse(c.packet)
		if ok != c.ok || string(p.payload) != c.payload {
			t.Errorf("%s: %v, %q", c.name, ok, p.payload)
		}
	}
}

func FuzzParseRTP(f *testing.F) {
	f.Add(rtpBytes(8, 1, 2, 3, "sound"))
	f.Add([]byte{0x90, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 0, 0, 0, 0})
	key := NewCrypto(1, sdp.AES80)
	c, err := newCipher(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, ok := parse(b); ok && len(p.payload) > len(b)-headerLen {
			t.Errorf("payload of %d bytes in a packet of %d", len(p.payload), len(b))
		}
		if out, ok := c.decrypt(b); ok {
			t.Errorf("%x decrypts to %x without the key", b, out)
		}
	})
}

// TestForgersDoNotUseUpTheSources sends packets of made-up sources with wrong tags,
// before the first genuine packet and between those of several sources.
func TestForgersDoNotUseUpTheSources(t *testing.T) {
	key := NewCrypto(1, sdp.AES80)
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
	w := writer{ssrc: 99, sequence: 65533, timestamp: 1000}
	now := time.Unix(0, 0)
	var last packet
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
	last = packet{sequence: w.sequence, timestamp: w.timestamp}
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
		c.received(&packet{sequence: seq, ssrc: 1, payload: []byte("xx")}, false, 8000)
	}
	got := c.load()
	if got.ReceivedPackets != 6 || got.ReceivedBytes != 12 || got.Lost != 1 {
		t.Errorf("%+v", got)
	}
	c.received(&packet{sequence: 9, ssrc: 2}, false, 8000)
	c.received(&packet{sequence: 12, ssrc: 2}, false, 8000)
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
		p := Ports{Min: first | 1, Max: first | 1 + 4} // odd: two even ports lie within
		var bound []int
		for range 3 {
			c, err := p.bind(lo)
			if err != nil {
				break
			}
			defer c.end()
			bound = append(bound, int(c.port()))
		}
		if len(bound) < 2 && try < 19 {
			continue // somebody else has one of them
		}
		if len(bound) != 2 || bound[0]%2 != 0 || bound[1] != bound[0]+2 || bound[0] < p.Min || bound[1] > p.Max {
			t.Errorf("ports %v of %d-%d", bound, p.Min, p.Max)
		}
		return
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
