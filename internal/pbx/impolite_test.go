package pbx

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// asks sends a request within the dialog that invite began.
func (r *raw) asks(invite, method string, cseq int, headers ...string) {
	r.t.Helper()
	at := addr(r.conn.LocalAddr()).String()
	uri := strings.Trim(field(invite, "Contact"), "<>")
	text := fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%d\r\nMax-Forwards: 70\r\nFrom: %s;tag=raw\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:raw@%s>\r\n",
		method, uri, at, method, cseq, field(invite, "To"), field(invite, "From"), field(invite, "Call-ID"), cseq, method, at)
	for _, h := range headers {
		text += h + "\r\n"
	}
	if _, err := r.conn.WriteToUDP([]byte(text+"Content-Length: 0\r\n\r\n"), r.from); err != nil {
		r.t.Error(err)
	}
}

// leaves has the telephone do what such do once they wished a transfer: what it is
// told of that is answered with notify (empty: not at all), and it hangs up as soon
// as the wish was accepted where bye is set. It returns when the call is over.
func (r *raw) leaves(invite, notify string, bye bool) {
	b := make([]byte, 65536)
	for end := time.Now().Add(patient); ; {
		if err := r.conn.SetReadDeadline(end); err != nil {
			r.t.Error(err)
			return
		}
		n, _, err := r.conn.ReadFromUDP(b)
		if err != nil {
			r.t.Errorf("its call does not end: %v", err)
			return
		}
		text := string(b[:n])
		switch method, _, _ := strings.Cut(text, " "); {
		case method == "NOTIFY" && notify != "":
			r.says(text, notify)
		case method == "BYE":
			r.says(text, "200 OK")
			return
		case method == "SIP/2.0" && strings.HasSuffix(field(text, "CSeq"), "REFER"):
			if !strings.HasPrefix(text, "SIP/2.0 202 ") {
				r.t.Errorf("the transfer is answered\n%s", text)
				return
			}
			if bye {
				r.asks(invite, "BYE", 2)
			}
		case method == "SIP/2.0" && strings.HasSuffix(field(text, "CSeq"), "BYE"):
			return
		}
	}
}

// TestTransferByAnImpolitePhone has telephones that want to hear nothing of their
// transfer: it is carried out all the same.
func TestTransferByAnImpolitePhone(t *testing.T) {
	for _, notify := range []string{"200 OK", "405 Method Not Allowed", "481 Call/Transaction Does Not Exist", ""} {
		for _, bye := range []bool{false, true} {
			t.Run(fmt.Sprintf("%.3s %v", notify, bye), func(t *testing.T) {
				t.Parallel()
				x := open(t)
				r, taken := x.raw(t), x.phone(t, "103", "udp").answers(600)
				calling := make(chan *talk, 1)
				ana := x.unregistered(t, "101", "udp")
				go func() { calling <- ana.call("102", 1000) }()
				invite := r.reads("INVITE")
				r.answers(invite)
				r.reads("ACK")
				caller := receive(t, calling, "the answer")
				r.asks(invite, "REFER", 1, "Refer-To: <sip:103@office.test>")
				left := make(chan struct{})
				go func() {
					defer close(left)
					r.leaves(invite, notify, bye)
				}()
				began := time.Now()
				third := receive(t, taken, "the transferred call")
				caller.hears(t, 600)
				third.hears(t, 1000)
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("they talk after %v", took)
				}
				receive(t, left, "the end of its call")
				third.hangUp(t)
				caller.wait()
				x.nothingIsLeft(t)
			})
		}
	}
}
