package bridge

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"timbre/internal/sdp"
	"timbre/internal/ua"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A street is two endpoints between which the tests place calls.
type street struct {
	near, far *ua.Endpoint
	addr      netip.AddrPort // of far
	answered  chan *ua.Leg
	take      chan []sdp.Codec // what far answers with
}

// newStreet returns a running street.
func newStreet(t *testing.T) *street {
	t.Helper()
	s := &street{answered: make(chan *ua.Leg, 1), take: make(chan []sdp.Codec, 1)}
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
		leg, err := in.Answer(ctx, ua.AnswerOptions{Codecs: <-s.take})
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
	s.take <- codecs
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

// heard returns what a telephone hears from now on, up to a thousand packets.
func heard(phone *ua.Leg) <-chan ua.Packet {
	packets := make(chan ua.Packet, 1000)
	phone.Listen(func(p *ua.Packet) {
		c := *p
		c.Payload = slices.Clone(p.Payload)
		select {
		case packets <- c:
		default:
		}
	})
	return packets
}

// next waits for one of packets.
func next(t *testing.T, packets <-chan ua.Packet) ua.Packet {
	t.Helper()
	select {
	case p := <-packets:
		return p
	case <-time.After(10 * time.Second):
		t.Fatal("no packet comes")
		return ua.Packet{}
	}
}
