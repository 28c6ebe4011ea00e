package bridge

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"timbre/internal/media"
	"timbre/internal/sdp"
	"timbre/internal/ua"
)

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
	came, base := 0, uint32(0)
	phone.Listen(func(p *ua.Packet) {
		n := number[p.Payload[0]]
		if came == 0 {
			base = p.Timestamp - uint32(n*frame)
		}
		came++
		if p.Timestamp-base != uint32(n*frame) {
			t.Errorf("frame %d has the time of frame %d", n, (p.Timestamp-base)/uint32(frame))
		}
		if early := time.Duration(n)*ptime - time.Since(start); early > time.Millisecond {
			t.Errorf("frame %d comes %v early", n, early)
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
	<-phone.Done()
	phone.Listen(nil)
	if came == 0 {
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
	packets := heard(phone)
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
		p = next(t, packets)
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
