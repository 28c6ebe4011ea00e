package ua

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestRepeatedAnswerIsAcknowledged answers a call and its change again and again, as
// who never hears the ACK.
func TestRepeatedAnswerIsAcknowledged(t *testing.T) {
	c, legs, _ := dialCallee(t, Target{})
	c.answer("200 OK", scriptedSDP)
	l := next(t, legs)
	for range 3 {
		if ack := c.next(t, "ACK"); !strings.Contains(ack, "CSeq: 1 ACK\r\n") {
			t.Errorf("acknowledged with\n%s", ack)
		}
		c.answer("200 OK", scriptedSDP)
	}
	c.next(t, "ACK")
	done := make(chan error, 1)
	go func() { done <- l.Reoffer(within(t), Offer{}) }()
	c.invite = c.next(t, "INVITE")
	c.answer("200 OK", scriptedSDP)
	if err := next(t, done); err != nil {
		t.Errorf("Reoffer: %v", err)
	}
	c.answer("200 OK", scriptedSDP)
	for range 2 {
		if ack := c.next(t, "ACK"); !strings.Contains(ack, "CSeq: 2 ACK\r\n") {
			t.Errorf("acknowledged with\n%s", ack)
		}
	}
	go l.Hangup(within(t))
	fmt.Fprint(c, respond(c.next(t, "BYE"), "200 OK", "", ""))
}

// TestSecondAnswerIsHungUp lets a proxy ring several telephones, more than one of
// which is answered: the call is one with the first.
func TestSecondAnswerIsHungUp(t *testing.T) {
	c, legs, _ := dialCallee(t, Target{})
	c.answer("200 OK", scriptedSDP)
	l := next(t, legs)
	c.next(t, "ACK")
	other := func(tag string) {
		t.Helper()
		c.invite = strings.Replace(c.invite, "\r\nTo: <sip:102@office.test>", "\r\nTo: <sip:102@office.test>;tag="+tag, 1)
		fmt.Fprint(c, respond(c.invite, "200 OK", "Contact: <sip:"+tag+"@127.0.0.1:9>\nRecord-Route: <sip:a.test;lr>\n", ""))
		for _, method := range []string{"ACK", "BYE"} {
			req := c.next(t, method)
			for _, want := range []string{method + " sip:" + tag + "@127.0.0.1:9 ", ";tag=" + tag + "\r\n", "Route: <sip:a.test;lr>\r\n"} {
				if !strings.Contains(req, want) {
					t.Errorf("%q is not in\n%s", want, req)
				}
			}
			if method == "BYE" {
				fmt.Fprint(c, respond(req, "200 OK", "", ""))
			}
		}
		c.invite = strings.Replace(c.invite, ";tag="+tag, "", 1)
	}
	other("second")
	if l.over() {
		t.Error("the call ended")
	}
	go l.Hangup(within(t))
	fmt.Fprint(c, respond(c.next(t, "BYE"), "200 OK", "", ""))
	next(t, l.closed)
	other("third") // later than the call itself
}

// TestTwoAnswersAtOnce lets two telephones answer in the same moment, and once more as
// who has heard no ACK: one has the call, the other is hung up, whichever is the first.
func TestTwoAnswersAtOnce(t *testing.T) {
	c, legs, _ := dialCallee(t, Target{})
	body := crlf(strings.ReplaceAll(scriptedSDP, "PORT", fmt.Sprint(remote(c.sound.LocalAddr()).Port())))
	for i, tag := range []string{"one", "two", "one", "two"} {
		if i == 2 {
			c.next(t, "ACK")
		}
		invite := strings.Replace(c.invite, "\r\nTo: <sip:102@office.test>", "\r\nTo: <sip:102@office.test>;tag="+tag, 1)
		fmt.Fprint(c, respond(invite, "200 OK", "Contact: <sip:"+tag+"@127.0.0.1:9>\nContent-Type: application/sdp\n", body))
	}
	l := next(t, legs)
	lost := map[string]string{"one": "two", "two": "one"}[l.remoteTag]
	bye := c.next(t, "BYE")
	if !strings.Contains(bye, ";tag="+lost+"\r\n") {
		t.Errorf("the call is with %q; hung up was\n%s", l.remoteTag, bye)
	}
	fmt.Fprint(c, respond(bye, "200 OK", "", ""))
	if l.over() {
		t.Error("the call ended")
	}
	go l.Hangup(within(t))
	fmt.Fprint(c, respond(c.next(t, "BYE"), "200 OK", "", ""))
}

// TestAnswersThatNobodyAskedForAreIgnored answers a call that was never made.
func TestAnswersThatNobodyAskedForAreIgnored(t *testing.T) {
	c, legs, _ := dialCallee(t, Target{})
	c.answer("200 OK", scriptedSDP)
	l := next(t, legs)
	c.next(t, "ACK")
	made := strings.Replace(respond(c.invite, "200 OK", fmt.Sprintf("Contact: <sip:102@%s>\n", c.LocalAddr()), ""), l.callID, "other", 1)
	fmt.Fprint(c, made)
	done := make(chan error, 1)
	go func() { done <- l.sendInfo(within(t), '1') }()
	b := make([]byte, 8192)
	n, _, err := c.ReadFrom(b)
	if err != nil || !strings.HasPrefix(string(b[:n]), "INFO ") {
		t.Fatalf("%v; sent\n%s", err, b[:n])
	}
	fmt.Fprint(c, respond(string(b[:n]), "200 OK", "", ""))
	if err := next(t, done); err != nil {
		t.Errorf("INFO: %v", err)
	}
	go l.Hangup(within(t))
	fmt.Fprint(c, respond(c.next(t, "BYE"), "200 OK", "", ""))
}

// TestDialDoesNotWaitForItsBye is answered with a description that makes no sense by
// who then falls silent.
func TestDialDoesNotWaitForItsBye(t *testing.T) {
	c, _, errs := dialCallee(t, Target{})
	c.answer("200 OK", "v=0\nnonsense\n")
	var no *StatusError
	if err := next(t, errs); !errors.As(err, &no) || no.Code != 488 {
		t.Errorf("Dial: %v", err)
	}
	c.next(t, "ACK")
	fmt.Fprint(c, respond(c.next(t, "BYE"), "200 OK", "", ""))
}
