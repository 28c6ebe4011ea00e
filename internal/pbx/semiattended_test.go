package pbx

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/ua"
)

// A wish is a call that rings, as the telephone that dialled it names it.
type wish struct {
	replaces string       // parameter of a Refer-To
	ended    <-chan error // how it went
	giveUp   func()       // cancels it
}

// wishes has the phone call number, and returns when that rings.
func (p *phone) wishes(t *testing.T, number string) wish {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	rang, ended := make(chan string, 4), make(chan error, 1)
	go func() {
		leg, err := p.dial(ctx, number, func(t *ua.Target) {
			t.OnRinging = func(_ int, header func(string) string) {
				tag := func(name string) string { _, tag, _ := strings.Cut(header(name), "tag="); return tag }
				select {
				case rang <- url.QueryEscape(header("Call-ID") + ";to-tag=" + tag("To") + ";from-tag=" + tag("From")):
				default:
				}
			}
		})
		if leg != nil {
			err = errors.New("answered")
		}
		ended <- err
	}()
	return wish{replaces: "?Replaces=" + receive(t, rang, "ringing"), ended: ended, giveUp: cancel}
}

// TestTransferToACallThatRings has 102 transfer 101 while its question still
// rings: the caller rings there in its place.
func TestTransferToACallThatRings(t *testing.T) {
	for _, c := range []struct {
		name, to string
		byCaller bool // it is the caller of the first call that transfers
	}{
		{"by the called", "103", false},
		{"by the caller", "103", true},
		{"outside", string(mobile), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := open(t)
			line := x.carrier(t, "carrier", 1)
			ana, luis, eva := x.phone(t, "101", "udp"), x.phone(t, "102", "udp"), x.phone(t, "103", "tls")
			target := eva
			if c.to != "103" {
				target = &line.phone
			}
			var from, stays *talk
			hz := 1000.
			if c.byCaller {
				answered := ana.answers(1000)
				from = luis.call("101", 700)
				stays = receive(t, answered, "the first call")
			} else {
				answered := luis.answers(700)
				stays = ana.call("102", 1000)
				from = receive(t, answered, "the first call")
			}
			rung, canceled := target.rings()
			second := luis.wishes(t, c.to)
			receive(t, rung, "the question")
			answered := target.answers(600)
			if err := from.refers(t, "sip:"+c.to+"@office.test"+second.replaces, nil); err != nil {
				t.Fatal(err)
			}
			receive(t, canceled, "the end of the question")
			third := receive(t, answered, "the transferred call")
			if from := third.in.From().Number; target == eva && from != "101" {
				t.Errorf("the third sees %s", string(from))
			}
			from.wait()
			var refused *ua.StatusError
			if err := receive(t, second.ended, "the end of the question"); !errors.As(err, &refused) || refused.Code != 487 {
				t.Errorf("the question: %v", err)
			}
			stays.hears(t, 600)
			third.hears(t, hz)
			x.until(t, "one call is left", func() bool { return x.LiveCalls() == 1 })
			third.hangUp(t)
			stays.wait()
			x.log(t, "101", 1)
			x.log(t, "102", 2)
			if c.to == "103" {
				in := x.log(t, "103", 2)
				if in[0].Outcome != office.Answered || in[0].Peer.Number != "101" || in[1].Outcome != office.Canceled {
					t.Errorf("log of the third %+v", in)
				}
			}
			x.nothingIsLeft(t)
		})
	}
}

// nothingIsLeft waits until no call is in progress and nothing is counted for one.
func (x *exchange) nothingIsLeft(t *testing.T) {
	t.Helper()
	x.until(t, "all calls are over", func() bool { return x.LiveCalls() == 0 })
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.busy) > 0 || len(x.ringing) > 0 || len(x.legs) > 0 || len(x.talking) > 0 || len(x.unanswered) > 0 {
		t.Errorf("busy %v, ringing %v, legs %v, %d talking, %d unanswered", x.busy, x.ringing, x.legs, len(x.talking), len(x.unanswered))
	}
	if open := x.tolls(); len(open) > 0 {
		t.Errorf("%d calls are charged for ever", len(open))
	}
}

// TestTransferToACallThatIsNotOnesOwn names the ringing call of somebody else.
func TestTransferToACallThatIsNotOnesOwn(t *testing.T) {
	t.Parallel()
	x := open(t)
	answered := x.phone(t, "102", "udp").answers(700)
	caller := x.unregistered(t, "101", "udp").call("102", 1000)
	callee := receive(t, answered, "the call")
	_, _ = x.phone(t, "103", "udp").rings()
	of101 := x.unregistered(t, "101", "udp").wishes(t, "103")
	var refused *ua.StatusError
	if err := callee.refers(t, "sip:103@office.test"+of101.replaces, nil); !errors.As(err, &refused) || refused.Code != 481 {
		t.Errorf("told %v", err)
	}
	select {
	case err := <-of101.ended:
		t.Errorf("the other call ended: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	of101.giveUp()
	callee.hears(t, 1000)
	caller.hangUp(t)
	x.nothingIsLeft(t)
}

// TestTransferMeetsTheAnswer has the third answer while 102 transfers, over and
// over: the caller talks with the third in any case.
func TestTransferMeetsTheAnswer(t *testing.T) {
	t.Parallel()
	x := open(t)
	ana, luis, eva := x.unregistered(t, "101", "udp"), x.phone(t, "102", "udp"), x.phone(t, "103", "udp")
	for n := range 6 {
		answered := luis.answers(700)
		caller := ana.call("102", 1000)
		from := receive(t, answered, "the first call")
		now := make(chan struct{})
		third := make(chan *talk, 4)
		eva.does(func(ctx context.Context, in *ua.Incoming) {
			if in.Ring() != nil {
				return
			}
			select {
			case <-now:
			case <-in.Canceled():
				return
			}
			if leg, err := in.Answer(ctx, ua.AnswerOptions{}); err == nil {
				k := newTalk(leg, 600)
				third <- k
				k.wait()
			}
		})
		second := luis.wishes(t, "103")
		time.AfterFunc(time.Duration(n)*time.Millisecond, func() { close(now) })
		if err := from.refers(t, "sip:103@office.test"+second.replaces, nil); err != nil {
			t.Fatalf("%d: %v", n, err)
		}
		caller.hears(t, 600)
		caller.hangUp(t)
		from.wait()
		receive(t, second.ended, "the end of the question")
		x.nothingIsLeft(t)
	}
}
