package pbx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/ua"
)

// calls has r call number for somebody who hears at rtp.
func (x *exchange) calls(t *testing.T, r *raw, id, number string, rtp net.Addr) {
	t.Helper()
	at := addr(r.conn.LocalAddr())
	r.from = net.UDPAddrFromAddrPort(x.udp)
	body := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %[1]s\r\ns=-\r\nc=IN IP4 %[1]s\r\nt=0 0\r\nm=audio %[2]d RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n", addr(rtp).Addr(), addr(rtp).Port())
	head := fmt.Sprintf("INVITE sip:%[1]s@%[2]s SIP/2.0\r\nVia: SIP/2.0/UDP %[3]s;branch=z9hG4bK%[4]s\r\nMax-Forwards: 70\r\nFrom: <sip:5512345678@%[3]s>;tag=raw\r\nTo: <sip:%[1]s@%[2]s>\r\nCall-ID: %[4]s\r\nCSeq: 1 INVITE\r\nContact: <sip:raw@%[3]s>\r\nContent-Type: application/sdp\r\n",
		number, domain, at, id)
	if _, err := r.conn.WriteToUDP(fmt.Appendf(nil, "%sContent-Length: %d\r\n\r\n%s", head, len(body), body), r.from); err != nil {
		t.Fatal(err)
	}
}

// TestOfficeSpeaksToNobodyWhoDidNotCall has a packet with a carrier's address order a
// message to be spoken to somebody else: nobody hears anything before the answer was
// acknowledged.
func TestOfficeSpeaksToNobodyWhoDidNotCall(t *testing.T) {
	t.Parallel()
	x := open(t)
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	victim, err := net.ListenPacket("udp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { victim.Close() })
	r := &raw{t: t, conn: conn}
	at := addr(conn.LocalAddr())
	x.line(t, "+525555550123", "102")
	if _, err := x.store.AddTrunk(t.Context(), office.Trunk{Name: "carrier", URI: "sip:" + at.String(), Transport: "udp", Priority: 1, Format: office.E164}, ""); err != nil {
		t.Fatal(err)
	}
	x.until(t, "the trunk is known", func() bool { _, ok := x.trunks.Identify(at, "udp", ""); return ok })
	x.calls(t, r, "spoofed", "5555550123", victim.LocalAddr())
	var answer string
	for range 3 { // the answer, and twice again: 1.5 s
		for answer = r.reads("SIP/2.0"); !strings.HasPrefix(answer, "SIP/2.0 200 ") || !strings.HasSuffix(field(answer, "CSeq"), "INVITE"); {
			answer = r.reads("SIP/2.0")
		}
	}
	b := make([]byte, 2048)
	if err := victim.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, _, err := victim.ReadFrom(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%d bytes are sent to somebody else: %v", n, err)
	}
	ack := fmt.Sprintf("ACK %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKack\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: spoofed\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
		strings.Trim(field(answer, "Contact"), "<>"), at, field(answer, "From"), field(answer, "To"))
	if _, err := conn.WriteToUDP([]byte(ack), r.from); err != nil {
		t.Fatal(err)
	}
	if err := victim.SetReadDeadline(time.Now().Add(patient)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := victim.ReadFrom(b); err != nil {
		t.Fatalf("who calls hears nothing: %v", err)
	}
	x.withoutVoicemail(t, "103")
	x.line(t, "+525555550124", "103")
	x.calls(t, r, "again", "5555550124", victim.LocalAddr()) // a host that is known now
	for !strings.HasPrefix(answer, "SIP/2.0 183 ") || field(answer, "Call-ID") != "again" {
		answer = r.reads("SIP/2.0")
	}
}

func TestCallerOfACarrierHearsWhyNobodyAnswers(t *testing.T) {
	t.Parallel()
	x := open(t)
	c := x.carrier(t, "carrier", 1)
	x.line(t, "+525555550123", "102")
	x.withoutVoicemail(t, "102")
	said := make(chan *ua.Leg, 1)
	_, err := c.dial(t.Context(), "5555550123", func(t *ua.Target) { t.OnEarly = func(l *ua.Leg) { said <- l } })
	var refused *ua.StatusError
	if !errors.As(err, &refused) || refused.Code != 480 {
		t.Fatal(err)
	}
	if l := receive(t, said, "the spoken words"); l.Stats().ReceivedPackets < 20 {
		t.Errorf("%d packets are heard", l.Stats().ReceivedPackets)
	}
}

// TestCallerFromOutside is the table of how callers from outside are called.
func TestCallerFromOutside(t *testing.T) {
	t.Parallel()
	x := open(t)
	c := x.carrier(t, "carrier", 1)
	x.line(t, "+525555550123", "102")
	luis := x.phone(t, "102", "udp")
	for sent, want := range map[office.Number]office.Number{
		"5512345678": mobile, "525512345678": mobile, "+13105550123": "+13105550123", "1234567": "1234567",
		"911": "", "+911": "", "101": "", "+101": "", "*97": "", "1234567890123456789012345": "", "": "",
	} {
		shown := make(chan office.Party, 1)
		luis.does(func(_ context.Context, in *ua.Incoming) {
			shown <- in.From()
			_ = in.Reject(486)
		})
		if leg, err := c.dial(t.Context(), "5555550123", func(t *ua.Target) { t.From = office.Party{Number: sent} }); err == nil {
			newTalk(leg, 700).hangUp(t)
		}
		if got := receive(t, shown, "the call"); got.Number != want {
			t.Errorf("%q is shown as %q", string(sent), string(got.Number))
		}
	}
}

// TestCallerWithoutANumber has desk phones show that somebody calls, and our own what
// they like.
func TestCallerWithoutANumber(t *testing.T) {
	t.Parallel()
	x := open(t)
	c := x.carrier(t, "carrier", 1)
	x.line(t, "+525555550123", "102")
	desk, own := x.raw(t), x.rawSession(t)
	for name, shown := range map[string]string{"": "Número privado", "Anonymous": "Número privado", "Rosa": "Rosa"} {
		called := make(chan struct{})
		go func() {
			defer close(called)
			if leg, err := c.dial(t.Context(), "5555550123", func(t *ua.Target) { t.From = office.Party{Name: name} }); err == nil {
				newTalk(leg, 700).hangUp(t)
			}
		}()
		for _, r := range []*raw{desk, own} {
			invite := r.reads("INVITE")
			from := field(invite, "From")
			if told := strings.HasPrefix(from, `"`+shown+`" <sip:anonymous@anonymous.invalid>`); told != (r == desk) {
				t.Errorf("%q is shown as %s", name, from)
			}
			r.says(invite, "486 Busy Here")
			r.reads("ACK")
		}
		receive(t, called, "the end of the call")
	}
}
