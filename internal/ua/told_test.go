package ua

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestTransferOfAPhoneThatDoesNotListen transfers for phones that refuse to be told
// how it goes, say nothing to that, or hang up at the 202: their wish counts, nobody
// waits for them, and those that stay may ask again.
func TestTransferOfAPhoneThatDoesNotListen(t *testing.T) {
	for _, says := range []string{"405 Method Not Allowed", "481 Unknown", ""} {
		for _, leaves := range []bool{false, true} {
			t.Run(fmt.Sprintf("%q, leaves %v", says, leaves), func(t *testing.T) {
				_, s, leg := answered(t, "udp", scriptedSDP)
				wish := func() {
					t.Helper()
					if res := s.request("REFER", "Refer-To: <sip:103@h>\n", ""); !strings.HasPrefix(res, "SIP/2.0 202 ") {
						t.Fatalf("answered\n%s", res)
					}
				}
				accepted := make(chan *Refer, 2)
				go func() {
					for range 2 {
						select {
						case r := <-leg.Refers():
							if err := r.Accept(); err != nil {
								t.Errorf("Accept: %v", err)
							}
							accepted <- r
						case <-leg.Done():
							return
						}
					}
				}()
				wish()
				r := next(t, accepted)
				s.until(t, "NOTIFY ", "SIP/2.0 100 Trying", says)
				if leaves {
					if res := s.request("BYE", "", ""); !strings.HasPrefix(res, "SIP/2.0 200 ") {
						t.Errorf("BYE answered\n%s", res)
					}
					next(t, leg.Done())
					if err := r.Progress(200); !errors.Is(err, ErrClosed) {
						t.Errorf("Progress after the call: %v", err)
					}
					return
				}
				began := time.Now()
				r.Progress(180)
				r.Progress(200) // both fail where the refusal is here already
				if took := time.Since(began); took > time.Second {
					t.Errorf("waited %v for a phone that does not listen", took)
				}
				wish()
				next(t, accepted)
			})
		}
	}
}

// until reads the next message that begins so and holds want, and answers it; empty:
// not at all.
func (s *scripted) until(t *testing.T, begins, want, status string) {
	t.Helper()
	for {
		msg := s.read(t)
		if !strings.HasPrefix(msg, begins) {
			continue
		}
		if !strings.Contains(msg, want) {
			t.Errorf("%q is not in\n%s", want, msg)
		}
		if status != "" {
			fmt.Fprint(s, respond(msg, status, "", ""))
		}
		return
	}
}

// TestByeWaitsForTheOutcomeOfATransfer hangs up when a transfer has succeeded: the
// phone hears of that first.
func TestByeWaitsForTheOutcomeOfATransfer(t *testing.T) {
	_, s, leg := answered(t, "udp", scriptedSDP)
	done := make(chan error, 1)
	go func() {
		r := <-leg.Refers()
		done <- errors.Join(r.Accept(), r.Progress(180), r.Progress(200), leg.Hangup(within(t)))
	}()
	if res := s.request("REFER", "Refer-To: <sip:103@h>\n", ""); !strings.HasPrefix(res, "SIP/2.0 202 ") {
		t.Fatalf("answered\n%s", res)
	}
	for _, want := range []string{"SIP/2.0 100 Trying", "SIP/2.0 200 OK"} {
		s.until(t, "", want, "200 OK")
	}
	s.until(t, "BYE ", "", "200 OK")
	if err := next(t, done); err != nil {
		t.Error(err)
	}
}
