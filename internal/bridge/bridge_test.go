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

// tone sends a tone from one telephone and returns how strong it is at the
// other, in dBFS.
func (j joined) tone(t *testing.T, from, to *ua.Leg) float64 {
	t.Helper()
	const frames = 25
	law, ok := lawOf(from)
	if !ok {
		t.Fatal("the telephone has no G.711")
	}
	samples := media.Sine(1000, -10).Sound(Rate, frames*ptime).Samples
	payload := make([]byte, frame)
	for i := range frames {
		law.Encode(payload, samples[i*frame:])
		if err := from.WritePacket(&ua.Packet{Sequence: uint16(i), Timestamp: uint32(i * frame), SSRC: 9, Payload: payload}); err != nil {
			t.Fatal(err)
		}
	}
	law, _ = lawOf(to)
	var heard []int16
	e := ear{law: law, hear: func(s []int16) { heard = append(heard, s...) }}
	var p ua.Packet
	for len(heard) < len(samples) {
		if err := to.ReadPacket(&p); err != nil {
			t.Fatal(err)
		}
		e.take(&p)
	}
	return media.Level(heard, Rate, 1000)
}

func TestRelayTranslates(t *testing.T) {
	s := newStreet(t)
	for _, c := range []struct {
		name   string
		secure bool
		a, b   sdp.Codec
	}{
		{"the same", false, sdp.PCMA, sdp.PCMA},
		{"PCMA to PCMU", false, sdp.PCMA, sdp.PCMU},
		{"PCMU to PCMA", false, sdp.PCMU, sdp.PCMA},
		{"SRTP to RTP", true, sdp.PCMU, sdp.PCMU},
		{"SRTP to RTP, PCMA to PCMU", true, sdp.PCMA, sdp.PCMU},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := s.join(t, c.secure, []sdp.Codec{c.a}, []sdp.Codec{c.b})
			if j.a.Secure() != c.secure || j.b.Secure() {
				t.Fatalf("SRTP: %v and %v", j.a.Secure(), j.b.Secure())
			}
			if level := j.tone(t, j.a, j.b); level < -12 || level > -8 {
				t.Errorf("one way: %.1f dB", level)
			}
			if level := j.tone(t, j.b, j.a); level < -12 || level > -8 {
				t.Errorf("the other way: %.1f dB", level)
			}
			Hangup(t.Context(), j.a)
			if err := j.over(t); err != nil {
				t.Error(err)
			}
			<-j.b.Done()
		})
	}
}

func TestRelayMapsTelephoneEvents(t *testing.T) {
	other := sdp.TelephoneEvent
	other.PayloadType = 96
	j := newStreet(t).join(t, true, []sdp.Codec{sdp.PCMA, sdp.TelephoneEvent}, []sdp.Codec{sdp.PCMU, other})
	var readers sync.WaitGroup
	for _, leg := range []*ua.Leg{j.a, j.b} {
		readers.Go(func() { // digits are found where packets are read
			var p ua.Packet
			for leg.ReadPacket(&p) == nil {
			}
		})
	}
	for _, d := range "5#" {
		for _, way := range [][2]*ua.Leg{{j.a, j.b}, {j.b, j.a}} {
			if err := way[0].SendDigit(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			select {
			case got := <-way[1].Digits():
				if got != d {
					t.Errorf("%c arrived as %c", d, got)
				}
			case <-time.After(5 * time.Second):
				t.Fatalf("%c did not arrive", d)
			}
		}
	}
	Hangup(t.Context(), j.a)
	if err := j.over(t); err != nil {
		t.Error(err)
	}
	readers.Wait()
}

func TestRelayEnds(t *testing.T) {
	s := newStreet(t)
	t.Run("first leg", func(t *testing.T) {
		j := s.join(t, false, []sdp.Codec{sdp.PCMA}, []sdp.Codec{sdp.PCMA})
		Hangup(t.Context(), j.a)
		if err := j.over(t); err != nil {
			t.Error(err)
		}
		<-j.b.Done()
	})
	t.Run("second leg", func(t *testing.T) {
		j := s.join(t, false, []sdp.Codec{sdp.PCMA}, []sdp.Codec{sdp.PCMA})
		Hangup(t.Context(), j.b)
		if err := j.over(t); err != nil {
			t.Error(err)
		}
		<-j.a.Done()
	})
	t.Run("context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		a, phoneA := s.call(t, false, sdp.PCMA)
		b, phoneB := s.call(t, false, sdp.PCMA)
		cancel()
		if err := Relay(ctx, a, b); err != nil {
			t.Error(err)
		}
		<-phoneA.Done()
		<-phoneB.Done()
	})
	t.Run("no common codec", func(t *testing.T) {
		a, phoneA := s.call(t, false, sdp.PCMA)
		b, phoneB := s.call(t, false, sdp.Codec{Name: "G722", Clock: 8000, PayloadType: 9})
		if err := Relay(t.Context(), a, b); !errors.Is(err, ErrCodec) {
			t.Error(err)
		}
		<-phoneA.Done()
		<-phoneB.Done()
	})
}

func TestTranslationDoesNotAllocate(t *testing.T) {
	a, _ := newStreet(t).call(t, false, sdp.PCMA)
	b, _ := newStreet(t).call(t, false, sdp.PCMU)
	tr, err := translation(a, b)
	if err != nil || tr == nil {
		t.Fatal(err)
	}
	payload := make([]byte, frame)
	if n := testing.AllocsPerRun(100, func() { tr(payload) }); n > 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

// TestPlayIsPaced speaks frames that tell their number: each must come with the
// timestamp of its number and none before its time. On a busy machine some are
// left out.
func TestPlayIsPaced(t *testing.T) {
	leg, phone := newStreet(t).call(t, false, sdp.PCMU, sdp.TelephoneEvent)
	const frames = 25
	samples := make([]int16, frames*frame)
	var number [256]int // by the byte that stands for it
	for i := range frames {
		for k := range frame {
			samples[i*frame+k] = int16(i * 1000)
		}
		var b [1]byte
		media.PCMU.Encode(b[:], samples[i*frame:])
		number[b[0]] = i
	}
	start := time.Now()
	var reader sync.WaitGroup
	heard := 0
	reader.Go(func() {
		var p ua.Packet
		var base uint32
		for ; phone.ReadPacket(&p) == nil; heard++ {
			n := number[p.Payload[0]]
			if heard == 0 {
				base = p.Timestamp - uint32(n*frame)
			}
			if p.Timestamp-base != uint32(n*frame) {
				t.Errorf("frame %d has the time of frame %d", n, (p.Timestamp-base)/uint32(frame))
			}
			if early := time.Duration(n)*ptime - time.Since(start); early > time.Millisecond {
				t.Errorf("frame %d comes %v early", n, early)
			}
		}
	})
	err := Talk(t.Context(), leg, func(ctx context.Context, v *Voice) error {
		key, err := v.Play(ctx, samples, "#")
		if key != 0 {
			t.Errorf("key %c out of nowhere", key)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	reader.Wait()
	if heard == 0 {
		t.Error("nothing was heard")
	}
}

func TestKeyCutsSpeechShort(t *testing.T) {
	leg, phone := newStreet(t).call(t, false, sdp.PCMU, sdp.TelephoneEvent)
	var presser sync.WaitGroup
	presser.Go(func() {
		for _, d := range "1#" {
			if err := phone.SendDigit(t.Context(), d); err != nil && !errors.Is(err, ua.ErrClosed) { // hung up on #
				t.Error(err)
			}
		}
	})
	err := Talk(t.Context(), leg, func(ctx context.Context, v *Voice) error {
		key, err := v.Play(ctx, make([]int16, 60*Rate), "#*")
		if key != '#' {
			t.Errorf("key %q", key)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	presser.Wait()
}

func TestListenHearsOnlyWhileItListens(t *testing.T) {
	leg, phone := newStreet(t).call(t, false, sdp.PCMA)
	say := func(b byte) {
		if err := phone.WritePacket(&ua.Packet{SSRC: uint32(b), Payload: []byte{b, b}}); err != nil {
			t.Error(err)
		}
	}
	err := Talk(t.Context(), leg, func(_ context.Context, v *Voice) error {
		heard := make(chan int16, 8)
		listen := func(s []int16) { heard <- s[0] }
		var want [1]int16
		for _, b := range []byte{1, 2} {
			v.Listen(listen)
			say(b)
			media.PCMA.Decode(want[:], []byte{b})
			if got := <-heard; got != want[0] {
				t.Errorf("heard %d, want %d", got, want[0])
			}
			v.Listen(nil)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPanicEndsTheCallOnly(t *testing.T) {
	leg, phone := newStreet(t).call(t, false, sdp.PCMA)
	if err := Talk(t.Context(), leg, func(context.Context, *Voice) error { panic("odd") }); err == nil {
		t.Error("the panic is lost")
	}
	<-phone.Done()

	leg, phone = newStreet(t).call(t, false, sdp.PCMA)
	err := Talk(t.Context(), leg, func(_ context.Context, v *Voice) error {
		v.Listen(func([]int16) { panic("odd") })
		if err := phone.WritePacket(&ua.Packet{Payload: make([]byte, frame)}); err != nil {
			t.Error(err)
		}
		<-v.Done()
		return nil
	})
	if err == nil {
		t.Error("the panic is lost")
	}
	<-phone.Done()
}

func TestEchoReturnsPacketsAtOnce(t *testing.T) {
	leg, phone := newStreet(t).call(t, true, sdp.PCMA, sdp.TelephoneEvent)
	intro := media.Sine(400, -10).Sound(Rate, 100*time.Millisecond).Samples
	done := make(chan error, 1)
	go func() { done <- Echo(t.Context(), leg, intro) }()
	sequence := uint16(0)
	say := func(payload byte) {
		sequence++
		p := ua.Packet{Sequence: sequence, Timestamp: uint32(sequence) * uint32(frame), SSRC: 3, Payload: []byte{payload}}
		if err := phone.WritePacket(&p); err != nil {
			t.Error(err)
		}
	}
	var p ua.Packet
	hear := func() byte {
		if err := phone.ReadPacket(&p); err != nil {
			t.Fatal(err)
		}
		return p.Payload[0]
	}
	for range len(intro) / frame {
		hear()
	}
	stop := make(chan struct{})
	var knocker sync.WaitGroup
	knocker.Go(func() { // until the echo has begun
		for knock := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-knock.C:
				say(0)
			case <-stop:
				return
			}
		}
	})
	for len(p.Payload) != 1 {
		hear()
	}
	close(stop)
	knocker.Wait()
	start := time.Now()
	for i := byte(1); i <= 50; i++ {
		say(i)
	}
	for i := byte(1); i <= 50; {
		switch got := hear(); got {
		case i:
			i++
		case 0:
		default:
			t.Fatalf("packet %d came back in the place of %d", got, i)
		}
	}
	if took := time.Since(start); took > 500*time.Millisecond { // a clock of 20 ms would take 1 s
		t.Errorf("50 packets took %v", took)
	}
	Hangup(t.Context(), phone)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
