package ua

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"
)

// TestAckOfAnOlderInviteHidesNone lets ACKs of INVITEs that were refused come before
// and after the one that is waited for, which a goroutine may see late: it is found
// at once, not at its next copy.
func TestAckOfAnOlderInviteHidesNone(t *testing.T) {
	numbered := func(m sip.Message, n uint32) { m.AppendHeader(&sip.CSeqHeader{SeqNo: n, MethodName: sip.INVITE}) }
	ack := func(n uint32) *sip.Request {
		req := sip.NewRequest(sip.ACK, sip.Uri{})
		numbered(req, n)
		return req
	}
	ok := func(n uint32) *sip.Response {
		res := sip.NewResponse(200, "OK")
		numbered(res, n)
		return res
	}
	for _, came := range [][]uint32{{18}, {17, 18}, {18, 17}, {16, 17, 18, 18, 17}} {
		synctest.Test(t, func(t *testing.T) {
			l := &Leg{e: &Endpoint{dead: context.Background()}, acks: make(chan struct{}, 1), closed: make(chan struct{})}
			for _, n := range came {
				l.acknowledged(ack(n))
			}
			start := time.Now()
			if got := l.confirmed(nobody{}, ok(18)); got == nil || got.CSeq().SeqNo != 18 || time.Since(start) > 0 {
				t.Errorf("%v: %v after %v", came, got, time.Since(start))
			}
			if got := l.confirmed(nobody{}, ok(19)); got != nil || time.Since(start) != ackTime {
				t.Errorf("%v: the ACK of another INVITE: %v after %v", came, got, time.Since(start))
			}
		})
	}
}

// TestAnswerIsRepeatedUntilItsAck lets the ACK come after the INVITE's transaction is
// over.
func TestAnswerIsRepeatedUntilItsAck(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			legs := make(chan *Leg, 1)
			cfg := Config{OnInvite: answering(t, legs, AnswerOptions{})}
			listen(t, &cfg)
			cfg.ServerTLS, _ = certificate(t)
			e := start(t, cfg)
			s := &scripted{rawPeer: dialRaw(t, network, at(e, network)), t: t, callID: newToken(), local: "<sip:101@office.test>;tag=mine", remote: "<sip:102@office.test>", target: "sip:102@office.test", sound: socket(t, "127.0.0.1"), cseq: 1}
			s.write("INVITE", "Content-Type: application/sdp\n", scriptedSDP)
			for copies := 0; copies < 3; { // the third comes after 1.5 s
				res := s.read(t)
				if strings.HasPrefix(res, "SIP/2.0 200 ") {
					copies++
					_, to, _ := strings.Cut(res, "\r\nTo: ")
					s.remote, _, _ = strings.Cut(to, "\r\n")
				}
			}
			s.ack("")
			leg := next(t, legs)
			if res := s.request("INFO", "", ""); !strings.HasPrefix(res, "SIP/2.0 200 ") || leg.over() {
				t.Errorf("over %v, INFO answered\n%s", leg.over(), res)
			}
			s.request("BYE", "", "")
			idle(t, e)
		})
	}
}
