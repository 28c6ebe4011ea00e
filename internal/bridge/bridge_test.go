package bridge

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"timbre/internal/media"
	"timbre/internal/sdp"
	"timbre/internal/ua"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A street is two endpoints between which the tests place calls.
type street struct {
	near, far *ua.Endpoint
	addr      netip.AddrPort // of far
	answered  chan *ua.Leg
	take      []sdp.Codec // what far answers with
}

// newStreet returns a running street.
func newStreet(t *testing.T) *street {
	t.Helper()
	s := &street{answered: make(chan *ua.Leg, 1)}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	endpoint := func(on func(context.Context, *ua.Incoming)) (*ua.Endpoint, netip.AddrPort) {
		t.Helper()
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		e, err := ua.New(ua.Config{Log: slog.New(slog.DiscardHandler), Agent: "test", Host: "127.0.0.1", UDP: conn, OnInvite: on})
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			if err := e.Run(ctx); err != nil {
				t.Errorf("endpoint: %v", err)
			}
		})
		return e, conn.LocalAddr().(*net.UDPAddr).AddrPort()
	}
	s.near, _ = endpoint(nil)
	s.far, s.addr = endpoint(func(ctx context.Context, in *ua.Incoming) {
		leg, err := in.Answer(ctx, ua.AnswerOptions{Codecs: s.take})
		if err != nil {
			t.Errorf("answer: %v", err)
			return
		}
		s.answered <- leg
		<-leg.Done()
	})
	t.Cleanup(func() { stop(); running.Wait() })
	return s
}

// call places a call in codec; it returns our leg and the telephone's.
func (s *street) call(t *testing.T, secure bool, codecs ...sdp.Codec) (ours, phone *ua.Leg) {
	t.Helper()
	s.take = codecs
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ours, err := s.near.Dial(ctx, ua.Target{
		URI: "sip:x@" + s.addr.String(), Transport: "udp", Addr: s.addr, Codecs: codecs, Secure: secure,
	})
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	return ours, <-s.answered
}

// joined is two telephones whose calls are relayed into each other.
type joined struct {
	a, b *ua.Leg
	done chan error // of Relay
}

// join relays a call in a's codecs and one in b's.
func (s *street) join(t *testing.T, secure bool, a, b []sdp.Codec) joined {
	t.Helper()
	oursA, phoneA := s.call(t, secure, a...)
	oursB, phoneB := s.call(t, false, b...)
	j := joined{phoneA, phoneB, make(chan error, 1)}
	go func() { j.done <- Relay(t.Context(), oursA, oursB) }()
	return j
}

// over waits for the end of the relay.
func (j joined) over(t *testing.T) error {
	t.Helper()
	select {
	case err := <-j.done:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("the relay goes on")
		return nil
	}
}

// send writes packets whose payload says their number.
func send(t *testing.T, leg *ua.Leg, n int, every time.Duration, sent []time.Time) {
	payload := make([]byte, frame)
	pacer := media.NewPacer(time.Now(), max(every, 1))
	for i := range n {
		if every > 0 {
			_, wait := pacer.Next(time.Now())
			<-time.After(wait)
		}
		binary.BigEndian.PutUint32(payload, uint32(i))
		sent[i] = time.Now()
		if err := leg.WritePacket(&ua.Packet{Sequence: uint16(i), Timestamp: uint32(i * frame), SSRC: 7, Payload: payload}); err != nil {
			t.Errorf("packet %d: %v", i, err)
		}
	}
}

// latencies sends n packets from one telephone to the other and returns how
// long each took, sorted; it fails unless they come in the order in which they
// were sent.
func (j joined) latencies(t *testing.T, n int, every time.Duration) []time.Duration {
	t.Helper()
	sent, took := make([]time.Time, n), make([]time.Duration, 0, n)
	var sender sync.WaitGroup
	sender.Go(func() { send(t, j.a, n, every, sent) })
	arrived := make([]time.Time, n)
	var p ua.Packet
	for i := range n {
		if err := j.b.ReadPacket(&p); err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		if got := binary.BigEndian.Uint32(p.Payload); got != uint32(i) {
			t.Fatalf("packet %d came in the place of %d", got, i)
		}
		arrived[i] = time.Now()
	}
	sender.Wait()
	for i := range n {
		took = append(took, arrived[i].Sub(sent[i]))
	}
	slices.Sort(took)
	return took
}

func TestRelayHasNoClock(t *testing.T) {
	j := newStreet(t).join(t, false, []sdp.Codec{sdp.PCMA}, []sdp.Codec{sdp.PCMA})
	start := time.Now()
	j.latencies(t, 100, 0)
	if took := time.Since(start); took > time.Second { // a clock of 20 ms would take 2 s
		t.Errorf("100 packets took %v", took)
	}
	took := j.latencies(t, 200, 2*time.Millisecond)
	t.Logf("relay latency p50 %v p99 %v", took[100], took[198])
	if took[100] > 10*time.Millisecond {
		t.Errorf("packets are delayed by %v", took[100])
	}
}
