package ua

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"timbre/internal/office"
)

// TestBlindTransfer asks for a transfer and follows it to each end.
func TestBlindTransfer(t *testing.T) {
	legs := make(chan *Leg, 1)
	_, p, target := pair(t, Config{OnInvite: answering(t, legs, AnswerOptions{})})
	phone, err := p.Dial(within(t), target)
	if err != nil {
		t.Fatal(err)
	}
	server := next(t, legs)
	asked := make(chan error, 1)
	ask := func(uri string) *Refer {
		go func() { asked <- phone.Refer(within(t), uri, nil) }()
		return next(t, server.Refers())
	}
	status := func(want int) {
		t.Helper()
		err := next(t, asked)
		var no *StatusError
		if want == 200 && err != nil || want != 200 && (!errors.As(err, &no) || no.Code != want) {
			t.Errorf("Refer: %v, want %d", err, want)
		}
	}

	r := ask("sip:%2A97@office.test")
	if r.To != "*97" || r.ToHost != "office.test" || r.Replaces != nil || r.By != (office.Party{Number: "101"}) {
		t.Errorf("%+v", r)
	}
	var no *StatusError
	if err := phone.Refer(within(t), "sip:103@h", nil); !errors.As(err, &no) || no.Code != 491 {
		t.Errorf("a second transfer: %v", err)
	}
	if err := r.Progress(180); !errors.Is(err, ErrClosed) {
		t.Errorf("Progress before Accept: %v", err)
	}
	if err := r.Accept(); err != nil {
		t.Errorf("Accept: %v", err)
	}
	if r.Accept() == nil || r.Reject(603) == nil {
		t.Error("a transfer was answered twice")
	}
	if err := r.Progress(180); err != nil {
		t.Errorf("Progress: %v", err)
	}
	if err := r.Progress(200); err != nil {
		t.Errorf("Progress: %v", err)
	}
	status(200)
	if err := r.Progress(200); !errors.Is(err, ErrClosed) {
		t.Errorf("Progress after the end: %v", err)
	}

	if r = ask("tel:+525555550101"); r.To != "+525555550101" || r.ToHost != "" {
		t.Errorf("%+v", r)
	}
	r.Accept()
	r.Progress(486)
	status(486)

	ask("sip:104@h").Reject(403)
	status(403)

	r = ask("sip:105@h")
	r.Accept()
	go server.Hangup(within(t))
	if err := next(t, asked); !errors.Is(err, ErrClosed) {
		t.Errorf("Refer of a call that ends: %v", err)
	}
	next(t, server.Done())
	if err := r.Progress(200); !errors.Is(err, ErrClosed) {
		t.Errorf("Progress after the call: %v", err)
	}
	if err := phone.Refer(within(t), "sip:x@h>\r\nEvil: 1", nil); !errors.As(err, &no) || no.Code != 400 {
		t.Errorf("Refer to nonsense: %v", err)
	}
}

// TestReferOnTheWire writes a REFER as strangers and phones do.
func TestReferOnTheWire(t *testing.T) {
	e, s, leg := answered(t, "udp", scriptedSDP)
	for _, c := range []struct{ name, headers, want string }{
		{"two targets", "Refer-To: <sip:1@h>, <sip:2@h>\n", "400"},
		{"another method", "Refer-To: <sip:1@h;method=BYE>\n", "400"},
		{"a scheme of others", "Refer-To: <xmpp:a@h>\n", "400"},
		{"no user", "Refer-To: <sip:office.test>\n", "400"},
		{"malformed Replaces", "Refer-To: <sip:1@h?Replaces=a>\n", "400"},
		{"no address", "Refer-To: 102\n", "400"},
	} {
		if res := s.request("REFER", c.headers, ""); !strings.HasPrefix(res, "SIP/2.0 "+c.want+" ") {
			t.Errorf("%s: answered\n%s", c.name, res)
		}
	}
	if n := len(leg.Refers()); n != 0 {
		t.Errorf("%d of them came through", n)
	}
	done := make(chan struct{})
	go func() { // the first NOTIFY is answered when the 202 has been read
		defer close(done)
		r := <-leg.Refers()
		if r.Replaces == nil || *r.Replaces != (Replaces{CallID: "a@b", LocalTag: "c", RemoteTag: "d"}) {
			t.Errorf("%+v", r.Replaces)
		}
		if err := r.Accept(); err != nil {
			t.Errorf("Accept: %v", err)
		}
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for r.Progress(180) == nil { // until the 481 has come
			<-tick.C
		}
	}()
	if res := s.request("REFER", "r: <sip:1@h;method=INVITE?x=y&Replaces=a%40b%3Bto-tag%3Dc%3Bfrom-tag%3Dd>\nb: <sip:101@h>\n", ""); !strings.HasPrefix(res, "SIP/2.0 202 ") {
		t.Errorf("answered\n%s", res)
	}
	notify := s.read(t)
	for _, want := range []string{"NOTIFY ", "Event: refer\r\n", "Subscription-State: active;expires=", "Content-Type: message/sipfrag", "\r\n\r\nSIP/2.0 100 Trying\r\n"} {
		if !strings.Contains(notify, want) {
			t.Errorf("%q is not in\n%s", want, notify)
		}
	}
	fmt.Fprint(s, respond(notify, "481 Unknown", "", ""))
	next(t, done)
	if leg.over() {
		t.Error("the call ended")
	}
	go func() {
		r := <-leg.Refers()
		r.Accept()
		r.Progress(404)
	}()
	cseq := s.cseq + 1
	s.request("REFER", "Refer-To: sip:1@h\n", "")
	for _, want := range []string{"SIP/2.0 100", "SIP/2.0 404 Not Found"} {
		notify = s.read(t)
		if !strings.Contains(notify, want) || !strings.Contains(notify, fmt.Sprintf("Event: refer;id=%d\r\n", cseq)) {
			t.Errorf("told\n%s", notify)
		}
		fmt.Fprint(s, respond(notify, "200 OK", "", ""))
	}
	if !strings.Contains(notify, "Subscription-State: terminated;reason=noresource\r\n") {
		t.Errorf("told at last\n%s", notify)
	}
	s.remote = "<sip:102@office.test>"
	if res := s.request("REFER", "Refer-To: <sip:1@h>\n", ""); !strings.HasPrefix(res, "SIP/2.0 403 ") {
		t.Errorf("outside a call: answered\n%s", res)
	}
	s.remote = "<sip:102@office.test>;tag=unknown"
	if res := s.request("REFER", "Refer-To: <sip:1@h>\n", ""); !strings.HasPrefix(res, "SIP/2.0 481 ") {
		t.Errorf("in an unknown call: answered\n%s", res)
	}
	alive(t, e, 1)
}

// TestReferThatNobodyAnswersIsRefused lets the time of a transfer run out.
func TestReferThatNobodyAnswersIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Leg{refers: make(chan *Refer, 1), done: make(chan struct{})}
		r := &Refer{verdict: make(chan int, 1), replied: make(chan struct{})}
		if !l.refer(r, 1) {
			t.Fatal("refused at once")
		}
		start := time.Now()
		if code := r.judged(); code != 603 || time.Since(start) != referTime {
			t.Errorf("%d after %v", code, time.Since(start))
		}
		if r.Accept() == nil {
			t.Error("accepted afterwards")
		}
		second := &Refer{verdict: make(chan int, 1), replied: make(chan struct{})}
		if !l.refer(second, 2) || <-l.refers != second {
			t.Error("one that was read by nobody is in the way of the next")
		}
		close(l.done)
		if code := second.judged(); code != 481 {
			t.Errorf("%d at the end of the call", code)
		}
	})
}

func TestFragStatus(t *testing.T) {
	for body, want := range map[string]int{
		"SIP/2.0 200 OK\r\n": 200, "sip/2.0 486 Busy": 486, "SIP/2.0 180\n": 180, "": 0, "200 OK": 0, "SIP/2.0 999 x": 0, "SIP/2.0 +20 x": 0, "SIP/2.0 2": 0,
	} {
		if got := fragStatus([]byte(body)); got != want {
			t.Errorf("%q: %d", body, got)
		}
	}
}

// TestEarlyOf names a call that rings, as a phone does that transfers to it, and
// ends it in place of the phone.
func TestEarlyOf(t *testing.T) {
	calls := make(chan *Incoming, 1)
	s, p, target := pair(t, Config{OnInvite: func(ctx context.Context, in *Incoming) {
		in.Ring()
		calls <- in
		<-in.Canceled()
	}})
	named := make(chan Replaces, 1)
	target.OnRinging = func(_ int, header func(string) string) {
		tag := func(name string) string { _, tag, _ := strings.Cut(header(name), "tag="); return tag }
		named <- Replaces{CallID: header("Call-ID"), LocalTag: tag("To"), RemoteTag: tag("From")}
	}
	ended := make(chan error, 1)
	go func() { _, err := p.Dial(within(t), target); ended <- err }()
	r, in := next(t, named), next(t, calls)
	if s.EarlyOf(r) != in || s.LegOf(r) != nil {
		t.Errorf("%+v is not found", r)
	}
	for _, other := range []Replaces{{CallID: "x", LocalTag: r.LocalTag, RemoteTag: r.RemoteTag}, {CallID: r.CallID, LocalTag: r.RemoteTag, RemoteTag: r.LocalTag}} {
		if s.EarlyOf(other) != nil {
			t.Errorf("%+v is found", other)
		}
	}
	if err := in.Cancel(); err != nil {
		t.Error(err)
	}
	var no *StatusError
	if err := next(t, ended); !errors.As(err, &no) || no.Code != 487 {
		t.Errorf("Dial: %v", err)
	}
	if in.Cancel() == nil || s.EarlyOf(r) != nil {
		t.Error("it is not over")
	}
	idle(t, s)
	idle(t, p)
}

// TestAttendedTransfer names one call of a phone in the transfer of another; then a
// third party takes its place.
func TestAttendedTransfer(t *testing.T) {
	calls := make(chan *Incoming, 4)
	legs := make(chan *Leg, 4)
	answer := answering(t, legs, AnswerOptions{})
	s, p, target := pair(t, Config{OnInvite: func(ctx context.Context, in *Incoming) {
		calls <- in
		answer(ctx, in)
	}})
	first, err := p.Dial(within(t), target)
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.Dial(within(t), target)
	if err != nil {
		t.Fatal(err)
	}
	next(t, calls)
	if next(t, calls).Replaces() != nil {
		t.Error("an ordinary call replaces another")
	}
	one, two := next(t, legs), next(t, legs)
	if one.ID() != first.ID() { // the second was quicker to tell
		one, two = two, one
	}
	asked := make(chan error, 1)
	go func() { asked <- first.Refer(within(t), "sip:103@office.test", second) }()
	r := next(t, one.Refers())
	if r.Replaces == nil || s.LegOf(*r.Replaces) != two {
		t.Fatalf("%+v names another leg", r.Replaces)
	}
	r.Accept()
	r.Progress(200)
	if err := next(t, asked); err != nil {
		t.Errorf("Refer: %v", err)
	}

	header := func(callID, to, from, more string) Headers {
		return Headers{"Replaces": callID + ";to-tag=" + to + ";from-tag=" + from + more}
	}
	for _, c := range []struct {
		name    string
		headers Headers
		code    int
	}{
		{"malformed", Headers{"Replaces": "a"}, 400},
		{"a tag twice", header(two.callID, two.localTag, two.remoteTag, ";to-tag=x"), 400},
		{"unknown", header("nothing", two.localTag, two.remoteTag, ""), 481},
		{"the tags of another", header(two.callID, two.localTag, one.remoteTag, ""), 481},
		{"only an unanswered one", header(two.callID, two.localTag, two.remoteTag, ";early-only"), 486},
		{"the call", header(two.callID, two.localTag, two.remoteTag, ""), 200},
	} {
		target.Headers = c.headers
		l, err := p.Dial(within(t), target)
		var no *StatusError
		if c.code != 200 {
			if !errors.As(err, &no) || no.Code != c.code {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		in := next(t, calls)
		if in.Replaces() == nil || s.LegOf(*in.Replaces()) != two {
			t.Errorf("%+v names another leg", in.Replaces())
		}
		next(t, legs)
		l.Hangup(within(t))
	}
	replaced := Replaces{CallID: two.callID, LocalTag: two.localTag, RemoteTag: two.remoteTag}
	two.Hangup(within(t))
	if s.LegOf(replaced) != nil {
		t.Error("a call that ended can be replaced")
	}
	first.Hangup(within(t))
	idle(t, s)
	idle(t, p)
}

func FuzzReplaces(f *testing.F) {
	f.Add("a@b;to-tag=c;from-tag=d;early-only")
	f.Add(";;to-tag=;from-tag==")
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := parseReplaces(s)
		if ok && (r.CallID == "" || r.LocalTag == "" || r.RemoteTag == "") {
			t.Errorf("%q is %+v", s, r)
		}
	})
}
