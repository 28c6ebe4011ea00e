package pbx

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/registrar"
	"timbre/internal/store"
	"timbre/internal/ua"
)

// A raw is a device of which the test sees every byte.
type raw struct {
	t    *testing.T
	conn *net.UDPConn
	from *net.UDPAddr // of the last message
}

// raw registers such a device for 102.
func (x *exchange) raw(t *testing.T) *raw {
	t.Helper()
	return x.rawAs(t, x.unregistered(t, "102", "udp").account.Username)
}

// rawSession registers one that is a telephone of our own.
func (x *exchange) rawSession(t *testing.T) *raw {
	t.Helper()
	s, err := x.store.AddSession(t.Context(), store.NewSession{
		Device: office.Device{Extension: "102", Name: "computer", Username: "computer"}, Token: "hash", ExpiresAt: time.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	return x.rawAs(t, s.Device.Username)
}

// rawAs registers a device under a user name.
func (x *exchange) rawAs(t *testing.T, username string) *raw {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	at := addr(conn.LocalAddr())
	_, err = x.table.Register(t.Context(), registrar.Request{
		Username: username, CallID: "raw", CSeq: 1, Transport: "udp", Source: at,
		Contacts: []registrar.Contact{{URI: "sip:raw@" + at.String(), Expires: time.Minute}},
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &raw{t: t, conn: conn}
}

// reads waits for a request with that method and returns it.
func (r *raw) reads(method string) string {
	r.t.Helper()
	b := make([]byte, 65536)
	if err := r.conn.SetReadDeadline(time.Now().Add(patient)); err != nil {
		r.t.Fatal(err)
	}
	for {
		n, from, err := r.conn.ReadFromUDP(b)
		if err != nil {
			r.t.Fatalf("%s does not come: %v", method, err)
		}
		if r.from = from; strings.HasPrefix(string(b[:n]), method+" ") {
			return string(b[:n])
		}
	}
}

// says answers a request with a status line.
func (r *raw) says(request, status string, body ...string) {
	r.t.Helper()
	answer := "SIP/2.0 " + status + "\r\n"
	for line := range strings.SplitSeq(request, "\r\n") {
		switch name, _, _ := strings.Cut(line, ":"); name {
		case "Via", "From", "Call-ID", "CSeq":
			answer += line + "\r\n"
		case "To":
			if answer += line; !strings.Contains(line, ";tag=") {
				answer += ";tag=raw"
			}
			answer += "\r\n"
		}
	}
	text := strings.Join(body, "")
	if _, err := r.conn.WriteToUDP(fmt.Appendf(nil, "%sContent-Length: %d\r\n\r\n%s", answer, len(text), text), r.from); err != nil {
		r.t.Fatal(err)
	}
}

// field returns the value of a header field of a message.
func field(message, name string) string {
	for line := range strings.SplitSeq(message, "\r\n") {
		if n, value, _ := strings.Cut(line, ": "); n == name {
			return value
		}
	}
	return ""
}

// answers answers an INVITE, with sound that nobody hears.
func (r *raw) answers(invite string) {
	r.t.Helper()
	at := addr(r.conn.LocalAddr())
	body := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
	r.says(invite, "200 OK\r\nContact: <sip:raw@"+at.String()+">\r\nContent-Type: application/sdp", body)
}

func TestOthersAreToldThatTheCallWasAnswered(t *testing.T) {
	t.Parallel()
	x := open(t)
	r := x.raw(t)
	desk, ana := x.phone(t, "102", "udp"), x.unregistered(t, "101", "udp")
	rung := make(chan struct{})
	talks := desk.answers(700)
	answer := desk.on
	desk.does(func(ctx context.Context, in *ua.Incoming) {
		receive(t, rung, "the ringing of the other device")
		answer(ctx, in)
	})
	answered := make(chan *ua.Leg, 1)
	go func() {
		leg, err := ana.dial(t.Context(), "102")
		if err != nil {
			t.Error(err)
		}
		answered <- leg
	}()
	invite := r.reads("INVITE")
	r.says(invite, "180 Ringing")
	close(rung)
	cancel := r.reads("CANCEL")
	if !strings.Contains(cancel, "Reason: SIP;cause=200;") {
		t.Errorf("the phone will show a missed call:\n%s", cancel)
	}
	r.says(cancel, "200 OK")
	r.says(invite, "487 Request Terminated")
	r.reads("ACK")
	receive(t, talks, "the call")
	if leg := receive(t, answered, "the answer"); leg != nil {
		newTalk(leg, 1000).hangUp(t)
	}
}

// TestOnlyWhatIsAllowedPasses has a caller send header fields that a phone
// might obey, in its INVITE and in its name.
func TestOnlyWhatIsAllowedPasses(t *testing.T) {
	t.Parallel()
	x := open(t)
	r := x.raw(t)
	ana := x.unregistered(t, "101", "udp")
	answered := make(chan *ua.Leg, 1)
	go func() {
		leg, err := ana.dial(t.Context(), "102", func(t *ua.Target) {
			t.From.Name = "Director"
			t.Headers = ua.Headers{
				"Call-Info": "<sip:x>;answer-after=0", "Alert-Info": "info=alert-autoanswer", "P-Asserted-Identity": "<sip:103@office.test>",
				"Timbre-Call": "forged", "Subject": "x",
			}
		})
		if err != nil {
			t.Error(err)
		}
		answered <- leg
	}()
	invite := r.reads("INVITE")
	r.says(invite, "486 Busy Here")
	head, _, _ := strings.Cut(invite, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		switch name, value, _ := strings.Cut(line, ": "); name {
		case "Call-Info", "Alert-Info", "P-Asserted-Identity", "Subject", "Authorization":
			t.Errorf("passed on: %s", line)
		case "From":
			if !strings.Contains(value, "Ana") || !strings.Contains(value, "sip:101@") {
				t.Errorf("the caller is shown as %s", value)
			}
		case office.CallHeader:
			if value == "forged" {
				t.Errorf("passed on: %s", line)
			}
		}
	}
	r.reads("ACK")
	if leg := receive(t, answered, "voicemail"); leg != nil {
		newTalk(leg, 700).hangUp(t)
	}
	if in := x.log(t, "102", 1)[0]; in.Outcome != office.Busy || in.Peer.Name != "Ana" {
		t.Errorf("callee's log %+v", in)
	}
}

// TestFarMediaIsToldAgain has the protection of the far side change by a transfer:
// a telephone of our own, which shows it, learns of that.
func TestFarMediaIsToldAgain(t *testing.T) {
	t.Parallel()
	x := open(t)
	r, eva := x.rawSession(t), x.phone(t, "103", "udp")
	taken := eva.answers(600)
	calling := make(chan *talk, 1)
	go func() { calling <- x.unregistered(t, "101", "tls").call("102", 1000) }()
	invite := r.reads("INVITE")
	if got := field(invite, office.FarMediaHeader); got != "srtp" {
		t.Errorf("at first it is told %q", got)
	}
	r.answers(invite)
	caller := receive(t, calling, "the answer")
	r.reads("ACK")
	if err := caller.refers(t, "sip:103@office.test", nil); err != nil {
		t.Fatal(err)
	}
	third := receive(t, taken, "the transferred call")
	again := r.reads("INVITE")
	if field(again, "Call-ID") != field(invite, "Call-ID") || field(again, office.FarMediaHeader) != "rtp" {
		t.Errorf("it is told\n%s", again)
	}
	r.answers(again)
	r.reads("ACK")
	third.hangUp(t)
	r.says(r.reads("BYE"), "200 OK")
	x.nothingIsLeft(t)
}
