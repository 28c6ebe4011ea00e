package ua

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/sdp"
)

// pair starts a server with cfg's OnInvite and a phone that can call it.
func pair(t testing.TB, cfg Config) (server, phone *Endpoint, target Target) {
	t.Helper()
	cfg.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	server = start(t, cfg)
	var p Config
	p.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	phone = start(t, p)
	return server, phone, Target{URI: "sip:102@office.test", Transport: "udp", Addr: at(server, "udp"), From: office.Party{Number: "101"}}
}

// calls returns how many dialogs and half-made calls e has.
func (e *Endpoint) calls() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.legs) + len(e.ringing)
}

// idle waits until e has no call left.
func idle(t testing.TB, e *Endpoint) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	over := time.After(limit)
	for e.calls() > 0 {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("%d calls are left", e.calls())
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name   string
		invite func(ctx context.Context, in *Incoming)
		want   StatusError
	}{
		{"busy", func(_ context.Context, in *Incoming) { in.Reject(486) }, StatusError{Code: 486, Reason: "Busy Here"}},
		{"moved", func(_ context.Context, in *Incoming) {
			in.Reject(302, Headers{"Contact": "<sip:%76m-102;x=y@office.test:5061;lr>"})
		}, StatusError{Code: 302, Reason: "Moved Temporarily", To: "vm-102", ToHost: "office.test"}},
		{"explained", func(_ context.Context, in *Incoming) {
			in.Reject(403, Headers{office.ReasonHeader: office.MinutesUsed})
		}, StatusError{Code: 403, Reason: "Forbidden", Why: office.MinutesUsed}},
		{"returned", func(context.Context, *Incoming) {}, StatusError{Code: 480, Reason: "Temporarily Unavailable"}},
		{"panicked", func(context.Context, *Incoming) { panic("in a test") }, StatusError{Code: 500, Reason: "Server Internal Error"}},
		{"no codec", func(ctx context.Context, in *Incoming) {
			if _, err := in.Answer(ctx, AnswerOptions{Codecs: []sdp.Codec{{Name: "G722", Clock: 8000}}}); err == nil {
				panic("answered without a codec")
			}
		}, StatusError{Code: 488, Reason: "Not Acceptable Here"}},
		{"rang before", func(_ context.Context, in *Incoming) {
			in.Ring()
			in.Reject(603)
		}, StatusError{Code: 603, Reason: "Decline"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, p, target := pair(t, Config{OnInvite: c.invite})
			_, err := p.Dial(within(t), target)
			var got *StatusError
			if !errors.As(err, &got) || *got != c.want {
				t.Errorf("Dial: %v, want %v", err, &c.want)
			}
			idle(t, s)
			idle(t, p)
		})
	}
}

func TestUnreachable(t *testing.T) {
	var cfg Config
	cfg.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	p := start(t, cfg)
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	nobody := remote(l.Addr())
	l.Close()
	for _, network := range []string{"tcp", "tls", "sctp"} {
		_, err := p.Dial(within(t), Target{URI: "sip:x@office.test", Transport: network, Addr: nobody})
		var got *StatusError
		if !errors.As(err, &got) || got.Code != 503 {
			t.Errorf("%s: %v", network, err)
		}
	}
	if _, err := p.Dial(within(t), Target{URI: "sip:x@office.test", Transport: "udp"}); err == nil {
		t.Error("a call to no address went through")
	}
	if _, err := p.Dial(within(t), Target{URI: "x", Transport: "udp", Addr: nobody}); err == nil {
		t.Error("a call to no URI went through")
	}
	idle(t, p)
}

// TestMappedAddressIsTheSameConnection dials an IPv4 address in its IPv6 form: the
// far side's call back must find the connection.
func TestMappedAddressIsTheSameConnection(t *testing.T) {
	legs := make(chan *Leg, 1)
	var cfg Config
	cfg.TCP, _ = net.Listen("tcp", "127.0.0.1:0")
	cfg.OnInvite = answering(t, legs, AnswerOptions{})
	s := start(t, cfg)
	p := start(t, Config{OnInvite: answering(t, legs, AnswerOptions{})})
	to := at(s, "tcp")
	target := Target{URI: "sip:102@office.test", Transport: "tcp", Addr: netip.AddrPortFrom(netip.AddrFrom16(to.Addr().As16()), to.Port())}
	there, err := p.Dial(within(t), target)
	if err != nil {
		t.Fatal(err)
	}
	far := next(t, legs)
	target.Addr = far.way().peer
	back, err := s.Dial(within(t), target)
	if err != nil {
		t.Fatalf("calling back: %v", err)
	}
	next(t, legs)
	there.Hangup(within(t))
	back.Hangup(within(t))
}

// TestHangUpAfterTheConnectionBroke breaks the connection of a call: who made it
// can still hang up, over a new one.
func TestHangUpAfterTheConnectionBroke(t *testing.T) {
	legs := make(chan *Leg, 1)
	var cfg Config
	cfg.TCP, _ = net.Listen("tcp", "127.0.0.1:0")
	cfg.OnInvite = answering(t, legs, AnswerOptions{})
	s := start(t, cfg)
	p := start(t, Config{})
	l, err := p.Dial(within(t), Target{URI: "sip:102@office.test", Transport: "tcp", Addr: at(s, "tcp")})
	if err != nil {
		t.Fatal(err)
	}
	far := next(t, legs)
	bothWays(t, l, far)
	l.way().stream.Close()
	if err := l.Hangup(within(t)); err != nil {
		t.Errorf("Hangup: %v", err)
	}
	next(t, far.Done())
	if got := far.Cause(); got != (Cause{200, true}) {
		t.Errorf("cause %+v", got)
	}
}

// TestAnswerOnce answers and rejects an answered call again: nothing happens to it.
func TestAnswerOnce(t *testing.T) {
	errs := make(chan error, 3)
	_, p, target := pair(t, Config{OnInvite: func(ctx context.Context, in *Incoming) {
		l, err := in.Answer(ctx, AnswerOptions{})
		errs <- err
		_, err = in.Answer(ctx, AnswerOptions{})
		errs <- err
		errs <- in.Reject(486)
		<-l.Done()
	}})
	l, err := p.Dial(within(t), target)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{nil, ErrClosed, ErrClosed} {
		if err := next(t, errs); !errors.Is(err, want) {
			t.Errorf("attempt %d: %v", i, err)
		}
	}
	if err := l.Hangup(within(t)); err != nil {
		t.Errorf("Hangup: %v", err)
	}
	idle(t, p)
}

func TestCancel(t *testing.T) {
	canceled := make(chan error, 1)
	s, p, target := pair(t, Config{OnInvite: func(ctx context.Context, in *Incoming) {
		in.Ring()
		<-in.Canceled()
		_, err := in.Answer(ctx, AnswerOptions{})
		canceled <- err
	}})
	ctx, cancel := context.WithCancel(t.Context())
	target.OnRinging = func(int, func(string) string) { cancel() }
	if _, err := p.Dial(ctx, target); !errors.Is(err, context.Canceled) {
		t.Errorf("Dial: %v", err)
	}
	if err := next(t, canceled); !errors.Is(err, ErrClosed) {
		t.Errorf("Answer after the cancel: %v", err)
	}
	idle(t, s)
	idle(t, p)
}

// TestCancelMeetsAnswer lets cancel and answer cross, many times over: no call
// may be left on either side.
func TestCancelMeetsAnswer(t *testing.T) {
	s, p, target := pair(t, Config{OnInvite: func(ctx context.Context, in *Incoming) {
		in.Ring()
		if l, err := in.Answer(ctx, AnswerOptions{}); err == nil {
			<-l.Done()
		}
	}})
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*200*time.Microsecond)
			defer cancel()
			l, err := p.Dial(ctx, target)
			if err == nil {
				l.Hangup(within(t))
			}
		})
	}
	wg.Wait()
	idle(t, p)
	idle(t, s)
}

// TestFarSideIsAsked asks a far side that is there, one that has lost the call,
// and one that says nothing.
func TestFarSideIsAsked(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		ends         bool
	}{
		{"there", "SIP/2.0 200 OK", false},
		{"takes no OPTIONS", "SIP/2.0 405 Method Not Allowed", false},
		{"lost the call", "SIP/2.0 481 Call Does Not Exist", true},
		{"gone", "", true},
	} {
		_, s, leg := answered(t, "udp", scriptedSDP)
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			leg.ask(300 * time.Millisecond)
		}()
		req := s.read(t)
		if !strings.HasPrefix(req, "OPTIONS ") {
			t.Fatalf("%s: asked with\n%s", c.name, req)
		}
		if c.answer != "" {
			_, fields, _ := strings.Cut(req, "\r\n")
			fmt.Fprintf(s, "%s\r\n%s", c.answer, fields)
			next(t, asked)
		}
		if c.ends {
			next(t, leg.Done())
			if got := leg.Cause(); got != (Cause{Code: 408}) {
				t.Errorf("%s: cause %+v", c.name, got)
			}
			continue
		}
		select {
		case <-leg.Done():
			t.Errorf("%s: the call ended", c.name)
		default:
		}
		s.request("BYE", "", "")
	}
}

// TestLateCopyOfAnInviteIsNoCall sends an INVITE again, word for word, when its
// transaction is over: nothing comes back, since there is nothing new to say.
func TestLateCopyOfAnInviteIsNoCall(t *testing.T) {
	e, s, leg := answered(t, "udp", scriptedSDP)
	s.request("BYE", "", "")
	next(t, leg.Done())
	idle(t, e)
	s.callID, s.cseq, s.remote = newToken(), 1, "<sip:102@office.test>"
	invite := s.message("INVITE", "Content-Type: application/sdp\n", scriptedSDP)
	fmt.Fprint(s, invite)
	for {
		res := s.read(t)
		if _, to, ok := strings.Cut(res, "\r\nTo: "); ok && strings.HasPrefix(res, "SIP/2.0 200 ") {
			s.remote, _, _ = strings.Cut(to, "\r\n")
			break
		}
	}
	s.ack("")
	s.request("BYE", "", "")
	idle(t, e)
	fmt.Fprint(s, invite)
	s.cseq++
	s.write("OPTIONS", "", "")
	if res := s.read(t); !strings.Contains(res, " OPTIONS\r\n") {
		t.Errorf("a copy was answered\n%s", res)
	}
	idle(t, e)
}

// TestCopyOfAnInviteIsNoCall sends the same INVITE again after the call is over.
func TestCopyOfAnInviteIsNoCall(t *testing.T) {
	e, s, leg := answered(t, "udp", scriptedSDP)
	s.request("BYE", "", "")
	next(t, leg.Done())
	idle(t, e)
	s.cseq, s.remote = 0, "<sip:102@office.test>"
	if res := s.request("INVITE", "Content-Type: application/sdp\n", scriptedSDP); !strings.HasPrefix(res, "SIP/2.0 482 ") {
		t.Errorf("answered\n%s", res)
	}
	s.ack("")
	idle(t, e)
}

func TestRunHangsUp(t *testing.T) {
	legs := make(chan *Leg, 1)
	_, p, target := pair(t, Config{OnInvite: answering(t, legs, AnswerOptions{})})
	var cfg Config
	cfg.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	if _, err := e.Dial(within(t), target); err != nil {
		t.Fatal(err)
	}
	far := next(t, legs)
	cancel()
	if err := next(t, done); err != nil {
		t.Errorf("Run: %v", err)
	}
	next(t, far.Done())
	if got := far.Cause(); got != (Cause{200, true}) {
		t.Errorf("cause %+v", got)
	}
	if _, err := e.Dial(within(t), target); !errors.Is(err, ErrClosed) {
		t.Errorf("Dial after Run: %v", err)
	}
	if err := e.Run(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Run again: %v", err)
	}
	_ = p
}

func TestManyRingingResponses(t *testing.T) {
	legs := make(chan *Leg, 1)
	_, p, target := pair(t, Config{OnInvite: func(ctx context.Context, in *Incoming) {
		for range 40 {
			in.Ring()
		}
		answering(t, legs, AnswerOptions{})(ctx, in)
	}})
	l, err := p.Dial(within(t), target)
	if err != nil {
		t.Fatal(err)
	}
	next(t, legs)
	l.Hangup(within(t))
}

func TestWhoCalls(t *testing.T) {
	got := make(chan *Incoming, 1)
	_, p, target := pair(t, Config{OnInvite: func(_ context.Context, in *Incoming) { got <- in; in.Reject(486) }})
	target.URI = "sip:%2A43@office.test"
	target.From = office.Party{Number: "101", Name: `Ana "\la" López`}
	target.Headers = Headers{"Timbre-Call": "c1", "Via": "evil", "X": "a\r\nb: c"}
	p.Dial(within(t), target)
	in := next(t, got)
	if from := in.From(); from != target.From {
		t.Errorf("From %+v", from)
	}
	if in.To() != "*43" || in.Header("Timbre-Call") != "c1" || in.Header("X") != "" || in.Transport() != "udp" {
		t.Errorf("To %q, header %q", in.To(), in.Header("Timbre-Call"))
	}
	if len(in.Codecs()) != 3 || in.Secure() || in.Source() != at(p, "udp") || in.Username() != "" {
		t.Errorf("codecs %v, source %v", in.Codecs(), in.Source())
	}
}

func TestDialAnswersTheChallenge(t *testing.T) {
	users := make(chan string, 1)
	_, p, target := pair(t, Config{Digest: secrets(nil), OnInvite: func(_ context.Context, in *Incoming) {
		users <- in.Username()
		in.Reject(486)
	}})
	for _, c := range []struct {
		auth *Credentials
		code int
	}{
		{nil, 401},
		{&Credentials{Username: "dana", Password: "guess", Realm: "timbre"}, 401},
		{&Credentials{Username: "dana", Password: "secret", Realm: "other"}, 401},
		{&Credentials{Username: "dana", Password: "secret", Realm: "timbre"}, 486},
	} {
		target.Auth = c.auth
		_, err := p.Dial(within(t), target)
		var got *StatusError
		if !errors.As(err, &got) || got.Code != c.code {
			t.Errorf("%+v: %v", c.auth, err)
		}
	}
	if user := next(t, users); user != "dana" {
		t.Errorf("user %q", user)
	}
}

// A scripted is a peer made of a socket and the messages that a test writes.
type scripted struct {
	*rawPeer
	t      *testing.T
	callID string
	local  string // From or To with our tag
	remote string // the other one, with theirs
	target string
	cseq   int
	sound  *net.UDPConn
}

// call makes a scripted caller whose INVITE is answered by the endpoint at addr.
func call(t *testing.T, network string, addr netip.AddrPort, body string) *scripted {
	t.Helper()
	rtp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rtp.Close() })
	rtp.SetDeadline(time.Now().Add(limit))
	s := &scripted{rawPeer: dialRaw(t, network, addr), t: t, callID: newToken(), local: "<sip:101@office.test>;tag=mine", remote: "<sip:102@office.test>", target: "sip:102@" + addr.String(), sound: rtp}
	res := s.request("INVITE", "Content-Type: application/sdp\n", body)
	if !strings.HasPrefix(res, "SIP/2.0 200 ") {
		t.Fatalf("call answered\n%s", res)
	}
	for line := range strings.SplitSeq(res, "\r\n") {
		if v, ok := strings.CutPrefix(line, "To: "); ok {
			s.remote = v
		}
	}
	s.ack("")
	return s
}

// port is where the caller's sound is.
func (s *scripted) port() int { return s.sound.LocalAddr().(*net.UDPAddr).Port }

func (s *scripted) write(method, headers, body string) {
	if _, err := fmt.Fprint(s.rawPeer, s.message(method, headers, body)); err != nil {
		s.t.Fatal(err)
	}
}

// message builds a request within the dialog.
func (s *scripted) message(method, headers, body string) string {
	body = crlf(strings.ReplaceAll(body, "PORT", fmt.Sprint(s.port())))
	head := fmt.Sprintf("%s %s SIP/2.0\nVia: SIP/2.0/%s %s;branch=z9hG4bK%s;rport\nMax-Forwards: 70\nFrom: %s\nTo: %s\nCall-ID: %s\nCSeq: %d %s\nContact: <sip:101@%s>\n%sContent-Length: %d\n\n",
		method, s.target, strings.ToUpper(s.LocalAddr().Network()), s.LocalAddr(), newToken(), s.local, s.remote, s.callID, s.cseq, method, s.LocalAddr(), headers, len(body))
	return crlf(head) + body
}

func (s *scripted) ack(body string) {
	kind := ""
	if body != "" {
		kind = "Content-Type: application/sdp\n"
	}
	s.write("ACK", kind, body)
}

// request sends a request within the dialog and returns the final response.
func (s *scripted) request(method, headers, body string) string {
	s.t.Helper()
	s.cseq++
	s.write(method, headers, body)
	for {
		res := s.read(s.t)
		if res == "" {
			s.t.Fatal("connection lost")
		}
		if strings.HasPrefix(res, "SIP/2.0 ") && res[8] != '1' && strings.Contains(res, fmt.Sprintf("CSeq: %d %s\r\n", s.cseq, method)) {
			return res
		}
	}
}

const scriptedSDP = "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio PORT RTP/AVP 8 97\na=rtpmap:97 telephone-event/8000\n"

// answered starts a server that answers and a scripted caller in a call with it.
func answered(t *testing.T, network, body string) (*Endpoint, *scripted, *Leg) {
	t.Helper()
	legs := make(chan *Leg, 1)
	cfg := Config{OnInvite: answering(t, legs, AnswerOptions{})}
	listen(t, &cfg)
	cfg.ServerTLS, _ = certificate(t)
	e := start(t, cfg)
	s := call(t, network, at(e, network), body)
	return e, s, next(t, legs)
}

// TestRequestsWithinACall sends what an established call may meet; each must get
// its status and leave the call alone.
func TestRequestsWithinACall(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		e, s, leg := answered(t, network, scriptedSDP)
		for _, c := range []struct {
			name, method, headers, body string
			want                        string
		}{
			{"INFO without Content-Type", "INFO", "", "", "200"},
			{"INFO with a body without Content-Type", "INFO", "", "x", "415"},
			{"INFO of a digit", "INFO", "Content-Type: application/dtmf-relay\n", "Signal=5\nDuration=160\n", "200"},
			{"INFO of nonsense", "INFO", "Content-Type: application/dtmf-relay\n", "Signal\n", "400"},
			{"INFO of something else", "INFO", "Content-Type: application/media_control+xml\n", "<x/>", "415"},
			{"NOTIFY without Content-Type", "NOTIFY", "", "", "489"},
			{"NOTIFY of a transfer", "NOTIFY", "Event: refer\nContent-Type: message/sipfrag\n", "SIP/2.0 200 OK\n", "481"},
			{"REFER to the web", "REFER", "Refer-To: <https://y.z>\n", "", "400"},
			{"REFER to nobody", "REFER", "", "", "400"},
			{"OPTIONS", "OPTIONS", "", "", "200"},
			{"MESSAGE", "MESSAGE", "Content-Type: text/plain\n", "hi", "405"},
			{"UPDATE without a body", "UPDATE", "", "", "200"},
			{"UPDATE with an offer", "UPDATE", "Content-Type: application/sdp\n", scriptedSDP, "200"},
			{"UPDATE with nonsense", "UPDATE", "Content-Type: application/sdp\n", "v=1\n", "400"},
			{"re-INVITE for T.38", "INVITE", "Content-Type: application/sdp\n", strings.Replace(scriptedSDP, "m=audio PORT RTP/AVP 8 97", "m=image PORT udptl t38", 1), "488"},
			{"re-INVITE with nonsense", "INVITE", "Content-Type: application/sdp\n", "c=", "400"},
			{"re-INVITE with another codec", "INVITE", "Content-Type: application/sdp\n", strings.Replace(scriptedSDP, "AVP 8 97", "AVP 0 97", 1), "200"},
			{"re-INVITE with a codec of others", "INVITE", "Content-Type: application/sdp\n", strings.Replace(scriptedSDP, "AVP 8 97", "AVP 3 97", 1), "488"},
			{"re-INVITE that begins SRTP", "INVITE", "Content-Type: application/sdp\n", strings.Replace(scriptedSDP, "RTP/AVP", "RTP/SAVP", 1), "488"},
			{"re-INVITE that requires 100rel", "INVITE", "Require: 100rel\nContent-Type: application/sdp\n", scriptedSDP, "420"},
			{"re-INVITE with an offer", "INVITE", "Content-Type: application/sdp\n", scriptedSDP, "200"},
		} {
			res := s.request(c.method, c.headers, c.body)
			if !strings.HasPrefix(res, "SIP/2.0 "+c.want+" ") {
				t.Errorf("%s, %s: answered\n%s", network, c.name, res)
			}
			if c.method == "INVITE" {
				s.ack("")
			}
		}
		if d := next(t, leg.Digits()); d != '5' {
			t.Errorf("digit %q", d)
		}
		select {
		case <-leg.Done():
			t.Error("the call ended")
		default:
		}
		alive(t, e, 1)
		if res := s.request("BYE", "", ""); !strings.HasPrefix(res, "SIP/2.0 200 ") {
			t.Errorf("BYE answered\n%s", res)
		}
		next(t, leg.Done())
		idle(t, e)
	}
}

// TestStrangersCannotTouchACall sends requests with the right Call-ID and wrong tags.
func TestStrangersCannotTouchACall(t *testing.T) {
	_, s, leg := answered(t, "udp", scriptedSDP)
	remote := s.remote
	for _, change := range []func(){
		func() { s.local = "<sip:101@office.test>;tag=other" },
		func() { s.local, s.remote = "<sip:101@office.test>;tag=mine", "<sip:102@office.test>;tag=other" },
	} {
		change()
		for _, method := range []string{"BYE", "INFO", "UPDATE"} {
			if res := s.request(method, "", ""); !strings.HasPrefix(res, "SIP/2.0 481 ") {
				t.Errorf("%s answered\n%s", method, res)
			}
		}
	}
	select {
	case <-leg.Done():
		t.Error("a stranger ended the call")
	default:
	}
	s.local, s.remote = "<sip:101@office.test>;tag=mine", remote
	s.request("BYE", "", "")
}

// TestHoldAndResume holds and resumes a call by re-INVITE, with plain RTP and with
// SRTP, which must stay with the same key.
func TestHoldAndResume(t *testing.T) {
	key := sdp.Crypto{Tag: 1, Suite: sdp.AES32, Key: strings.Repeat("k", sdp.KeyLen)}
	secure := strings.Replace(scriptedSDP, "RTP/AVP", "RTP/SAVP", 1) + "a=crypto:" + key.String() + "\n"
	for _, body := range []string{scriptedSDP, secure} {
		_, s, leg := answered(t, "udp", body)
		offer := func(direction string) string {
			res := s.request("INVITE", "Content-Type: application/sdp\n", body+"a="+direction+"\n")
			if !strings.HasPrefix(res, "SIP/2.0 200 ") {
				t.Fatalf("%s answered\n%s", direction, res)
			}
			s.ack("")
			return res
		}
		crypto := func(res string) string {
			_, after, _ := strings.Cut(res, "a=crypto:")
			line, _, _ := strings.Cut(after, "\r\n")
			return line
		}
		ours := crypto(offer("sendrecv"))
		if (ours != "") != leg.Secure() {
			t.Errorf("our key %q, Secure %v", ours, leg.Secure())
		}
		held := offer("sendonly")
		if !strings.Contains(held, "a=recvonly") || crypto(held) != ours {
			t.Errorf("hold answered\n%s", held)
		}
		sent := leg.Stats().SentPackets
		if err := leg.WritePacket(&Packet{Payload: []byte("held")}); err != nil {
			t.Errorf("WritePacket on hold: %v", err)
		}
		if leg.Stats().SentPackets != sent {
			t.Error("sound was sent to who holds the call")
		}
		if res := offer("sendrecv"); !strings.Contains(res, "a=sendrecv") || crypto(res) != ours {
			t.Errorf("resume answered\n%s", res)
		}
		if err := leg.WritePacket(&Packet{SSRC: 1, Payload: []byte("back")}); err != nil {
			t.Errorf("WritePacket: %v", err)
		}
		b := make([]byte, 1500)
		n, err := s.sound.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		packet := b[:n]
		if leg.Secure() {
			out, err := srtpOf(t, mustCrypto(t, ours)).DecryptRTP(nil, packet, nil)
			if err != nil {
				t.Fatal("the packet cannot be decrypted with the key of before")
			}
			packet = out
		}
		if r, ok := parseRTP(packet); !ok || string(r.Payload) != "back" || r.PayloadType != 8 {
			t.Errorf("packet %+v", r)
		}
		s.request("BYE", "", "")
	}
}

// mustCrypto reads the value of an a=crypto line.
func mustCrypto(t *testing.T, line string) sdp.Crypto {
	t.Helper()
	s, err := sdp.Parse([]byte("v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 1 RTP/SAVP 8\r\na=crypto:" + line + "\r\n"))
	if err != nil || len(s.Audio().Cryptos) != 1 {
		t.Fatalf("crypto %q: %v", line, err)
	}
	return s.Audio().Cryptos[0]
}

// TestOfferInThe200 calls without an offer: ours comes with the 200, the answer
// with the ACK, also in a re-INVITE.
func TestOfferInThe200(t *testing.T) {
	legs := make(chan *Leg, 1)
	cfg := Config{OnInvite: answering(t, legs, AnswerOptions{})}
	cfg.UDP, _ = net.ListenPacket("udp", "127.0.0.1:0")
	e := start(t, cfg)
	rtp, _ := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	defer rtp.Close()
	s := &scripted{rawPeer: dialRaw(t, "udp", at(e, "udp")), t: t, callID: "late", local: "<sip:101@office.test>;tag=mine", remote: "<sip:102@office.test>", target: "sip:102@office.test", sound: rtp}
	res := s.request("INVITE", "", "")
	if !strings.HasPrefix(res, "SIP/2.0 200 ") || !strings.Contains(res, "m=audio") {
		t.Fatalf("answered\n%s", res)
	}
	for line := range strings.SplitSeq(res, "\r\n") {
		if v, ok := strings.CutPrefix(line, "To: "); ok {
			s.remote = v
		}
	}
	s.ack(scriptedSDP)
	leg := next(t, legs)
	if leg.Codec().Name != "PCMA" {
		t.Errorf("codec %v", leg.Codec())
	}
	if res := s.request("INVITE", "", ""); !strings.HasPrefix(res, "SIP/2.0 200 ") || !strings.Contains(res, "m=audio") {
		t.Errorf("re-INVITE answered\n%s", res)
	}
	s.ack(scriptedSDP)
	if res := s.request("BYE", "", ""); !strings.HasPrefix(res, "SIP/2.0 200 ") {
		t.Errorf("BYE answered\n%s", res)
	}
	idle(t, e)
}

func TestSRTPIsNotGivenUp(t *testing.T) {
	// A phone that wants SRTP and is answered without hangs up.
	_, p, target := pair(t, Config{OnInvite: func(ctx context.Context, in *Incoming) {
		in.offer.Audio().Proto = sdp.AVP // as a careless peer would answer
		in.offer.Audio().Cryptos = nil
		if l, err := in.Answer(ctx, AnswerOptions{}); err == nil {
			<-l.Done()
		}
	}})
	target.Secure = true
	_, err := p.Dial(within(t), target)
	var got *StatusError
	if !errors.As(err, &got) || got.Code != 488 {
		t.Errorf("Dial: %v", err)
	}
	idle(t, p)
}

// BenchmarkCall measures a call from INVITE to the end of BYE, both ends in this
// process.
func BenchmarkCall(b *testing.B) {
	_, p, target := pair(b, Config{Digest: secrets(nil), OnInvite: func(ctx context.Context, in *Incoming) {
		in.Ring()
		if l, err := in.Answer(ctx, AnswerOptions{}); err == nil {
			<-l.Done()
		}
	}})
	target.Auth = &Credentials{Username: "dana", Password: "secret", Realm: "timbre"}
	b.ReportAllocs()
	for range b.N {
		l, err := p.Dial(b.Context(), target)
		if err != nil {
			b.Fatal(err)
		}
		l.Hangup(b.Context())
	}
}
