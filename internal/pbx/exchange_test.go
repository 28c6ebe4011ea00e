package pbx

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"timbre/internal/office"
	"timbre/internal/sdp"
	"timbre/internal/store"
	"timbre/internal/ua"
)

// TestHeldCallerHearsMusic has the called hold the call and come back.
func TestHeldCallerHearsMusic(t *testing.T) {
	t.Parallel()
	x := open(t)
	answered := x.phone(t, "102", "udp").answers(700)
	caller := x.unregistered(t, "101", "udp").call("102", 1000)
	callee := receive(t, answered, "the call")
	caller.hears(t, 700)
	if err := callee.leg.Reoffer(t.Context(), ua.Offer{Hold: true}); err != nil {
		t.Fatal(err)
	}
	before := caller.leg.Stats().ReceivedPackets
	x.until(t, "music is heard", func() bool { return caller.leg.Stats().ReceivedPackets > before+100 })
	if level := caller.level(700); level > -40 { // the callee goes on to speak: its microphone is not heard
		t.Errorf("who holds is heard at %.0f dB", level)
	}
	if err := callee.leg.Reoffer(t.Context(), ua.Offer{}); err != nil {
		t.Fatal(err)
	}
	caller.hears(t, 700)
	callee.hears(t, 1000)
	caller.hangUp(t)
}

// TestMinutesCutACall lets a day's minutes run out in a call.
func TestMinutesCutACall(t *testing.T) {
	t.Parallel()
	x := open(t)
	line := x.carrier(t, "carrier", 1)
	x.may(t, "101", office.Rights{Classes: "internal,national", Minutes: 10})
	if err := x.store.AddUsage(t.Context(), x.extension(t, "101").Account, x.today(t), 10*time.Minute-2*time.Second); err != nil {
		t.Fatal(err)
	}
	answered := line.answers(700)
	start := time.Now()
	caller := x.unregistered(t, "101", "udp").call(string(mobile), 1000)
	receive(t, answered, "the call").wait()
	caller.wait()
	if took := time.Since(start); took < time.Second || took > 10*time.Second {
		t.Errorf("cut after %v", took)
	}
}

// TestCallThatWasHungUpKeepsNobodyBusy has a telephone that may have one call make
// the next one as soon as its last is over.
func TestCallThatWasHungUpKeepsNobodyBusy(t *testing.T) {
	t.Parallel()
	x := open(t)
	one := 1
	if err := x.sets("101", store.ExtensionPatch{CallLimit: &one}); err != nil {
		t.Fatal(err)
	}
	ana := x.unregistered(t, "101", "udp")
	for range 20 {
		leg, err := ana.dial(t.Context(), "*43")
		if err != nil {
			t.Fatal(err)
		}
		newTalk(leg, 440).hangUp(t)
	}
	x.nothingIsLeft(t)
}

// TestTelephoneStandsInTheLogAsTheServerHeardIt has a telephone send packets of which
// some are lost on the way, and none when it should.
func TestTelephoneStandsInTheLogAsTheServerHeardIt(t *testing.T) {
	t.Parallel()
	x := open(t)
	answered := x.phone(t, "102", "udp").answers(700, sdp.PCMU)
	leg, err := x.unregistered(t, "101", "tls").dial(t.Context(), "102", func(t *ua.Target) { t.Codecs = []sdp.Codec{sdp.PCMA} })
	if err != nil {
		t.Fatal(err)
	}
	callee := receive(t, answered, "the call")
	x.until(t, "they are joined", func() bool { return leg.Stats().ReceivedPackets > 0 })
	const sent, every = 100, 10 // the last one of every ten is lost
	for n := range sent {
		if n%every == every-1 && n != sent-1 {
			continue
		}
		if err := leg.WritePacket(&ua.Packet{Sequence: uint16(n), Timestamp: uint32(n * 160), SSRC: 5, Payload: make([]byte, 160)}); err != nil {
			t.Fatal(err)
		}
	}
	x.until(t, "it is heard", func() bool { return callee.leg.Stats().ReceivedPackets >= sent/2 })
	(&talk{leg: leg}).hangUp(t)
	callee.wait()
	x.log(t, "101", 1)
	x.log(t, "102", 1)
	out := x.legOf(t, "101", "101")
	if out.Codec != "PCMA" || out.Encryption != "srtp" || out.Lost != sent/every-1 || out.Received < sent-sent/every || out.Jitter <= 0 || out.Jitter > 5 {
		t.Errorf("who called: %+v", out)
	}
	in := x.legOf(t, "102", "102")
	if in.Codec != "PCMU" || in.Encryption != "rtp" || in.Received == 0 || in.Outcome != office.Answered || in.AnsweredAt == nil {
		t.Errorf("who answered: %+v", in)
	}
}

// TestTelephoneTakesTheCallOver has another telephone of the extension take the
// place of the one that talks.
func TestTelephoneTakesTheCallOver(t *testing.T) {
	t.Parallel()
	x := open(t)
	desk := x.raw(t)
	calling := make(chan *talk, 1)
	go func() { calling <- x.unregistered(t, "101", "udp").call("102", 1000) }()
	invite := desk.reads("INVITE")
	desk.answers(invite)
	caller := receive(t, calling, "the answer")
	desk.reads("ACK")
	_, tag, _ := strings.Cut(field(invite, "From"), ";tag=")
	replaces := func(t *ua.Target) {
		t.Headers = ua.Headers{"Replaces": field(invite, "Call-ID") + ";to-tag=" + tag + ";from-tag=raw"}
	}
	var refused *ua.StatusError
	if _, err := x.unregistered(t, "103", "udp").dial(t.Context(), "101", replaces); !errors.As(err, &refused) || refused.Code != 481 {
		t.Errorf("a stranger: %v", err)
	}
	leg, err := x.unregistered(t, "102", "udp").dial(t.Context(), "101", replaces)
	if err != nil {
		t.Fatal(err)
	}
	k := newTalk(leg, 600)
	desk.says(desk.reads("BYE"), "200 OK")
	k.hears(t, 1000)
	caller.hears(t, 600)
	caller.hangUp(t)
	k.wait()
	x.log(t, "102", 2)
	x.log(t, "101", 1)
}

// TestNothingIsLeftAfterManyCalls makes calls of all sorts and looks whether
// goroutines, sockets and counts return to what they were.
func TestNothingIsLeftAfterManyCalls(t *testing.T) {
	x := open(t)
	line := x.carrier(t, "carrier", 1)
	x.line(t, "+525555550123", "102", "103")
	x.forwards(t, "103", mobile, false, true, office.ForwardBusy)
	ten := 10
	for _, n := range []office.Number{"101", "102", "103"} {
		if _, err := x.store.SetExtension(t.Context(), n, store.ExtensionPatch{CallLimit: &ten, MaxCalls: &ten}); err != nil {
			t.Fatal(err)
		}
	}
	ana, luis, eva := x.unregistered(t, "101", "udp"), x.phone(t, "102", "udp"), x.phone(t, "103", "udp")
	luis.does(func(ctx context.Context, in *ua.Incoming) {
		if leg, err := in.Answer(ctx, ua.AnswerOptions{}); err == nil {
			select {
			case <-leg.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	})
	eva.rejects(486)
	line.does(func(ctx context.Context, in *ua.Incoming) {
		if leg, err := in.Answer(ctx, ua.AnswerOptions{}); err == nil {
			_ = leg.SendDigit(ctx, '2') // declines a forward
			<-leg.Done()
		}
	})
	account := x.extension(t, "102").Account
	one := func(n int) {
		ctx, cancel := context.WithTimeout(t.Context(), patient)
		defer cancel()
		from, number := ana, "102"
		switch n % 8 {
		case 1:
			number = "103" // forwarded, declined, voicemail
		case 2:
			number = string(mobile)
		case 3:
			from, number = &line.phone, "5555550123"
		case 4, 5, 6: // given up: while the refusal is spoken, and before the answer
			number = []string{"0013105550123", "199", "102"}[n%8-4]
			var giveUp context.CancelFunc
			ctx, giveUp = context.WithTimeout(ctx, []time.Duration{300, 200, 10}[n%8-4]*time.Millisecond)
			defer giveUp()
		case 7:
			_, _ = x.Click(ctx, account, "", "101", "all")
			return
		}
		target := from.target
		target.URI = "sip:" + number + "@" + domain
		leg, err := from.Dial(ctx, target)
		if err != nil {
			return
		}
		if n%3 == 0 {
			_ = leg.Refer(ctx, "sip:199@"+domain, nil)
		}
		<-time.After(30 * time.Millisecond)
		bye, done := context.WithTimeout(context.Background(), patient)
		defer done()
		_ = leg.Hangup(bye)
	}
	settled := func() bool { return x.LiveCalls() == 0 }
	one(0)
	x.until(t, "the first call is over", settled)
	goroutines, sockets := runtime.NumGoroutine(), openSockets(t)
	const calls, together = 200, 4
	turns := make(chan int)
	var callers sync.WaitGroup
	for range together {
		callers.Go(func() {
			for n := range turns {
				one(n)
			}
		})
	}
	for n := range calls {
		turns <- n
	}
	close(turns)
	callers.Wait()
	x.until(t, "all calls are over", settled)
	x.until(t, "all goroutines are gone", func() bool { return runtime.NumGoroutine() <= goroutines+5 })
	x.until(t, "all sockets are closed", func() bool { return openSockets(t) <= sockets })
	x.nothingIsLeft(t)
}

// openSockets returns how many sockets this process has open. The files of the
// database come and go.
func openSockets(t *testing.T) (n int) {
	t.Helper()
	const open = "/proc/self/fd"
	entries, err := os.ReadDir(open)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(open, e.Name())); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}
