package bridge

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"timbre/internal/media"
	"timbre/internal/sdp"
	"timbre/internal/ua"
)

// joined is two telephones whose calls are joined.
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
	go func() { j.done <- relay(t.Context(), oursA, oursB) }()
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

// carries waits until the relay of j has begun, in both directions.
func (j joined) carries(t *testing.T) {
	t.Helper()
	for _, way := range [][2]*ua.Leg{{j.a, j.b}, {j.b, j.a}} {
		packets := heard(way[1])
		p := ua.Packet{SSRC: 1, Payload: make([]byte, frame)}
		for begun := false; !begun; {
			p.Sequence++
			p.Timestamp += uint32(frame)
			if err := way[0].WritePacket(&p); err != nil {
				t.Fatal(err)
			}
			select {
			case <-packets:
				begun = true
			case <-time.After(5 * time.Millisecond):
			case <-way[0].Done():
				t.Fatal("the call is over")
			}
		}
		way[1].Listen(nil)
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
	packets := heard(j.b)
	sent, took := make([]time.Time, n), make([]time.Duration, 0, n)
	var sender sync.WaitGroup
	sender.Go(func() { send(t, j.a, n, every, sent) })
	arrived := make([]time.Time, n)
	for i := range n {
		p := next(t, packets)
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

func TestJoinHasNoClock(t *testing.T) {
	j := newStreet(t).join(t, false, []sdp.Codec{sdp.PCMA}, []sdp.Codec{sdp.PCMA})
	j.carries(t)
	start := time.Now()
	j.latencies(t, 100, 0)
	if took := time.Since(start); took > time.Second { // a clock of 20 ms would take 2 s
		t.Errorf("100 packets took %v", took)
	}
	took := j.latencies(t, 200, 2*time.Millisecond)
	t.Logf("latency p50 %v p99 %v", took[100], took[198])
	if took[100] > 10*time.Millisecond {
		t.Errorf("packets are delayed by %v", took[100])
	}
}

// tone sends a tone from one telephone and returns how strong it is at the
// other, in dBFS.
func tone(t *testing.T, from, to *ua.Leg) float64 {
	t.Helper()
	const frames = 25
	encoder, err := media.NewEncoder(from.Codec().Name)
	if err != nil {
		t.Fatal(err)
	}
	decoder, err := media.NewDecoder(to.Codec().Name)
	if err != nil {
		t.Fatal(err)
	}
	packets := heard(to)
	samples := media.Sine(1000, -10).Sound(encoder.Rate(), frames*ptime).Samples
	each := encoder.Rate() / 50
	for i := range frames {
		p := ua.Packet{Sequence: uint16(i), Timestamp: uint32(i) * ticks(ptime, from.Codec().Clock), SSRC: 9}
		p.Payload = encoder.Encode(nil, samples[i*each:][:each])
		if err := from.WritePacket(&p); err != nil {
			t.Fatal(err)
		}
	}
	var sound []int16
	for len(sound) < frames*decoder.Rate()/50 {
		p := next(t, packets)
		sound = decoder.Decode(sound, p.Payload)
	}
	return media.Level(sound[len(sound)/4:], decoder.Rate(), 1000)
}

func TestJoinTranscodes(t *testing.T) {
	s := newStreet(t)
	codecs := []sdp.Codec{sdp.PCMA, sdp.PCMU, sdp.G722, sdp.Opus}
	for i, a := range codecs {
		for k, b := range codecs {
			secure := (i+k)%2 == 0
			t.Run(a.Name+" to "+b.Name, func(t *testing.T) {
				j := s.join(t, secure, []sdp.Codec{a}, []sdp.Codec{b})
				if j.a.Secure() != secure || j.b.Secure() {
					t.Fatalf("SRTP: %v and %v", j.a.Secure(), j.b.Secure())
				}
				j.carries(t)
				if level := tone(t, j.a, j.b); level < -12 || level > -8 {
					t.Errorf("one way: %.1f dB", level)
				}
				if level := tone(t, j.b, j.a); level < -12 || level > -8 {
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
}

// events returns telephone-event with a payload type and a clock.
func events(payloadType uint8, clock int) sdp.Codec {
	return sdp.Codec{Name: "telephone-event", Clock: clock, Channels: 1, PayloadType: payloadType, Fmtp: "0-16"}
}

func TestJoinPassesEachKeyOnce(t *testing.T) {
	s := newStreet(t)
	for _, c := range []struct {
		name string
		a, b []sdp.Codec
	}{
		{"another payload type", []sdp.Codec{sdp.PCMA, events(101, 8000)}, []sdp.Codec{sdp.PCMU, events(96, 8000)}},
		{"another clock, the same codec", []sdp.Codec{sdp.Opus, events(101, 48000)}, []sdp.Codec{sdp.Opus, events(102, 8000)}},
		{"48 and 8 kHz", []sdp.Codec{sdp.Opus, events(101, 48000)}, []sdp.Codec{sdp.PCMA, events(101, 8000)}},
		{"16 and 8 kHz", []sdp.Codec{sdp.G722, events(97, 16000)}, []sdp.Codec{sdp.PCMU, events(101, 8000)}},
		{"48 and 16 kHz", []sdp.Codec{sdp.Opus, events(101, 48000)}, []sdp.Codec{sdp.G722, events(99, 16000)}},
		{"INFO and events", []sdp.Codec{sdp.PCMA}, []sdp.Codec{sdp.PCMA, events(101, 8000)}},
		{"INFO and events, transcoded", []sdp.Codec{sdp.PCMA}, []sdp.Codec{sdp.Opus, events(101, 48000)}},
		{"INFO on both sides", []sdp.Codec{sdp.PCMA}, []sdp.Codec{sdp.PCMU}},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := s.join(t, true, c.a, c.b)
			j.carries(t)
			for _, way := range [][2]*ua.Leg{{j.a, j.b}, {j.b, j.a}} {
				for _, d := range "55#" { // twice the same, then another
					if err := way[0].SendDigit(t.Context(), d); err != nil {
						t.Fatal(err)
					}
				}
				for _, d := range "55#" {
					select {
					case got := <-way[1].Digits():
						if got != d {
							t.Fatalf("%c arrived as %c", d, got)
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
			<-j.b.Done()
			for _, leg := range []*ua.Leg{j.a, j.b} { // closed: all that came has been sent
				for d := range leg.Digits() {
					t.Errorf("%c came once more", d)
				}
			}
		})
	}
}

// TestJoinKeepsTheLengthOfKeys holds a key down for a while: the far side is told of
// one key of that length, in the clock of its own events.
func TestJoinKeepsTheLengthOfKeys(t *testing.T) {
	s := newStreet(t)
	for _, c := range []struct {
		name string
		a, b []sdp.Codec
	}{
		{"8 and 8 kHz", []sdp.Codec{sdp.PCMA, events(101, 8000)}, []sdp.Codec{sdp.PCMA, events(96, 8000)}},
		{"48 and 8 kHz", []sdp.Codec{sdp.Opus, events(101, 48000)}, []sdp.Codec{sdp.PCMA, events(100, 8000)}},
		{"16 and 48 kHz", []sdp.Codec{sdp.G722, events(97, 16000)}, []sdp.Codec{sdp.Opus, events(101, 48000)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := s.join(t, false, c.a, c.b)
			j.carries(t)
			packets := heard(j.b)
			const steps = 30 // of 20 ms
			p := ua.Packet{Event: true, Marker: true, Timestamp: 4800, SSRC: 21, Payload: make([]byte, 4)}
			for i := range steps + 2 { // the end is told three times
				p.Sequence++
				p.Payload[0], p.Payload[1] = 7, 10
				if i >= steps-1 {
					p.Payload[1] |= 0x80
				}
				binary.BigEndian.PutUint16(p.Payload[2:], uint16(min(i+1, steps)*160)) // in 1/8000 s
				if err := j.a.WritePacket(&p); err != nil {
					t.Fatal(err)
				}
				p.Marker = false
			}
			var first uint32
			for i := range steps + 2 {
				got := next(t, packets)
				if i == 0 {
					first = got.Timestamp
				}
				want := uint16(min(i+1, steps) * 160)
				if !got.Event || got.Timestamp != first || len(got.Payload) != 4 || got.Payload[0] != 7 ||
					got.Payload[1]&0x80 != 0 != (i >= steps-1) || binary.BigEndian.Uint16(got.Payload[2:]) != want {
					t.Fatalf("packet %d is %+v, its length should be %d", i, got, want)
				}
			}
			if d := <-j.b.Digits(); d != '7' {
				t.Errorf("%c came", d)
			}
			Hangup(t.Context(), j.a)
			if err := j.over(t); err != nil {
				t.Error(err)
			}
			for d := range j.b.Digits() {
				t.Errorf("%c came once more", d)
			}
		})
	}
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
		if err := relay(ctx, a, b); err != nil {
			t.Error(err)
		}
		<-phoneA.Done()
		<-phoneB.Done()
	})
	t.Run("no way between the codecs", func(t *testing.T) {
		a, phoneA := s.call(t, false, sdp.PCMA)
		b, phoneB := s.call(t, false, sdp.Codec{Name: "GSM", Clock: 8000, Channels: 1, PayloadType: 3})
		if err := relay(t.Context(), a, b); !errors.Is(err, ErrCodec) {
			t.Error(err)
		}
		<-phoneA.Done()
		<-phoneB.Done()
	})
}

// TestJoinLeavesTheLegs joins one telephone with a second and then with a third,
// as a transfer does.
func TestJoinLeavesTheLegs(t *testing.T) {
	s := newStreet(t)
	a, phoneA := s.call(t, false, sdp.PCMA, events(101, 8000))
	for _, codec := range []sdp.Codec{sdp.PCMA, sdp.G722} {
		b, phoneB := s.call(t, false, codec, events(101, 8000))
		if err := phoneA.SendDigit(t.Context(), '9'); err != nil { // is meant for nobody
			t.Fatal(err)
		}
		for len(a.Digits()) == 0 {
			time.Sleep(time.Millisecond)
		}
		// Its last packets may still be on their way.
		ctx, stop := context.WithCancel(t.Context())
		j := joined{phoneA, phoneB, make(chan error, 1)}
		go func() { j.done <- Join(ctx, a, b) }()
		j.carries(t)
		if level := tone(t, phoneA, phoneB); level < -12 || level > -8 {
			t.Errorf("%s: %.1f dB", codec.Name, level)
		}
		stop()
		if err := j.over(t); err != nil {
			t.Error(err)
		}
		before := phoneB.Stats().ReceivedPackets
		if err := phoneA.WritePacket(&ua.Packet{SSRC: 4, Payload: make([]byte, frame)}); err != nil {
			t.Error(err)
		}
		if err := b.WritePacket(&ua.Packet{SSRC: 4, Payload: make([]byte, frame)}); err != nil { // the leg is not over
			t.Error(err)
		}
		for phoneB.Stats().ReceivedPackets == before {
			time.Sleep(time.Millisecond)
		}
		if n := len(phoneB.Digits()); n != 0 {
			t.Errorf("%d keys of before came", n)
		}
		Hangup(t.Context(), b)
		<-phoneB.Done()
	}
	Hangup(t.Context(), a)
	<-phoneA.Done()
}

func TestWhoWaitsHears(t *testing.T) {
	s := newStreet(t)
	for _, codec := range []sdp.Codec{sdp.PCMU, sdp.G722, sdp.Opus} {
		for name, play := range map[string]func(context.Context, *ua.Leg) error{
			"music":   Hold,
			"ringing": func(ctx context.Context, leg *ua.Leg) error { return Ringback(ctx, leg, "MX") },
		} {
			t.Run(codec.Name+" "+name, func(t *testing.T) {
				leg, phone := s.call(t, false, codec)
				decoder, err := media.NewDecoder(codec.Name)
				if err != nil {
					t.Fatal(err)
				}
				packets := heard(phone)
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- play(ctx, leg) }()
				var sound []int16
				for range 20 {
					p := next(t, packets)
					sound = decoder.Decode(sound, p.Payload)
				}
				stop()
				if err := <-done; err != nil {
					t.Error(err)
				}
				if l := media.Loudness(sound); l < -40 || l > -15 {
					t.Errorf("%.1f dBFS", l)
				}
				Hangup(t.Context(), leg)
				if err := play(t.Context(), leg); err != nil {
					t.Errorf("on a leg that is over: %v", err)
				}
				<-phone.Done()
			})
		}
	}
	leg, phone := s.call(t, false, sdp.Codec{Name: "GSM", Clock: 8000, Channels: 1, PayloadType: 3})
	if err := Hold(t.Context(), leg); !errors.Is(err, ErrCodec) {
		t.Errorf("in GSM: %v", err)
	}
	Hangup(t.Context(), leg)
	<-phone.Done()
}

func TestSpeakable(t *testing.T) {
	for _, c := range []sdp.Codec{sdp.Opus, sdp.G722, sdp.PCMA, sdp.PCMU} {
		if !Speakable(c) {
			t.Errorf("%s is not", c.Name)
		}
	}
	for _, c := range []sdp.Codec{sdp.TelephoneEvent, {Name: "GSM", Clock: 8000}, {}} {
		if Speakable(c) {
			t.Errorf("%q is", c.Name)
		}
	}
}

// relay joins a and b and hangs up both.
func relay(ctx context.Context, a, b *ua.Leg) error {
	err := Join(ctx, a, b)
	Hangup(ctx, a)
	Hangup(ctx, b)
	return err
}
