package ua

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"timbre/internal/sdp"
)

// TestEarlySound lets both sides hear each other before the answer; the answered leg
// is the same.
func TestEarlySound(t *testing.T) {
	legs, answer := make(chan *Leg, 2), make(chan struct{})
	s, p, target := pair(t, Config{OnInvite: func(ctx context.Context, in *Incoming) {
		early, err := in.Progress(ctx, AnswerOptions{Codecs: []sdp.Codec{sdp.PCMU, sdp.TelephoneEvent}, Headers: Headers{"Timbre-Call": "c1"}})
		if err != nil {
			t.Errorf("Progress: %v", err)
			return
		}
		if again, err := in.Progress(ctx, AnswerOptions{Headers: Headers{"Timbre-Call": "c1"}}); err != nil || again != early {
			t.Errorf("Progress again: %v", err)
		}
		ear(early)
		legs <- early
		<-answer
		l, err := in.Answer(ctx, AnswerOptions{})
		if err != nil || l != early {
			t.Errorf("Answer: %v, another leg: %v", err, l != early)
		}
		legs <- l
		<-l.Done()
	}})
	heard := make(chan *Leg, 2)
	target.Secure = true
	target.OnEarly = func(l *Leg) { heard <- l }
	rang := make(chan string, 4)
	target.OnRinging = func(_ int, header func(string) string) { rang <- header("Timbre-Call") }
	result := make(chan *Leg, 1)
	go func() {
		l, err := p.Dial(within(t), target)
		if err != nil {
			t.Errorf("Dial: %v", err)
		}
		result <- l
	}()
	far, near := next(t, legs), next(t, heard)
	if got := next(t, rang); got != "c1" {
		t.Errorf("call %q", got)
	}
	if !near.Codec().Is(sdp.PCMU) || !far.Codec().Is(sdp.PCMU) || !near.Secure() {
		t.Errorf("codecs %v and %v, secure %v", near.Codec(), far.Codec(), near.Secure())
	}
	bothWays(t, near, far)
	close(answer)
	if l := next(t, result); l != near {
		t.Error("Dial returned another leg than it told of")
	}
	next(t, legs)
	bothWays(t, near, far)
	if len(heard) > 0 {
		t.Error("OnEarly was called twice")
	}
	near.Hangup(within(t))
	next(t, far.Done())
	idle(t, s)
	idle(t, p)
}

// TestEarlySoundThatEnds ends a call with early sound in every way but an answer:
// nothing is left on either side.
func TestEarlySoundThatEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		far  func(in *Incoming, early *Leg)
		near func(cancel func(), l *Leg)
		want error
		code int
	}{
		{"refused", func(in *Incoming, _ *Leg) { in.Reject(486) }, nil, nil, 486},
		{"hung up by the callee", func(_ *Incoming, early *Leg) { early.Hangup(context.Background()) }, nil, nil, 480},
		{"given up by the callee", func(*Incoming, *Leg) {}, nil, nil, 480},
		{"canceled", func(in *Incoming, _ *Leg) { <-in.Canceled() }, func(cancel func(), _ *Leg) { cancel() }, context.Canceled, 0},
		{"hung up by the caller", func(in *Incoming, _ *Leg) { <-in.Canceled() }, func(_ func(), l *Leg) { l.Hangup(context.Background()) }, nil, 487},
	} {
		t.Run(c.name, func(t *testing.T) {
			fars, told := make(chan *Leg, 1), make(chan struct{})
			s, p, target := pair(t, Config{OnInvite: func(ctx context.Context, in *Incoming) {
				l, err := in.Progress(ctx, AnswerOptions{})
				if err != nil {
					t.Errorf("Progress: %v", err)
				}
				fars <- l
				<-told
				c.far(in, l)
			}})
			ctx, cancel := context.WithCancel(within(t))
			defer cancel()
			nears := make(chan *Leg, 1)
			target.OnEarly = func(l *Leg) {
				nears <- l
				close(told)
				if c.near != nil {
					c.near(cancel, l)
				}
			}
			_, err := p.Dial(ctx, target)
			var no *StatusError
			if c.want != nil && !errors.Is(err, c.want) || c.want == nil && (!errors.As(err, &no) || no.Code != c.code) {
				t.Errorf("Dial: %v", err)
			}
			next(t, next(t, fars).Done())
			next(t, next(t, nears).Done())
			idle(t, s)
			idle(t, p)
		})
	}
}

func TestNoEarlySoundWithoutAnOffer(t *testing.T) {
	errs := make(chan error, 1)
	cfg := Config{OnInvite: func(ctx context.Context, in *Incoming) {
		_, err := in.Progress(ctx, AnswerOptions{})
		errs <- err
		in.Reject(486)
	}}
	listen(t, &cfg)
	cfg.ServerTLS, _ = certificate(t)
	p := dialRaw(t, "udp", at(start(t, cfg), "udp"))
	if code := p.final(t, invite("", ""), 1); code != 486 {
		t.Errorf("answered %d", code)
	}
	var no *StatusError
	if err := next(t, errs); !errors.As(err, &no) || no.Code != 488 {
		t.Errorf("Progress: %v", err)
	}
}

// A callee is a raw far side that is called.
type callee struct {
	writerTo
	invite string
	sound  *net.UDPConn
}

// dialCallee lets an endpoint call a raw far side with t.
func dialCallee(t *testing.T, target Target) (*callee, <-chan *Leg, <-chan error) {
	t.Helper()
	sink := socket(t, "127.0.0.1")
	var cfg Config
	cfg.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	p := start(t, cfg)
	legs, errs := make(chan *Leg, 1), make(chan error, 1)
	target.URI, target.Transport, target.Addr = "sip:102@office.test", "udp", remote(sink.LocalAddr())
	go func() {
		l, err := p.Dial(within(t), target)
		legs <- l
		errs <- err
	}()
	c := &callee{writerTo: writerTo{sink, p.cfg.UDP.LocalAddr()}, sound: socket(t, "127.0.0.1")}
	c.invite = c.next(t, "INVITE")
	return c, legs, errs
}

// next returns the next request of that method.
func (c *callee) next(t *testing.T, method string) string {
	t.Helper()
	b := make([]byte, 8192)
	for {
		n, _, err := c.ReadFrom(b)
		if err != nil {
			t.Fatalf("no %s: %v", method, err)
		}
		if strings.HasPrefix(string(b[:n]), method+" ") {
			return string(b[:n])
		}
	}
}

func (c *callee) answer(status, body string) {
	headers := fmt.Sprintf("Contact: <sip:102@%s>\n", c.LocalAddr())
	if body != "" {
		headers += "Content-Type: application/sdp\n"
		body = crlf(strings.ReplaceAll(body, "PORT", fmt.Sprint(remote(c.sound.LocalAddr()).Port())))
	}
	fmt.Fprint(c, respond(c.invite, status, headers, body))
}

// TestResponsesOutOfOrder answers a call with sound in a 183, none in the 200, and
// sends what came too late afterwards.
func TestResponsesOutOfOrder(t *testing.T) {
	early, rang := make(chan *Leg, 2), make(chan int, 20)
	c, legs, errs := dialCallee(t, Target{OnEarly: func(l *Leg) { early <- l }, OnRinging: func(code int, _ func(string) string) { rang <- code }})
	c.answer("183 Session Progress", "v=0\nnonsense\n")
	for range 15 { // more than the session of the stack reads
		c.answer("180 Ringing", "")
	}
	c.answer("183 Session Progress", scriptedSDP)
	near := next(t, early)
	ear(near)
	c.sound.WriteTo(rtpBytes(8, 1, 0, 1, "early"), net.UDPAddrFromAddrPort(near.sound.Name()))
	hear(t, near, []byte("early"))
	c.answer("200 OK", "")
	if l := next(t, legs); l != near {
		t.Fatalf("another leg: %v", next(t, errs))
	}
	c.next(t, "ACK")
	c.answer("183 Session Progress", strings.Replace(scriptedSDP, "AVP 8", "AVP 0", 1))
	c.answer("180 Ringing", "")
	c.answer("200 OK", "") // the ACK was lost
	c.next(t, "ACK")
	c.sound.WriteTo(rtpBytes(8, 2, 160, 1, "answered"), net.UDPAddrFromAddrPort(near.sound.Name()))
	hear(t, near, []byte("answered"))
	if !near.Codec().Is(sdp.PCMA) || len(early) > 0 {
		t.Errorf("codec %v, told of %d more", near.Codec(), len(early))
	}
	go near.Hangup(within(t))
	bye := c.next(t, "BYE")
	if !strings.Contains(bye, "To: <sip:102@office.test>;tag=raw\r\n") || !strings.Contains(bye, "CSeq: 2 BYE\r\n") {
		t.Errorf("hung up with\n%s", bye)
	}
	fmt.Fprint(c, respond(bye, "200 OK", "", ""))
}

// TestRetryAfter tells how long a busy far side wants to be left alone.
func TestRetryAfter(t *testing.T) {
	c, _, errs := dialCallee(t, Target{})
	fmt.Fprint(c, respond(c.invite, "503 Service Unavailable", "Retry-After: 18 (maintenance);duration=60\n", ""))
	var no *StatusError
	if err := next(t, errs); !errors.As(err, &no) || no.Code != 503 || no.RetryAfter != 18*time.Second {
		t.Errorf("Dial: %+v", err)
	}
	c.next(t, "ACK")
}

// TestCallerRoutesThroughProxies sends what follows an answer along its Record-Route,
// the last first, whether they stand in one field or in several.
func TestCallerRoutesThroughProxies(t *testing.T) {
	c, legs, _ := dialCallee(t, Target{})
	body := crlf(strings.ReplaceAll(scriptedSDP, "PORT", "4000"))
	fmt.Fprint(c, respond(c.invite, "200 OK", "Contact: <sip:102@127.0.0.1:9>\nRecord-Route: <sip:a.test;lr>, <sip:b.test;lr>\nRecord-Route: <sip:c.test;lr>\nContent-Type: application/sdp\n", body))
	l := next(t, legs)
	go l.Hangup(within(t))
	bye := c.next(t, "BYE")
	if !strings.HasPrefix(bye, "BYE sip:102@127.0.0.1:9 ") || !strings.Contains(bye, "Route: <sip:c.test;lr>\r\nRoute: <sip:b.test;lr>\r\nRoute: <sip:a.test;lr>\r\n") {
		t.Errorf("hung up with\n%s", bye)
	}
	fmt.Fprint(c, respond(bye, "200 OK", "", ""))
}

// TestRequestsBeforeTheAnswer presses a digit while a call has sound but no answer,
// and ends it with BYE in place of CANCEL, as a caller may.
func TestRequestsBeforeTheAnswer(t *testing.T) {
	legs, early := make(chan *Leg, 1), make(chan *Incoming, 1)
	cfg := Config{OnInvite: func(ctx context.Context, in *Incoming) {
		early <- in
		l, err := in.Progress(ctx, AnswerOptions{})
		if err != nil {
			t.Errorf("Progress: %v", err)
		}
		legs <- l
		<-in.Canceled()
	}}
	cfg.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	e := start(t, cfg)
	s := &scripted{rawPeer: dialRaw(t, "udp", at(e, "udp")), t: t, callID: newToken(), local: "<sip:101@office.test>;tag=mine", remote: "<sip:102@office.test>", target: "sip:102@office.test", sound: socket(t, "127.0.0.1"), cseq: 1}
	invite := s.message("INVITE", "Content-Type: application/sdp\n", scriptedSDP)
	fmt.Fprint(s, invite)
	for {
		res := s.read(t)
		if strings.HasPrefix(res, "SIP/2.0 183 ") {
			_, to, _ := strings.Cut(res, "\r\nTo: ")
			s.remote, _, _ = strings.Cut(to, "\r\n")
			break
		}
	}
	next(t, early)
	leg := next(t, legs)
	if res := s.request("INFO", "Content-Type: application/dtmf-relay\n", "Signal=5\n"); !strings.HasPrefix(res, "SIP/2.0 200 ") {
		t.Errorf("INFO answered\n%s", res)
	}
	if d := next(t, leg.Digits()); d != '5' {
		t.Errorf("digit %q", d)
	}
	remote := s.remote
	s.remote += "x"
	if res := s.request("BYE", "", ""); !strings.HasPrefix(res, "SIP/2.0 481 ") {
		t.Errorf("BYE of a stranger answered\n%s", res)
	}
	s.remote = remote
	s.cseq++
	s.write("BYE", "", "")
	got := map[string]bool{}
	for len(got) < 2 {
		res := s.read(t)
		_, cseq, _ := strings.Cut(res, "\r\nCSeq: ")
		cseq, _, _ = strings.Cut(cseq, "\r\n")
		got[res[8:11]+" "+cseq] = true
	}
	if !got["200 4 BYE"] || !got["487 1 INVITE"] {
		t.Errorf("answered with %v", got)
	}
	next(t, leg.Done())
	head, _, _ := strings.Cut(strings.Replace(invite, "\r\nTo: <sip:102@office.test>", "\r\nTo: "+s.remote, 1), "Content-Type")
	fmt.Fprint(s, strings.ReplaceAll(head, "INVITE", "ACK")+"Content-Length: 0\r\n\r\n")
	idle(t, e)
}
