package sdp

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

// parse is Parse of a text with bare newlines.
func parse(t *testing.T, s string) *Session {
	t.Helper()
	got, err := Parse([]byte(strings.ReplaceAll(s, "\n", "\r\n")))
	if err != nil {
		t.Fatalf("%v in\n%s", err, s)
	}
	return got
}

const baresip = `v=0
o=- 1 2 IN IP4 192.0.2.1
s=-
c=IN IP4 192.0.2.1
t=0 0
a=tool:baresip 1.0.0
m=audio 20002 RTP/AVP 96 8 0 97
a=rtpmap:96 opus/48000/2
a=fmtp:96 stereo=0;useinbandfec=1
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:97 telephone-event/8000
a=fmtp:97 0-15
a=ptime:20
a=sendrecv
`

func TestParse(t *testing.T) {
	m := parse(t, baresip).Audio()
	want := []Codec{
		{"opus", 48000, 2, 96, "stereo=0;useinbandfec=1"},
		PCMA, PCMU,
		{"telephone-event", 8000, 1, 97, "0-15"},
	}
	if !reflect.DeepEqual(m.Codecs, want) {
		t.Errorf("codecs %+v", m.Codecs)
	}
	if m.Addr != netip.MustParseAddr("192.0.2.1") || m.Port != 20002 || m.Direction != SendRecv || m.Ptime != 20*time.Millisecond || m.Secure() || m.OnHold() {
		t.Errorf("%+v", m)
	}
}

// TestParseSloppy reads what telephones really send.
func TestParseSloppy(t *testing.T) {
	const head = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\n"
	for _, c := range []struct {
		name, text string
		check      func(m *Media) bool
	}{
		{"bare newlines", "v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8\n", func(m *Media) bool { return m.Codecs[0].Is(PCMA) }},
		{"bare returns", strings.ReplaceAll("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8\n", "\n", "\r"), func(m *Media) bool { return m.Port == 4000 }},
		{"no newline at the end", head + "c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0", func(m *Media) bool { return m.Codecs[0].Is(PCMU) }},
		{"empty lines", "v=0\n\nc=IN IP4 192.0.2.1\n\n\nm=audio 4000 RTP/AVP 0\n\n", func(m *Media) bool { return len(m.Codecs) == 1 }},
		{"zero bytes behind", head + "c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\n\x00\x00", func(m *Media) bool { return len(m.Codecs) == 1 }},
		{"connection of the media", head + "c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\nc=IN IP4 192.0.2.9\n", func(m *Media) bool { return m.Addr.String() == "192.0.2.9" }},
		{"connection of the media alone", head + "m=audio 4000 RTP/AVP 0\nc=IN IP4 192.0.2.9\n", func(m *Media) bool { return m.Addr.String() == "192.0.2.9" }},
		{"connection with a TTL", head + "c=IN IP4 192.0.2.1/127\nm=audio 4000 RTP/AVP 0\n", func(m *Media) bool { return m.Addr.String() == "192.0.2.1" }},
		{"IPv6", head + "c=IN IP6 2001:db8::1\nm=audio 4000 RTP/AVP 0\n", func(m *Media) bool { return m.Addr.Is6() }},
		{"two ports", head + "c=IN IP4 192.0.2.1\nm=audio 4000/2 RTP/AVP 0\n", func(m *Media) bool { return m.Port == 4000 }},
		{"rtpmap twice: the first counts", head + "c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 96\na=rtpmap:96 opus/48000/2\na=rtpmap:96 PCMA/8000\n", func(m *Media) bool { return m.Codecs[0].Name == "opus" }},
		{"format twice", head + "c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8 8 8\n", func(m *Media) bool { return len(m.Codecs) == 1 }},
		{"static types without rtpmap", head + "c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 9 18 3\n", func(m *Media) bool { return len(m.Codecs) == 3 && m.Codecs[0].Name == "G722" }},
		{"dynamic type without rtpmap", head + "c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8 99\n", func(m *Media) bool { return len(m.Codecs) == 1 }},
		{"direction of the session", head + "c=IN IP4 192.0.2.1\na=sendonly\nm=audio 4000 RTP/AVP 0\n", func(m *Media) bool { return m.OnHold() }},
		{"hold of RFC 2543", head + "c=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0\n", func(m *Media) bool { return m.OnHold() }},
		{"feedback profile", head + "c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVPF 0\n", func(m *Media) bool { return m.Port == 4000 }},
		{"sound behind video", head + "c=IN IP4 192.0.2.1\nm=video 5000 RTP/AVP 99\nm=audio 4000 RTP/AVP 0\n", func(m *Media) bool { return m.Port == 4000 }},
		{"the first sound is off", head + "c=IN IP4 192.0.2.1\nm=audio 0 RTP/AVP 0\nm=audio 4000 RTP/AVP 8\n", func(m *Media) bool { return m.Port == 4000 }},
		{"a packet length that is none", head + "c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\na=ptime:x\n", func(m *Media) bool { return m.Ptime == 0 }},
		{"spaces behind values", head + "c=IN IP4 192.0.2.1 \nm=audio 4000 RTP/AVP 0 \na=sendrecv \n", func(m *Media) bool { return m.Port == 4000 && m.Direction == SendRecv }},
		{"unknown lines", head + "c=IN IP4 192.0.2.1\nb=AS:64\nk=clear:x\ny=1\nm=audio 4000 RTP/AVP 0\nb=TIAS:64000\na=x:y\n", func(m *Media) bool { return m.Port == 4000 }},
	} {
		s, err := Parse([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if m := s.Audio(); m == nil || !c.check(m) {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const head = "v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\n"
	for name, text := range map[string]string{
		"nothing":                 "",
		"no version":              "m=audio 4000 RTP/AVP 0\n",
		"another version":         "v=1\nm=audio 4000 RTP/AVP 0\n",
		"no media":                "v=0\no=- 1 1 IN IP4 192.0.2.1\n",
		"a short connection":      "v=0\nc=IN\nm=audio 4000 RTP/AVP 0\n",
		"an empty connection":     "v=0\nc=",
		"another network":         "v=0\nc=ATM NSAP x\nm=audio 4000 RTP/AVP 0\n",
		"a line without =":        head + "hello\n",
		"a short media line":      "v=0\nm=audio 4000\n",
		"no port":                 "v=0\nm=audio x RTP/AVP 0\n",
		"a port out of range":     "v=0\nm=audio 70000 RTP/AVP 0\n",
		"rtpmap without encoding": head + "a=rtpmap:0\n",
		"rtpmap without clock":    head + "a=rtpmap:96 opus\n",
		"rtpmap with clock 0":     head + "a=rtpmap:96 opus/0\n",
		"rtpmap of type 128":      head + "a=rtpmap:128 opus/48000\n",
		"too much media":          "v=0\n" + strings.Repeat("m=audio 4000 RTP/AVP 0\n", 17),
		"too many formats":        "v=0\nm=audio 4000 RTP/AVP" + strings.Repeat(" 0", 65) + "\n",
		"too long":                head + strings.Repeat("a=x\n", 5000),
	} {
		if s, err := Parse([]byte(text)); !errors.Is(err, ErrSyntax) {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

func TestAudioMustBeUsable(t *testing.T) {
	for name, media := range map[string]string{
		"fax":          "m=image 4000 udptl t38\n",
		"DTLS":         "m=audio 4000 UDP/TLS/RTP/SAVPF 0\n",
		"switched off": "m=audio 0 RTP/AVP 0\n",
		"host name":    "m=audio 4000 RTP/AVP 0\nc=IN IP4 host.example\n",
	} {
		if m := parse(t, "v=0\nc=IN IP4 192.0.2.1\n"+media).Audio(); m != nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestCrypto(t *testing.T) {
	key := "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz" // RFC 4568 §9.1: 30 bytes
	for line, ok := range map[string]bool{
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key:                       true,
		"2 AES_CM_128_HMAC_SHA1_32 inline:" + key + "|2^20":             true,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " WSH=64":           true,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + "|2^20|1:4":         false, // an MKI in each packet
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + ";inline:" + key:    false,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key + " UNENCRYPTED_SRTP": false,
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + key[:20]:                  false,
		"1 AES_CM_128_HMAC_SHA1_80 uri:" + key:                          false,
		"1 F8_128_HMAC_SHA1_80 inline:" + key:                           false,
		"x AES_CM_128_HMAC_SHA1_80 inline:" + key:                       false,
		"1 AES_CM_128_HMAC_SHA1_80":                                     false,
		"":                                                              false,
	} {
		c, got := parseCrypto(line)
		if got != ok {
			t.Errorf("%q: %v", line, got)
		}
		if again, _ := parseCrypto(c.String()); got && again != c {
			t.Errorf("%q is written as %q", line, c)
		}
	}
}

func TestCommon(t *testing.T) {
	opus := Codec{Name: "opus", Clock: 48000, Channels: 2, PayloadType: 111}
	event8 := Codec{Name: "telephone-event", Clock: 8000, PayloadType: 96}
	event48 := Codec{Name: "telephone-event", Clock: 48000, PayloadType: 97}
	for _, c := range []struct {
		name          string
		offered, ours []Codec
		want          []uint8
	}{
		{"by name, not by payload type", []Codec{{Name: "pcma", Clock: 8000, PayloadType: 100}}, []Codec{PCMU, PCMA}, []uint8{100}},
		{"in the order of the offer", []Codec{PCMU, opus, PCMA}, []Codec{PCMA, PCMU}, []uint8{0, 8}},
		{"other channels", []Codec{{Name: "opus", Clock: 48000, Channels: 1, PayloadType: 1}}, []Codec{opus}, nil},
		{"the event with the sound's clock", []Codec{opus, PCMA, event8, event48}, []Codec{opus, event8, event48}, []uint8{111, 97}},
		{"the only event there is", []Codec{opus, event8}, []Codec{opus, event8, event48}, []uint8{111, 96}},
		{"nothing", []Codec{opus}, []Codec{PCMA}, nil},
	} {
		var got []uint8
		for _, x := range Common(c.offered, c.ours) {
			got = append(got, x.PayloadType)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestOfferAndAnswer(t *testing.T) {
	key := Crypto{Tag: 1, Suite: AES80, Key: strings.Repeat("k", KeyLen)}
	l := Local{ID: 7, Version: 8, Addr: netip.MustParseAddr("2001:db8::1"), Port: 4000, Codecs: []Codec{PCMA, TelephoneEvent}, Direction: SendOnly, Ptime: 20 * time.Millisecond, Cryptos: []Crypto{key}}
	s, err := Parse(Offer(l))
	if err != nil {
		t.Fatal(err)
	}
	m := s.Audio()
	if !m.Secure() || m.Addr != l.Addr || m.Port != 4000 || !reflect.DeepEqual(m.Codecs, l.Codecs) || m.Direction != SendOnly || m.Ptime != l.Ptime || m.Cryptos[0] != key {
		t.Errorf("%+v", m)
	}
	offer := parse(t, "v=0\nc=IN IP4 192.0.2.1\nm=video 5000 RTP/AVP 99\nm=audio 0 RTP/AVP 0\nm=audio 4000 RTP/SAVPF 8 0\nm=image 6000 udptl t38\n")
	answer, err := Parse(Answer(offer, Local{Addr: l.Addr, Port: 7000, Codecs: []Codec{PCMA}}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range answer.Media {
		got = append(got, m.Kind+" "+m.Proto)
		if (m.Port != 0) != (m.Proto == SAVPF) {
			t.Errorf("%+v", m)
		}
	}
	if want := []string{"video RTP/AVP", "audio RTP/AVP", "audio RTP/SAVPF", "image udptl"}; !reflect.DeepEqual(got, want) {
		t.Errorf("media %v", got)
	}
	for d, want := range map[Direction]Direction{SendRecv: SendRecv, SendOnly: RecvOnly, RecvOnly: SendOnly, Inactive: Inactive} {
		if d.Reverse() != want {
			t.Errorf("%s is answered %s", d, d.Reverse())
		}
	}
}

// FuzzParse proves that what was parsed can be answered, and that the answer can
// be parsed.
func FuzzParse(f *testing.F) {
	f.Add([]byte(baresip))
	f.Add([]byte("v=0\nc=IN\n"))
	f.Add([]byte("v=0\r\nm=audio 1 RTP/SAVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\nc=IN IP4 1.2.3.4\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			return
		}
		m := s.Audio()
		if m == nil || len(m.Codecs) == 0 {
			return
		}
		answer, err := Parse(Answer(s, Local{Addr: netip.MustParseAddr("192.0.2.1"), Port: 4000, Codecs: Common(m.Codecs, m.Codecs)}))
		if err != nil {
			t.Fatalf("the answer to %q: %v", b, err)
		}
		if len(answer.Media) != len(s.Media) {
			t.Errorf("%d media lines are answered with %d", len(s.Media), len(answer.Media))
		}
	})
}
